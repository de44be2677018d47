"""What a start says about messages, offsets and keys that are lost or were missing: one line each, with the next step.

What lives here: the words. What does not: finding out (`recovery.py`, `message_store.py`), the broker's small files
(`broker/start_losses.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from rocketmq_ops.store.recovery import RecoveryReport

log = logging.getLogger(__name__)


def log_losses(report: RecoveryReport, root: str, *, index_lost: bool, checkpoint_lost: bool) -> None:
    """Log what recovery found; nothing when all is as it was left."""
    for line in _losses(report, root):
        log.error("%s", line)
    if report.clean and report.units_written:
        log.warning(
            "%d consumequeue units were missing in %s and were made anew from the commitlog", report.units_written, root
        )
    if index_lost:
        log.warning("files are missing in %s/index; the keys of what the commitlog holds are indexed anew", root)
    if checkpoint_lost and report.end_offset:
        log.warning("%s/checkpoint was missing or empty and is made anew", root)
    if not report.clean:
        log.warning(
            "the last broker on %s was not stopped cleanly: %d records were read again, %d units written, %d put right",
            root, report.records_read, report.units_written, report.units_repaired,
        )  # fmt: skip


def _losses(report: RecoveryReport, root: str) -> Iterator[str]:
    steps = (
        f"`mqadmin store check {root}` says what is missing; if it exists elsewhere (a backup, a disk that is not "
        f"mounted), stop this broker and put it back"
    )
    if report.units_orphaned:
        yield (
            f"the commitlog has no file, but the queues lead to {report.units_orphaned} messages in it: they are lost. "
            f"Queues go on at their ends, the commitlog at {report.end_offset}; {steps}"
        )
    if report.units_cut:
        yield (
            f"{report.units_cut} messages that queues lead to are not in the commitlog, which ends at "
            f"{report.end_offset}: they are lost, and the queues are shorter by them; {steps}"
        )
    if report.units_lost:
        yield f"{report.units_lost} queue offsets have no message any more; {steps}"
    for damage in report.damaged:
        yield (
            f"bytes {damage.offset} to {damage.end} of the commitlog hold no valid record ({damage.reason}); "
            f"`mqadmin store salvage {root} NEW` copies the rest into a new store"
        )
