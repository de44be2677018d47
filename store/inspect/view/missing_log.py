"""Which files of a commitlog are missing, and how many messages of each queue led there: seen in names of files and by
bisection in queues, so that it is known long before a check has read the whole log."""

from __future__ import annotations

from typing import Final

import msgspec

from rocketmq_ops.store.inspect.reading.queue_units import units_in_log
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory

#: Missing files that are told of behind the last one, at most.
_MOST_BEHIND: Final = 1_000


class MissingLog(msgspec.Struct, frozen=True):
    """`files`: the offsets that the missing files begin at, between others and behind the last one where queues lead to
    them. `lost`: by topic and queue, how many units lead to bytes that no file has; queues without such are not in
    it. What is damaged within a file is the check's to find."""

    files: tuple[int, ...] = ()
    lost: dict[tuple[str, int], int] = {}


def missing_log(store: StoreDirectory, *, running: bool) -> MissingLog:
    """What is missing of a store's commitlog. What is before the first file has expired, and is not. While a broker is
    `running` its log goes on behind what was seen of it: then only what lies before the last file's end is. Raises
    RocketMQError when a file cannot be read."""
    log, size = store.commitlog, store.commitlog.file_size
    gaps = log.gaps() if size else []
    found = [base for start, end in gaps for base in range(start, end, size)]
    lost: dict[tuple[str, int], int] = {}
    behind: list[FileChain] = []
    for key, chain in store.queues.items():
        count = sum(_first(chain, stop) - _first(chain, start) for start, stop in (*gaps, *log.cut()))
        if not running:
            first, end = units_in_log(chain, log.max_offset)
            if end > first:
                count += end - first
                behind.append(chain)
        if count:
            lost[key] = count
    base = log.files[-1].base + size if log.files else 0
    while size and len(found) < _MOST_BEHIND and any(_first(each, base) < _first(each, base + size) for each in behind):
        found.append(base)  # in a row: a unit that leads far from there may be what is damaged
        base += size
    return MissingLog(tuple(found), lost)


def _first(chain: FileChain, offset: int) -> int:
    """The first unit that leads to this offset of the log or behind it."""
    return units_in_log(chain, offset)[0]
