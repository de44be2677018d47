"""The commitlog: all records one after the other in a row of files (mirrors CommitLog and MessageExtEncoder).

What lives here: packing a record straight into the mapping, rolling to the next file behind a blank, room on
disk, and reading records back. What does not: queue offsets and dispatch (`appender.py`), walking the
records after a start (`recovery.py`), flushing (`flush.py`).
"""

from __future__ import annotations

import struct
import zlib

from rocketmq_ops.common.message import PROPERTIES_MAX_LENGTH
from rocketmq_ops.common.record_layout import (
    BLANK_MAGIC,
    BODY_LENGTH,
    HEAD,
    HOST_V6_SIZE,
    PROPERTIES_LENGTH,
    SIZE_AND_MAGIC,
    STORE_TIMESTAMP,
    SYS_FLAG,
    SYS_FLAG_POSITION,
    TAIL,
    V6_FLAGS,
    record_size,
    store_timestamp_position,
)
from rocketmq_ops.common.sysflag import BORNHOST_V6_FLAG, STOREHOSTADDRESS_V6_FLAG
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.files.mapped_file_queue import MappedFileQueue
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.layout.blank import END_FILE_MIN_BLANK, blank_of
from rocketmq_ops.store.layout.record import FIXED_SIZE, MIDDLE, whole_record
from rocketmq_ops.store.layout.record_crc import CRC_LENGTH, crc_property
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue, Packer

Buffer = bytes | bytearray | memoryview

_FIRST_STEP = 64 * 1024
_LAST_STEP = 8 * 1024 * 1024
_PREFAULT_STEP = 1024 * 1024
_PACKERS_PER_TOPIC_LENGTH = 2048
_NO_V6 = ~V6_FLAGS
_crc32 = zlib.crc32


