"""Each layout against bytes that Apache's brokers wrote, or that its writers lay down field by field."""

from __future__ import annotations

import struct
from dataclasses import fields

import numpy as np
import pytest

from rocketmq_ops.common.layout import FieldType, Layout
from rocketmq_ops.common.message_codec import RecordView, read_record
from rocketmq_ops.common.record_layout import (
    BATCH_ITEM,
    HEAD,
    HEAD_V4,
    MESSAGE_ID,
    RECORD,
    SIZE_AND_MAGIC,
    SMALLEST_RECORD,
    TAIL,
    fields_of,
)
from rocketmq_ops.store.files.checkpoint import IndexNote, QueuesNote, StoreCheckpoint
from rocketmq_ops.store.index.index_file import IndexFile
from rocketmq_ops.store.inspect.reading.index_files import IndexHeaderView
from rocketmq_ops.store.layout import (
    batch_consume_queue,
    batch_item,
    blank,
    checkpoint,
    consume_queue,
    consume_queue_ext,
    index,
    record,
    timer,
)

RECORD_HEAD = bytes.fromhex(
    "0000012cdaa320a70c9f17e3000000020000000000000000000000000000000000000000"
    "00000000000001a2183fd2417f0000010000eaf6000001a2183fd31c7f0000010000c85b0000000000000000000000000000000e"
)
HEAD_VALUES = (300, -626843481, 211752931, 2, 0, 0, 0, 0, 1795703165505, b"\x7f\0\0\1\0\0\xea\xf6", 1795703165724,
               b"\x7f\0\0\1\0\0\xc8\x5b", 0, 0, 14)  # fmt: skip
HEAD_COLUMNS = (*HEAD_VALUES[:9], 0x7F000001, 60150, 1795703165724, 0x7F000001, 51291, 0, 0, 14)

