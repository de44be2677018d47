"""Headers. Clients and the broker's requests to them: connections, heartbeats, running info, direct consumption."""

from __future__ import annotations

import msgspec

from ..command import Bool, Int
from .base import CustomHeader, RpcRequestHeader, TopicRequestHeader


class HeartbeatRequestHeader(RpcRequestHeader, kw_only=True):
    """Request HEART_BEAT (34)."""


class UnregisterClientRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UNREGISTER_CLIENT (35)."""

    client_id: str = msgspec.field(name="clientID")
    producer_group: str | None = None
    consumer_group: str | None = None


class UnregisterClientResponseHeader(CustomHeader, kw_only=True):
    """Answer to UnregisterClient."""


class GetConsumerListByGroupRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_LIST_BY_GROUP (38)."""

    consumer_group: str


class GetConsumerListByGroupResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetConsumerListByGroup."""


class NotifyConsumerIdsChangedRequestHeader(RpcRequestHeader, kw_only=True):
    """Request NOTIFY_CONSUMER_IDS_CHANGED (40)."""

    consumer_group: str


class GetConsumerConnectionListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_CONNECTION_LIST (203)."""

    consumer_group: str


class GetProducerConnectionListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_PRODUCER_CONNECTION_LIST (204)."""

    producer_group: str


class GetAllProducerInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_ALL_PRODUCER_INFO (328)."""


class GetConsumerRunningInfoRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_RUNNING_INFO (307)."""

    consumer_group: str
    client_id: str
    jstack_enable: Bool = False


class GetConsumerStatusRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_CONSUMER_STATUS_FROM_CLIENT (221), INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223)."""

    topic: str
    group: str
    client_addr: str | None = None


class ConsumeMessageDirectlyResultRequestHeader(TopicRequestHeader, kw_only=True):
    """Request CONSUME_MESSAGE_DIRECTLY (309)."""

    consumer_group: str
    client_id: str | None = None
    msg_id: str | None = None
    broker_name: str | None = None
    topic: str | None = None
    topic_sys_flag: Int | None = None
    group_sys_flag: Int | None = None


class LockBatchMqRequestHeader(RpcRequestHeader, kw_only=True):
    """Request LOCK_BATCH_MQ (41)."""


class UnlockBatchMqRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UNLOCK_BATCH_MQ (42)."""
