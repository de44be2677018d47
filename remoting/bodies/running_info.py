"""Bodies. What a consumer client reports about itself."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData


class ProcessQueueInfo(RemotingSerializable, kw_only=True):
    """A queue as a push consumer holds it; offsets in messages, times in ms."""

    cached_msg_count: int = 0
    cached_msg_max_offset: int = 0
    cached_msg_min_offset: int = 0
    cached_msg_size_in_mib: int = msgspec.field(default=0, name="cachedMsgSizeInMiB")
    commit_offset: int = 0
    droped: bool = False
    last_consume_timestamp: int = 0
    last_lock_timestamp: int = 0
    last_pull_timestamp: int = 0
    locked: bool = False
    transaction_msg_count: int = 0
    transaction_msg_max_offset: int = 0
    transaction_msg_min_offset: int = 0
    try_unlock_times: int = 0


class PopProcessQueueInfo(RemotingSerializable, kw_only=True):
    """A queue as a POP consumer holds it."""

    droped: bool = False
    last_pop_timestamp: int = 0
    wait_ack_count: int = 0


class ConsumeStatus(RemotingSerializable, kw_only=True):
    """Rates of one topic; RT in ms, TPS a second."""

    consume_failed_msgs: int = 0
    consume_failed_tps: float = msgspec.field(default=0.0, name="consumeFailedTPS")
    consume_ok_tps: float = msgspec.field(default=0.0, name="consumeOKTPS")
    consume_rt: float = msgspec.field(default=0.0, name="consumeRT")
    pull_rt: float = msgspec.field(default=0.0, name="pullRT")
    pull_tps: float = msgspec.field(default=0.0, name="pullTPS")


class ConsumerRunningInfo(RemotingSerializable, kw_only=True):
    """Answer to GET_CONSUMER_RUNNING_INFO."""

    jstack: str | None = None
    mq_pop_table: dict[MessageQueue, PopProcessQueueInfo] | None = None
    mq_table: dict[MessageQueue, ProcessQueueInfo] = {}
    properties: dict[str, str] = {}
    status_table: dict[str, ConsumeStatus] = {}
    subscription_set: list[SubscriptionData] = []
    user_consumer_info: dict[str, str] = {}


class ConsumeMessageDirectlyResult(RemotingSerializable, kw_only=True):
    """Answer to CONSUME_MESSAGE_DIRECTLY; `consume_result` is a CMResult name."""

    auto_commit: bool = True
    consume_result: str = ""
    order: bool = False
    remark: str | None = None
    spent_time_mills: int = 0
