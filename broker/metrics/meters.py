"""What is counted for the metrics page alone, while it is switched on: sizes of messages by type, and times.

Everything else on the page is counted anyway. Mirrors the histograms of BrokerMetricsManager and
RemotingMetricsManager, and where Apache's broker adds to them; `message_type` is TopicMessageType.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_SHARDING_KEY,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TRANSACTION_PREPARED,
)
from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic, is_system_topic
from rocketmq_ops.remoting.codes import RequestCode, request_code_name
from rocketmq_ops.remoting.histogram import Histogram

if TYPE_CHECKING:
    from rocketmq_ops.broker.send.known_sends import Put
    from rocketmq_ops.broker.send.send_plan import SendPlan
    from rocketmq_ops.remoting.command import RemotingCommand
    from rocketmq_ops.store.inner_message import InnerMessage

K = TypeVar("K", bound=Hashable)

#: Bytes.
SIZES: Final = (1024, 4096, 524288, 1048576, 2097152, 4194304)
#: Milliseconds.
LATENCIES: Final = (1, 3, 5, 7, 10, 100, 1000, 2000, 3000)
#: Milliseconds.
CREATIONS: Final = (10, 100, 1000, 3000, 5000)
#: Seconds.
DELAYS: Final = (60, 600, 3600, 43200, 86400, 259200)
#: Seconds.
FINISHES: Final = (5, 60, 600, 3600, 43200, 86400)
NORMAL: Final = "normal"
FIFO: Final = "fifo"
DELAY: Final = "delay"
TRANSACTION: Final = "transaction"
_DELAYED: Final = frozenset(
    {
        "__STARTDELIVERTIME",
        PROPERTY_DELAY_TIME_LEVEL,
        PROPERTY_TIMER_DELAY_MS,
        PROPERTY_TIMER_DELAY_SEC,
        PROPERTY_TIMER_DELIVER_MS,
    }
)
_SUSPENDED: Final = frozenset({RequestCode.PULL_MESSAGE, RequestCode.LITE_PULL_MESSAGE})
#: The requests by which topics and consumer groups are made, or changed (AdminBrokerProcessor).
_TOPIC_CREATIONS: Final = frozenset({RequestCode.UPDATE_AND_CREATE_TOPIC, RequestCode.UPDATE_AND_CREATE_TOPIC_LIST})
_GROUP_CREATIONS: Final = frozenset(
    {RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST}
)
#: Stands for all request codes that there are not, which strangers may choose.
UNKNOWN: Final = -1


def message_type(properties: Mapping[str, str]) -> str:
    """BrokerMetricsManager.getMessageType."""
    if properties.get(PROPERTY_TRANSACTION_PREPARED, "").lower() == "true":
        return TRANSACTION
    if PROPERTY_SHARDING_KEY in properties:
        return FIFO
    return NORMAL if _DELAYED.isdisjoint(properties) else DELAY


class SizeMeter:
    """The messages of one type that one topic got."""

    __slots__ = ("messages", "size", "sizes")

    def __init__(self) -> None:
        self.messages = 0
        self.size = 0
        self.sizes = Histogram(SIZES)

    def add(self, messages: int, size: int) -> None:
        """One put of so many messages, bytes of records together."""
        self.messages += messages
        self.size += size
        self.sizes.add(size // messages)


class BrokerMeters:
    """All of them, `incoming` by topic and message type, `finished` by topic, `rpc` by codes and whether suspended.

    `topics_made` are by success and whether the topic is one of the system, `groups_made` by success. Timers are by
    topic, `set_for` how far ahead they were sent.
    """

    def __init__(self) -> None:
        self.incoming: dict[tuple[str, str], SizeMeter] = {}
        self.rpc: dict[tuple[int, int, bool], Histogram] = {}
        self.finished: dict[str, Histogram] = {}
        self.topics_made: dict[tuple[bool, bool], Histogram] = {}
        self.groups_made: dict[bool, Histogram] = {}
        self.timers_enqueued: Counter[str] = Counter()
        self.timers_dequeued: Counter[str] = Counter()
        self.set_for: dict[str, Histogram] = {}
        self._raw_codes: dict[bytes, int] = {}

    def count(self, topic: str, kind: str, messages: int, size: int) -> None:
        """A put into a topic; those into retry and dead letter topics are not counted."""
        meter = self.incoming.get((topic, kind))
        if meter is None:
            if is_retry_topic(topic) or is_dlq_topic(topic):
                return
            meter = self.incoming[topic, kind] = SizeMeter()
        meter.add(messages, size)

    def count_message(self, topic: str, properties: Mapping[str, str], messages: int, size: int) -> None:
        """A put into a topic of messages with these properties."""
        self.count(topic, message_type(properties), messages, size)

    def count_delayed(self, topic: str, size: int) -> None:
        """A message whose delay is over was put into its topic."""
        self.count(topic, DELAY, 1, size)

    def measured(self, put: Put) -> Put:
        """The short way of a send, counted."""

        def measured(
            plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
        ) -> bytes | None:
            counters = plan.counters
            messages, size = counters.put_nums, counters.put_size
            answer = put(plan, message, unique_key, keys, opaque)
            if answer is not None:
                kind = FIFO if PROPERTY_SHARDING_KEY in message.properties else NORMAL
                self.count(message.topic, kind, counters.put_nums - messages, counters.put_size - size)
            return answer

        return measured

    def transaction_finished(self, topic: str, seconds: int) -> None:
        """A transaction was committed, so long after its message was made."""
        _histogram(self.finished, topic, FINISHES).add(seconds)

    def timer_enqueued(self, topic: str, seconds: int) -> None:
        """A timer message came into the wheel, which was sent so long before its time."""
        self.timers_enqueued[topic] += 1
        _histogram(self.set_for, topic, DELAYS).add(seconds)

    def timer_dequeued(self, topic: str) -> None:
        """A timer message was put into its topic, or back to wait on."""
        self.timers_dequeued[topic] += 1

    def answered(self, request: RemotingCommand, response_code: int, seconds: float, *, held: bool) -> None:
        """A request was answered; of those that are answered later, pulls were suspended."""
        code = request.code
        if code in _TOPIC_CREATIONS:
            topic = request.ext_fields.get("topic", "")
            made = _histogram(self.topics_made, (not response_code, is_system_topic(topic)), CREATIONS)
            made.add(int(seconds * 1000))
        elif code in _GROUP_CREATIONS:
            _histogram(self.groups_made, not response_code, CREATIONS).add(int(seconds * 1000))
        self._answered(code, response_code, seconds, held=held)

    def _answered(self, code: int, response_code: int, seconds: float, *, held: bool) -> None:
        held = held and code in _SUSPENDED
        found = self.rpc.get((code, response_code, held))
        if found is None:
            if request_code_name(code) == str(code):
                code = UNKNOWN
            found = self.rpc.setdefault((code, int(response_code), held), Histogram(LATENCIES))
        found.add(int(seconds * 1000))

    def raw_answered(self, raw_header: bytes, seconds: float) -> None:
        """A send was answered whose header, `{"code":310,...`, nobody had to decode."""
        key = raw_header[8:11]
        code = self._raw_codes.get(key)
        if code is None:
            code = self._raw_codes[key] = int(key.rstrip(b",}"))
        self._answered(code, 0, seconds, held=False)

    def forget(self, topic: str) -> None:
        """The topic is deleted."""
        for key in [key for key in self.incoming if key[0] == topic]:
            del self.incoming[key]
        for table in (self.finished, self.set_for, self.timers_enqueued, self.timers_dequeued):
            table.pop(topic, None)


def _histogram(table: dict[K, Histogram], key: K, bounds: Sequence[float]) -> Histogram:
    """The histogram of a key, made when it is first asked for."""
    found = table.get(key)
    if found is None:
        found = table[key] = Histogram(bounds)
    return found
