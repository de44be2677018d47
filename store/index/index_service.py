"""The index of a store: finds messages by key and by unique key.

What lives here: putting keys into the row of index files, queries, what is kept after a crash, deletion of expired
files (mirrors IndexService). What does not: the bytes of a file (`index_file.py`), keys that wait for their block
(`index_key_buffer.py`), and whether a found message really has the key (the caller compares, hashes collide).

After a crash Apache's broker keeps only full files that were synced (those that end before the checkpoint's
indexMsgTimestamp) and so forgets the keys in the others. Here the file being filled is synced from time to time
and the checkpoint notes how far; after a crash it is cut there, and recovery indexes what follows once more.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.java_hash import hash_onto, unique_key_hash_onto
from rocketmq_ops.common.sysflag import TRANSACTION_MASK, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.errors import LostFileError
from rocketmq_ops.store.files.checkpoint import IndexNote, StoreCheckpoint
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.get_result import finished
from rocketmq_ops.store.index.index_file import IndexFile, StoreTime, index_hash
from rocketmq_ops.store.index.index_key_buffer import IndexKeyBuffer
from rocketmq_ops.store.index.key_sink import KeySink, MessageKeys, NoKeys
from rocketmq_ops.store.layout.index import HEADER, file_size
from rocketmq_ops.store.running_flags import WRITE_INDEX_FILE_ERROR, RunningFlags

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

_NAME_LENGTH = 17
_MAX_PREFIXES = 100_000
#: Between two syncs of the file being filled, ms: a crash costs indexing so much once more.
SYNC_INTERVAL_MS = 10_000

#: Hashes, commitlog offset, store timestamp (ms).
_Waiting = tuple[list[int], int, int]


class QueryOffsetResult(NamedTuple):
    """Commitlog offsets found, newest first, and the last message in the index (ms; bytes), 0 without any."""

    phy_offsets: list[int]
    index_last_update_timestamp: int
    index_last_update_phyoffset: int


class IndexSync(NamedTuple):
    """A sync under way: the files, how far each of them is filled, and what the checkpoint says after it."""

    files: list[tuple[IndexFile, int]]
    note: IndexNote
    full_timestamp: int


class IndexService:
    """The row of index files, oldest first. All calls on the owner's thread but `run_sync`."""

    __slots__ = (
        "_buffer",
        "_checkpoint",
        "_clock",
        "_config",
        "_done",
        "_files",
        "_flags",
        "_folder",
        "_fs",
        "_is_gone",
        "_last",
        "_prefixes",
        "_root",
        "_unsynced",
        "_waiting",
        "enabled",
        "lacks_files",
        "last_sync",
        "sink",
    )

    def __init__(
        self,
        fs: FileSystem,
        config: MessageStoreConfig,
        checkpoint: StoreCheckpoint,
        flags: RunningFlags,
        clock: Callable[[], int],
    ) -> None:
        self._fs = fs
        self._config = config
        self._checkpoint = checkpoint
        self._flags = flags
        self._clock = clock
        self._root = config.storePathRootDir
        self._folder = f"{self._root}/index"
        self._files: list[IndexFile] = []
        self._last: IndexFile | None = None
        #: Messages up to this commitlog offset are indexed.
        self._done = -1
        #: Files that there were at the last clean stop are gone; `indexed_until` says from where on keys are missing.
        self.lacks_files = False
        #: A file that was to be written is lost: nothing is indexed any more, and the next start goes on from `_done`.
        self._is_gone = False
        self._prefixes: dict[str, int] = Bounded(_MAX_PREFIXES)
        #: Messages whose keys could not be put for lack of disk space.
        self._waiting: list[_Waiting] = []
        #: Files of a sync that has not ended.
        self._unsynced: list[IndexFile] = []
        #: ms, by the clock: when the last sync was begun.
        self.last_sync = 0
        self._buffer = IndexKeyBuffer(self.settle)
        #: False under messageIndexEnable=false: what the files hold can be queried all the same.
        self.enabled = config.messageIndexEnable
        #: What takes the keys of messages that are put: this index itself, which puts them at once, until
        #: `begin_buffering` is called.
        self.sink: KeySink = self if self.enabled else NoKeys()

    # -- loading

    def load(self, *, clean: bool) -> None:
        """Open the files. After an unclean stop only what is known to be durable is kept. Raises OSError."""
        self.last_sync = self._clock()
        expected = file_size(self._config.maxHashSlotNum, self._config.maxIndexNum)
        broken = False
        for name in self._fs.list_dir(self._folder):
            path = f"{self._folder}/{name}"
            if len(name) != _NAME_LENGTH or not name.isdecimal():
                log.warning("%s is not an index file, left alone", path)
                continue
            length = self._fs.size_of(path)
            if length == 0:
                self._fs.remove(path)
                continue
            if length != expected:
                log.warning("%s has %d bytes, maxHashSlotNum and maxIndexNum say %d: not used", path, length, expected)
                continue
            index_file = self._open(name, create=False)
            # Behind a file that is gone all have to go, as messages are indexed again in their order.
            broken = broken or not (clean or self._survives(index_file))
            if broken:
                log.info("%s is not known to be whole after the crash, removed", path)
                self._discard(index_file)
                continue
            self._files.append(index_file)
        last = self._last = self._files[-1] if self._files else None
        if last is not None and last.count > 1:
            # After a crash a full file may have only the first keys of its last message.
            self._done = last.end_phy_offset - (1 if last.full and not clean else 0)
        note = self._checkpoint.index_note
        if clean:
            self.lacks_files = self._lacks_files(note)
            self._checkpoint.index_note = self._note()
        elif note is not None and note.file_name == (last.name if last is not None else 0):
            self._done = max(self._done, note.done)

    def _lacks_files(self, note: IndexNote | None) -> bool:
        """Whether files at the end are gone that there were at a clean stop."""
        if self._last is not None:
            return note is not None and note.file_name > self._last.name
        if note is not None:
            return note.file_name > 0
        return self._checkpoint.index_msg_timestamp > 0  # Apache's broker stopped it

    def _note(self) -> IndexNote:
        last = self._last
        return IndexNote(last.name, last.header(), self._done) if last else IndexNote(0, bytes(HEADER.size), self._done)

    def _open(self, name: str, *, create: bool) -> IndexFile:
        slot_num, index_num = self._config.maxHashSlotNum, self._config.maxIndexNum
        file = self._fs.open(f"{self._folder}/{name}", file_size(slot_num, index_num), create=create)
        try:
            return IndexFile(file, slot_num, index_num, fresh=create)
        except BaseException:
            file.close()
            if create:
                self._fs.remove(f"{self._folder}/{name}")
            raise

    def _discard(self, index_file: IndexFile) -> None:
        self._fs.remove(index_file.file.path)
        index_file.file.close()

    def _survives(self, index_file: IndexFile) -> bool:
        """After an unclean stop: bring the file to a durable state if one is known."""
        if index_file.full and index_file.end_timestamp <= self._checkpoint.index_msg_timestamp:
            return True
        note = self._checkpoint.index_note
        if note is None or note.file_name < index_file.name:
            return False
        if note.file_name > index_file.name:
            return index_file.full  # synced before the note was made
        begin_ts, end_ts, begin_offset, end_offset, _, count = HEADER.unpack(note.header)
        if not 1 < count <= index_file.index_num or begin_ts > end_ts or begin_offset > end_offset:
            return False
        if index_file.entry(1)[1] != begin_offset or index_file.entry(count - 1)[1] != end_offset:
            return False
        try:
            index_file.restore(note.header)
        except OSError as error:
            log.warning("%s cannot be repaired: %s", index_file.file.path, error)
            return False
        return True

    @property
    def indexed_until(self) -> int:
        """The message at this commitlog offset and all before it are indexed; -1 if none is known to be.

        After `load` recovery has to hand over those behind it (`put_keys` skips what is indexed already)."""
        return self._done

    def truncate(self, phy_offset: int) -> bool:
        """Forget messages at `phy_offset` and above: recovery has cut the commitlog there. Raises OSError.

        True when there were some: then `flush` has to follow, and the checkpoint's, before other messages are put."""
        cut = False
        last = self._files[-1] if self._files else None
        if last is not None and last.count > 1 and last.entry(last.count - 1)[1] >= phy_offset:
            # Its entries are about to be overwritten by others, perhaps at the very same offsets.
            self._checkpoint.index_note = IndexNote(0, bytes(HEADER.size), -1)
            self._checkpoint.flush()
        while self._files:
            last = self._files[-1]
            count = last.first_at_or_above(phy_offset)
            if count == last.count > 1:
                break
            cut = True
            if count > 1:
                try:
                    last.cut(count)
                    break
                except OSError as error:
                    log.warning("%s cannot be repaired: %s", last.file.path, error)
            self._discard(self._files.pop())
            self._done = min(self._done, self._files[-1].end_phy_offset if self._files else -1)
        self._last = self._files[-1] if self._files else None
        self._done = min(self._done, phy_offset - 1)
        return cut

    # -- putting

    def put_keys(
        self, topic: str, unique_key: str | None, keys: str | None, phy_offset: int, store_timestamp: int,
        sys_flag: int = 0,
    ) -> None:  # fmt: skip
        """See `KeySink.put_keys`; what is indexed already is skipped.

        When the disk is full the message waits for `retry`, and the store refuses writes until then."""
        if phy_offset <= self._done or self._is_gone:
            return
        if sys_flag & TRANSACTION_MASK == TRANSACTION_ROLLBACK_TYPE:
            hashes = []
        else:
            hashes = self._hashes(topic, unique_key, keys)
        if hashes or self._waiting:
            file = self._last
            if self._waiting or file is None or file.count + len(hashes) > file.index_num:
                self._put_slowly(hashes, phy_offset, store_timestamp)
                return
            try:
                file.put_message(hashes, phy_offset, store_timestamp)
            except OSError as error:
                self._wait((hashes, phy_offset, store_timestamp), error)
                return
        self._done = phy_offset

    def put_shared_key(self, topic: str, key: str, phy_offsets: Sequence[int], store_timestamp: int) -> None:
        """See `KeySink.put_shared_key`."""
        for phy_offset in phy_offsets:
            self.put_keys(topic, key, None, phy_offset, store_timestamp)

    def put_run(self, messages: Sequence[MessageKeys]) -> None:
        """See `KeySink.put_run`."""
        for message in messages:
            self.put_keys(*message)

    def begin_buffering(self) -> None:
        """From now on collect keys into blocks, which cost less a key and need numpy."""
        if self.enabled:
            self.sink = self._buffer

    def settle(self) -> None:
        """Put the keys that wait for their block. Never raises: without disk space they wait on, as in `put_keys`."""
        if not self._buffer.is_empty:
            hashes, offsets, timestamps = self._buffer.take()
            start = self._put_blocks(hashes, offsets, timestamps) if not self._waiting and not self._is_gone else 0
            unput = zip(hashes[start:].tolist(), offsets[start:].tolist(), timestamps[start:].tolist(), strict=True)
            if not self._is_gone:
                for (offset, timestamp), entries in groupby(unput, lambda entry: entry[1:]):
                    self._waiting.append(([entry[0] for entry in entries], offset, timestamp))
        if not self._waiting and not self._is_gone:
            self._done = max(self._done, self._buffer.seen)

    def _put_blocks(self, hashes: NDArray[np.int64], offsets: NDArray[np.int64], timestamps: NDArray[np.int64]) -> int:
        """Put keys into as many files as it takes; how many of them found disk space."""
        from rocketmq_ops.store.index.index_block import put_block

        start, count = 0, len(hashes)
        try:
            while start < count:
                file = self._last
                if file is None or file.full:
                    file = self._next_file()
                end = min(count, start + file.index_num - file.count)
                put_block(file, hashes[start:end], offsets[start:end], timestamps[start:end])
                start = end
        except OSError as error:
            self._cannot_write(error)
        return start

    def _hashes(self, topic: str, unique_key: str | None, keys: str | None) -> list[int]:
        """The hashes under which a message is found."""
        prefix = self._prefixes.get(topic)
        if prefix is None:
            prefix = self._new_prefix(topic)
        hashes = []
        if unique_key is not None:
            value = unique_key_hash_onto(unique_key, prefix)
            hashes.append((0x100000000 - value) & 0x7FFFFFFF if value > 0x7FFFFFFF else value)
        if keys:
            for key in keys.split(" ") if " " in keys else (keys,):
                if key:
                    value = hash_onto(key, prefix)
                    hashes.append((0x100000000 - value) & 0x7FFFFFFF if value > 0x7FFFFFFF else value)
        return hashes

    def _put_slowly(self, hashes: list[int], phy_offset: int, store_timestamp: int) -> None:
        """Put a message that needs another file, or that has to line up behind others for want of disk space."""
        if self._waiting:
            self._waiting.append((hashes, phy_offset, store_timestamp))
            return
        try:
            self._put_rolling(hashes, phy_offset, store_timestamp)
        except OSError as error:
            self._wait((hashes, phy_offset, store_timestamp), error)

    def _put_rolling(self, hashes: list[int], phy_offset: int, store_timestamp: int) -> None:
        while hashes:
            file = self._last
            if file is None or file.full:
                file = self._next_file()
            hashes = hashes[file.put_message(hashes, phy_offset, store_timestamp) :]
        self._done = phy_offset

    def _wait(self, message: _Waiting, error: OSError) -> None:
        self._cannot_write(error)
        if not self._is_gone:
            self._waiting.append(message)

    def _cannot_write(self, error: OSError) -> None:
        """Have messages refused until there is room again; not for a file that was deleted, which loses no message: the
        next start makes it anew."""
        if isinstance(error, LostFileError):
            self._is_gone = True
            self._waiting.clear()
            self._flags.clear(WRITE_INDEX_FILE_ERROR)
            log.error(
                "%s: messages are taken, and are found by their keys after the next start, which makes it anew", error
            )
        elif self._flags.set(WRITE_INDEX_FILE_ERROR):
            log.error("the index cannot be written (%s), so messages are refused until it can", error)

    def _new_prefix(self, topic: str) -> int:
        prefix = self._prefixes[topic] = hash_onto(topic + "#")
        return prefix

    def _next_file(self) -> IndexFile:
        """Create the first or the next file. Raises OSError."""
        previous = self._last
        name = _name_of(self._clock())
        if previous is not None:
            # The clock may have been set back; Apache loads the files in the order of their names.
            name = max(name, f"{previous.name + 1:017d}")
        index_file = self._open(name, create=True)
        if previous is not None:
            index_file.begin_after(previous)
        self._files.append(index_file)
        self._last = index_file
        return index_file

    def retry(self) -> bool:
        """Put what had to wait for disk space; True when nothing waits any more. Call it every second or so."""
        self.settle()
        while self._waiting:
            try:
                self._put_rolling(*self._waiting[0])
            except OSError as error:
                self._cannot_write(error)
                return self._is_gone
            del self._waiting[0]
        if self._flags.clear(WRITE_INDEX_FILE_ERROR):
            log.info("the index can be written again")
        return True

    @property
    def is_behind(self) -> bool:
        """True while messages wait for disk space to be indexed."""
        self.settle()
        return bool(self._waiting)

    # -- reading

    def query_offset(
        self, topic: str, key: str, max_num: int, begin: int, end: int, store_time: StoreTime
    ) -> QueryOffsetResult:
        """Commitlog offsets of messages with the key or unique key, stored in [begin, end] (ms), newest first.

        At most `max_num` and at most maxMsgsNumBatch; `store_time` decides on messages of the first and last second.
        Mirrors IndexService.queryOffset."""
        return finished(self.query_steps(topic, key, max_num, begin, end, store_time))

    def query_steps(
        self, topic: str, key: str, max_num: int, begin: int, end: int, store_time: StoreTime
    ) -> Generator[None, None, QueryOffsetResult]:
        """As `query_offset`, in steps between which other work may be done."""
        self.settle()
        offsets: list[int] = []
        max_num = min(max_num, self._config.maxMsgsNumBatch)
        key_hash = index_hash(hash_onto(f"{topic}#{key}"))
        for index_file in self._files[::-1]:
            if index_file.time_matched(begin, end):
                yield from index_file.select(key_hash, max_num, begin, end, offsets, store_time)
            if index_file.begin_timestamp < begin or len(offsets) >= max_num:
                break
        last = self._last
        return QueryOffsetResult(offsets, last.end_timestamp if last else 0, last.end_phy_offset if last else 0)

    @property
    def total_size(self) -> int:
        """Apparent bytes of all files."""
        return sum(index_file.file.size for index_file in self._files)

    @property
    def files(self) -> list[IndexFile]:
        """The files, oldest first."""
        return self._files

    # -- deleting

    def delete_expired(self, min_phy_offset: int) -> int:
        """Remove files whose messages are all below `min_phy_offset`, except the last one. Returns how many."""
        self.settle()
        gone = 0
        while len(self._files) > 1 and self._files[0].end_phy_offset < min_phy_offset:
            self._discard(self._files[0])
            del self._files[0]
            gone += 1
        return gone

    # -- making durable

    def sync_due(self) -> bool:
        """True when a full file, or SYNC_INTERVAL_MS after the last sync anything, is not yet durable."""
        if not any(f.synced_count != f.count for f in self._files[-2:]):
            return False
        before_last = self._files[-2] if len(self._files) > 1 else None
        overdue = not 0 <= self._clock() - self.last_sync < SYNC_INTERVAL_MS  # it may have been set back
        return overdue or (before_last is not None and before_last.synced_count != before_last.count)

    def begin_sync(self) -> IndexSync:
        """What has to be synced now. Then `run_sync`, then `end_sync` unless that failed."""
        self.settle()
        self.last_sync = self._clock()
        for index_file in self._unsynced:  # the last sync failed: the kernel may count their pages as clean
            index_file.dirty_again()
        files = [(f, f.count) for f in self._files if f.synced_count != f.count or not f.name_durable]
        self._unsynced = [index_file for index_file, _ in files]
        full = [f.end_timestamp for f in self._files if f.full]
        return IndexSync(files, self._note(), full[-1] if full else 0)

    def run_sync(self, sync: IndexSync) -> None:
        """The disk's part; may run in a worker thread. Raises OSError."""
        for index_file, _ in sync.files:
            index_file.file.sync()
        if any(not index_file.name_durable for index_file, _ in sync.files):
            self._fs.sync_dir(self._folder)
            self._fs.sync_dir(self._root)

    def end_sync(self, sync: IndexSync) -> None:
        """Take note of a sync that succeeded; the checkpoint has to be flushed after it."""
        self._unsynced = []
        for index_file, count in sync.files:
            index_file.synced_count = count
            index_file.name_durable = True
        self._checkpoint.index_note = sync.note
        self._checkpoint.index_msg_timestamp = max(self._checkpoint.index_msg_timestamp, sync.full_timestamp)

    def flush(self) -> None:
        """Sync everything in this thread, and that files are gone. Raises OSError.

        A file that was removed after a crash and comes back by the next one would be taken for whole, as the
        checkpoint has its time, and hide the keys of the messages that stand in the place of its own."""
        sync = self.begin_sync()
        self.run_sync(sync)
        if self._fs.is_dir(self._folder):
            self._fs.sync_dir(self._folder)
        self.end_sync(sync)

    def close(self) -> None:
        """Let go of all files. Does not flush."""
        for index_file in self._files:
            index_file.file.close()
        self._files = []
        self._last = None


def _name_of(ms: int) -> str:
    """The file name for a time: yyyyMMddHHmmssSSS in local time, as UtilAll.timeMillisToHumanString writes it."""
    return time.strftime("%Y%m%d%H%M%S", time.localtime(ms // 1000)) + f"{ms % 1000:03d}"
