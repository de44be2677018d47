"""What clients take from an answer: good messages whatever lies beside them, batches taken apart."""

from __future__ import annotations

import zlib

import msgspec
import pytest

from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.common.message_answers import WRAPPED, decode_answer
from rocketmq_ops.common.message_codec import encode_batch, encode_record
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, COMPRESSION_ZSTD_TYPE


def message(offset: int = 0, body: bytes = b"body", sys_flag: int = 0) -> MessageExt:
    return MessageExt(
        topic="T", queue_id=3, queue_offset=offset, commit_log_offset=1000, store_size=0, body=body, body_crc=0, flag=0,
        sys_flag=sys_flag, born_timestamp=1, born_host=("10.0.0.1", 1), store_timestamp=2, store_host=("10.0.0.2", 2),
        reconsume_times=0, prepared_transaction_offset=0, properties={"UNIQ_KEY": f"U{offset}"}, offset_msg_id="",
    )  # fmt: skip


def test_good_messages_come_with_decompressed_bodies() -> None:
    packed = message(1, zlib.compress(b"plain"), COMPRESSED_FLAG)
    found, broken = decode_answer(encode_record(message()) + encode_record(packed), broker_name="b")
    assert broken is None
    assert [(m.body, m.body_error, m.broker_name) for m in found] == [(b"body", None, "b"), (b"plain", None, "b")]


@pytest.mark.parametrize("flag", [COMPRESSED_FLAG, COMPRESSED_FLAG | COMPRESSION_ZSTD_TYPE, COMPRESSED_FLAG | 0x700])
def test_a_body_that_is_not_what_its_flag_says_stays_as_stored(flag: int) -> None:
    records = [message(0), message(1, b"not compressed", flag), message(2)]
    found, broken = decode_answer(b"".join(map(encode_record, records)))
    assert broken is None
    assert [m.body for m in found] == [b"body", b"not compressed", b"body"]
    assert [m.body_error is None for m in found] == [True, False, True]
    assert found[1].sys_flag == flag


def test_a_body_that_has_not_the_crc_of_its_record() -> None:
    raw = encode_record(message(0)) + encode_record(message(1)).replace(b"body", b"bodi") + encode_record(message(2))
    found, broken = decode_answer(raw)
    assert broken is None
    assert [m.body for m in found] == [b"body", b"bodi", b"body"]
    assert "CRC" in (found[1].body_error or "")


@pytest.mark.parametrize("what", ["zeroed", "magic", "lengths", "cut"])
def test_a_record_that_cannot_be_read_ends_what_is_read(what: str) -> None:
    good, bad = encode_record(message(0)), bytearray(encode_record(message(1)))
    if what == "zeroed":
        bad = bytearray(len(bad))
    elif what == "magic":
        bad[4:8] = b"\x01\x02\x03\x04"
    elif what == "lengths":
        bad[84:88] = b"\x7f\xff\xff\xff"
    else:
        bad = bad[:-1]
    found, broken = decode_answer(good + bytes(bad) + (b"" if what == "cut" else good))
    assert [m.queue_offset for m in found] == [0]
    assert broken is not None
    assert broken.offset == len(good)


def test_a_batch_that_was_stored_as_one_is_taken_apart() -> None:
    inner = [Message("T", b"%d" % i, flag=i, properties={"UNIQ_KEY": f"I{i}", "TAGS": "A"}) for i in range(5)]
    raw = encode_record(message(4)) + encode_record(message(5, encode_batch(inner), WRAPPED))
    found, _ = decode_answer(raw)
    assert [(m.queue_offset, m.body, m.msg_id) for m in found] == [
        (4, b"body", "U4"),
        *((5 + i, b"%d" % i, f"I{i}") for i in range(5)),
    ]
    assert [(m.flag, m.tags, m.queue_id) for m in found[1:]] == [(i, "A", 3) for i in range(5)]
    assert found[2].body_crc == zlib.crc32(b"1") & 0x7FFFFFFF
    later, _ = decode_answer(raw, from_offset=7)
    assert [m.queue_offset for m in later] == [4, 7, 8, 9]
    (_, whole), _ = decode_answer(raw, unwrap=False)
    assert (whole.queue_offset, whole.body) == (5, encode_batch(inner))


def test_a_batch_that_is_none_is_one_message() -> None:
    (found,), broken = decode_answer(encode_record(message(5, b"no batch at all, but long enough", WRAPPED)))
    assert broken is None
    assert found.body.startswith(b"no batch")
    assert "cannot be taken apart" in (found.body_error or "")
    assert msgspec.structs.replace(found, body_error=None).queue_offset == 5
