"""How many messages of each topic wait for something, in a file of Apache's: the base of TimerMetrics and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import read_data_version
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class TopicCounts(ConfigManager):
    """`table`: topic -> [messages, ms of the last change]. Sub-classes say what the counts are called in the file."""

    key: ClassVar[str]

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self.table: dict[str, list[int]] = {}
        self.data_version = DataVersion.fresh()
        self._dirty = False

    def load(self) -> bool:
        """Read the file or its backup; False when there is none. Raises CorruptDataError."""
        loaded = self.document(self._read)
        if loaded is not None:
            self.table, self.data_version = loaded
        return loaded is not None

    def take_over(self, document: dict[str, Any]) -> None:
        """Take over the document of another broker (SlaveSynchronize.syncTimerMetrics). Raises CorruptDataError."""
        self.table, self.data_version = self._read(document)
        self.changed()

    def add(self, topic: str | None, count: int) -> None:
        """So many more messages of a topic wait."""
        if not topic:
            return
        entry = self.table.get(topic)
        if entry is None:
            entry = self.table[topic] = [0, 0]
        entry[0] += count
        entry[1] = self._controller.clock()
        self.data_version.next_version()
        self._dirty = True

    def count(self, topic: str) -> int:
        """How many messages of a topic wait."""
        entry = self.table.get(topic)
        return entry[0] if entry is not None else 0

    def forget(self, topic: str) -> None:
        """The topic is deleted."""
        if self.table.pop(topic, None) is not None:
            self.changed()

    def encode(self, *, pretty: bool = False) -> bytes:
        """The document of the file, also the body that a slave asks for."""
        counts = {topic: {"count": count, "timeStamp": time} for topic, (count, time) in self.table.items()}
        return fastjson.dumps({"dataVersion": self.data_version, self.key: counts}, pretty=pretty)

    def _read(self, document: dict[str, Any]) -> tuple[dict[str, list[int]], DataVersion]:
        counts = document.get(self.key) or {}
        table = {topic: [int(one.get("count", 0)), int(one.get("timeStamp", 0))] for topic, one in counts.items()}
        return table, read_data_version(document.get("dataVersion"))
