"""The index: Apache's bytes, queries against a plain model, rolling, cutting, disk space."""

from __future__ import annotations

import errno
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.message import PROPERTY_KEYS, PROPERTY_UNIQ_KEY, MessageExt
from rocketmq_ops.common.message_codec import decode_message, read_record
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.filesystem import FileSystem, OsFileSystem
from rocketmq_ops.store.index.index_file import index_hash
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.layout.index import ENTRY, ENTRY_SIZE, HEADER, HEADER_SIZE
from rocketmq_ops.store.running_flags import WRITE_INDEX_FILE_ERROR, RunningFlags
from tests.golden_data import STORES, manifest, unpack_store
from tests.store.faults import FaultyFileSystem

HORIZON = 1 << 62


class Clock:
    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def make(
    root: str, fs: FileSystem | None = None, *, slots: int = 100, entries: int = 400, clean: bool = True,
    blocks: bool = False,
) -> IndexService:  # fmt: skip
    fs = fs or OsFileSystem()
    config = MessageStoreConfig(storePathRootDir=root, maxHashSlotNum=slots, maxIndexNum=entries)
    checkpoint = StoreCheckpoint(fs, f"{root}/checkpoint")
    checkpoint.load()
    index = IndexService(fs, config, checkpoint, RunningFlags(), Clock())
    index.load(clean=clean)
    if blocks:
        index.begin_buffering()
    return index


def stop(index: IndexService) -> None:
    index.flush()
    index._checkpoint.flush()
    index.close()


def not_asked(offset: int) -> int:
    raise AssertionError(f"the entry of {offset} says enough")


def found(
    index: IndexService,
    key: str,
    topic: str = "T",
    begin: int = 0,
    end: int = HORIZON,
    times: Callable[[int], int] = not_asked,
) -> list[int]:
    return index.query_offset(topic, key, 64, begin, end, times).phy_offsets


# -- Apache's bytes


def commitlog_messages(store: Path) -> list[MessageExt]:
    messages = []
    for path in sorted((store / "commitlog").iterdir()):
        data, position = path.read_bytes(), 0
        while position + 8 <= len(data) and data[position + 4 : position + 8] != bytes(4):
            if read_record(data, position) is None:
                break
            messages.append(decode_message(data, position))
            position += messages[-1].store_size
    return messages


def build(index: IndexService, messages: list[MessageExt]) -> None:
    for message in messages:
        properties = message.properties
        index.put_keys(
            message.topic,
            properties.get(PROPERTY_UNIQ_KEY),
            properties.get(PROPERTY_KEYS),
            message.commit_log_offset,
            message.store_timestamp,
            message.sys_flag,
        )


def without_slack(data: bytes, slots: int) -> bytes:
    """The header, the slots and the entries in use; what lies behind is room."""
    count = HEADER.unpack_from(data)[5]
    return data[: HEADER_SIZE + 4 * slots + count * ENTRY_SIZE]


def entries(data: bytes, slots: int) -> list[tuple[int, ...]]:
    """Hash, commitlog offset and seconds of each entry in use."""
    count = HEADER.unpack_from(data)[5]
    start = HEADER_SIZE + 4 * slots
    return [struct.unpack_from(">iqi", data, start + number * ENTRY_SIZE) for number in range(1, count)]


def test_the_index_of_5_5_has_ours_and_one_entry_more_for_tags(tmp_path: Path) -> None:
    store = unpack_store("5.5.0-clean", tmp_path)
    (golden,) = (store / "index").iterdir()
    index = make(str(tmp_path / "mine"), slots=1000, entries=4000)
    build(index, commitlog_messages(store))
    stop(index)
    (mine,) = (tmp_path / "mine" / "index").iterdir()
    tags = {
        (index_hash(string_hash(f"{m.topic}#T#{m.properties['TAGS']}") & 0xFFFFFFFF), m.commit_log_offset)
        for m in commitlog_messages(store)
        if m.properties.get("TAGS")
    }
    theirs = entries(golden.read_bytes(), 1000)
    assert len(theirs) - len(tags) == len(entries(mine.read_bytes(), 1000)) > 500
    assert [e for e in theirs if e[:2] not in tags] == entries(mine.read_bytes(), 1000)


@pytest.mark.parametrize("name", [name for name in STORES if name != "5.5.0-clean"])
def test_rebuilt_index_has_apache_s_bytes(name: str, tmp_path: Path) -> None:
    store = unpack_store(name, tmp_path)
    (golden,) = (store / "index").iterdir()
    index = make(str(tmp_path / "mine"), slots=1000, entries=4000)
    build(index, commitlog_messages(store))
    stop(index)
    (mine,) = (tmp_path / "mine" / "index").iterdir()
    assert mine.stat().st_size == golden.stat().st_size
    assert without_slack(mine.read_bytes(), 1000) == without_slack(golden.read_bytes(), 1000)


