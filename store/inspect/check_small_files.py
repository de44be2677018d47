"""Checks abort and the configuration files, and what consumer and delay offsets say of the queues."""

from __future__ import annotations

from typing import Any, Final

from ...common.fastjson import FastjsonError, loads
from ...common.record_layout import CQ_UNIT_SIZE
from ...common.topics import SCHEDULE_TOPIC, is_system_topic
from ..checkpoint import FIELDS
from .findings import Report, Severity
from .source import StoreDirectory, StoreFile

CHECKPOINT_FIELDS: Final = (
    "physicMsgTimestamp", "logicsMsgTimestamp", "indexMsgTimestamp", "masterFlushedOffset", "confirmPhyOffset",
    "logicsPhysicalOffset",
)  # fmt: skip
CONFIGS: Final = (
    "topics.json", "subscriptionGroup.json", "consumerOffset.json", "delayOffset.json", "consumerFilter.json",
    "consumerOrderInfo.json", "messageRequestMode.json", "topicQueueMapping.json", "timermetrics", "transactionMetrics",
)  # fmt: skip


def read_checkpoint(store: StoreDirectory) -> dict[str, int] | None:
    """The checkpoint's fields (ms, and offsets), None when the file is missing or too short."""
    data = store.small_file("checkpoint")
    if data is None or len(data) < FIELDS.size:
        return None
    return dict(zip(CHECKPOINT_FIELDS, FIELDS.unpack_from(data), strict=True))


def read_config(store: StoreDirectory, name: str) -> Any:
    """A parsed configuration file, or its `.bak` as a broker would fall back to it; None when there is neither."""
    for candidate in (f"config/{name}", f"config/{name}.bak"):
        data = store.small_file(candidate)
        if data and data.strip(b"\0 \r\n\t"):
            try:
                return loads(data)
            except FastjsonError:
                continue
    return None


def multi_tag_topics(store: StoreDirectory) -> frozenset[str]:
    """The topics whose messages may have several tags."""
    content = read_config(store, "topics.json")
    table = content.get("topicConfigTable") if isinstance(content, dict) else None
    items = table.items() if isinstance(table, dict) else ()
    return frozenset(str(n) for n, c in items if isinstance(c, dict) and c.get("topicFilterType") == "MULTI_TAG")


