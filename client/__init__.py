"""Typed asyncio clients: producer, pull, lite pull and push consumer, and the admin client.

The names below are loaded when first used, so that `client.admin` does not pay for the consumers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.lazy import lazy_names

if TYPE_CHECKING:
    from rocketmq_ops.client.api.pull import PullStatus as PullStatus
    from rocketmq_ops.client.api.send import SendResult as SendResult
    from rocketmq_ops.client.api.send import SendStatus as SendStatus
    from rocketmq_ops.client.consumer.allocate import averagely as averagely
    from rocketmq_ops.client.consumer.allocate import averagely_by_circle as averagely_by_circle
    from rocketmq_ops.client.consumer.allocate import by_config as by_config
    from rocketmq_ops.client.consumer.allocate import by_machine_room as by_machine_room
    from rocketmq_ops.client.consumer.allocate import consistent_hash as consistent_hash
    from rocketmq_ops.client.consumer.allocate import machine_room_nearby as machine_room_nearby
    from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET as FROM_FIRST_OFFSET
    from rocketmq_ops.client.consumer.consume_settings import FROM_LAST_OFFSET as FROM_LAST_OFFSET
    from rocketmq_ops.client.consumer.consume_settings import FROM_TIMESTAMP as FROM_TIMESTAMP
    from rocketmq_ops.client.consumer.consume_settings import ConsumeSettings as ConsumeSettings
    from rocketmq_ops.client.consumer.deduplicate import Claim as Claim
    from rocketmq_ops.client.consumer.deduplicate import DeduplicationStore as DeduplicationStore
    from rocketmq_ops.client.consumer.deduplicate import StoreUnavailableError as StoreUnavailableError
    from rocketmq_ops.client.consumer.deduplicate import deduplicate as deduplicate
    from rocketmq_ops.client.consumer.listener import ConsumeContext as ConsumeContext
    from rocketmq_ops.client.consumer.listener import ConsumeResult as ConsumeResult
    from rocketmq_ops.client.consumer.lite_pull_consumer import LitePullConsumer as LitePullConsumer
    from rocketmq_ops.client.consumer.pull_consumer import PullConsumer as PullConsumer
    from rocketmq_ops.client.consumer.push_consumer import PushConsumer as PushConsumer
    from rocketmq_ops.client.consumer.redis_store import RedisStore as RedisStore
    from rocketmq_ops.client.consumer.sqlite_store import SqliteStore as SqliteStore
    from rocketmq_ops.client.consumer.subscription import MessageSelector as MessageSelector
    from rocketmq_ops.client.hooks.api import CheckForbiddenHook as CheckForbiddenHook
    from rocketmq_ops.client.hooks.api import ConsumeMessageHook as ConsumeMessageHook
    from rocketmq_ops.client.hooks.api import EndTransactionHook as EndTransactionHook
    from rocketmq_ops.client.hooks.api import FilterMessageHook as FilterMessageHook
    from rocketmq_ops.client.hooks.api import RPCHook as RPCHook
    from rocketmq_ops.client.hooks.api import SendMessageHook as SendMessageHook
    from rocketmq_ops.client.instance import ClientInstance as ClientInstance
    from rocketmq_ops.client.options import ClientOptions as ClientOptions
    from rocketmq_ops.client.options import credentials as credentials
    from rocketmq_ops.client.producer.producer import Producer as Producer
    from rocketmq_ops.client.producer.producer import select_by_hash as select_by_hash
    from rocketmq_ops.client.producer.requests import NoReplyError as NoReplyError
    from rocketmq_ops.client.producer.requests import reply_to as reply_to
    from rocketmq_ops.client.producer.send_request import SendSettings as SendSettings
    from rocketmq_ops.client.producer.spool import SendSpool as SendSpool
    from rocketmq_ops.client.producer.spool_entries import Spooled as Spooled
    from rocketmq_ops.client.producer.spool_entries import SpoolEntry as SpoolEntry
    from rocketmq_ops.client.producer.spool_file import SpoolFullError as SpoolFullError
    from rocketmq_ops.client.producer.spool_records import SpoolState as SpoolState
    from rocketmq_ops.client.producer.transactions import TransactionListener as TransactionListener
    from rocketmq_ops.client.producer.transactions import TransactionProducer as TransactionProducer
    from rocketmq_ops.client.producer.transactions import TransactionResult as TransactionResult
    from rocketmq_ops.client.producer.transactions import TransactionState as TransactionState
    from rocketmq_ops.client.queue_api import PullResult as PullResult

_MODULE_OF = {
    "CheckForbiddenHook": "hooks.api",
    "Claim": "consumer.deduplicate",
    "ClientInstance": "instance",
    "ClientOptions": "options",
    "ConsumeContext": "consumer.listener",
    "ConsumeMessageHook": "hooks.api",
    "ConsumeResult": "consumer.listener",
    "ConsumeSettings": "consumer.consume_settings",
    "DeduplicationStore": "consumer.deduplicate",
    "EndTransactionHook": "hooks.api",
    "FROM_FIRST_OFFSET": "consumer.consume_settings",
    "FROM_LAST_OFFSET": "consumer.consume_settings",
    "FROM_TIMESTAMP": "consumer.consume_settings",
    "FilterMessageHook": "hooks.api",
    "LitePullConsumer": "consumer.lite_pull_consumer",
    "MessageSelector": "consumer.subscription",
    "NoReplyError": "producer.requests",
    "Producer": "producer.producer",
    "PullConsumer": "consumer.pull_consumer",
    "PullResult": "queue_api",
    "PullStatus": "api.pull",
    "PushConsumer": "consumer.push_consumer",
    "RPCHook": "hooks.api",
    "RedisStore": "consumer.redis_store",
    "SendMessageHook": "hooks.api",
    "SendResult": "api.send",
    "SendSettings": "producer.send_request",
    "SendSpool": "producer.spool",
    "SendStatus": "api.send",
    "SpoolEntry": "producer.spool_entries",
    "SpoolFullError": "producer.spool_file",
    "SpoolState": "producer.spool_records",
    "Spooled": "producer.spool_entries",
    "SqliteStore": "consumer.sqlite_store",
    "StoreUnavailableError": "consumer.deduplicate",
    "TransactionListener": "producer.transactions",
    "TransactionProducer": "producer.transactions",
    "TransactionResult": "producer.transactions",
    "TransactionState": "producer.transactions",
    "averagely": "consumer.allocate",
    "averagely_by_circle": "consumer.allocate",
    "by_config": "consumer.allocate",
    "by_machine_room": "consumer.allocate",
    "consistent_hash": "consumer.allocate",
    "credentials": "options",
    "deduplicate": "consumer.deduplicate",
    "machine_room_nearby": "consumer.allocate",
    "reply_to": "producer.requests",
    "select_by_hash": "producer.producer",
}

#: All that the TYPE_CHECKING block has; a `*` loads it.
__all__ = list(_MODULE_OF)

__getattr__ = lazy_names(__name__, _MODULE_OF)
