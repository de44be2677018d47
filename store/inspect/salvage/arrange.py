"""Puts the files of a damaged commitlog where their records say that they belong, before anything is read in order.

Undoes swapped and misnamed files, and lists what of the files is outside the log. Nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Final

import numpy as np

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.resync import next_record
from rocketmq_ops.store.inspect.reading.scan import Block, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.salvage.proof import Ignored

MAX_MISSING: Final = 10_000  # files in one gap: more is a file whose name went wrong


@dataclass(slots=True)
class Arranged:
    """The files in order, each at the offset its records name and at most `size` bytes long; and what was left out."""

    chain: FileChain
    size: int
    ignored: list[Ignored] = field(default_factory=list)


class ArrangedStore(StoreDirectory):
    """A store whose commitlog is read in its arranged order."""

    def __init__(self, store: StoreDirectory, chain: FileChain) -> None:
        super().__init__(store.root, store.commitlog_path)
        self._chain = chain

    @cached_property
    def commitlog(self) -> FileChain:
        """The arranged chain."""
        return self._chain


def arrange(chain: FileChain, size: int | None = None) -> Arranged:
    """The chain as its records have it; `size` is mappedFileSizeCommitLog when it is known, else the files show it.

    Raises RocketMQError when the files lie so far apart that one of them must carry a wrong name.
    """
    size = size or chain.file_size
    files, ignored = _place(chain)
    if files and size > 0:
        files, more = _fit(files, size)
        ignored += more
    for before, after in pairwise(files):
        if after.base - before.base > MAX_MISSING * size:
            raise RocketMQError(
                f"{(after.base - before.base) // size} commitlog files are missing between {before.path.name} and "
                f"{after.path.name}",
                "move the file with the wrong name out of the directory (of a copy of the store)",
            )
    return Arranged(FileChain(chain.directory, files), size, ignored)


def _place(chain: FileChain) -> tuple[list[StoreFile], list[Ignored]]:
    """Every file at the offset its records name, where that place is free; names that are taken lose to records."""
    placed: dict[int, StoreFile] = {}
    waiting: list[StoreFile] = []
    for file in chain.files:
        shift = _shift(file)
        base = file.base + (shift or 0)
        if shift is None or base < 0 or base in placed:
            waiting.append(file)
        else:
            placed[base] = StoreFile(file.path, base)
    ignored = []
    for file in waiting:
        if file.base in placed:
            ignored.append(Ignored(file=file.path.name, position=0, size=file.size, reason="place-taken"))
        else:
            placed[file.base] = StoreFile(file.path, file.base)
    return [placed[base] for base in sorted(placed)], ignored


def _fit(files: list[StoreFile], size: int) -> tuple[list[StoreFile], list[Ignored]]:
    """Only the files on the grid of most of them, none longer than `size`."""
    remainders = [f.base % size for f in files]
    grid = max(set(remainders), key=remainders.count)
    kept, ignored = [], []
    for file in files:
        if file.base % size != grid:
            ignored.append(Ignored(file=file.path.name, position=0, size=file.size, reason="name"))
            continue
        if file.size > size:
            ignored.append(Ignored(file=file.path.name, position=size, size=file.size - size, reason="past-file-size"))
            file.size = size
        kept.append(file)
    while len(kept) > 1 and next_record(kept[0], 0) is None and kept[1].base - kept[0].base > size:
        ignored.append(Ignored(file=kept[0].path.name, position=0, size=kept[0].size, reason="no-records"))
        del kept[0]
    return kept, ignored


def _shift(file: StoreFile) -> int | None:
    """By how much most records at the start of a file are off their place: 0 for none, None without a record."""
    at = next_record(file, 0, any_offset=True)
    if at is None:
        return None
    for item in walk_file(file, at, crc=False):
        if isinstance(item, Block):
            shifts = item.head["physical_offset"].astype(np.int64) - item.offsets
            values, counts = np.unique(shifts, return_counts=True)
            best = int(values[np.argmax(counts)])
            return best if int(counts.max()) * 2 > item.count else 0
        break
    return 0
