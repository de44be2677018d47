"""The SQL92 expressions that consumer groups subscribe with: their table, and its file `config/consumerFilter.json`.

Heartbeats fill the table; what a group no longer subscribes, or a group that nobody of is connected any more, is dead,
and forgotten after `filterDataCleanTimeSpan`. An entry holds the bits of its group in the bloom filter, with which
Apache's brokers go on; here the expression itself is asked, as no extended consumequeue is written.
Mirrors org.apache.rocketmq.broker.filter.ConsumerFilterManager and ConsumerFilterData.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import without_nulls
from rocketmq_ops.broker.subscription.subscription_filter import SQL92, ExpressionFilter, is_tag_type
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.fastjson_types import convert
from rocketmq_ops.remoting.bodies import SubscriptionData
from rocketmq_ops.remoting.command import Int, Long

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.common.filter.bloom import BloomFilter
    from rocketmq_ops.common.filter.expression import Expression

log = logging.getLogger(__name__)

#: A group of a file that was alive is taken to have died so long (ms) before the broker started.
_DEAD_BEFORE_START_MS = 30_000


class BloomFilterData(msgspec.Struct, rename="camel", kw_only=True):
    """The bits of a group and topic in the bloom filter, and how many there are."""

    bit_num: Int = 0
    bit_pos: list[Int] = []


class ConsumerFilterData(msgspec.Struct, rename="camel", kw_only=True):
    """The expression of a group for a topic; times in ms. `client_version` is the subscription's version."""

    bloom_filter_data: BloomFilterData | None = None
    born_time: Long = 0
    client_version: Long = 0
    consumer_group: str | None = None
    dead: bool = False
    dead_time: Long = 0
    expression: str | None = None
    expression_type: str | None = None
    topic: str | None = None

    @property
    def is_dead(self) -> bool:
        """True once nobody subscribes with it any more."""
        return self.dead_time >= self.born_time


class FilterOfGroup:
    """An entry of the table: its data as in the file, and its filter; None where the file's expression is none."""

    __slots__ = ("data", "expression_filter")

    def __init__(self, data: ConsumerFilterData, expression: Expression | None) -> None:
        self.data = data
        self.expression_filter = ExpressionFilter(expression) if expression is not None else None


class _GroupsOfTopic(msgspec.Struct, rename="camel", kw_only=True):
    """The entries of one topic, as the file has them."""

    group_filter_data: dict[str, ConsumerFilterData] = {}
    topic: str | None = None


def expression_of(text: str | None, kind: str | None) -> Expression:
    """The expression of a subscription that is not by tags. Raises ValueError, which says where it is wrong."""
    if kind != SQL92:
        raise ValueError(f"unknown type of expression '{kind}', expected TAG or SQL92")
    from rocketmq_ops.common.filter.parser import parse  # most brokers never need it

    return parse(text or "")