@pytest.mark.parametrize("name", STORES)
def test_keys_of_a_golden_store_lead_to_their_messages(name: str, tmp_path: Path) -> None:
    store = unpack_store(name, tmp_path)
    index = make(str(store), slots=1000, entries=4000)
    keyed: dict[tuple[str, str], set[int]] = {}
    for message in manifest(name):
        unique = message["properties"].get("UNIQ_KEY")
        for key in [*message["properties"].get("KEYS", "").split(" "), unique]:
            if key:
                keyed.setdefault((message["topic"], key), set()).add(message["commitLogOffset"])
    assert len(keyed) > 300
    for (topic, key), offsets in keyed.items():
        result = index.query_offset(topic, key, 64, 0, HORIZON, not_asked)
        assert offsets <= set(result.phy_offsets)
        assert result.phy_offsets == sorted(result.phy_offsets, reverse=True)
        assert result.index_last_update_phyoffset >= max(offsets)
    assert found(index, "no such key", "TagTest") == []


def test_building_on_where_apache_left_off(tmp_path: Path) -> None:
    """What is indexed is not indexed twice; new keys go behind Apache's entries."""
    store = unpack_store("5.3.3-clean", tmp_path)
    index = make(str(store), slots=1000, entries=4000)
    before = index.files[0].header()
    messages = commitlog_messages(store)
    build(index, messages)
    assert index.files[0].header() == before
    index.put_keys("T", None, "fresh", messages[-1].commit_log_offset + 1000, messages[-1].store_timestamp)
    assert found(index, "fresh") == [messages[-1].commit_log_offset + 1000]
    assert found(index, "no") == []


# -- which keys


def test_which_keys_are_indexed(tmp_path: Path) -> None:
    index = make(str(tmp_path))
    index.put_keys("T", "UNIQUE", "a  b ", 100, 1000)
    index.put_keys("T", None, None, 200, 1000)
    index.put_keys("T", "PREPARED", "a", 300, 1000, 1 << 2)
    index.put_keys("T", "COMMITTED", "a", 400, 1000, 2 << 2)
    index.put_keys("T", "ROLLEDBACK", "a", 500, 1000, 3 << 2)
    index.put_keys("U", None, "a", 600, 1000)
    assert found(index, "a") == [400, 300, 100]
    assert found(index, "a", "U") == [600]
    assert found(index, "b") == found(index, "UNIQUE") == [100]
    assert found(index, "PREPARED") == [300]
    assert found(index, "COMMITTED") == [400]
    assert found(index, "ROLLEDBACK") == found(index, "") == []
    assert index.indexed_until == 600


def test_nothing_on_disk_before_the_first_key(tmp_path: Path) -> None:
    index = make(str(tmp_path))
    index.put_keys("T", None, "", 100, 1000)
    assert not (tmp_path / "index").exists()
    index.put_keys("T", None, "k", 200, 1000)
    (name,) = (p.name for p in (tmp_path / "index").iterdir())
    assert name.startswith(time.strftime("%Y%m%d%H%M%S", time.localtime(1_700_000_000))) and len(name) == 17


def test_few_keys_take_little_disk(tmp_path: Path) -> None:
    index = make(str(tmp_path), slots=5_000_000, entries=20_000_000)
    index.put_keys("T", "7F0000010A2C18B4AAC2000000000000", "k", 0, 1_700_000_000_000)
    (path,) = (tmp_path / "index").iterdir()
    assert path.stat().st_size == 40 + 5_000_000 * 4 + 20_000_000 * 20
    assert path.stat().st_blocks * 512 < 1 << 20
    for i in range(1, 200):
        index.put_keys("T", None, f"key-{i}", i, 1_700_000_000_000)
    assert path.stat().st_blocks * 512 < 22 << 20
    assert [found(index, f"key-{i}") for i in range(1, 200)] == [[i] for i in range(1, 200)]


def test_hash_of_a_key() -> None:
    assert index_hash(string_hash("polygenelubricants") & 0xFFFFFFFF) == 0
    assert index_hash(5) == index_hash(-5 & 0xFFFFFFFF) == 5
    assert index_hash(0x7FFFFFFF) == index_hash(0x80000001) == 0x7FFFFFFF


# -- against a model

