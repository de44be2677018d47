"""Runs the checks of a store in one pass over its log, with progress, a time limit and a place to resume from."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from typing import Final

import msgspec

from rocketmq_ops.store.inspect.check.batch_queues import BatchQueueCheck
from rocketmq_ops.store.inspect.check.checkpoint import CheckpointCheck
from rocketmq_ops.store.inspect.check.commitlog import CommitLogCheck
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.check.index import IndexCheck
from rocketmq_ops.store.inspect.check.keys import KeyCheck
from rocketmq_ops.store.inspect.check.queues import QueueCheck
from rocketmq_ops.store.inspect.check.records import RecordCheck
from rocketmq_ops.store.inspect.check.small_files import SmallFileCheck
from rocketmq_ops.store.inspect.check.timers import check_timers
from rocketmq_ops.store.inspect.check.unknown_names import check_unknown
from rocketmq_ops.store.inspect.predict.prediction import DEFAULT_RESERVED_HOURS
from rocketmq_ops.store.inspect.predict.reach import HOUR_MS, Reach, gone_in_front
from rocketmq_ops.store.inspect.reading.batch_queues import batch_topics
from rocketmq_ops.store.inspect.reading.broker_config import load_table, multi_tag_topics
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchDeriver
from rocketmq_ops.store.inspect.reading.dledger import dledger_log
from rocketmq_ops.store.inspect.reading.running import running_broker
from rocketmq_ops.store.inspect.reading.scan import first_store_time
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

PARTS: Final = ("commitlog", "records", "consumequeue", "index", "files")


class CheckOptions(msgspec.Struct, kw_only=True):
    """What to check. `start` is the commitlog offset of a record to begin at; `max_seconds` stops the walk early;
    `live` says that a broker is running on the store, so that what is not dispatched yet is not reported; it is assumed
    where a process holds the broker's lock."""

    parts: tuple[str, ...] = PARTS
    crc: bool = True
    start: int = 0
    max_seconds: float | None = None
    live: bool = False
    reserved_hours: int = DEFAULT_RESERVED_HOURS
    delay_levels: list[int] | None = None
    file_size: int | None = None
    max_hash_slot_num: int | None = None
    max_index_num: int | None = None


class CheckResult(msgspec.Struct, kw_only=True):
    """`resume_at` is the offset to go on from when the time limit ended the walk, else None; `end_offset` where the
    readable log ends. `corrections` are what units say of records that say otherwise (see QueueCheck)."""

    report: Report
    log: CommitLogCheck
    end_offset: int
    resume_at: int | None
    seconds: float
    corrections: dict[int, tuple[str, int, int]] = {}


def check_store(
    store: StoreDirectory, options: CheckOptions | None = None, progress: Callable[[int], None] | None = None
) -> CheckResult:
    """Check a store directory. Nothing is written. Raises RocketMQError when a file cannot be read."""
    options = options or CheckOptions()
    started = time.monotonic()
    deadline = None if options.max_seconds is None else started + options.max_seconds
    report = Report()
    running = None if options.live else running_broker(store)
    if running is not None:
        options = msgspec.structs.replace(options, live=True)
        report.add(
            "AB-RUNNING", f"a broker is running: {running.holder} holds the lock; checked as with --live", file="lock",
            pid=running.pid,
        )  # fmt: skip
    log = CommitLogCheck(
        store.commitlog, report, crc=options.crc, reserved_hours=options.reserved_hours, live=options.live,
        file_size=options.file_size, due_in_front=lambda times: _due_in_front(store, options.reserved_hours, times),
    )  # fmt: skip
    parts = options.parts
    if (ledger := dledger_log(store)) is not None:
        report.add("CL-DLEDGER", f"the messages are in the log of a DLedger group, {ledger}", file=ledger)
        if not store.commitlog.files:
            parts = tuple(part for part in parts if part == "files")
    queues = batches = None
    if "consumequeue" in parts and store.queues_in_rocksdb:
        report.add("CQ-ROCKSDB", "the queues are in a RocksDB database and were not checked", file="consumequeue")
    elif "consumequeue" in parts:
        queues = QueueCheck(store, report, live=options.live, dispatch_from=_crash_start(store, live=options.live))
        if topics := batch_topics(store):
            batches = BatchQueueCheck(store, report, topics, live=options.live)
    keys = None
    if "index" in parts:
        index = IndexCheck(
            store, report, slots=options.max_hash_slot_num, entries=options.max_index_num, live=options.live
        )
        keys = KeyCheck(report, index.files(), log.damages, start=options.start, log_start=store.commitlog.min_offset)
    records = RecordCheck(report, multi_tag_topics(store)) if "records" in parts else None
    checkpoint = CheckpointCheck(store, report) if "files" in parts and ledger is None else None
    resume_at = None
    deriver = DispatchDeriver(options.delay_levels)
    for block in log.blocks(options.start, progress):
        if records or queues or keys:
            dispatch = deriver.derive(block)
            if records:
                records.block(block, dispatch)
            if queues:
                queues.block(block, dispatch)
            if batches:
                batches.block(block, dispatch)
            if keys:
                keys.block(block, dispatch)
        if checkpoint:
            checkpoint.block(block)
        if deadline is not None and time.monotonic() > deadline:
            resume_at = log.end_offset
            break
    # Units and entries that no record confirmed can only be judged once every record was seen.
    if resume_at is None and options.start <= store.commitlog.min_offset:
        if queues:
            queues.finish(store.commitlog.min_offset, log.end_offset, log.damages)
        if batches:
            batches.finish(store.commitlog.min_offset, log.end_offset, log.damages)
        if keys:
            keys.finish(log.end_offset, live=options.live)
        if checkpoint:
            checkpoint.finish(log, live=options.live)
        if "files" in parts:
            SmallFileCheck(store, report).run(live=options.live)
            check_timers(store, report, log.end_offset)
            check_unknown(store, report)
    return CheckResult(
        report=report, log=log, end_offset=log.end_offset, resume_at=resume_at, seconds=time.monotonic() - started,
        corrections=queues.corrections if queues else {},
    )  # fmt: skip


def _crash_start(store: StoreDirectory, *, live: bool) -> Callable[[], int] | None:
    """The `dispatch_from` of `QueueCheck`: where the start after an unclean stop begins; None after a clean one."""
    if live or not (store.root / "abort").exists():
        return None
    from rocketmq_ops.store.inspect.predict.apache import start_after_crash  # only for such a store

    return cache(lambda: start_after_crash(store))


def _due_in_front(store: StoreDirectory, reserved_hours: int, times: tuple[int, int]) -> int:
    """How many messages before the log's first file were not yet consumed or delivered."""
    offsets, delays = (load_table(store, name, "5.3") for name in ("consumerOffset.json", "delayOffset.json"))
    reach = Reach({}, offsets.entries, {}, delays.table)
    return sum(gone_in_front(store, reach, reserved_hours * HOUR_MS, times).values())


def start_of(store: StoreDirectory, since_ms: int) -> int:
    """The offset of the first record of the last file that begins at or before `since_ms` (store time in ms)."""
    start = store.commitlog.min_offset
    for file in store.commitlog.files:
        first = first_store_time(file)
        if first is not None and first <= since_ms:
            start = file.base
    return start
