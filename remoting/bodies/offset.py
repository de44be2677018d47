"""Bodies. Tables of consumer offsets, in messages."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import RemotingSerializable


class ConsumerOffsetSerializeWrapper(RemotingSerializable, kw_only=True):
    """`topic@group` -> queueId -> offset: answer to GET_ALL_CONSUMER_OFFSET."""

    data_version: DataVersion = msgspec.field(default_factory=DataVersion)
    offset_table: dict[str, dict[int, int]] = {}


class ResetOffsetBody(RemotingSerializable, kw_only=True):
    """New offsets of a reset."""

    offset_table: dict[MessageQueue, int] = {}


class MessageQueueForC(RemotingSerializable, kw_only=True):
    """A queue and its new offset, for clients written in C++."""

    broker_name: str = ""
    offset: int = 0
    queue_id: int = 0
    topic: str = ""


class ResetOffsetBodyForC(RemotingSerializable, kw_only=True):
    """New offsets of a reset as a list, for clients whose JSON has no objects as keys."""

    offset_table: list[MessageQueueForC] = []


class GetConsumerStatusBody(RemotingSerializable, kw_only=True):
    """Offsets as clients hold them."""

    consumer_table: dict[str, dict[MessageQueue, int]] = {}
    message_queue_table: dict[MessageQueue, int] = {}


class QueryCorrectionOffsetBody(RemotingSerializable, kw_only=True):
    """queueId -> offset: answer to QUERY_CORRECTION_OFFSET."""

    correction_offsets: dict[int, int] = {}


class OffsetMovedEvent(RemotingSerializable, kw_only=True):
    """Body of a message in OFFSET_MOVED_EVENT."""

    consumer_group: str = ""
    message_queue: MessageQueue
    offset_new: int = 0
    offset_request: int = 0
