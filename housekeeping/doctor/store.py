"""Rules about a store directory of this machine. What is damaged inside is `mqadmin store check`'s."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from rocketmq_ops.common.errors import some_of
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Hit

_NEEDS: Final = (Part.STORE,)
#: By how much a clock may be off without being worth a word.
_FUTURE_MS: Final = 60_000
_SHOWN: Final = 5
#: Used share of the disk: from where Apache deletes unexpired files, and refuses sends.
_FORCE, _REFUSE = 0.85, 0.90


@rule(
    "store.deleted-under-broker",
    Severity.CRITICAL,
    "A running process maps files of the store that were deleted: it writes into them, and all is gone when it stops.",
    needs=_NEEDS,
    remedy="do not stop it; copy the file from /proc/PID/map_files first, and have consumers catch up",
    false_alarms="Files that the broker itself has just expired: then only the oldest, and only for a minute.",
)
def deleted_under_broker(facts: Facts) -> Iterator[Hit]:
    by_pid: dict[int, list[str]] = {}
    for pid, path in facts.store.deleted if facts.store is not None else ():
        by_pid.setdefault(pid, []).append(path)
    for pid, paths in by_pid.items():
        shown = some_of(paths, _SHOWN)
        yield Hit(f"process {pid}", f"maps deleted files: {shown}")


@rule(
    "store.file-from-future",
    Severity.WARNING,
    "A commitlog file was changed at a time that has not come: the clock was stepped back, and it will not expire.",
    needs=_NEEDS,
    remedy="check the time source; `touch` the file only while the broker is stopped",
    false_alarms="The store was copied from a machine whose clock is ahead.",
)
def file_from_future(facts: Facts) -> Iterator[Hit]:
    for file in facts.store.files if facts.store is not None else ():
        ahead = file.changed_ms - facts.taken_at
        if ahead > _FUTURE_MS:
            yield Hit(file.name, f"changed {ahead // 1000} s in the future")


@rule(
    "store.times-run-backwards",
    Severity.WARNING,
    "A commitlog file begins with an earlier store time than the one before: the clock was stepped back in between.",
    needs=_NEEDS,
    remedy="searches and resets by time are unreliable across it; `mqadmin store check --only commitlog` has the place",
)
def times_run_backwards(facts: Facts) -> Iterator[Hit]:
    files = [file for file in facts.store.files if file.first_ms is not None] if facts.store is not None else []
    for before, after in pairwise(files):
        assert before.first_ms is not None and after.first_ms is not None
        if after.first_ms < before.first_ms:
            evidence = f"begins {before.first_ms - after.first_ms} ms before {before.name} does"
            yield Hit(after.name, evidence)


@rule(
    "store.unclean",
    Severity.WARNING,
    "The file `abort` is there and no process uses the store: its broker did not stop cleanly.",
    needs=_NEEDS,
    remedy="`mqadmin store predict DIR` says what the next start will do, `mqadmin store check DIR` what is damaged",
    false_alarms="The broker runs as another user, whose processes cannot be seen.",
)
def unclean(facts: Facts) -> Iterator[Hit]:
    if facts.store is not None and facts.store.abort and not facts.store.used:
        yield Hit(facts.store.path, "abort is there, and no process holds the store's lock or maps its files")


@rule(
    "store.disk-nearly-full",
    Severity.CRITICAL,
    "The store's disk is at the mark at which Apache's broker deletes unexpired files, or refuses messages.",
    needs=_NEEDS,
    remedy="make room, lower fileReservedTime, or add disk",
)
def disk_nearly_full(facts: Facts) -> Iterator[Hit]:
    store = facts.store
    if store is None or not store.total:
        return
    used = 1 - store.free / store.total
    if used >= _FORCE:
        then = "sends are refused" if used >= _REFUSE else "unexpired files are deleted"
        yield Hit(store.path, f"{used:.1%} used, {store.free} bytes free: {then}")