KEYS = st.sampled_from(["a", "b", "Aa", "BB", "AaAa", "BBBB", "AaBB", "key", "7F00"])
MESSAGES = st.lists(
    st.tuples(st.sampled_from(["T", "U"]), st.none() | KEYS, st.lists(KEYS, max_size=4), st.integers(-1500, 4000)),
    max_size=60,
)


@settings(max_examples=60, deadline=None)
@given(MESSAGES, st.integers(2, 30), st.integers(1, 7), st.lists(st.integers(0, 60), max_size=3))
def test_queries_agree_with_a_model(
    messages: list[tuple[str, str | None, list[str], int]], entries: int, slots: int, reopen_at: list[int]
) -> None:
    """Files of few entries and slots, so that they roll within messages and chains are long; reopened at times."""
    fs: FileSystem = FaultyFileSystem()
    index = make("/store", fs, slots=slots, entries=entries)
    now, offset = 1_000_000, 0
    model: list[tuple[str, str, int, int]] = []
    for i, (topic, unique, keys, step) in enumerate(messages):
        if i in reopen_at:
            stop(index)
            index = make("/store", fs, slots=slots, entries=entries)
        now, offset = max(1, now + step), offset + 100
        index.put_keys(topic, unique, " ".join(keys), offset, now)
        model += [(topic, key, offset, now) for key in dict.fromkeys([*([unique] if unique else []), *keys])]
    for topic in ("T", "U"):
        for key in ("a", "Aa", "BB", "AaAa", "key", "absent"):
            matching = {
                found_offset
                for found_topic, found_key, found_offset, _ in model
                if found_topic == topic and string_hash(found_key) == string_hash(key)
            }
            assert set(found(index, key, topic)) == matching


def test_time_window_and_maximum(tmp_path: Path) -> None:
    index = make(str(tmp_path), entries=50)
    for i in range(200):
        index.put_keys("T", None, "k", i + 1, 1_000_000 + i * 1000)
    assert len(index.files) == 5
    within = found(index, "k", begin=1_150_000, end=1_152_000, times=lambda offset: 999_000 + offset * 1000)
    assert within == [153, 152, 151]
    assert index.query_offset("T", "k", 2, 0, HORIZON, not_asked).phy_offsets == [200, 199]
    assert index.query_offset("T", "k", 1000, 0, HORIZON, not_asked).phy_offsets == list(range(200, 136, -1))
    assert found(index, "k", begin=2_000_000) == []
    assert found(index, "k", end=999_000) == []
    result = index.query_offset("T", "k", 1, 0, HORIZON, not_asked)
    assert (result.index_last_update_timestamp, result.index_last_update_phyoffset) == (1_199_000, 200)


@given(
    st.lists(st.integers(0, 2500), min_size=1, max_size=30),
    st.integers(2, 9),
    st.lists(st.tuples(st.integers(-1100, 40_000), st.integers(0, 2500)), min_size=1, max_size=5),
)
def test_a_time_window_holds_what_lies_in_it_to_the_millisecond(
    steps: list[int], entries: int, windows: list[tuple[int, int]]
) -> None:
    """An entry keeps whole seconds; both ends of the window count."""
    index = make("/store", FaultyFileSystem(), slots=3, entries=entries)
    first = now = 1_700_000_000_123
    times: dict[int, int] = {}
    for offset, step in enumerate(steps):
        now += step
        times[offset] = now
        index.put_keys("T", None, "k", offset, now)
    at_each = [(time - first, 0) for time in times.values()]
    for begin, length in windows + at_each:
        begin, end = first + begin, first + begin + length
        matching = [offset for offset in sorted(times, reverse=True) if begin <= times[offset] <= end]
        assert found(index, "k", begin=begin, end=end, times=times.__getitem__) == matching


def test_names_rise_although_the_clock_does_not(tmp_path: Path) -> None:
    index = make(str(tmp_path), entries=2)
    clock: Any = index._clock
    for i in range(5):
        index.put_keys("T", None, "k", i + 1, 1000)
        clock.now -= 3_600_000
    names = [f.name for f in index.files]
    assert names == sorted(set(names)) and len(names) == 5
    stop(index)
    assert found(make(str(tmp_path), entries=2), "k") == [5, 4, 3, 2, 1]


def test_expired_files_go_but_never_the_last(tmp_path: Path) -> None:
    index = make(str(tmp_path), entries=11)
    for i in range(35):
        index.put_keys("T", None, "k", i * 10, 1000 + i)
    ends = [f.end_phy_offset for f in index.files]
    assert ends == [90, 190, 290, 340]
    assert index.delete_expired(90) == 0
    assert index.delete_expired(191) == 2
    assert len(list((tmp_path / "index").iterdir())) == 2
    assert min(found(index, "k")) == 200
    assert index.delete_expired(10_000) == 1
    assert found(index, "k") == [340, 330, 320, 310, 300]
    assert index.total_size == index.files[0].file.size


