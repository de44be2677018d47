"""Checks abort and the configuration files, and what consumer and delay offsets say of the queues."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final, NamedTuple

from rocketmq_ops.common.fastjson import FastjsonError, loads
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, is_system_topic, split_topic_group
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.predict.reach import Reach, barely_began, log_queues
from rocketmq_ops.store.inspect.reading.batch_queues import batch_bounds
from rocketmq_ops.store.inspect.reading.broker_config import (
    CONFIGS,
    TABLES,
    Loaded,
    in_rocksdb,
    load_table,
    read_config,
)
from rocketmq_ops.store.inspect.reading.queue_units import units_in_log, used_units
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE

# File -> what becomes of messages when a broker starts without it, and how bad that is.
LOSSES: Final = {
    "topics.json": ("out of reach until their topics are configured again", Severity.CRITICAL),
    "consumerOffset.json": (
        "skipped or delivered again, since the offsets of the consumer groups are lost", Severity.CRITICAL,
    ),
    "delayOffset.json": ("delivered again, since the delay levels begin at their start", Severity.ERROR),
}  # fmt: skip


class Stake(NamedTuple):
    """How many messages depend on a file, what becomes of them, and how bad that is."""

    messages: int = 0
    consequence: str = ""
    severity: Severity = Severity.INFO

    def __str__(self) -> str:
        return f"{plural(self.messages, 'message', 'messages')} may be {self.consequence}"


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
        stakes = {} if live else self._stakes()  # a running broker has it all in memory, and writes it
        for name in CONFIGS:
            self._config(name, stakes.get(name, Stake()))
        self._topics()
        self._offsets()
        self._delay_offsets()

    def _stakes(self) -> dict[str, Stake]:
        """What depends on a configuration file that a broker would start without, by the file's name."""
        store, stakes = self.store, {}
        if in_rocksdb(store):
            return {}
        positions_due = not barely_began(store)
        for name, (consequence, severity) in LOSSES.items():
            loaded = self._loaded[name]
            if loaded.table is not None or loaded.refused or (name != "topics.json" and not positions_due):
                continue
            messages = sum(
                high - low
                for (topic, _), (low, high) in self._held.items()
                if (topic == SCHEDULE_TOPIC if name == "delayOffset.json" else not is_system_topic(topic))
            )
            if messages:
                stakes[name] = Stake(messages, consequence, severity)
        return stakes

    @cached_property
    def _loaded(self) -> dict[str, Loaded]:
        """What Apache's 5.x would load."""
        return {name: load_table(self.store, name, "5.3") for name in TABLES}

    @cached_property
    def _held(self) -> dict[tuple[str, int], tuple[int, int]]:
        """The queue offsets [low, high) of the messages of each queue, by its units, else by the log."""
        start = self.store.commitlog.min_offset
        if self.store.queues or not self.store.commitlog.files:
            held = {key: units_in_log(chain, start) for key, chain in self.store.queues.items()}
            return held | {key: batch_bounds(chain, start) for key, chain in self.store.batch_queues.items()}
        return {key: (0, queue.count) for key, queue in log_queues(self.store).items()}

    def _config(self, name: str, stake: Stake) -> None:
        path = f"config/{name}"
        current, backup = self.store.small_file(path), self.store.small_file(path + ".bak")
        if current is None and stake.messages:
            why = "missing" if backup is None else "missing, and its .bak is unusable"
            self.report.add("CF-GONE", f"{name} is {why}: {stake}", file=path, severity=stake.severity)
        elif current is None and backup is not None:
            self.report.add("CF-MISSING", f"{name} is missing, its .bak is there", file=path)
        if current is None:
            return
        problem = _broken(current)
        if problem is None and name in TABLES and self._loaded[name].file != name:
            problem = f"{TABLES[name]} is {self._loaded[name].why}"
        if problem is None and name in TABLES and self._loaded[name].table is None:
            problem = f"{TABLES[name]} is missing"
        after = f": {stake}" if stake.messages else ""
        severity = stake.severity if stake.messages else None
        if name in TABLES and self._loaded[name].refused:
            severity, after = Severity.CRITICAL, ", and its .bak too: Apache's brokers refuse to start"
        if problem == "empty":
            self.report.add(
                "CF-EMPTY", f"{name} is empty{after}", file=path, length=len(current),
                backupUsable=_usable(backup), severity=severity,
            )  # fmt: skip
        elif problem:
            self.report.add(
                "CF-BROKEN", f"{name} is broken: {problem}{after}", file=path, backupUsable=_usable(backup),
                severity=severity,
            )  # fmt: skip
        if backup is not None and (reason := _broken(backup)):
            self.report.add("CF-BACKUP", f"{name}.bak is unusable: {reason}", file=path + ".bak")
        elif backup is not None and backup != current:
            times = [StoreFile(self.store.root / p).modified_ms for p in (path, path + ".bak")]
            if times[1] > times[0] + 1000:
                self.report.add(
                    "CF-BAK-NEWER", f"{name}.bak is {(times[1] - times[0]) / 1000:.0f} s newer than "
                    f"{name}", file=path + ".bak",
                    modified=times[0], backupModified=times[1],
                )  # fmt: skip

    def _offsets(self) -> None:
        table = self._loaded["consumerOffset.json"].table
        topics = self._configured
        groups = _names(read_config(self.store, "subscriptionGroup.json"), "subscriptionGroupTable")
        for key, queues in (table or {}).items():
            topic, group = split_topic_group(str(key))
            if topics is not None and topic not in topics and not is_system_topic(topic):
                self.report.add("OF-TOPIC", f"group {group} has offsets of topic {topic}, which is not configured",
                                file="config/consumerOffset.json", topic=topic, group=group)  # fmt: skip
            if groups is not None and group and group not in groups and not group.startswith("CID_RMQ_SYS_"):
                self.report.add("OF-GROUP", f"group {group} has offsets but is not configured",
                                file="config/consumerOffset.json", topic=topic, group=group)  # fmt: skip
            if isinstance(queues, dict):
                for queue, offset in queues.items():
                    self._offset("config/consumerOffset.json", group, topic, queue, offset)

    @property
    def _configured(self) -> set[str] | None:
        table = self._loaded["topics.json"].table
        return None if table is None or in_rocksdb(self.store) else {str(name) for name in table}

    def _topics(self) -> None:
        """Queues that hold messages of topics, or under numbers, that topics.json does not have."""
        topics = self._configured
        if topics is None:
            return
        entries = [
            self._loaded[name].entries for name in ("topics.json", "consumerOffset.json", "subscriptionGroup.json")
        ]
        reach = Reach(*entries)
        by_topic: dict[str, dict[int, int]] = {}
        for (topic, number), (low, high) in self._held.items():
            beyond = reach.out_of_reach(topic, number, low, high)
            by_topic.setdefault(topic, {})
            if beyond:
                by_topic[topic][number] = beyond
        for topic, queues in sorted(by_topic.items()):
            count = sum(queues.values())
            if topic not in topics and not is_system_topic(topic):
                holds = f": {plural(count, 'message is', 'messages are')} out of reach" if count else ""
                self.report.add(
                    "TP-UNKNOWN", f"topic {topic} has queues on disk but is not configured{holds}",
                    file=f"consumequeue/{topic}", topic=topic, severity=Severity.CRITICAL if count else None,
                )  # fmt: skip
            elif queues:
                self.report.add(
                    "TP-QUEUES",
                    f"topic {topic} has {plural(reach.read_queues(topic), 'read queue', 'read queues')}, but "
                    f"{plural(count, 'message lies', 'messages lie')} in queue {', '.join(map(str, sorted(queues)))}",
                    file="config/topics.json", topic=topic,
                    messages=count,
                )  # fmt: skip

    def _delay_offsets(self) -> None:
        table = self._loaded["delayOffset.json"].table
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
        elif (batches := self.store.batch_queues.get((topic, int(queue)))) is not None:
            low, high = batch_bounds(batches)
        if offset > high or offset < 0:
            self.report.add(
                "OF-BEYOND", f"{who} is at offset {offset} of {topic} queue {queue}, which ends at "
                f"{high}", file=file, topic=topic,
                queue=int(queue), consumerOffset=offset, maxOffset=high,
            )  # fmt: skip
        elif offset < low:
            self.report.add(
                "OF-BELOW", f"{who} is at offset {offset} of {topic} queue {queue}, which begins at {low}", file=file,
                severity=Severity.INFO, topic=topic, queue=int(queue), consumerOffset=offset, minOffset=low,
            )  # fmt: skip


def _names(content: Any, table: str) -> set[str] | None:
    inner = content.get(table) if isinstance(content, dict) else None
    return {str(name) for name in inner} if isinstance(inner, dict) else None


def _broken(data: bytes | None) -> str | None:
    """Why the content of a configuration file is unusable, None when it is usable."""
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
