"""What is prepared for the sends to a topic, and whether a send may be stored by it: the short way or the long one.

What lives here: the plan, every reason for the long way, and the one place where it is decided. What does not: both
ways (`processors/send_message.py`). What the store refuses on the short way (a message that is too large, a full disk,
the first message of a queue) takes the long way after all, which knows what to answer.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from rocketmq_ops.common.sysflag import INNER_BATCH_FLAG, MULTI_TAGS_FLAG, TRANSACTION_MASK, TRANSACTION_PREPARED_TYPE
from rocketmq_ops.common.topics import RETRY_GROUP_TOPIC_PREFIX
from rocketmq_ops.remoting.bodies import TopicConfig

if TYPE_CHECKING:
    from rocketmq_ops.broker.send.parsed_properties import ParsedProperties
    from rocketmq_ops.broker.send.send_checks import SendHeader
    from rocketmq_ops.broker.stats.broker_stats import TopicCounters
    from rocketmq_ops.remoting.command import RemotingCommand

_SPECIAL_FLAGS = INNER_BATCH_FLAG | TRANSACTION_MASK
#: Whether a unique key is of ASCII letters and digits alone: it needs no quotes in an answer, and is not empty.
is_plain_key = bytes.isalnum


class LongWay(Enum):
    """Why a send takes the long way."""

    WATCHED = "its answer waits, and it is measured how long, or it may be refused for want of slaves"
    ONE_WAY = "it gets no answer where those of others wait"
    NEW_TOPIC = "no plan: the first send to its topic, or since a change, or not all name servers know the topic yet"
    RETRY_TOPIC = "the topic is a group's for retries, of which too many become dead letters"
    COMPACTED_TOPIC = "messages of a compacted topic must have keys"
    NO_QUEUE = "the topic has no queue to write to"
    PROPERTIES = "it has properties that the broker acts on or sets, or that cannot be read"
    UNIQUE_KEY = "it has no unique key, or one with more than ASCII letters and digits"
    PARKED = (
        "it waits for its time or the end of its transaction, and is in a batch, or every answer is measured or waits"
    )
    FLAG = "its flags say that it is of a transaction, or holds a batch"
    QUEUE_ID = "there is no such queue"
    BINARY_HEADER = "its header is not JSON, as an answer of the short way is"
    NO_BODY = "it has no body, which is refused"


class SendPlan:
    """What every send to one topic needs, made once; void as soon as the topic's entry is another object."""

    __slots__ = (
        "config",
        "counters",
        "long_way",
        "name",
        "parks",
        "queue_id_limit",
        "sys_flag",
        "waits",
        "write_queue_nums",
    )

    def __init__(
        self, config: TopicConfig, counters: TopicCounters, *, waits: bool = False, watched: bool = False
    ) -> None:
        """`waits`: answers wait for the disk or for slaves. `watched`: and more has to be done for each."""
        self.config = config
        self.name = config.topic_name.encode()
        #: Whether messages that wait in a topic of the broker's may take the short way.
        self.parks = not (waits or watched)
        self.counters = counters
        self.waits = waits
        #: Why all sends to the topic take the long way; None where they need not.
        self.long_way = LongWay.WATCHED if waits and watched else _long_way_of(config)
        self.write_queue_nums = max(1, config.write_queue_nums)
        self.queue_id_limit = max(config.write_queue_nums, config.read_queue_nums)
        self.sys_flag = MULTI_TAGS_FLAG if config.topic_filter_type == "MULTI_TAG" else 0


def _long_way_of(config: TopicConfig) -> LongWay | None:
    if config.topic_name.startswith(RETRY_GROUP_TOPIC_PREFIX):
        return LongWay.RETRY_TOPIC
    if (config.attributes or {}).get("cleanup.policy") == "COMPACTION":
        return LongWay.COMPACTED_TOPIC
    return LongWay.NO_QUEUE if config.write_queue_nums <= 0 else None


def why_long(
    plan: SendPlan | None, properties: ParsedProperties, unique_key: bytes, header: SendHeader, request: RemotingCommand
) -> LongWay | None:
    """Why a send takes the long way; None for one that may take the short one.

    The next sends of its kind on its connection may then differ in queue id, unique key and body, of which
    `known_sends.py` asks the same.
    """
    if plan is None:
        return LongWay.NEW_TOPIC
    reason = plan.long_way or properties.long_way
    if reason is not None:
        return reason
    if not is_plain_key(unique_key):
        return LongWay.UNIQUE_KEY
    flags = header.sys_flag & _SPECIAL_FLAGS
    if properties.parks is not None:
        if header.batch or not plan.parks:
            return LongWay.PARKED
        if flags == TRANSACTION_PREPARED_TYPE and properties.is_half:
            flags = 0
    if flags:
        return LongWay.FLAG
    if header.queue_id >= plan.queue_id_limit:
        return LongWay.QUEUE_ID
    if request.serialize_type:
        return LongWay.BINARY_HEADER
    if plan.waits and request.is_oneway:
        return LongWay.ONE_WAY
    return None if request.body else LongWay.NO_BODY
