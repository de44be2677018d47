"""Keys put in blocks: the same files as key by key, whatever the keys, the files' sizes and the disk space."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.java_hash import hash_onto
from rocketmq_ops.store.index.index_block import key_hashes
from rocketmq_ops.store.index.index_file import index_hash
from rocketmq_ops.store.index.index_key_buffer import BLOCK_KEYS
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.running_flags import WRITE_INDEX_FILE_ERROR
from tests.golden_data import unpack_store
from tests.store.faults import FaultyFileSystem
from tests.store.test_index import commitlog_messages, found, make, stop, without_slack

KEY = st.text(st.sampled_from("abzAZ09é\U0001f600"), max_size=3)
MESSAGES = st.lists(
    st.tuples(
        st.none() | KEY, st.none() | st.lists(KEY, max_size=3).map(" ".join), st.integers(0, 5000), st.integers(0, 3)
    ),
    max_size=60,
)


def contents(index: IndexService) -> list[bytes]:
    return [without_slack(bytes(file.view), file.slot_num) for file in index.files]


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.integers(1, 30), st.integers(2, 40))
def test_blocks_make_the_files_that_single_keys_make(
    messages: list[tuple[str | None, str | None, int, int]], every: int, entries: int
) -> None:
    single = make("/single", FaultyFileSystem(), slots=7, entries=entries)
    blocks = make("/blocks", FaultyFileSystem(), slots=7, entries=entries, blocks=True)
    now = 1_700_000_000_000
    for number, (unique, keys, later, kind) in enumerate(messages):
        now += later
        single.put_keys("T", unique, keys, 100 * number, now, kind << 2)
        blocks.sink.put_keys("T", unique, keys, 100 * number, now, kind << 2)
        if number % every == 0:
            blocks.settle()
    blocks.settle()
    assert contents(blocks) == contents(single)
    assert blocks.indexed_until == single.indexed_until


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(KEY, st.integers(0, 5)), max_size=20), st.integers(2, 40))
def test_a_key_of_many_messages_is_put_for_each_of_them(runs: list[tuple[str, int]], entries: int) -> None:
    single = make("/single", FaultyFileSystem(), slots=7, entries=entries)
    blocks = make("/blocks", FaultyFileSystem(), slots=7, entries=entries, blocks=True)
    now, offset = 1_700_000_000_000, 0
    for key, count in runs:
        now += 700
        offsets = list(range(offset, offset + 100 * count, 100))
        for at in offsets:
            single.put_keys("T", key, None, at, now)
        if offsets:
            blocks.sink.put_shared_key("T", key, offsets, now)
        else:
            single.put_keys("T", key, "k", offset, now)
            blocks.sink.put_keys("T", key, "k", offset, now)
        offset += 100 * max(1, count)
    blocks.settle()
    assert contents(blocks) == contents(single)
    assert blocks.indexed_until == single.indexed_until


@given(st.lists(st.text(max_size=6), min_size=1, max_size=20))
def test_hashes_of_many_keys_are_java_s(keys: list[str]) -> None:
    keys = [f"T#{key}" for key in keys]
    assert key_hashes(keys).tolist() == [index_hash(hash_onto(key)) for key in keys]


def test_a_very_long_key_is_hashed_too() -> None:
    keys = ["T#" + "k" * 700, "T#a"]
    assert key_hashes(keys).tolist() == [index_hash(hash_onto(key)) for key in keys]


def test_buffered_keys_are_found_and_synced(tmp_path: Path) -> None:
    index = make(str(tmp_path), blocks=True)
    index.sink.put_keys("T", "U1", "a b", 100, 1_700_000_000_000)
    assert index.indexed_until == -1
    assert found(index, "b") == [100]
    assert index.indexed_until == 100
    index.sink.put_keys("T", "U2", "a", 200, 1_700_000_000_000)
    stop(index)
    again = make(str(tmp_path))
    assert found(again, "a") == [200, 100]
    assert again.indexed_until == 200
    again.close()


def test_what_waits_for_its_block_is_not_said_to_be_durable(tmp_path: Path) -> None:
    index = make(str(tmp_path), blocks=True)
    index.sink.put_keys("T", None, "a", 100, 1_700_000_000_000)
    index.flush()
    index._checkpoint.flush()
    index.sink.put_keys("T", None, "b", 200, 1_700_000_000_000)
    index.close()  # as if the process was killed
    again = make(str(tmp_path), clean=False)
    assert again.indexed_until == 100
    assert found(again, "b") == []
    again.put_keys("T", None, "b", 200, 1_700_000_000_000)
    assert found(again, "b") == [200]
    again.close()


def test_a_full_block_is_put_without_being_asked_for(tmp_path: Path) -> None:
    index = make(str(tmp_path), slots=1000, entries=4000, blocks=True)
    for number in range(BLOCK_KEYS):
        index.sink.put_keys("T", None, f"k{number}", number, 1_700_000_000_000)
    assert index.indexed_until == BLOCK_KEYS - 1
    assert index.files[0].count == BLOCK_KEYS + 1
    index.close()


def test_a_full_disk_keeps_a_block_waiting_and_refuses_messages() -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=100, entries=50, blocks=True)
    for number in range(60):
        index.sink.put_keys("T", f"u{number}", "k", number, 1_700_000_000_000 + number)
    fs.capacity = 0
    index.settle()
    assert index.is_behind
    assert index._flags.bits & WRITE_INDEX_FILE_ERROR
    assert index.indexed_until == -1
    index.sink.put_keys("T", None, "late", 60, 1_700_000_000_100)
    assert not index.retry()
    fs.capacity = None
    assert index.retry()
    assert not index.is_behind
    assert not index._flags.bits & WRITE_INDEX_FILE_ERROR
    assert found(index, "late") == [60]
    assert [found(index, f"u{number}") for number in range(60)] == [[number] for number in range(60)]
    assert index.indexed_until == 60


@pytest.mark.parametrize("name", ["5.3.3-clean"])
def test_a_golden_store_indexed_in_blocks_has_apache_s_bytes(name: str, tmp_path: Path) -> None:
    store = unpack_store(name, tmp_path)
    (golden,) = (store / "index").iterdir()
    index = make(str(tmp_path / "mine"), slots=1000, entries=4000, blocks=True)
    for message in commitlog_messages(store):
        unique, keys = message.properties.get("UNIQ_KEY"), message.properties.get("KEYS")
        index.sink.put_keys(
            message.topic, unique, keys, message.commit_log_offset, message.store_timestamp, message.sys_flag
        )
    stop(index)
    (mine,) = (tmp_path / "mine" / "index").iterdir()
    assert without_slack(mine.read_bytes(), 1000) == without_slack(golden.read_bytes(), 1000)