# -- damage and other configurations


def test_a_file_of_another_size_is_left_alone(tmp_path: Path) -> None:
    index = make(str(tmp_path), entries=50)
    index.put_keys("T", None, "k", 1, 1000)
    stop(index)
    other = make(str(tmp_path), entries=60)
    assert found(other, "k") == []
    (tmp_path / "index" / "20200101000000000").touch()
    (tmp_path / "index" / "README").touch()
    make(str(tmp_path), entries=60)
    assert not (tmp_path / "index" / "20200101000000000").exists()
    assert (tmp_path / "index" / "README").exists()
    assert found(make(str(tmp_path), entries=50), "k") == [1]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_damaged_file_never_hangs_or_breaks_a_query(data: st.DataObject) -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=5, entries=40)
    for i in range(30):
        index.put_keys("T", None, f"k{i % 3}", i + 1, 1_000_000 + i * 100)
    view = index.files[0].file.view
    for _ in range(data.draw(st.integers(1, 20))):
        view[data.draw(st.integers(HEADER_SIZE, len(view) - 1))] = data.draw(st.integers(0, 255))
    for i in range(3):
        assert len(found(index, f"k{i}")) <= 40
    index.put_keys("T", None, "after", 31, 1_004_000)
    assert 31 in found(index, "after") or index.files[0].entry(31) is not None


# -- truncation after the commitlog was cut


@pytest.mark.parametrize("cut", [0, 5, 10, 55, 110, 155, 1000])
def test_truncate_forgets_later_messages(tmp_path: Path, cut: int) -> None:
    index = make(str(tmp_path), slots=3, entries=8)
    for i in range(16):
        index.put_keys("T", f"U{i}", "k", i * 10, 1_000_000 + i * 700)
    index.truncate(cut)
    kept = [i * 10 for i in range(16) if i * 10 < cut]
    assert found(index, "k") == kept[::-1]
    for offset in range(cut - cut % 10 if cut < 160 else 160, 200, 10):
        if offset >= cut:
            index.put_keys("T", None, "k new", offset, 2_000_000)
            kept.append(offset)
    assert found(index, "k") == kept[::-1]
    for i in range(16):
        assert found(index, f"U{i}") == ([i * 10] if i * 10 < cut else [])
    for index_file in index.files:
        slots = {index_file.entry(n)[0] % 3 for n in range(1, index_file.count)}
        assert index_file.slot_count == len(slots)


# -- full disk


def test_a_full_disk_makes_messages_wait(tmp_path: Path) -> None:
    fs = FaultyFileSystem(capacity=4096 * 3)
    index = make("/store", fs, slots=2000, entries=4000)
    offset = 0
    while index._flags.writeable:
        offset += 100
        index.put_keys("T", None, f"k{offset}", offset, 1_000_000)
        assert offset < 1_000_000
    index.put_keys("T", None, "late", offset + 100, 1_000_000)
    assert not index.retry()
    assert index.indexed_until == offset - 100
    fs.capacity = 1 << 30
    assert index.retry()
    assert index._flags.writeable
    assert found(index, "late") == [offset + 100]
    assert found(index, f"k{offset}") == [offset]
    assert found(index, "k100") == [100]
    assert index.indexed_until == offset + 100


def test_a_full_disk_at_the_first_key() -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs)
    fs.fail_next("reserve", errno.ENOSPC, times=2)
    index.put_keys("T", None, "k", 100, 1_000_000)
    assert index._flags.bits == WRITE_INDEX_FILE_ERROR
    assert index.retry()
    assert found(index, "k") == [100] and index._flags.bits == 0


def test_entry_layout() -> None:
    assert (HEADER.size, ENTRY.size) == (HEADER_SIZE, ENTRY_SIZE) == (40, 20)


def test_a_long_chain_is_followed_in_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rocketmq_ops.store.index.index_file.STEP", 10)
    index = make(str(tmp_path))
    for i in range(100):
        index.put_keys("T", None, "k", i + 1, 1_000_000 + i * 1000)
    results = []

    def oldest() -> Iterator[None]:
        times = lambda offset: 999_000 + offset * 1000  # noqa: E731
        results.append((yield from index.query_steps("T", "k", 2, 0, 1_000_500, times)))

    assert sum(1 for _ in oldest()) == 10
    assert results[0].phy_offsets == [1]
    assert found(index, "k", end=1_000_500, times=lambda offset: 999_000 + offset * 1000) == [1]