class ConsumerFilterManager(ConfigManager):
    """`table`: topic -> group -> FilterOfGroup."""

    file_name = "consumerFilter.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._dirty = False  # a broker without expressions needs no file
        self._clock = controller.clock
        self._bloom: BloomFilter | None = None
        self.table: dict[str, dict[str, FilterOfGroup]] = {}

    # -- file ---------------------------------------------------------------------------------------------------

    def load(self) -> bool:
        """Read the file; False when there is none. Raises CorruptDataError for a broken one.

        Nobody of a group is connected when a broker starts, so all are dead. As Apache's broker, it forgets a file
        whose bits are those of another bloom filter.
        """
        raw = self.document(dict)
        if raw is None:
            return False
        try:
            topics = convert(raw.get("filterDataByTopic") or {}, dict[str, _GroupsOfTopic])
        except CorruptDataError as error:
            raise CorruptDataError(f"{self.path}: filterDataByTopic: {error}") from None
        self.changed()
        entries = [(topic, group, data) for topic, of in topics.items() for group, data in of.group_filter_data.items()]
        if not all(self._is_valid(data.bloom_filter_data) for _, _, data in entries):
            log.warning("the bloom filter has another size than in %s: its filters are forgotten", self.path)
            return True
        for topic, group, data in entries:
            if data.dead_time == 0:
                data.dead_time = max(self._clock() - _DEAD_BEFORE_START_MS, data.born_time)
            self.table.setdefault(topic, {})[group] = FilterOfGroup(data, self._compiled(data))
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The table as Apache writes it."""
        topics = {
            topic: {
                "groupFilterData": {group: _shown(entry.data) for group, entry in groups.items()},
                "topic": topic,
            }
            for topic, groups in self.table.items()
        }
        return fastjson.dumps({"filterDataByTopic": topics}, pretty=pretty)

    def clean(self) -> None:
        """Forget what has been dead for longer than `filterDataCleanTimeSpan`."""
        now, longest = self._clock(), self._controller.config.filterDataCleanTimeSpan
        for topic, groups in list(self.table.items()):
            for group, entry in list(groups.items()):
                if entry.data.is_dead and now - entry.data.dead_time >= longest:
                    log.info("the filter of group %s on topic %s is forgotten, it died too long ago", group, topic)
                    del groups[group]
                    self.changed()
            if not groups:
                del self.table[topic]

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, topic: str, group: str) -> FilterOfGroup | None:
        """The entry of a group for a topic, dead or not."""
        groups = self.table.get(topic)
        return None if groups is None else groups.get(group)

    def text_of(self, topic: str, group: str) -> str:
        """The entry as administration shows it: indented JSON, `null` when there is none."""
        entry = self.get(topic, group)
        return "null" if entry is None else fastjson.dumps(_shown(entry.data), pretty=True).decode()

    # -- heartbeats ---------------------------------------------------------------------------------------------

    def register(self, group: str, subscriptions: Iterable[SubscriptionData]) -> None:
        """Take the expressions of a heartbeat; those of topics that the group no longer subscribes are dead."""
        topics = set()
        for subscription in subscriptions:
            topics.add(subscription.topic)
            if not is_tag_type(subscription.expression_type) and subscription.sub_string:
                self._register(group, subscription)
        if self.table:
            self._let_die(group, topics)

    def unregister(self, group: str) -> None:
        """Nobody of the group is connected any more."""
        self._let_die(group, ())

    def _let_die(self, group: str, subscribed: Iterable[str]) -> None:
        for topic, groups in self.table.items():
            entry = groups.get(group)
            if entry is not None and topic not in subscribed and not entry.data.is_dead:
                entry.data.dead_time = self._clock()
                self.changed()

    def _register(self, group: str, subscription: SubscriptionData) -> None:
        topic, version = subscription.topic, subscription.sub_version
        groups = self.table.get(topic, {})
        old = groups.get(group)
        if old is not None:
            data = old.data
            same = (data.expression, data.expression_type) == (subscription.sub_string, subscription.expression_type)
            if version < data.client_version or (version == data.client_version and not data.is_dead):
                if not same:
                    log.warning("group %s: '%s' for topic %s is not newer", group, subscription.sub_string, topic)
                return
            if version == data.client_version or same:
                data.client_version = version
                if data.is_dead:
                    data.dead_time = 0
                self.changed()
                return
        entry = self._built(group, subscription)
        if entry is not None:
            self.table.setdefault(topic, {})[group] = entry
            log.info("group %s filters topic %s by '%s'", group, topic, subscription.sub_string)
        elif old is None:
            return
        else:
            del groups[group]  # so that the consumer's pulls say that its expression may be wrong
        self.changed()

    def _built(self, group: str, subscription: SubscriptionData) -> FilterOfGroup | None:
        data = ConsumerFilterData(
            bloom_filter_data=self._bits(group, subscription.topic),
            born_time=self._clock(),
            client_version=subscription.sub_version,
            consumer_group=group,
            expression=subscription.sub_string,
            expression_type=subscription.expression_type,
            topic=subscription.topic,
        )
        expression = self._compiled(data)
        return None if expression is None else FilterOfGroup(data, expression)

    def _compiled(self, data: ConsumerFilterData) -> Expression | None:
        try:
            expression = expression_of(data.expression, data.expression_type)
        except ValueError as error:
            log.warning("group %s does not filter topic %s: %s", data.consumer_group, data.topic, error)
            return None
        if expression.ignored_from is not None:
            rest = expression.text[expression.ignored_from :]
            log.warning(
                "group %s filters topic %s: '%s' is ignored, an expression ended before it",
                data.consumer_group,
                data.topic,
                rest,
            )
        return expression

    # -- the bloom filter ---------------------------------------------------------------------------------------

    def _filter(self) -> BloomFilter:
        if self._bloom is None:
            from rocketmq_ops.common.filter.bloom import BloomFilter

            config = self._controller.config
            self._bloom = BloomFilter(config.maxErrorRateOfBloomFilter, config.expectConsumerNumUseFilter)
        return self._bloom

    def _bits(self, group: str, topic: str) -> BloomFilterData:
        bloom = self._filter()
        return BloomFilterData(bit_num=bloom.bits, bit_pos=bloom.positions(f"{group}#{topic}"))

    def _is_valid(self, bits: BloomFilterData | None) -> bool:
        bloom = self._filter()
        return bits is not None and bits.bit_num == bloom.bits and len(bits.bit_pos) == bloom.hashes


def _shown(data: ConsumerFilterData) -> dict[str, Any]:
    data.dead = data.is_dead
    shown: dict[str, Any] = without_nulls(msgspec.to_builtins(data))
    return shown
