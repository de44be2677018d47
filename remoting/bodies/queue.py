"""Bodies. Consumequeue units, as QUERY_CONSUME_QUEUE answers them."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData


class ConsumeQueueData(RemotingSerializable, kw_only=True):
    """One unit; `physic_size` in bytes."""

    bit_map: str | None = None
    eval: bool = False
    extend_data_json: str | None = None
    msg: str | None = None
    physic_offset: int = 0
    physic_size: int = 0
    tags_code: int = 0


class QueryConsumeQueueResponseBody(RemotingSerializable, kw_only=True):
    """Answer to QUERY_CONSUME_QUEUE."""

    filter_data: str | None = None
    max_queue_index: int = 0
    min_queue_index: int = 0
    queue_data: list[ConsumeQueueData] = []
    subscription_data: SubscriptionData | None = None
