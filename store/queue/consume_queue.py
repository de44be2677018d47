"""The consumequeue: for each message of one queue a unit of 20 bytes that says where its record lies.

What lives here: appending and reading units, recovery and truncation of the units, the queue's offsets
(mirrors ConsumeQueue). What does not: the search by time (`offset_by_time.py`), records (`log/commit_log.py`).

A queue offset counts units. A unit holds the record's commitlog offset, its size and the hash of its tag
(in the delay topic the time of delivery, ms). A unit of size 0x7fffffff leads to no record: before the first
message of a queue it has the offset 0, in a gap that of the next record.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.common.record_layout import MAGIC_V1, MAGIC_V2, topic_length_size
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.files.mapped_file_queue import MappedFileQueue
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT, CQ_UNIT_SIZE, PLACEHOLDER, PLACEHOLDER_SIZE, UNIT
from rocketmq_ops.store.layout.repeated_structs import RepeatedStructs

#: Writes a whole record: `struct.Struct.pack_into` of its layout.
Packer = Callable[..., None]
_FIRST_STEP = 4096
_LOOKED_AT_AFTER_CLEAN_STOP = 100
_LAST_STEP = 256 * 1024
_pack_unit = CQ_UNIT.pack_into
#: For putting several units; those of larger batches are put one by one.
_unit_structs = RepeatedStructs(256)
_unpack_unit = CQ_UNIT.unpack_from


class ConsumeQueue:
    """One queue of one topic, and what the append path keeps at hand for it."""

    __slots__ = (
        "_file",
        "_spare",
        "_view",
        "file_queue",
        "is_delay",
        "magic",
        "max_offset",
        "min_offset",
        "next_offset",
        "packers",
        "queue_id",
        "room",
        "topic",
        "topic_field",
    )

    def __init__(self, fs: FileSystem, root: str, topic: str, queue_id: int, file_size: int) -> None:
        self.topic = topic
        self.queue_id = queue_id
        folder = f"{root}/{topic}/{queue_id}"
        self.file_queue = MappedFileQueue(fs, folder, file_size, "mappedFileSizeConsumeQueue", parents=2)
        #: Offset of the next message to be put: all units below are written.
        self.next_offset = 0
        #: Offset up to which consumers may read; behind `next_offset` while a sync is awaited.
        self.max_offset = 0
        #: Offset of the first unit whose record is still in the commitlog.
        self.min_offset = 0
        topic_bytes = topic.encode()
        length_size = topic_length_size(len(topic_bytes))
        self.magic = MAGIC_V1 if length_size == 1 else MAGIC_V2
        #: The topic as it stands in a record, with its length.
        self.topic_field = len(topic_bytes).to_bytes(length_size, "big") + topic_bytes
        self.is_delay = topic == SCHEDULE_TOPIC
        #: Record packers by body and properties length, shared by topics of equal length (see commit_log.py).
        self.packers: dict[int, Packer] = {}
        self._file: MappedFile | None = None
        self._view = memoryview(b"")
        #: Units that fit without asking the disk for blocks.
        self.room = 0
        self._spare: MappedFile | None = None

    # -- appending

    def make_room(self, count: int) -> None:
        """Get files and blocks for `count` more units, so that putting them cannot fail. Raises OSError."""
        file = self._file
        if file is None or file.wrote == file.size:
            file = self._next_file()
            self._use(file)  # before it may turn out to have no blocks, or the next try would add another one
        here = min(file.wrote + count * CQ_UNIT_SIZE, file.size)
        if file.reserved < here:
            file.reserve(here, min(max(file.reserved, _FIRST_STEP), _LAST_STEP))
        self._use(file)
        beyond = file.wrote + count * CQ_UNIT_SIZE - file.size
        while beyond > 0:
            spare = self._spare
            if spare is None:
                base = file.base + file.size
                name = f"{self.file_queue.folder}/{base:020d}"
                stored = self.file_queue.fs.open(name, file.size, create=True)
                spare = self._spare = MappedFile(stored, base, wrote=0, name_durable=False)
            spare.reserve(min(beyond, file.size), _FIRST_STEP)
            beyond -= file.size
            if beyond > 0:
                raise OSError(f"{count} units do not fit into two files of {file.size} bytes")

    def _next_file(self) -> MappedFile:
        spare = self._spare
        if spare is not None:
            self._spare = None
            self.file_queue.files.append(spare)
            return spare
        if not self.file_queue.files:
            return self._first_file()
        return self.file_queue.create_next()

    def _first_file(self) -> MappedFile:
        """The first file of a queue that may begin at an offset above 0 (fillPreBlank)."""
        start = self.next_offset * CQ_UNIT_SIZE
        file = self.file_queue.create_next(start)
        blank = start - file.base
        try:
            file.reserve(blank, _FIRST_STEP)
        except OSError:
            self.file_queue.remove_last()
            raise
        file.view[:blank] = PLACEHOLDER * (blank // CQ_UNIT_SIZE)
        file.wrote = blank
        return file

    def _use(self, file: MappedFile) -> None:
        self._file = file
        self._view = file.view
        self.room = (file.reserved - file.wrote) // CQ_UNIT_SIZE

    def put_unit(self, physical_offset: int, size: int, tags_code: int) -> int:
        """Append the unit of the message at `next_offset`; returns the offset after it.

        Room must have been made. Consumers see it once `max_offset` is raised."""
        if not self.room:
            self.make_room(1)
        file = self._file
        assert file is not None
        position = file.wrote
        _pack_unit(self._view, position, physical_offset, size, tags_code)
        file.wrote = position + CQ_UNIT_SIZE
        self.room -= 1
        offset = self.next_offset = self.next_offset + 1
        return offset

    def put_units(self, numbers: list[int]) -> None:
        """Append several units, given as one row of numbers; room must have been made for them."""
        count = len(numbers) // 3
        file = self._file
        units_struct = _unit_structs.get(UNIT.codes, count) if count <= self.room else None
        if units_struct is not None and file is not None:
            units_struct.pack_into(self._view, file.wrote, *numbers)
            file.wrote += count * CQ_UNIT_SIZE
            self.room -= count
            self.next_offset += count
        else:
            for at in range(0, len(numbers), 3):
                self.put_unit(*numbers[at : at + 3])

    def start_at(self, offset: int) -> None:
        """Let an empty queue begin at `offset`, with placeholders in front."""
        assert not self.file_queue.files
        self.next_offset = self.max_offset = self.min_offset = offset

    def fill_gap(self, offset: int, physical_offset: int) -> None:
        """Append placeholders up to `offset`, whose record lies at `physical_offset`: theirs are lost."""
        while self.next_offset < offset:
            self.put_unit(physical_offset, PLACEHOLDER_SIZE, 0)

    def rewrite_unit(self, offset: int, physical_offset: int, size: int, tags_code: int) -> None:
        """Put right a unit that a power cut has torn."""
        file = self.file_queue.find(offset * CQ_UNIT_SIZE)
        assert file is not None
        position = offset * CQ_UNIT_SIZE - file.base
        file.file.reserve(position, position + CQ_UNIT_SIZE)  # the page may have been lost together with its block
        _pack_unit(file.view, position, physical_offset, size, tags_code)
        file.flushed = min(file.flushed, position)
        self.file_queue.flushed_where = min(self.file_queue.flushed_where, file.base + position)

    # -- reading

    def unit(self, offset: int) -> tuple[int, int, int] | None:
        """(commitlog offset, size, tag hash) at a queue offset, None outside [min_offset, next_offset)."""
        if not self.min_offset <= offset < self.next_offset:
            return None
        return self.raw_unit(offset)

    def raw_unit(self, offset: int) -> tuple[int, int, int] | None:
        """As `unit`, for any offset that has a file; zeros where nothing was written."""
        file = self.file_queue.find(offset * CQ_UNIT_SIZE)
        if file is None:
            return None
        unit: tuple[int, int, int] = _unpack_unit(file.view, offset * CQ_UNIT_SIZE - file.base)
        return unit

    def units_from(self, offset: int, limit: int) -> memoryview | None:
        """The raw units from a queue offset, at most `limit` and never past the end of its file."""
        file = self.file_queue.find(offset * CQ_UNIT_SIZE)
        if file is None:
            return None
        start = offset * CQ_UNIT_SIZE - file.base
        return file.view[start : min(start + limit * CQ_UNIT_SIZE, file.wrote)]

    def _last_unit(self) -> tuple[int, int, int] | None:
        if self.next_offset == 0 or not self.file_queue.files:
            return None
        unit = self.raw_unit(self.next_offset - 1)
        return None if unit is None or unit[1] == PLACEHOLDER_SIZE else unit

    @property
    def max_physical_offset(self) -> int:
        """End (in the commitlog) of the record of the last unit, -1 when there is none."""
        unit = self._last_unit()
        return -1 if unit is None else unit[0] + unit[1]

    @property
    def last_physical_offset(self) -> int:
        """Where (in the commitlog) the record of the last unit begins, -1 when there is none."""
        unit = self._last_unit()
        return -1 if unit is None else unit[0]

    def total_size(self) -> int:
        """Length of all files in bytes."""
        return len(self.file_queue.files) * self.file_queue.file_size

    # -- recovery and cleaning

    def load(self) -> None:
        """Map the files. Raises MissingFileError, FileLengthError."""
        self.file_queue.load()

    def recover(self, *, clean: bool, walk_from: int = 0) -> None:
        """Find the last valid unit in the last three files and cut what follows.

        A unit is valid when its size is positive and its record lies after that of the unit before. After an unclean
        stop all files are looked at that may have units of records at the commitlog offset `walk_from` or behind it,
        which the walk over the commitlog reads again; they count as not yet durable. Raises OSError."""
        files = self.file_queue.files
        if not files:
            return
        index = max(0, len(files) - 3)
        if not clean:
            # Of those units a power cut may have lost any, however many files follow, and the walk writes only those
            # again that are cut.
            while index and not _begins_before(files[index], walk_from):
                index -= 1
        base = end = files[index].base
        last_physical = -1
        while index < len(files):
            file = files[index]
            limit = _looked_at(file)
            start = _surely_valid(file.view, limit) if clean else 0
            position, last_physical = _valid_until(file.view[:limit], start, last_physical)
            end = file.base + position
            if position < file.size:
                break
            index += 1
        self._cut(end)
        durable_until = end if clean else base
        self.file_queue.flushed_where = durable_until
        for file in self.file_queue.files:
            file.flushed = file.wrote if file.base < durable_until else 0

    def truncate_dirty(self, physical_offset: int) -> int:
        """Cut all units whose record begins at or after a commitlog offset; returns how many."""
        before = self.next_offset
        offset = before
        low = self.file_queue.min_offset // CQ_UNIT_SIZE
        while offset > low:
            unit = self.raw_unit(offset - 1)
            if unit is None or (unit[0] < physical_offset and unit[1] > 0):
                break
            offset -= 1
        if offset < before:
            self.cut_at(offset)
        return before - offset

    def cut_at(self, offset: int) -> None:
        """Forget all units from a queue offset on."""
        self._cut(offset * CQ_UNIT_SIZE)

    def _cut(self, end: int) -> None:
        self.file_queue.truncate(end)
        if self.file_queue.files and self.file_queue.files[-1].wrote == 0 and len(self.file_queue.files) > 1:
            self.file_queue.remove_last()
        self.next_offset = self.max_offset = end // CQ_UNIT_SIZE
        if self.file_queue.files:
            self._use(self.file_queue.files[-1])
        else:
            self._file, self.room, self._view = None, 0, memoryview(b"")

    def correct_min_offset(self, min_physical_offset: int) -> None:
        """Move `min_offset` to the first unit whose record still exists (ConsumeQueue.correctMinOffset)."""
        if self.file_queue.files:
            self.min_offset = self.first_unit_behind(min_physical_offset, self.min_offset)

    def first_unit_behind(self, min_physical_offset: int, low: int = 0) -> int:
        """The offset from `low` on of the first unit, no filler, whose record lies at a commitlog offset or behind it;
        `next_offset` without one."""
        files = self.file_queue.files
        low, high = max(low, files[0].base // CQ_UNIT_SIZE if files else self.next_offset), self.next_offset
        while low < high:
            middle = (low + high) // 2
            unit = self.raw_unit(middle)
            if unit is None or unit[:2] == (0, PLACEHOLDER_SIZE) or unit[0] < min_physical_offset:
                low = middle + 1
            else:
                high = middle
        return low

    def delete_expired(self, min_physical_offset: int) -> int:
        """Remove files whose last record is gone, never the last file; returns how many."""
        files = self.file_queue.files
        count = 0
        for file in files[:-1]:
            physical, _, _ = _unpack_unit(file.view, file.size - CQ_UNIT_SIZE)
            if physical >= min_physical_offset:
                break
            count += 1
        self.file_queue.remove_first(count)
        self.correct_min_offset(min_physical_offset)
        return count

    def destroy(self) -> None:
        """Remove all files of the queue and start again at offset 0."""
        if self._spare is not None:
            self.file_queue.files.append(self._spare)
            self._spare = None
        self.file_queue.destroy()
        self._file, self.room, self._view = None, 0, memoryview(b"")
        self.next_offset = self.max_offset = self.min_offset = 0


def _begins_before(file: MappedFile, physical_offset: int) -> bool:
    """Whether the first unit of a file leads to a record before a commitlog offset; then all in front of it do."""
    if not file.readable(0, CQ_UNIT_SIZE):
        return False
    unit: tuple[int, int, int] = _unpack_unit(file.view, 0)
    return unit[1] > 0 and unit[0] < physical_offset


def _looked_at(file: MappedFile) -> int:
    """The bytes of a loaded file that may be units; there are none behind them. Raises OSError."""
    end = file.filled - file.filled % CQ_UNIT_SIZE
    while file.readable(end, end + CQ_UNIT_SIZE):
        end += CQ_UNIT_SIZE
    return end


def _surely_valid(view: memoryview, limit: int) -> int:
    """A position in a file of a cleanly stopped queue from which looking at each unit is enough.

    Units stand without gaps then, so their end can be searched for; the last ones before it are looked at."""
    low, high = 0, limit // CQ_UNIT_SIZE
    while low < high:
        middle = (low + high) // 2
        if _unpack_unit(view, middle * CQ_UNIT_SIZE)[1] > 0:
            low = middle + 1
        else:
            high = middle
    return max(0, low - _LOOKED_AT_AFTER_CLEAN_STOP) * CQ_UNIT_SIZE


def _valid_until(view: memoryview, start: int, last_physical: int) -> tuple[int, int]:
    """Position of the first invalid unit from `start` on, and the record offset of the last valid one."""
    position = start
    for physical, size, _ in CQ_UNIT.iter_unpack(view[start:]):
        if size != PLACEHOLDER_SIZE:
            if size <= 0 or physical <= last_physical:
                break
            last_physical = physical
        position += CQ_UNIT_SIZE
    return position, last_physical
