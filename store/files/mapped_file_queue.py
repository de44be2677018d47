"""A row of mapped files of equal length, named by the offset of their first byte (mirrors MappedFileQueue).

What lives here: loading the files of a folder, finding the file of an offset, creating the next one, cutting
the row at an offset, removing files at its head, and flushing. What does not: what is written into the files.
"""

from __future__ import annotations

import logging

from rocketmq_ops.store.errors import FileLengthError, ForeignFileError, MissingFileError
from rocketmq_ops.store.files.filesystem import FileSystem, StoreFile
from rocketmq_ops.store.files.mapped_file import MappedFile

log = logging.getLogger(__name__)


def file_name(offset: int) -> str:
    """The name of the file that begins at an offset: 20 digits."""
    return f"{offset:020d}"


class MappedFileQueue:
    """The files of one folder, in order. Offsets are bytes from the row's (perhaps long deleted) beginning."""

    __slots__ = ("file_size", "files", "flushed_where", "folder", "folders", "fs", "size_key")

    def __init__(self, fs: FileSystem, folder: str, file_size: int, size_key: str, parents: int) -> None:
        self.fs = fs
        self.folder = folder
        #: The folder and as many of its parents as may be new together with a file in it.
        self.folders = [folder]
        for _ in range(parents):
            self.folders.append(self.folders[-1].rpartition("/")[0])
        self.file_size = file_size
        #: Configuration key of `file_size`, for error messages.
        self.size_key = size_key
        self.files: list[MappedFile] = []
        #: All bytes below this offset are durable.
        self.flushed_where = 0

    # -- loading and creating

    def load(self) -> None:
        """Map the files of the folder; all count as full until recovery has looked into them.

        As by MappedFileQueue.load folders are passed over, a last file of length 0 is removed, whatever its name, as
        after a crash right behind its creation, and a foreign file ends the start; so it does here when it has
        the right length and another number for a name, which Apache's broker takes for a file. Raises
        MissingFileError, FileLengthError, ForeignFileError."""
        names = self.fs.list_dir(self.folder)
        before = ""
        for index, name in enumerate(names):
            path = f"{self.folder}/{name}"
            ours = len(name) == 20 and name.isascii() and name.isdigit()
            length = self.fs.size_of(path) if ours else -1
            if length != self.file_size:
                if self.fs.is_dir(path):
                    continue
                if index == len(names) - 1 and self.fs.size_of(path) == 0:
                    log.warning("%s has length 0, removed", path)
                    self.fs.remove(path)
                    continue
                if not ours:
                    raise ForeignFileError(path)
                raise FileLengthError(path, length, self.file_size, self.size_key)
            base = int(name)
            if self.files and self.files[-1].base + self.file_size != base:
                expected = self.files[-1].base + self.file_size
                missing = f"{self.folder}/{file_name(expected)}"
                raise MissingFileError(missing, before, name)
            before = name
            file = self.fs.open(path, self.file_size, create=False)
            self.files.append(MappedFile(file, base, wrote=self.file_size, name_durable=True))
        self.flushed_where = self.max_offset

    def create_next(self, start_offset: int = 0) -> MappedFile:
        """Append the next file to the row; in an empty row the one that holds `start_offset`. Raises OSError."""
        base = self.files[-1].base + self.file_size if self.files else start_offset - start_offset % self.file_size
        file: StoreFile = self.fs.open(f"{self.folder}/{file_name(base)}", self.file_size, create=True)
        mapped = MappedFile(file, base, wrote=0, name_durable=False)
        if not self.files:
            self.flushed_where = base
        self.files.append(mapped)
        return mapped

    # -- finding

    @property
    def min_offset(self) -> int:
        """Offset of the first byte, -1 when there is no file."""
        return self.files[0].base if self.files else -1

    @property
    def max_offset(self) -> int:
        """Offset just after the last data, 0 when there is no file."""
        return self.files[-1].end if self.files else 0

    def find(self, offset: int) -> MappedFile | None:
        """The file that holds `offset`, or None."""
        files = self.files
        if not files:
            return None
        index = (offset - files[0].base) // self.file_size
        return files[index] if 0 <= index < len(files) else None

    # -- removing

    def truncate(self, offset: int) -> int:
        """Cut the row at `offset`: later files are removed, the rest of its own file is zeroed, durably.

        What was cut must not come back by a power cut once new data stands in its place. Returns the bytes of
        data given up. Raises OSError."""
        lost = max(0, self.max_offset - offset)
        removed = False
        while self.files and self.files[-1].base > offset:
            self._drop(self.files.pop())
            removed = True
        if removed:
            self.fs.sync_dir(self.folder)
        if self.files:
            last = self.files[-1]
            position = offset - last.base
            if position < self.file_size and last.file.may_have_data_from(position):
                last.cut(position)
                last.file.sync()
            last.wrote = last.reserved = last.ready = position
            last.flushed = min(last.flushed, position)
        self.flushed_where = min(self.flushed_where, offset)
        return lost

    def remove_last(self) -> None:
        """Remove the last file of the row, durably. Raises OSError."""
        self._drop(self.files.pop())
        self.fs.sync_dir(self.folder)
        self.flushed_where = min(self.flushed_where, self.max_offset)

    def remove_first(self, count: int) -> None:
        """Remove `count` files at the head of the row; whoever holds views of them can still read."""
        gone, self.files = self.files[:count], self.files[count:]
        for mapped in gone:
            self._drop(mapped)

    def destroy(self) -> None:
        """Remove all files and the folder if nothing else is in it."""
        self.remove_first(len(self.files))
        self.flushed_where = 0
        try:
            if self.fs.is_dir(self.folder):
                self.fs.sync_dir(self.folder)  # or else a power cut may bring the files back when there are new ones
            self.fs.remove_dir(self.folder)
        except OSError as error:
            log.warning("%s is kept: %s", self.folder, error)

    def _drop(self, mapped: MappedFile) -> None:
        path = mapped.path
        mapped.file.close()  # first: a sync that is under way then takes the missing file for what it is
        self.fs.remove(path)

    def close(self) -> None:
        """Let go of all files. Does not flush."""
        for mapped in self.files:
            mapped.file.close()
        self.files = []

    # -- flushing

    def dirty_bytes(self) -> int:
        """Bytes written and not yet known to be durable."""
        return self.max_offset - self.flushed_where

    def unflushed(self) -> list[tuple[MappedFile, int]]:
        """The files with bytes that are not durable, each with its present write position."""
        found = []
        for mapped in reversed(self.files):
            if mapped.flushed < mapped.wrote or not mapped.name_durable:
                found.append((mapped, mapped.wrote))
            if mapped.base <= self.flushed_where:
                break
        found.reverse()
        return found

    def sync(self, batch: list[tuple[MappedFile, int]]) -> None:
        """Sync the files of `unflushed`; touches no state, so it may run in a worker thread. Raises OSError."""
        for mapped, _ in batch:
            mapped.file.sync()
        if any(not mapped.name_durable for mapped, _ in batch):
            self._sync_folders()

    def _sync_folders(self) -> None:
        for folder in self.folders:
            try:
                self.fs.sync_dir(folder)
            except FileNotFoundError:
                log.info("%s was removed before it was synced", folder)

    def mark_flushed(self, batch: list[tuple[MappedFile, int]]) -> None:
        """Take note that `sync` has succeeded for a batch."""
        for mapped, position in batch:
            mapped.name_durable = True
            mapped.flushed = max(mapped.flushed, min(position, mapped.wrote))
            self.flushed_where = max(self.flushed_where, min(mapped.base + position, self.max_offset))

    def flush(self) -> None:
        """Sync everything now, in this thread. Raises OSError."""
        batch = self.unflushed()
        self.sync(batch)
        self.mark_flushed(batch)

    def flush_all_from(self, offset: int) -> None:
        """Sync every file that reaches past `offset`, dirty or not, and the folder: whatever a crash has left and
        recovery has cut must not come back in the next one. Raises OSError."""
        batch = [(mapped, mapped.wrote) for mapped in self.files if mapped.base + mapped.size > offset]
        for mapped, _ in batch:
            mapped.file.sync()
        self._sync_folders()
        self.mark_flushed(batch)
