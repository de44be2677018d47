"""Records, message ids and batch bodies: golden bytes, round trips, and input that is cut or altered."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, string_to_properties, unread_pieces
from rocketmq_ops.common.message_codec import (
    BadRecordError,
    decode_message,
    decode_message_id,
    decode_messages,
    encode_batch,
    encode_message_id,
    encode_record,
    iter_batch,
    read_record,
)
from rocketmq_ops.common.record_layout import BLANK_MAGIC, SIZE_AND_MAGIC, fields_of, record_size
from tests.golden_data import STORES, manifest, unpack_store

NAMES = st.text("abcXYZ019_-%|", min_size=1, max_size=200)
TEXT = st.text(st.characters(blacklist_characters="\x01\x02", blacklist_categories=("Cs",)), max_size=30)
HOSTS = st.one_of(st.just(("127.0.0.1", 10911)), st.just(("2001:db8::1", 65535)))
LONGS = st.integers(-(1 << 63), (1 << 63) - 1)
INTS = st.integers(-(1 << 31), (1 << 31) - 1)


@st.composite
def messages(draw: st.DrawFn) -> MessageExt:
    return MessageExt(
        topic=draw(NAMES), queue_id=draw(INTS), queue_offset=draw(LONGS), commit_log_offset=draw(LONGS), store_size=0,
        body=draw(st.binary(max_size=300)), body_crc=0, flag=draw(INTS), sys_flag=draw(st.sampled_from([0, 4, 8, 12])),
        born_timestamp=draw(LONGS), born_host=draw(HOSTS), store_timestamp=draw(LONGS), store_host=draw(HOSTS),
        reconsume_times=draw(INTS), prepared_transaction_offset=draw(LONGS),
        properties=draw(st.dictionaries(TEXT.filter(bool), TEXT.filter(bool), max_size=5)), offset_msg_id="",
    )  # fmt: skip


def message_with(properties: dict[str, str]) -> MessageExt:
    host = ("127.0.0.1", 10911)
    return MessageExt("T", 0, 0, 0, 0, b"x", 0, 0, 0, 0, host, 0, host, 0, 0, properties, "")


@given(messages())
def test_record_round_trip(message: MessageExt) -> None:
    record = encode_record(message)
    decoded = decode_message(b"xyz" + record + b"tail", 3)
    for name in MessageExt.__struct_fields__:
        if name not in ("store_size", "body_crc", "offset_msg_id", "sys_flag"):
            assert getattr(decoded, name) == getattr(message, name), name
    assert decoded.store_size == len(record)
    assert decoded.sys_flag & 0xF == message.sys_flag
    topic, properties = message.topic.encode(), record_properties_length(record)
    assert record_size(decoded.sys_flag, len(message.body), len(topic), properties) == len(record)
    fields = fields_of(record)
    assert fields[-1].offset + fields[-1].length == len(record)
    assert encode_record(decoded) == record


def record_properties_length(record: bytes) -> int:
    return fields_of(record)[-1].length


@given(messages())
@settings(max_examples=25)
def test_a_record_cut_at_any_byte_is_refused(message: MessageExt) -> None:
    record = encode_record(message)
    for length in range(len(record)):
        with pytest.raises(BadRecordError) as caught:
            read_record(record[:length])
        assert caught.value.reason == "truncated"


@given(st.binary(max_size=400))
def test_random_bytes_are_a_record_or_refused(data: bytes) -> None:
    try:
        read_record(data)
    except BadRecordError as error:
        assert error.reason in {"truncated", "magic", "size", "lengths", "crc"}


@given(messages(), st.data())
def test_an_altered_record_never_raises_anything_else(message: MessageExt, data: st.DataObject) -> None:
    record = bytearray(encode_record(message))
    position = data.draw(st.integers(0, len(record) - 1))
    record[position] ^= 1 << data.draw(st.integers(0, 7))
    with contextlib.suppress(CorruptDataError):
        decode_message(bytes(record))


def test_a_flipped_body_bit_is_a_crc_error() -> None:
    record = bytearray(encode_record(sample()))
    body = next(f for f in fields_of(bytes(record)) if f.name == "body")
    record[body.offset] ^= 1
    with pytest.raises(BadRecordError) as caught:
        read_record(bytes(record))
    assert caught.value.reason == "crc"
    assert read_record(bytes(record), check_crc=False) is not None


def sample(**changes: object) -> MessageExt:
    values: dict[str, object] = {
        "topic": "T", "queue_id": 0, "queue_offset": 0, "commit_log_offset": 0, "store_size": 0, "body": b"hello",
        "body_crc": 0, "flag": 0, "sys_flag": 0, "born_timestamp": 1, "born_host": ("127.0.0.1", 1),
        "store_timestamp": 2, "store_host": ("127.0.0.1", 10911), "reconsume_times": 0,
        "prepared_transaction_offset": 0, "properties": {"TAGS": "a"}, "offset_msg_id": "",
    }  # fmt: skip
    return MessageExt(**(values | changes))  # type: ignore[arg-type]


def test_blank_ends_a_file() -> None:
    assert read_record(SIZE_AND_MAGIC.pack(5000, BLANK_MAGIC)) is None


def test_topic_longer_than_127_bytes_uses_the_second_magic() -> None:
    record = encode_record(sample(topic="t" * 128))
    assert struct.unpack_from(">I", record, 4)[0] == 0xDAA320AB
    assert decode_message(record).topic == "t" * 128
    assert struct.unpack_from(">I", encode_record(sample(topic="t" * 127)), 4)[0] == 0xDAA320A7


@pytest.mark.parametrize("name", STORES)
def test_golden_records_decode_to_the_manifest(name: str, tmp_path: Path) -> None:
    store = unpack_store(name, tmp_path)
    wanted = {m["commitLogOffset"]: m for m in manifest(name)}
    found = 0
    for file in sorted((store / "commitlog").iterdir()):
        data, base = file.read_bytes(), int(file.name)
        for physical, message in wanted.items():
            if not base <= physical < base + len(data):
                continue
            decoded = decode_message(data, physical - base)
            found += 1
            properties = {k: v for k, v in message["properties"].items() if k not in ("MIN_OFFSET", "MAX_OFFSET")}
            assert decoded.properties == properties
            assert (decoded.topic, decoded.queue_id, decoded.queue_offset) == (
                message["topic"], message["queueId"], message["queueOffset"])  # fmt: skip
            assert (decoded.body_crc, decoded.store_size, decoded.flag) == (
                message["bodyCRC"], message["storeSize"], message["flag"])  # fmt: skip
            assert decoded.offset_msg_id == message["offsetMsgId"]
            assert decoded.msg_id == message["msgId"]
            assert "/{}:{}".format(*decoded.born_host) == message["bornHost"]
            assert (len(decoded.body), hashlib.sha256(decoded.body).hexdigest()) == (
                message["bodyLength"], message["bodySha256"])  # fmt: skip
    assert found == len(wanted)


def test_pull_answer_body_is_records_back_to_back() -> None:
    parts = [encode_record(sample(body=bytes([i]) * i)) for i in range(1, 5)]
    assert [m.body for m in decode_messages(b"".join(parts))] == [bytes([i]) * i for i in range(1, 5)]
    with pytest.raises(BadRecordError):
        list(decode_messages(b"".join(parts)[:-1]))


def test_message_id_round_trip() -> None:
    assert decode_message_id("7F00000200005DA8000000000000048A") == ("127.0.0.2", 23976, 0x48A)
    assert encode_message_id(b"\x7f\0\0\2\0\0\x5d\xa8", 0x48A) == "7F00000200005DA8000000000000048A"
    for bad in ("", "zz", "7F00", "7F00000200005DA8000000000000048A00"):
        with pytest.raises(RocketMQError, match="invalid offset message id"):
            decode_message_id(bad)


@given(
    st.lists(st.tuples(st.binary(max_size=50), INTS, st.dictionaries(NAMES, TEXT.filter(bool), max_size=3)), max_size=8)
)
def test_batch_round_trip(items: list[tuple[bytes, int, dict[str, str]]]) -> None:
    batch = [Message("T", body, flag=flag, properties=properties) for body, flag, properties in items]
    decoded = list(iter_batch(encode_batch(batch)))
    assert [(bytes(d.body), d.flag) for d in decoded] == [(m.body, m.flag) for m in batch]
    assert [string_to_properties(str(d.properties, "utf-8")) for d in decoded] == [m.all_properties() for m in batch]


def test_a_cut_batch_is_refused() -> None:
    body = encode_batch([Message("T", b"abc"), Message("T", b"def")])
    whole = {0, len(body) // 2}
    for length in range(len(body)):
        if length not in whole:
            with pytest.raises(BadRecordError):
                list(iter_batch(body[:length]))


def test_a_batch_item_of_negative_size_is_refused() -> None:
    with pytest.raises(BadRecordError):
        list(iter_batch(struct.pack(">iiiii", -4, 0, 0, 0, 0) + b"\0\0"))


@pytest.mark.parametrize(
    ("text", "read", "unread"),
    [
        ("A\x01\x02", {}, "A\x01\x02"),
        ("\x01v\x02", {}, "\x01v\x02"),
        ("k", {}, "k\x02"),
        ("TAGS\x01a\x02TAGS\x01\x02", {"TAGS": "a"}, "TAGS\x01\x02"),
        ("a\x01b\x01c\x02\x02", {"a": "b\x01c"}, ""),
        ("a\x01b\x02a\x01c", {"a": "c"}, ""),
    ],
)
def test_properties_without_name_or_value_are_none(text: str, read: dict[str, str], unread: str) -> None:
    """As MessageDecoder.string2messageProperties of 5.3.3 reads them."""
    assert (string_to_properties(text), unread_pieces(text)) == (read, unread)


@pytest.mark.parametrize(
    ("keys", "read"),
    [("t\tt", ["t\tt"]), ("\u5168\u3000\u89d2", ["\u5168\u3000\u89d2"]), ("nb\xa0sp  b ", ["nb\xa0sp", "b"]), ("", [])],
)
def test_the_ascii_blank_alone_separates_keys(keys: str, read: list[str]) -> None:
    assert message_with({"KEYS": keys}).keys == read
