"""Reports messages that wait in the timer store of a 5.x broker, a timer store that is ahead of the commitlog, and one
in RocksDB."""

from __future__ import annotations

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC, has_timeline
from rocketmq_ops.store.inspect.check.findings import Report, Severity
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.reading.timers import read_timers
from rocketmq_ops.store.layout.timer import CHECKPOINT


def check_timers(store: StoreDirectory, report: Report, log_end: int) -> None:
    """Report messages that wait in the timer store, and one that is ahead of the commitlog."""
    timers = read_timers(store, log_end)
    if timers is None:
        return
    if has_timeline(store.small_file):
        report.add(
            "TM-ROCKSDB", f"timers of this store were kept in RocksDB; those before offset {timers.offset} of "
            f"{TIMER_TOPIC} that still wait there are not counted here", file="rocksdbstore", position=timers.offset,
        )  # fmt: skip
    if timers.ahead:
        report.add(
            "TM-AHEAD", f"the timer store continues at {timers.offset} of {TIMER_TOPIC}, of which the commitlog has "
            f"messages up to {timers.end}", file="config/timercheck", position=CHECKPOINT.at["last_timer_queue_offset"],
            actual=timers.offset, maxOffset=timers.end,
        )  # fmt: skip
    pending = timers.waiting + timers.queued
    if pending:
        report.add(
            "TM-PENDING", f"{plural(pending, 'timer message waits', 'timer messages wait')} for the delivery time",
            file="config/timercheck",
            severity=Severity.WARNING, messages=pending, until=timers.until,
        )  # fmt: skip
