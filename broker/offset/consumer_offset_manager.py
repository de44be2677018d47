"""Consumer offsets of every group: committed, pulled, and reset by an operator; persisted as consumerOffset.json.

Offsets count messages of one queue. Request handling lives in `processors/consumer_manage.py`.
Mirrors org.apache.rocketmq.broker.offset.ConsumerOffsetManager, its file format included.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.topics import TOPIC_GROUP_SEPARATOR, split_topic_group, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


#: topic@group -> queue id -> offset
OffsetTable = dict[str, dict[int, int]]


_encode = msgspec.json.Encoder().encode
V = TypeVar("V")


def _text(table: dict[str, V], text_of: Callable[[V], str]) -> fastjson.Text:
    """A table one level deep in the file, as `fastjson.dumps` writes it; ten times as fast, for it is long."""
    lines = [f"\n\t\t{_encode(key).decode()}:{text_of(value)}" for key, value in table.items()]
    return fastjson.Text("{" + ",".join(lines) + "\n\t}" if lines else "{}")


def _queues_text(queues: dict[int, int]) -> str:
    return (
        "{" + ",".join([f"{queue_id}:{offset}" for queue_id, offset in queues.items()]) + "\n\t\t}" if queues else "{}"
    )


def parse_offset_table(value: Any) -> OffsetTable:
    """The `offsetTable` of a file: keys of queues may be numbers or strings. Raises CorruptDataError."""
    if not isinstance(value, dict):
        raise CorruptDataError("invalid offsetTable: expected an object")
    try:
        return {str(key): {int(q): int(offset) for q, offset in queues.items()} for key, queues in value.items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise CorruptDataError(f"invalid offset in offsetTable: {error}") from error


class ConsumerOffsetManager(ConfigManager):
    """The offset tables. `table` is what is persisted; pulled and reset offsets live in memory alone."""

    file_name = "consumerOffset.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self.table: OffsetTable = {}
        self.pull_table: OffsetTable = {}
        self.reset_table: OffsetTable = {}
        self.data_version = DataVersion.fresh()
        self._changes = 0

    def load(self) -> bool:
        """Read the file or its backup; False when there is neither. Raises CorruptDataError for unusable content."""

        def read(document: dict[str, Any]) -> tuple[OffsetTable, DataVersion]:
            version = document.get("dataVersion")
            return (
                parse_offset_table(document.get("offsetTable") or {}),
                msgspec.convert(version, DataVersion, strict=False) if version else DataVersion.fresh(),
            )

        loaded = self.document(read)
        if loaded is None:
            return False
        self.table, self.data_version = loaded
        return True

    def encode(self, *, pretty: bool = False) -> bytes:
        """The document of consumerOffset.json, also the body that a slave asks for."""
        document = {"dataVersion": self.data_version, "groupTopicMap": self._sorted_topics(), "offsetTable": self.table}
        if pretty:
            document["groupTopicMap"] = _text(document["groupTopicMap"], lambda topics: _encode(topics).decode())
            document["offsetTable"] = _text(self.table, _queues_text)
        return fastjson.dumps(document, pretty=pretty)

    def _sorted_topics(self) -> Any:
        return {group: sorted(topics) for group, topics in self.group_topics().items()}

    def ends(self) -> Iterator[tuple[str, int, int]]:
        """Topic, queue id and offset of all that was consumed: so far the queues must have come."""
        for key, queues in self.table.items():
            topic, _ = split_topic_group(key)
            for queue_id, offset in queues.items():
                yield topic, queue_id, offset

    def commit(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Note that the group has consumed everything before `offset`."""
        key = topic_at_group(topic, group)
        queues = self.table.get(key)
        if queues is None:
            queues = self.table[key] = {}
        queues[queue_id] = offset
        self._dirty = True
        self._changes += 1
        if self._changes >= self._controller.config.consumerOffsetUpdateVersionStep:
            self._changes = 0
            self.data_version.next_version()

    def commit_pull(self, group: str, topic: str, queue_id: int, offset: int) -> None:
        """Note up to where the group has pulled."""
        key = topic_at_group(topic, group)
        queues = self.pull_table.get(key)
        if queues is None:
            queues = self.pull_table[key] = {}
        queues[queue_id] = offset

    def query(self, group: str, topic: str, queue_id: int) -> int:
        """The reset offset if one waits for the consumer, else the committed one; -1 for none."""
        key = topic_at_group(topic, group)
        if self.reset_table and self._controller.config.useServerSideResetOffset:
            reset = self.reset_table.get(key, {}).get(queue_id)
            if reset is not None:
                return reset
        queues = self.table.get(key)
        return -1 if queues is None else queues.get(queue_id, -1)

    def query_pull(self, group: str, topic: str, queue_id: int) -> int:
        """The pulled offset, or the committed one where nothing was pulled since the start."""
        pulled = self.pull_table.get(topic_at_group(topic, group), {}).get(queue_id)
        return self.query(group, topic, queue_id) if pulled is None else pulled

    def query_all(self, group: str, topic: str) -> dict[int, int] | None:
        """Every committed offset of a group on a topic, by queue; None when it has none."""
        return self.table.get(topic_at_group(topic, group))

    def assign_reset(self, topic: str, group: str, queue_id: int, offset: int) -> None:
        """Reset an offset: it counts as committed at once and the next pull of the queue is sent there."""
        if not topic or not group or queue_id < 0 or offset < 0:
            return
        key = topic_at_group(topic, group)
        self.reset_table.setdefault(key, {})[queue_id] = offset
        self.table.setdefault(key, {})[queue_id] = offset
        self._dirty = True

    def has_reset(self, topic: str, group: str, queue_id: int) -> bool:
        """True while a reset offset waits for the consumer's next pull."""
        return queue_id in self.reset_table.get(topic_at_group(topic, group), ())

    def take_reset(self, topic: str, group: str, queue_id: int) -> int | None:
        """Hand out a waiting reset offset once."""
        if not self.reset_table:
            return None
        queues = self.reset_table.get(topic_at_group(topic, group))
        return None if queues is None else queues.pop(queue_id, None)

    def topics_of_group(self, group: str) -> set[str]:
        """Topics on which the group has a committed offset (whichTopicByConsumer)."""
        return {topic for topic, its_group in self._pairs(self.table) if its_group == group}

    def groups_of_topic(self, topic: str) -> set[str]:
        """Groups with a committed offset on the topic (whichGroupByTopic)."""
        return {group for its_topic, group in self._pairs(self.table) if its_topic == topic}

    def group_topics(self) -> dict[str, set[str]]:
        """group -> topics with a committed offset."""
        result: dict[str, set[str]] = {}
        for topic, group in self._pairs(self.table):
            result.setdefault(group, set()).add(topic)
        return result

    def clone(self, src_group: str, dest_group: str, topic: str) -> None:
        """Copy the offsets of one group on a topic to another group."""
        offsets = self.table.get(topic_at_group(topic, src_group))
        if offsets is not None:
            self.table[topic_at_group(topic, dest_group)] = dict(offsets)
            self._dirty = True

    def remove_group(self, group: str) -> None:
        """Forget everything about a group (removeOffset)."""
        self._remove(lambda _topic, its_group: its_group == group)

    def remove_topics(self, topics: Collection[str]) -> None:
        """Forget everything about some topics (cleanOffsetByTopic)."""
        gone = set(topics)
        self._remove(lambda its_topic, _group: its_topic in gone)

    def _remove(self, matches: Any) -> None:
        for table in (self.table, self.pull_table, self.reset_table):
            for topic, group in [pair for pair in self._pairs(table) if matches(*pair)]:
                del table[topic_at_group(topic, group)]
        self._dirty = True

    @staticmethod
    def _pairs(table: OffsetTable) -> list[tuple[str, str]]:
        result = []
        for key in table:
            topic, group = split_topic_group(key)
            if TOPIC_GROUP_SEPARATOR in key and TOPIC_GROUP_SEPARATOR not in group:
                result.append((topic, group))
        return result