class CommitLog:
    """The row of commitlog files and the place where the next record goes. Offsets are bytes of the commitlog."""

    __slots__ = (
        "_file",
        "_limit",
        "_packers",
        "_uncommon",
        "_view",
        "append_crc",
        "begin",
        "crc_room",
        "file_queue",
        "flag_v6",
        "id_prefix",
        "last_size",
        "max_properties",
        "store_host",
    )

    def __init__(self, fs: FileSystem, folder: str, file_size: int, store_host: bytes, append_crc: bool) -> None:
        self.file_queue = MappedFileQueue(fs, folder, file_size, "mappedFileSizeCommitLog", parents=1)
        #: Where the first file begins if there is none; not 0 when the files that there were are lost.
        self.begin = 0
        #: Packed host of this broker: 8 bytes, or 20 for IPv6.
        self.store_host = store_host
        #: Store host in upper-case hex: ids of messages are this and 16 digits of the commitlog offset.
        self.id_prefix = store_host.hex().upper()
        self.flag_v6 = STOREHOSTADDRESS_V6_FLAG if len(store_host) == 20 else 0
        #: Append a CRC of the whole record as its last property (enabledAppendPropCRC).
        self.append_crc = append_crc
        #: Bytes that the CRC may take, with a separator before it, and those of a message's properties at most.
        self.crc_room = CRC_LENGTH + 1 if append_crc else 0
        self.max_properties = PROPERTIES_MAX_LENGTH - self.crc_room
        self._uncommon = append_crc or len(store_host) != 8
        #: Bytes of the record appended last.
        self.last_size = 0
        self._packers: dict[int, dict[int, Packer]] = {}
        self._file: MappedFile | None = None
        self._view = memoryview(b"")
        self._limit = -1

    # -- positions

    @property
    def max_offset(self) -> int:
        """Offset where the next record goes."""
        file = self._file
        return file.base + file.wrote if file is not None else self.file_queue.max_offset or self.begin

    @property
    def min_offset(self) -> int:
        """Offset of the first byte kept, -1 when there is no file."""
        return self.file_queue.min_offset

    def load(self) -> None:
        """Map the files. Raises MissingFileError, FileLengthError, ForeignFileError, OSError."""
        self.file_queue.fs.make_dirs(self.file_queue.folder)
        self.file_queue.load()

    def close(self) -> None:
        """Let go of all files. Does not flush."""
        self.file_queue.close()
        self.attach()

    def attach(self) -> None:
        """Go on writing at the end of the row, after loading or truncating it."""
        if self.file_queue.files:
            self._use(self.file_queue.files[-1])
        else:
            self._file, self._view, self._limit = None, memoryview(b""), -1

    def packers_for(self, topic_field_length: int) -> dict[int, Packer]:
        """The packers shared by all topics whose name with its length takes so many bytes."""
        return self._packers.setdefault(topic_field_length, {})

    # -- appending

    def append(
        self,
        queue: ConsumeQueue,
        msg: InnerMessage,
        body: Buffer,
        properties: bytes,
        flag: int,
        queue_offset: int,
        timestamp: int,
    ) -> int:
        """Append one record; returns its offset and leaves its size in `last_size`.

        Body, properties and flag are given apart from the rest of `msg`, for they differ within a batch.
        Raises OSError when the disk has no room (nothing has changed then, but perhaps a blank at a file's end)
        and struct.error when a number does not fit its field."""
        born_host = msg.born_host
        packers = queue.packers
        if self._uncommon or len(born_host) != 8:
            return self._append_any(queue, msg, body, properties, flag, queue_offset, timestamp)
        topic_field = queue.topic_field
        body_length = len(body)
        properties_length = len(properties)
        size = FIXED_SIZE + body_length + len(topic_field) + properties_length
        file = self._file
        if file is None or file.wrote + size + 8 > self._limit:
            file = self.make_room(size)
        position = file.wrote
        pack = packers.get(body_length << 16 | properties_length)
        if pack is None:
            if len(packers) >= _PACKERS_PER_TOPIC_LENGTH:
                return self._append_any(queue, msg, body, properties, flag, queue_offset, timestamp)
            pack = self._new_packer(queue, body_length, properties_length)
        if type(body) is memoryview:
            body = bytes(body)
        offset = file.base + position
        pack(
            self._view, position, size, queue.magic, _crc32(body) & 0x7FFFFFFF, queue.queue_id, flag, queue_offset,
            offset, msg.sys_flag & _NO_V6, msg.born_timestamp, born_host, timestamp, self.store_host,
            msg.reconsume_times, msg.prepared_transaction_offset, body_length, body, topic_field,
            properties_length, properties,
        )  # fmt: skip
        file.wrote = position + size
        file.last_timestamp = timestamp
        self.last_size = size
        return offset

    def batch_middle(self, msg: InnerMessage, timestamp: int) -> bytes | None:
        """What stands in all records of a batch between offset and body length; None for hosts and configurations
        whose records `append` has to make one by one. Raises struct.error when a number does not fit its field."""
        if self._uncommon or len(msg.born_host) != 8:
            return None
        return MIDDLE.pack(
            msg.sys_flag & _NO_V6, msg.born_timestamp, msg.born_host, timestamp, self.store_host, msg.reconsume_times,
            msg.prepared_transaction_offset,
        )  # fmt: skip

    def has_room(self, size: int) -> bool:
        """Whether records of so many bytes can be written at `max_offset` without `make_room`."""
        return self._file is not None and self._file.wrote + size + END_FILE_MIN_BLANK <= self._file.reserved

    def append_records(self, records: bytes, last_size: int, timestamp: int) -> None:
        """Append whole records that were made for `max_offset`; room must have been made. Raises OSError."""
        file = self._file
        assert file is not None
        file.file.write(file.wrote, records)
        file.wrote += len(records)
        file.last_timestamp = timestamp
        self.last_size = last_size

    def _new_packer(self, queue: ConsumeQueue, body_length: int, properties_length: int) -> Packer:
        """One struct for a whole record of these lengths: a single call then writes all of it."""
        pack = whole_record(body_length, len(queue.topic_field), properties_length).pack_into
        queue.packers[body_length << 16 | properties_length] = pack
        return pack

    def _append_any(
        self,
        queue: ConsumeQueue,
        msg: InnerMessage,
        body: Buffer,
        properties: bytes,
        flag: int,
        queue_offset: int,
        timestamp: int,
    ) -> int:
        """As `append`, for hosts of any kind, sizes without a packer, and with the CRC property where it is on."""
        if self.append_crc and properties and properties[-1] != 2:
            properties += b"\x02"
        born_host, store_host = msg.born_host, self.store_host
        sys_flag = self.sys_flag_of(msg)
        length = len(properties) + (CRC_LENGTH if self.append_crc else 0)
        size = self.size_of(queue, sys_flag, len(body), length)
        file = self._file
        if file is None or file.wrote + size + 8 > self._limit:
            file = self.make_room(size)
        offset = file.base + file.wrote
        record = b"".join((
            HEAD.pack(
                size, queue.magic, _crc32(body) & 0x7FFFFFFF, queue.queue_id, flag, queue_offset, offset, sys_flag,
                msg.born_timestamp,
            ),
            born_host, STORE_TIMESTAMP.pack(timestamp), store_host,
            TAIL.pack(msg.reconsume_times, msg.prepared_transaction_offset), BODY_LENGTH.pack(len(body)), body,
            queue.topic_field, length.to_bytes(PROPERTIES_LENGTH.size, "big"), properties,
        ))  # fmt: skip
        if self.append_crc:
            record += crc_property(record)
        self._view[file.wrote : file.wrote + size] = record
        file.wrote += size
        file.last_timestamp = timestamp
        self.last_size = size
        return offset

    def sys_flag_of(self, msg: InnerMessage) -> int:
        """The flags of a message as stored: with the host bits that its hosts ask for."""
        flags = msg.sys_flag & _NO_V6 | self.flag_v6
        return flags | BORNHOST_V6_FLAG if len(msg.born_host) == HOST_V6_SIZE else flags

    def size_of(self, queue: ConsumeQueue, sys_flag: int, body_length: int, properties_length: int) -> int:
        """Bytes of a record in this queue; `properties_length` with the CRC property where that is on."""
        topic_length = len(queue.topic_field) - (1 if len(queue.topic_field) <= 128 else 2)
        return record_size(sys_flag, body_length, topic_length, properties_length)

    # -- room on disk

    def make_room(self, size: int, *, mapped: bool = True) -> MappedFile:
        """The file that takes the next `size` bytes, with disk blocks for them. Raises OSError.

        Without `mapped` they are not made ready for writing to the mapping, as `StoreFile.write` will be used."""
        file = self.file_queue.files[-1] if self.file_queue.files else None
        if file is None:
            file = self.file_queue.create_next(self.begin)
        elif file.wrote + size + END_FILE_MIN_BLANK > file.size:
            file = self._roll(file)
        need = file.wrote + size + END_FILE_MIN_BLANK
        if need > file.size:
            raise struct.error(f"a record of {size} bytes does not fit a file of {file.size}")
        if need > file.reserved:
            file.reserve(need, min(max(file.wrote, _FIRST_STEP), _LAST_STEP))
        if mapped and need > file.ready:
            file.prefault(need, min(max(file.wrote, _FIRST_STEP), _PREFAULT_STEP))
        self._use(file)
        return file

    def _roll(self, file: MappedFile) -> MappedFile:
        """Close a file with a blank and begin the next one."""
        if file.wrote < file.size:
            blank = file.size - file.wrote
            file.reserve(file.wrote + END_FILE_MIN_BLANK, _FIRST_STEP)
            file.view[file.wrote : file.wrote + END_FILE_MIN_BLANK] = blank_of(blank)
            file.wrote = file.size
        return self.file_queue.create_next()

    def _use(self, file: MappedFile) -> None:
        self._file = file
        self._view = file.view
        self._limit = file.ready

    # -- replication

    def append_data(self, data: bytes | memoryview) -> None:
        """Append bytes of a master's commitlog as they are, over the ends of files (appendData). Raises OSError; some
        of the bytes may be there then, and `max_offset` says how many."""
        queue, at = self.file_queue, 0
        while at < len(data):
            file = queue.files[-1] if queue.files else queue.create_next(self.begin)
            if file.wrote == file.size:
                file = queue.create_next()
            part = data[at : at + file.size - file.wrote]
            file.reserve(file.wrote + len(part), min(max(file.wrote, _FIRST_STEP), _LAST_STEP))
            file.file.write(file.wrote, part)
            file.wrote += len(part)
            at += len(part)
            if file is not self._file:
                self._use(file)

    def data_from(self, offset: int, size: int) -> bytes:
        """The bytes from an offset on, at most `size` and those of one file; none where none are (getData).

        Raises OSError."""
        file = self.file_queue.find(offset)
        if file is None:
            return b""
        position = offset - file.base
        return file.file.read(position, min(size, file.wrote - position)) if position < file.wrote else b""

    # -- reading

    def view(self, offset: int, size: int) -> memoryview | None:
        """The bytes [offset, offset + size), None when they are not all in one file and written."""
        file = self.file_queue.find(offset)
        if file is None:
            return None
        start = offset - file.base
        return file.view[start : start + size] if start + size <= file.wrote and size >= 0 else None

    def record_at(self, offset: int) -> memoryview | None:
        """The record that begins at an offset, None when there is none (deleted, not written, a blank)."""
        head = self.view(offset, SIZE_AND_MAGIC.size)
        if head is None:
            return None
        size, magic = SIZE_AND_MAGIC.unpack(head)
        if magic == BLANK_MAGIC or size <= 0:
            return None
        return self.view(offset, size)

    def store_time(self, offset: int, size: int) -> int:
        """Store timestamp (ms) of the record at an offset, -1 when it is not there (pickupStoreTimestamp)."""
        file = self.file_queue.find(offset)
        if file is None or offset - file.base + size > file.wrote:
            return -1
        position = offset - file.base
        (sys_flag,) = SYS_FLAG.unpack_from(file.view, position + SYS_FLAG_POSITION)
        timestamp: int = STORE_TIMESTAMP.unpack_from(file.view, position + store_timestamp_position(sys_flag))[0]
        return timestamp

    def next_file_offset(self, offset: int) -> int:
        """Offset where the file after that of `offset` begins."""
        return offset + self.file_queue.file_size - offset % self.file_queue.file_size
