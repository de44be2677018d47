"""Headers. Clients and the broker's requests to them: connections, heartbeats, running info, direct consumption."""

from __future__ import annotations

import msgspec

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool, Int
from rocketmq_ops.remoting.headers.base import CustomHeader, RpcRequestHeader, TopicRequestHeader, of_request


@of_request(RequestCode.HEART_BEAT)
class HeartbeatRequestHeader(RpcRequestHeader, kw_only=True):
    """Request HEART_BEAT (34)."""


@of_request(RequestCode.UNREGISTER_CLIENT)
class UnregisterClientRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UNREGISTER_CLIENT (35)."""

    client_id: str = msgspec.field(name="clientID")
    producer_group: str | None = None
    consumer_group: str | None = None


class UnregisterClientResponseHeader(CustomHeader, kw_only=True):
    """Answer to UnregisterClient."""


@of_request(RequestCode.GET_CONSUMER_LIST_BY_GROUP)
class GetConsumerListByGroupRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_LIST_BY_GROUP (38)."""

    consumer_group: str


class GetConsumerListByGroupResponseHeader(CustomHeader, kw_only=True):
    """Answer to GetConsumerListByGroup."""


@of_request(RequestCode.NOTIFY_CONSUMER_IDS_CHANGED)
class NotifyConsumerIdsChangedRequestHeader(RpcRequestHeader, kw_only=True):
    """Request NOTIFY_CONSUMER_IDS_CHANGED (40)."""

    consumer_group: str


@of_request(RequestCode.GET_CONSUMER_CONNECTION_LIST)
class GetConsumerConnectionListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_CONNECTION_LIST (203)."""

    consumer_group: str


@of_request(RequestCode.GET_PRODUCER_CONNECTION_LIST)
class GetProducerConnectionListRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_PRODUCER_CONNECTION_LIST (204)."""

    producer_group: str


@of_request(RequestCode.GET_ALL_PRODUCER_INFO)
class GetAllProducerInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_ALL_PRODUCER_INFO (328)."""


@of_request(RequestCode.GET_CONSUMER_RUNNING_INFO)
class GetConsumerRunningInfoRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_CONSUMER_RUNNING_INFO (307)."""

    consumer_group: str
    client_id: str
    jstack_enable: Bool = False


@of_request(RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT, RequestCode.INVOKE_BROKER_TO_GET_CONSUMER_STATUS)
class GetConsumerStatusRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_CONSUMER_STATUS_FROM_CLIENT (221), INVOKE_BROKER_TO_GET_CONSUMER_STATUS (223)."""

    topic: str
    group: str
    client_addr: str | None = None


@of_request(RequestCode.CONSUME_MESSAGE_DIRECTLY)
class ConsumeMessageDirectlyResultRequestHeader(TopicRequestHeader, kw_only=True):
    """Request CONSUME_MESSAGE_DIRECTLY (309)."""

    consumer_group: str
    client_id: str | None = None
    msg_id: str | None = None
    broker_name: str | None = None
    topic: str | None = None
    topic_sys_flag: Int | None = None
    group_sys_flag: Int | None = None


@of_request(RequestCode.LOCK_BATCH_MQ)
class LockBatchMqRequestHeader(RpcRequestHeader, kw_only=True):
    """Request LOCK_BATCH_MQ (41)."""


@of_request(RequestCode.UNLOCK_BATCH_MQ)
class UnlockBatchMqRequestHeader(RpcRequestHeader, kw_only=True):
    """Request UNLOCK_BATCH_MQ (42)."""
