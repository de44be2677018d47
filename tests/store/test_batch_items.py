"""Batches whose items are alike are written at once: the same bytes as item by item, whatever the items."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.message import Message
from rocketmq_ops.common.message_codec import BadRecordError, encode_batch
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.layout.repeated_structs import RepeatedStructs
from rocketmq_ops.store.log import batch_items
from rocketmq_ops.store.log.batch_items import read_items
from rocketmq_ops.store.log.batch_records import BatchRecords
from tests.store.store_helpers import BORN_V4, Clock, kill, open_store, read_all

ITEMS = st.lists(
    st.tuples(st.sampled_from([b"a", b"b", b"longer"]), st.sampled_from([None, "A", "B"]), st.integers(0, 2)),
    min_size=1,
    max_size=6,
)
EXTRA = st.sampled_from([b"", b"UNIQ_KEY\x01U1\x02", b"UNIQ_KEY\x01U1"])


def batch(items: list[tuple[bytes, str | None, int]], *, ended: bool = True) -> bytes:
    """A batch body; not `ended` are properties without a separator at their end."""
    body = b""
    for content, tags, flag in items:
        one = encode_batch([Message("T", content, tags=tags or "", flag=flag)])
        if not ended and one.endswith(b"\x02"):
            size, at = len(one) - 1, 20 + len(content)
            length = int.from_bytes(one[at : at + 2], "big") - 1
            one = size.to_bytes(4, "big") + one[4:at] + length.to_bytes(2, "big") + one[at + 2 : -1]
        body += one
    return body


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(ITEMS, EXTRA, st.booleans()), min_size=1, max_size=5))
def test_alike_items_become_the_records_that_single_ones_become(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[list[tuple[bytes, str | None, int]], bytes, bool]]
) -> None:
    written: list[list[object]] = []
    for alike in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not alike:
                patch.setattr(batch_items, "_read_alike", lambda body, extra: None)
            patch.setattr(batch_items, "_structs", RepeatedStructs(128))
            patch.setattr(BatchRecords, "_structs", RepeatedStructs(128))
            store = open_store(tmp_path_factory.mktemp("alike"), clock=Clock())
            ids = []
            for items, extra, ended in batches * 3:
                body = batch(items, ended=ended)
                put = store.put_messages(InnerMessage("T", 0, body, {}, extra, BORN_V4, 1_699_999_999_000))
                assert put.status is PutStatus.PUT_OK
                ids.append(put)
            end = store.max_phy_offset
            queue = store.consume_queue("T", 0)
            assert queue is not None
            units = bytes(queue.units_from(0, 10_000) or b"")
            keys = store.query_message("T", "U1", 64, 0, 1 << 62).total_size
            written.append([ids, bytes(store.commit_log.view(0, end) or b""), units, keys])
            assert len(read_all(store)) == sum(len(items) for items, _, _ in batches) * 3
            kill(store)
    assert written[0] == written[1]


def test_items_are_read_at_once_from_the_second_batch_of_their_kind_on() -> None:
    body = encode_batch([Message("T", b"m%02d" % number) for number in range(70)])
    first, second = read_items(body, b"X\x01y"), read_items(body, b"X\x01y")
    assert (first.alike, second.alike) == (False, True)
    for field in ("flags", "contents", "own", "tails"):
        assert list(getattr(first, field)) == list(getattr(second, field))


@pytest.mark.parametrize("at", [0, 3, 16, 19, 24, 25])
def test_a_bit_flipped_in_a_length_of_a_later_item_is_an_error(at: int) -> None:
    one = encode_batch([Message("T", b"body")])
    whole = one * 8
    for _ in range(3):
        assert len(read_items(whole, b"").contents) == 8
    broken = bytearray(whole)
    broken[5 * len(one) + at] ^= 1 if at in (3, 19, 25) else 0x80
    with pytest.raises(BadRecordError):
        read_items(bytes(broken), b"")


@pytest.mark.parametrize("body", [b"x", bytes(22), bytes(44), b"\xff" * 44, b"\x00\x00\x00\x16" + b"\xff" * 18])
def test_rubbish_is_an_error_each_time(body: bytes) -> None:
    for _ in range(3):
        with pytest.raises(BadRecordError):
            read_items(body, b"")


def test_rows_are_compiled_when_seen_again_and_few_are_kept() -> None:
    layouts = RepeatedStructs(128)
    assert layouts.get("i", 3) is None
    found = layouts.get("i", 3)
    assert found is not None and found.size == 12
    assert layouts.get("i", 3) is found
    for count in range(4, 200):
        layouts.get("i", count)
        layouts.get("i", count)
    assert len(layouts._structs) <= 64
    assert layouts.get("i", 100_000) is None and layouts.get("i", 100_000) is None


def test_a_store_takes_a_batch_after_rubbish(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    body = encode_batch([Message("T", b"body")] * 4)
    for _ in range(3):
        assert store.put_messages(InnerMessage("T", 0, body, {}, b"", BORN_V4, 1)).status is PutStatus.PUT_OK
        broken = body[:-1] + b"\x00" + body[1:]
        assert store.put_messages(InnerMessage("T", 0, broken, {}, b"", BORN_V4, 1)).status is PutStatus.MESSAGE_ILLEGAL
    assert len(read_all(store)) == 12
    kill(store)