class SmallFileCheck:
    """Run after the log and the queues were walked, since it compares with what they hold."""

    def __init__(self, store: StoreDirectory, report: Report) -> None:
        self.store = store
        self.report = report

    def run(self, *, live: bool = False) -> None:
        """Check everything but the checkpoint."""
        if self.store.small_file("abort") is not None and not live:
            self.report.add(
                "AB-PRESENT",
                "the broker did not stop cleanly; the next start recovers from the checkpoint",
                file="abort",
            )
        for name in CONFIGS:
            self._config(name)
        self._offsets()
        self._delay_offsets()

    def _config(self, name: str) -> None:
        path = f"config/{name}"
        current, backup = self.store.small_file(path), self.store.small_file(path + ".bak")
        if current is None:
            if backup is not None:
                self.report.add("CF-MISSING", f"{name} is not there, its .bak is", file=path)
            return
        problem = _broken(current)
        if problem == "empty":
            self.report.add(
                "CF-EMPTY", f"{name} has no content", file=path, length=len(current), backupUsable=_usable(backup)
            )
        elif problem:
            self.report.add("CF-BROKEN", f"{name} is broken: {problem}", file=path, backupUsable=_usable(backup))
        if backup is not None and (reason := _broken(backup)):
            self.report.add("CF-BACKUP", f"{name}.bak is of no use: {reason}", file=path + ".bak")
        elif backup is not None and backup != current:
            times = [StoreFile(self.store.root / p).modified_ms for p in (path, path + ".bak")]
            if times[1] > times[0] + 1000:
                self.report.add(
                    "CF-BAK-NEWER", f"{name}.bak is {(times[1] - times[0]) / 1000:.0f} s newer than "
                    f"{name}", file=path + ".bak",
                    modified=times[0], backupModified=times[1],
                )  # fmt: skip

    def _offsets(self) -> None:
        content = read_config(self.store, "consumerOffset.json")
        table = content.get("offsetTable") if isinstance(content, dict) else None
        topics = _names(read_config(self.store, "topics.json"), "topicConfigTable")
        groups = _names(read_config(self.store, "subscriptionGroup.json"), "subscriptionGroupTable")
        for key, queues in (table or {}).items():
            topic, _, group = str(key).partition("@")
            if topics is not None and topic not in topics and not is_system_topic(topic):
                self.report.add("OF-TOPIC", f"{group} has offsets of topic {topic}, which is not configured",
                                file="config/consumerOffset.json", topic=topic, group=group)  # fmt: skip
            if groups is not None and group and group not in groups and not group.startswith("CID_RMQ_SYS_"):
                self.report.add("OF-GROUP", f"group {group} has offsets but is not configured",
                                file="config/consumerOffset.json", topic=topic, group=group)  # fmt: skip
            if isinstance(queues, dict):
                for queue, offset in queues.items():
                    self._offset("config/consumerOffset.json", group, topic, queue, offset)
        if topics is not None:
            for topic in sorted({t for t, _ in self.store.queues if not is_system_topic(t)} - topics):
                self.report.add("TP-UNKNOWN", f"topic {topic} has queues on disk but is not configured",
                                file=f"consumequeue/{topic}", topic=topic)  # fmt: skip

    def _delay_offsets(self) -> None:
        content = read_config(self.store, "delayOffset.json")
        table = content.get("offsetTable") if isinstance(content, dict) else None
        for level, offset in (table or {}).items():
            if str(level).isdigit():
                self._offset("config/delayOffset.json", f"delay level {level}", SCHEDULE_TOPIC, int(level) - 1, offset)

    def _offset(self, file: str, who: str, topic: str, queue: Any, offset: Any) -> None:
        if not isinstance(offset, int) or not str(queue).lstrip("-").isdigit():
            self.report.add("CF-BROKEN", f"the offset of {who} in {topic} queue {queue} is {offset!r}", file=file)
            return
        if self.store.queues_in_rocksdb:
            return
        chain = self.store.queues.get((topic, int(queue)))
        low, high = 0, 0
        if chain is not None:
            low, high = chain.min_offset // CQ_UNIT_SIZE, used_units(chain)
        if offset > high or offset < 0:
            self.report.add(
                "OF-BEYOND", f"{who} is at {offset} of {topic} queue {queue}, which ends at "
                f"{high}", file=file, topic=topic,
                queue=int(queue), consumerOffset=offset, maxOffset=high,
            )  # fmt: skip
        elif offset < low:
            self.report.add(
                "OF-BELOW", f"{who} is at {offset} of {topic} queue {queue}, which begins at {low}", file=file,
                severity=Severity.INFO, topic=topic, queue=int(queue), consumerOffset=offset, minOffset=low,
            )  # fmt: skip


def used_units(chain: Any) -> int:
    """The max offset of a queue: one more than its last unit in use. Units are put in order, so bisection finds it."""
    low, high = chain.min_offset // CQ_UNIT_SIZE, chain.max_offset // CQ_UNIT_SIZE
    while low < high:
        middle = (low + high) // 2
        if chain.read(middle * CQ_UNIT_SIZE, CQ_UNIT_SIZE).strip(b"\0"):
            low = middle + 1
        else:
            high = middle
    return int(low)


def _names(content: Any, table: str) -> set[str] | None:
    inner = content.get(table) if isinstance(content, dict) else None
    return {str(name) for name in inner} if isinstance(inner, dict) else None


def _broken(data: bytes | None) -> str | None:
    """Why a configuration file's content is of no use, None when it is sound."""
    if data is None:
        return "missing"
    if not data.strip(b"\0 \r\n\t"):
        return "empty"
    try:
        value = loads(data)
    except FastjsonError as error:
        return str(error)
    return None if isinstance(value, dict) else "not an object"


def _usable(data: bytes | None) -> bool:
    return _broken(data) is None
