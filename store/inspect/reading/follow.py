"""Follows the commitlog of a live store: gives new records as they appear, in order, each once.

A broker writes a record piece by piece into a mapping, so the newest record may be seen half-written. It is given only
when a later look finds it whole and unchanged, or another record after it; bytes that stay no record are reported and
passed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.blocks import Broken, OnBroken
from rocketmq_ops.store.inspect.reading.resync import next_record
from rocketmq_ops.store.inspect.reading.scan import Block, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile, read_chain

POLL_SECONDS = 0.1
PATIENCE = 20  # looks at bytes that are not a record before they are taken for damage
FOLLOW_WINDOW = 1 << 18


class Follower:
    """`blocks()` never ends by itself; `stop` is asked at each pause. `pause` waits for a number of seconds."""

    def __init__(
        self,
        store: StoreDirectory,
        start: int,
        on_broken: OnBroken,
        *,
        stop: Callable[[], bool] = lambda: False,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._directory = store.commitlog_path
        self._at = start
        self._on_broken = on_broken
        self._stop = stop
        self._pause = pause
        self._unsettled: tuple[int, bytes] | None = None

    def blocks(self) -> Iterator[Block]:
        """Blocks of new records from the start offset (of a record, or of the end of the log) on."""
        chain = read_chain(self._directory)
        looks = 0
        while True:
            progress = False
            for block in self._new(chain):
                progress, looks = True, 0
                yield block
            if self._stop():
                return
            if progress:
                continue
            looks += 1
            self._pause(POLL_SECONDS)
            if looks % PATIENCE == 0:
                self._get_past(chain)
            fresh = read_chain(self._directory)
            if [f.base for f in fresh.files] != [f.base for f in chain.files]:
                chain.close()
                chain = fresh
                if chain.files and self._at < chain.min_offset:
                    self._on_broken(
                        Broken(self._at, chain.min_offset - self._at, "missing", "deleted before it was read")
                    )
                    self._at = chain.min_offset

    def _new(self, chain: FileChain) -> Iterator[Block]:
        for file in chain.files:
            if file.end <= self._at:
                continue
            if file.base > self._at:
                return
            yield from self._of_file(file)
            if self._at < file.end:
                return

    def _of_file(self, file: StoreFile) -> Iterator[Block]:
        for item in walk_file(file, self._at - file.base, window=FOLLOW_WINDOW):
            if isinstance(item, Stop):
                if item.kind in ("blank", "full"):
                    self._at = file.end
                return
            block = self._settled(item)
            if block is None:
                return
            self._at = int(block.offsets[-1] + block.head["size"][-1])
            yield block
            if block is not item:
                return

    def _settled(self, block: Block) -> Block | None:
        """The block without what may still be being written: a last record that was not seen with the same bytes
        before, and what follows one whose body does not match its CRC."""
        keep = block.count
        if block.crc_ok is not None and not bool(block.crc_ok.all()):
            keep = int(block.crc_ok.argmin()) + 1
        last = (int(block.offsets[keep - 1]), block.record(keep - 1))
        sound = block.crc_ok is None or bool(block.crc_ok[keep - 1])
        if keep < block.count and sound:
            return block.part(slice(0, keep))
        if self._unsettled == last and sound:
            return block.part(slice(0, keep)) if keep < block.count else block
        self._unsettled = last
        return block.part(slice(0, keep - 1)) if keep > 1 else None

    def _get_past(self, chain: FileChain) -> None:
        """What stayed no record although records follow is damage: report it and go on behind it."""
        place = chain.at(self._at)
        if place is None:
            return
        file, position = place
        item = next(walk_file(file, position, window=FOLLOW_WINDOW))
        if isinstance(item, Block):
            if item.crc_ok is not None and not bool(item.crc_ok[0]):
                size = int(item.head["size"][0])
                self._on_broken(Broken(self._at, size, "crc", "the body does not match its CRC"))
                self._at += size
            return
        if item.kind == "zero":
            return
        found = next_record(file, position + 1)
        if found is not None:
            self._on_broken(Broken(self._at, file.base + found - self._at, "no-record", item.detail or item.kind))
            self._at = file.base + found


def end_of_log(chain: FileChain) -> tuple[int, int]:
    """Where the last readable record begins, and where it ends. Raises RocketMQError when there is no commitlog.

    The files are written in order, so the last one that begins with a record holds the end.
    """
    if not chain.files:
        raise RocketMQError(f"{chain.directory} holds no commitlog files", "name the broker's storePathRootDir")
    for file in reversed(chain.files):
        last, end = file.base, file.base
        for item in walk_file(file, 0, crc=False, window=FOLLOW_WINDOW):
            if isinstance(item, Stop):
                if item.kind in ("blank", "full"):
                    end = file.end
            else:
                last = int(item.offsets[-1])
                end = last + int(item.head["size"][-1])
        if end > file.base:
            return last, end
    return chain.min_offset, chain.min_offset
