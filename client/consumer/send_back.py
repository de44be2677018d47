"""Giving a message back for another delivery: CONSUMER_SEND_MSG_BACK, or a new message to the retry topic.

Mirrors DefaultMQPushConsumerImpl.sendMessageBack and ConsumeMessageOrderlyService.sendMessageBack.
"""

from __future__ import annotations

import logging

from rocketmq_ops.client.api import send
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.producer.send_request import SendSettings, prepare
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import (
    PROPERTY_CONSUME_START_TIMESTAMP,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_MAX_OFFSET,
    PROPERTY_MAX_RECONSUME_TIMES,
    PROPERTY_MIN_OFFSET,
    PROPERTY_ORIGIN_MESSAGE_ID,
    PROPERTY_RECONSUME_TIME,
    PROPERTY_RETRY_TOPIC,
    PROPERTY_TRANSACTION_PREPARED,
    Message,
    MessageExt,
)
from rocketmq_ops.common.topics import CLIENT_INNER_PRODUCER_GROUP, retry_topic

log = logging.getLogger(__name__)

SEND_BACK_TIMEOUT_MS = 5_000
DEFAULT_MAX_RECONSUME_TIMES = 16

_OF_THIS_DELIVERY = (
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_MIN_OFFSET,
    PROPERTY_MAX_OFFSET,
    PROPERTY_CONSUME_START_TIMESTAMP,
)


async def send_back(
    instance: ClientInstance, group: str, message: MessageExt, delay_level: int, max_reconsume_times: int
) -> bool:
    """Have the broker deliver the message to the group again; False when neither way worked."""
    try:
        address = instance.routes.master(message.broker_name or "")
        if address is None:
            host, port = message.store_host
            address = f"{host}:{port}"
        topic = instance.namespace.wrap(message.topic)
        await send.send_back(
            instance.session, address, group, topic, message, delay_level, max_reconsume_times, SEND_BACK_TIMEOUT_MS
        )
        return True
    except RocketMQError as error:
        log.warning("giving message %s back to %s failed: %s", message.msg_id, group, error)
    return await send_to_retry_topic(instance, group, message, max_reconsume_times)


async def send_to_retry_topic(
    instance: ClientInstance, group: str, message: MessageExt, max_reconsume_times: int
) -> bool:
    """Send a copy to the group's retry topic, on the message's broker or any other; False when that failed too."""
    topic = retry_topic(group)
    properties = {k: v for k, v in message.properties.items() if k not in _OF_THIS_DELIVERY and v}
    properties.setdefault(PROPERTY_ORIGIN_MESSAGE_ID, message.msg_id)
    properties[PROPERTY_RETRY_TOPIC] = instance.namespace.wrap(message.topic)
    properties[PROPERTY_RECONSUME_TIME] = str(message.reconsume_times + 1)
    properties[PROPERTY_MAX_RECONSUME_TIMES] = str(max_reconsume_times)
    properties[PROPERTY_DELAY_TIME_LEVEL] = str(3 + message.reconsume_times)
    settings = SendSettings()
    copy = Message(topic, message.body, flag=message.flag, properties=properties)
    failure: RocketMQError | None = None
    try:
        outgoing = prepare(copy, message.msg_id, settings)
        # One queue of each broker.
        queues = {queue.broker_name: queue for queue in reversed(await instance.routes.need_publish_queues(topic))}
        for queue in sorted(queues.values(), key=lambda queue: queue.broker_name != message.broker_name):
            address, timeout_ms = instance.routes.master(queue.broker_name) or "", settings.send_timeout_ms
            try:
                await send.send(instance.session, address, outgoing, CLIENT_INNER_PRODUCER_GROUP, queue, timeout_ms)
                return True
            except RocketMQError as error:
                failure = error
    except RocketMQError as error:
        failure = error
    log.error("message %s could not be sent to %s: %s; it is tried here again", message.msg_id, topic, failure)
    return False
