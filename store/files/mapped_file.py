"""One file of a `MappedFileQueue`: its place in the row, how far it is written, reserved and flushed.

What lives here: positions of a single file and its blocks on disk (mirrors DefaultMappedFile). What does not:
the row of files (`mapped_file_queue.py`) and the meaning of the bytes.
"""

from __future__ import annotations

from rocketmq_ops.store.files.filesystem import StoreFile

_PAGE = 4096


class MappedFile:
    """A file of fixed length whose first byte has the offset `base` in its row.

    Positions count bytes from the start of the file: [0, wrote) holds data, [0, flushed) is durable and up to
    `reserved` there are disk blocks for more, up to `ready` in memory.
    """

    __slots__ = (
        "_filled", "base", "file", "flushed", "last_timestamp", "name_durable", "ready", "reserved", "size", "view",
        "wrote",
    )  # fmt: skip

    def __init__(self, file: StoreFile, base: int, *, wrote: int, name_durable: bool) -> None:
        self.file = file
        self.base = base
        self.size = file.size
        self.view = file.view
        self.wrote = wrote
        self.flushed = wrote
        self.reserved = wrote
        self.ready = wrote
        #: False until the folder was synced after the file was created.
        self.name_durable = name_durable
        #: ms of the last message appended in this run, 0 if none.
        self.last_timestamp = 0
        #: Up to here every byte has its block, -1 before anybody asked.
        self._filled = -1

    @property
    def path(self) -> str:
        return self.file.path

    @property
    def end(self) -> int:
        """Offset in the row just after the data."""
        return self.base + self.wrote

    def reserve(self, need: int, step: int) -> None:
        """Get disk blocks up to the position `need` at least, up to the next multiple of `step` if there is room.

        Raises OSError (ENOSPC, EDQUOT) if `need` cannot be had; then nothing has changed."""
        if need <= self.reserved:
            return
        ahead = min(self.size, -(-need // step) * step)
        try:
            self.file.reserve(self.reserved, ahead)
        except OSError:
            ahead = min(self.size, -(-need // _PAGE) * _PAGE)
            self.file.reserve(self.reserved, ahead)
        self.reserved = ahead

    @property
    def filled(self) -> int:
        """For a loaded file: the bytes below may be read through `view`. Raises OSError."""
        if self._filled < 0:
            self._filled = self.file.hole_from(0)
        return self._filled

    def readable(self, start: int, end: int) -> bool:
        """Whether the bytes [start, end), which are few, can be read through `view`, as they could not from a hole.

        False: they are all zero, or not all in the file. A hole that has some of them gets its blocks. Raises OSError
        (ENOSPC)."""
        if end <= self.filled:
            return True
        if end > self.size or not any(self.file.read(start, end - start)):
            return False
        self.file.reserve(self._filled, end)
        self._filled = max(end, self.file.hole_from(end))
        return True

    def prefault(self, need: int, step: int) -> None:
        """Have the pages in memory up to the position `need`, up to the next multiple of `step` if reserved."""
        ahead = max(need, min(self.reserved, -(-need // step) * step))
        self.file.prefault(max(self.ready, self.wrote), ahead)
        self.ready = ahead

    def cut(self, position: int) -> None:
        """Forget the data from `position` on and zero it on disk, so that it can never be taken for data again."""
        self.file.clear_from(position)
        self.wrote = position
        self.flushed = min(self.flushed, position)
        self.reserved = self.ready = position
        self._filled = -1

    def dirty_again(self) -> None:
        """Touch every page that is not known to be durable, so that the next sync writes it once more.

        After a failed sync the kernel may count the pages as clean although they never reached the disk."""
        view = self.view
        for position in range(self.flushed - self.flushed % _PAGE, self.wrote, _PAGE):
            view[position] = view[position]