GOLDEN: dict[str, tuple[Layout, str, tuple[int | bytes, ...]]] = {
    "consumequeue unit": (
        consume_queue.UNIT, "0000000000056a73000000cd0000000000000042", (354931, 205, 66),
    ),
    "batch consumequeue unit": (
        batch_consume_queue.UNIT,
        "0000000000056a73000000cd0000000000000042000001a2183fd31c00000000000000070003ffffffff00000000",
        (354931, 205, 66, 1795703165724, 7, 3, -1, 0),
    ),
    "consumequeue extension": (
        consume_queue_ext.UNIT, "00220000000000000042000001a2183fd31c000e",
        (34, 66, 1795703165724, 14),
    ),
    "batch item": (BATCH_ITEM, "0000001e00000000000000000000000500000006", (30, 0, 0, 5, 6)),
    "message id": (
        MESSAGE_ID, "7f0000010000c85b0000000000056a73", (b"\x7f\0\0\1\0\0\xc8\x5b", 354931),
    ),
    "index header": (
        index.HEADER_FIELDS,
        "000001a2183fd31c000001a218407a800000000000000000000000000005d3eb000001f90000043c",
        (1795703165724, 1795703208576, 0, 381931, 505, 1084),
    ),
    "index slot": (index.SLOT_FIELDS, "000002ea", (746,)),
    "index entry": (
        index.ENTRY_FIELDS, "1da4eb93000000000000b9420000000100000134", (497347475, 47426, 1, 308),
    ),
    "checkpoint": (
        checkpoint.CHECKPOINT,
        "000001a218402573000001a2183fd31c000001a218407a8000000000000002ea00000000000001f9000000000000043c",
        (1795703186803, 1795703165724, 1795703208576, 746, 505, 1084),
    ),
    "note of the index": (
        checkpoint.NOTE,
        b"IDXSYNC1".hex() + "0047f9a2000003e8" + bytes(range(40)).hex() + "0000000000001267",
        (b"IDXSYNC1", 0x0047F9A2000003E8, bytes(range(40)), 4711),
    ),
    "note of the queues": (
        checkpoint.QUEUES_NOTE,
        b"QUEUES01".hex() + "000001a218402573000001a2183fd31c0000000000000043deadbeef",
        (b"QUEUES01", 1795703186803, 1795703165724, 67, 0xDEADBEEF),
    ),
    "timer slot": (
        timer.SLOT, "00000000006c1d8f0000000000000034000000000000009c0000000200000000", (7085455, 52, 156, 2, 0),
    ),
    "timer checkpoint": (
        timer.CHECKPOINT, "000001a21840784000000000000000000000000000000003000001a218407984",
        (1795703208000, 0, 3, 1795703208324),
    ),
    "timer unit": (
        timer.LOG_UNIT, "00000034ffffffffffffffff000000010000018bcfe5680000000fa000000000000001c800000110000000540000000000000000",
        (52, -1, 1, 1700000000000, 4000, 456, 272, 84, 0),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", GOLDEN)
def test_fields_lie_where_the_bytes_have_them(name: str) -> None:
    layout, text, values = GOLDEN[name]
    data = bytes.fromhex(text)
    assert layout.struct.unpack(data) == values
    assert layout.struct.pack(*values) == data
    row = np.frombuffer(data, layout.dtype)
    assert len(row) == 1
    assert layout.dtype.itemsize == layout.size == len(data)
    for field, value in zip(layout.names, values, strict=True):
        assert layout.one(field).unpack(data[layout.slice_of(field)]) == (value,)
        if isinstance(value, int):
            assert int(row[field][0]) == value


def test_a_records_fields() -> None:
    assert HEAD_V4.unpack(RECORD_HEAD) == HEAD_VALUES
    assert HEAD_V4.pack(*HEAD_VALUES) == RECORD_HEAD
    assert np.frombuffer(RECORD_HEAD, RECORD.dtype).tolist() == [HEAD_COLUMNS]
    assert HEAD.unpack_from(RECORD_HEAD) == HEAD_VALUES[:9]
    assert TAIL.unpack_from(RECORD_HEAD, RECORD.at["reconsume_times"]) == (0, 0)
    assert SIZE_AND_MAGIC.unpack_from(RECORD_HEAD) == HEAD_VALUES[:2]
    assert record.PLACE.unpack_from(RECORD_HEAD) == HEAD_VALUES[:7]
    assert record.MIDDLE.unpack_from(RECORD_HEAD, RECORD.at["sys_flag"]) == HEAD_VALUES[7:14]


def test_a_whole_record_and_one_of_a_batch_have_the_same_bytes() -> None:
    body, topic, own, tail = b"hello body", b"\x05Topic", b"KEYS\x01k\x02", b"WAIT\x01true\x02"
    length = len(own + tail)
    size = record.FIXED_SIZE + len(body + topic) + length
    values = (size, *HEAD_VALUES[1:14], len(body))
    whole = record.whole_record(len(body), len(topic), length).pack(*values, body, topic, length, own + tail)
    assert whole == HEAD_V4.pack(*values) + body + topic + length.to_bytes(2, "big") + own + tail
    found = read_record(whole, check_crc=False)
    assert found is not None
    assert whole[found.properties_at :] == own + tail
    middle = record.MIDDLE.pack(*HEAD_VALUES[7:14]) + len(body).to_bytes(4, "big")
    codes = record.batch_record(len(body), len(topic), len(own), len(tail))
    row = (SIZE_AND_MAGIC.pack(*values[:2]), *values[2:7], middle, body, topic + length.to_bytes(2, "big"), own, tail)
    assert struct.pack(">" + codes, *row) == whole
    names = [field.name for field in fields_of(whole)]
    assert names == [*RECORD.labels, "body", "topicLength", "topic", "propertiesLength", "properties"]
    assert SMALLEST_RECORD == 91


def test_a_batch_item_is_read_in_one_go() -> None:
    item = BATCH_ITEM.struct.pack(30, 1, 2, 5, 6) + b"6bytes" + b"\0\x02ab"
    assert struct.unpack(">" + batch_item.whole_item(6, 2), item) == (30, 5, 6, b"6bytes", 2, b"ab")
    assert batch_item.LEAST_SIZE == 22


def test_a_blank() -> None:
    assert blank.blank_of(323) == bytes.fromhex("00000143cbd43194")
    assert blank.END_FILE_MIN_BLANK == 8


def test_a_placeholder_and_the_first_two_units_of_a_run() -> None:
    assert bytes.fromhex("00000000000000007fffffff0000000000000000") == consume_queue.PLACEHOLDER
    units = consume_queue.CQ_UNIT.pack(100, 20, 7) + consume_queue.CQ_UNIT.pack(120, 30, 7)
    assert consume_queue.FIRST_TWO.unpack_from(units) == (100, 20, 120)
    assert struct.unpack(">" + consume_queue.OFFSET_AND_SIZE * 2, units) == (100, 20, 120, 30)


def test_sizes_and_places_that_apache_fixes() -> None:
    assert (RECORD.size, consume_queue.CQ_UNIT_SIZE, batch_consume_queue.UNIT.size) == (88, 20, 46)
    assert (index.HEADER_SIZE, index.SLOT_SIZE, index.ENTRY_SIZE) == (40, 4, 20)
    assert index.file_size(5_000_000, 20_000_000) == 420_000_040
    assert list(checkpoint.CHECKPOINT.at.values()) == [0, 8, 16, 24, 32, 40]
    assert (checkpoint.FILE_SIZE, checkpoint.NOTE_POSITION, checkpoint.QUEUES_NOTE_POSITION) == (4096, 1024, 2048)
    assert (timer.SLOT.size, timer.LOG_UNIT.size, timer.LOG_BLANK.size, timer.CHECKPOINT.size) == (32, 52, 16, 32)
    assert batch_consume_queue.COUNT_POSITION == 36


def test_a_field_has_one_name() -> None:
    """The objects that hold a layout's values name them as the layout does."""
    assert IndexNote._fields == checkpoint.NOTE.names[1:]
    assert QueuesNote._fields == checkpoint.QUEUES_NOTE.names[1:]
    assert tuple(f.name for f in fields(IndexHeaderView)) == index.HEADER_FIELDS.names
    assert set(index.HEADER_FIELDS.names) <= set(IndexFile.__slots__)
    assert set(checkpoint.CHECKPOINT.names) <= set(StoreCheckpoint.__slots__)
    assert set(RECORD.names) - {"born_host", "store_host"} <= set(RecordView._fields)


def test_parts_of_a_layout() -> None:
    layout = Layout(
        FieldType("a", "h", "alpha"), FieldType("b", Layout(FieldType("b1", "B"), FieldType("b2", "4s"))),
        FieldType("c", "q"),
    )  # fmt: skip
    assert (layout.codes, layout.size, layout.at) == ("h5sq", 15, {"a": 0, "b": 2, "c": 7})
    assert (layout.labels, layout.label("a"), layout.label("c")) == (("alpha", "b", "c"), "alpha", "c")
    assert layout.part("b", "c").struct.format == ">5sq"
    assert layout.only("a", "c") == "h5xq"
    assert layout.dtype.names == ("a", "b1", "b2", "c")
    assert layout.column("c") == np.dtype(">i8")
