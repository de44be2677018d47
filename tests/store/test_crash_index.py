"""The index after a crash: nothing wrong in it, nothing missing once recovery has handed over the rest."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import NamedTuple

import pytest

from rocketmq_ops.common.java_hash import string_hash
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.layout.index import HEADER_SIZE, SLOT_SIZE
from tests.golden_data import STORES, manifest, unpack_store
from tests.store.crash_driver import ROOT, open_small
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import Clock as StoreClock
from tests.store.store_helpers import kill, message, open_store
from tests.store.test_index import HORIZON, Clock, found, make, stop


class Put(NamedTuple):
    topic: str
    keys: str
    offset: int
    timestamp: int


def put_all(index: IndexService, puts: list[Put]) -> None:
    for one in puts:
        index.put_keys(one.topic, None, one.keys, one.offset, one.timestamp)


def check_all(index: IndexService, puts: list[Put]) -> None:
    for topic, key in {(one.topic, key) for one in puts for key in one.keys.split(" ")}:
        same = {
            one.offset
            for one in puts
            if one.topic == topic and string_hash(key) in map(string_hash, one.keys.split(" "))
        }
        assert set(found(index, key, topic)) == set(sorted(same)[-64:])


def random_puts(rng: random.Random, count: int) -> list[Put]:
    puts, offset, timestamp = [], 0, 1_000_000
    for number in range(count):
        keys = [rng.choice(["a", "b", "Aa", "BB", f"k{number}"]) for _ in range(rng.choice([0, 1, 1, 2, 4]))]
        puts.append(Put(rng.choice("TU"), " ".join(dict.fromkeys(keys)) or f"only{number}", offset, timestamp))
        offset += rng.randint(90, 3000)
        timestamp += rng.choice([0, 0, 1, 900, 40_000])
    return puts


@pytest.mark.parametrize("seed", range(60))
def test_after_any_crash_the_rest_makes_it_whole(seed: int) -> None:
    """Random keys and syncs, then a kill or a power cut; recovery then hands over what `indexed_until` asks for."""
    rng = random.Random(seed)
    shape = {"slots": rng.choice([3, 200, 3000]), "entries": rng.choice([5, 30, 1000])}
    fs = FaultyFileSystem()
    fs.make_dirs("/store")
    fs.sync_dir("/")
    index = make("/store", fs, **shape)
    puts = random_puts(rng, 150)
    synced_until = -1
    for at, one in enumerate(puts):
        put_all(index, [one])
        if rng.random() < 0.05:
            sync = index.begin_sync()
            put_all(index, puts[at + 1 : at + 3])  # goes on while the worker syncs
            index.run_sync(sync)
            index.end_sync(sync)
            index._checkpoint.flush()
            synced_until = one.offset
    if rng.random() < 0.3:
        after, end = fs.after_kill(), puts[-1].offset + 1
    else:
        after, end = fs.after_power_cut(rng), rng.choice([puts[-1].offset + 1, puts[rng.randrange(150)].offset])
    left = [one for one in puts if one.offset < end]
    recovered = make("/store", after, **shape, clean=False)
    assert recovered.indexed_until >= synced_until - 1 or recovered.indexed_until >= end
    put_all(recovered, left)
    recovered.truncate(end)
    check_all(recovered, left)
    later = [one._replace(offset=one.offset + end, timestamp=one.timestamp + 10_000_000) for one in puts[:20]]
    put_all(recovered, later)
    check_all(recovered, left + later)
    after.check_blocks()
    stop(recovered)
    check_all(make("/store", after, **shape), left + later)


def test_a_crash_does_not_cost_the_whole_index() -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=50, entries=1000)
    puts = random_puts(random.Random(1), 300)
    put_all(index, puts[:200])
    index.flush()
    index._checkpoint.flush()
    put_all(index, puts[200:])
    undisturbed = bytes(index.files[0].file.view)
    killed = fs.after_kill()
    recovered = make("/store", killed, slots=50, entries=1000, clean=False)
    assert recovered.indexed_until == puts[199].offset
    put_all(recovered, puts)
    assert bytes(recovered.files[0].file.view) == undisturbed


@pytest.mark.parametrize("entries", [1000, 100_000])
def test_nothing_is_left_behind_the_entries_that_a_crash_has_left(entries: int) -> None:
    """Their messages may be lost: `store check` would find entries that the header does not count."""
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=50, entries=entries)
    puts = [Put("T", f"k{number}", number * 100, 1_000_000) for number in range(entries // 2)]
    put_all(index, puts[:200])
    index.flush()
    index._checkpoint.flush()
    put_all(index, puts[200:])
    recovered = make("/store", fs.after_kill(), slots=50, entries=entries, clean=False)
    (file,) = recovered.files
    assert file.count == 201
    assert not bytes(file.file.view[file.entries_at + file.count * 20 :]).strip(b"\0")


def test_slots_that_were_being_written_lead_to_their_keys_again() -> None:
    """A number's bytes are written from the last to the first: a kill between them leaves neither the old one nor the new
    one, but perhaps 0, or the number of another slot's entry."""
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=50, entries=1000)
    puts = [Put("T", f"k{number}", number * 100, 1_000_000) for number in range(600)]
    put_all(index, puts[:250])
    index.flush()
    index._checkpoint.flush()
    (file,) = index.files
    slots = slice(HEADER_SIZE, file.entries_at)
    before = bytes(file.view[slots])
    put_all(index, puts[250:])
    after = bytes(file.view[slots])
    torn = [
        before[at : at + SLOT_SIZE - 1] + after[at + SLOT_SIZE - 1 : at + SLOT_SIZE]
        for at in range(0, len(before), SLOT_SIZE)
    ]
    file.view[slots] = b"".join(torn)
    believable = sum(1 for slot in torn if int.from_bytes(slot) <= 250 and slot not in before)
    assert believable > 20
    recovered = make("/store", fs.after_kill(), slots=50, entries=1000, clean=False)
    check_all(recovered, puts[:250])
    put_all(recovered, puts)
    check_all(recovered, puts)
    assert bytes(recovered.files[0].view[slots]) == after


def test_a_note_is_void_once_the_index_was_cut() -> None:
    """Messages of equal sizes: after the cut others lie at the very offsets of those the note knew."""
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=5, entries=100)
    put_all(index, [Put("T", f"old{i}", i * 100, 1000) for i in range(10)])
    index.flush()
    index._checkpoint.flush()
    cut = make("/store", fs.after_kill(), slots=5, entries=100, clean=False)
    cut.truncate(500)
    put_all(cut, [Put("T", f"new{i}", i * 100, 1000) for i in range(5, 10)])
    assert isinstance(cut._fs, FaultyFileSystem)
    again = make("/store", cut._fs.after_power_cut(random.Random(1)), slots=5, entries=100, clean=False)
    assert again.indexed_until == -1
    assert found(again, "old7") == []


def test_files_removed_after_a_crash_do_not_come_back_by_the_next_one() -> None:
    """They are full and older than the checkpoint's time: come back, they would be taken for whole."""
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=5, entries=5)
    old = [Put("T", f"old{i}", i * 100, 1000) for i in range(12)]
    put_all(index, old)
    index.flush()
    index._checkpoint.flush()
    survivor = fs.after_kill()
    cut = make("/store", survivor, slots=5, entries=5, clean=False)
    assert len(cut.files) == 3
    assert cut.truncate(200)
    cut.flush()
    cut._checkpoint.flush()
    left = old[:2] + [Put("T", f"new{i}", i * 100, 2000) for i in range(2, 5)]
    put_all(cut, left)
    for seed in range(20):
        again = make("/store", survivor.after_power_cut(random.Random(seed)), slots=5, entries=5, clean=False)
        assert again.indexed_until < 500
        put_all(again, left)
        check_all(again, left)


def test_an_index_cut_after_a_clean_stop_does_not_come_back_by_a_power_cut() -> None:
    """The commitlog was damaged while the broker was down, and so a part of it is given up."""
    fs, clock = FaultyFileSystem(), StoreClock()
    store = open_small(fs, clock)
    for number in range(150):
        assert store.put_message(message(KEYS=f"old{number}")).status == PutStatus.PUT_OK
    asyncio.run(store.shutdown())
    second = fs.node(f"{ROOT}/commitlog/{8192:020d}")
    second.live[:] = second.durable = bytes(8192)
    store = open_small(fs, clock)
    assert store.max_phy_offset == 8192
    new = [f"new{number}" for number in range(10)]
    for key in new:
        store.put_message(message(KEYS=key))
    store.commit_log.file_queue.flush()
    for seed in range(20):
        again = open_small(fs.after_power_cut(random.Random(seed)), clock)
        for key in new:
            views = again.query_message("T", key, 32, 0, HORIZON).views
            assert [decode_message(view).properties["KEYS"] for view in views] == [key]
        kill(again)


def test_apache_s_rule_for_files_without_a_note() -> None:
    """Full files that were synced stay, any other goes (IndexService.load)."""
    fs = FaultyFileSystem()
    index = make("/store", fs, slots=5, entries=11)
    put_all(index, [Put("T", "k", i * 10, 1_000_000 + i * 1000) for i in range(25)])
    index._checkpoint.index_msg_timestamp = index.files[0].end_timestamp
    index._checkpoint.flush()
    recovered = make("/store", fs.after_kill(), slots=5, entries=11, clean=False)
    assert len(recovered.files) == 1
    assert recovered.indexed_until == 89
    assert make("/store", fs.after_kill(), slots=5, entries=11).indexed_until == 240


def test_a_store_without_keys_knows_that_nothing_is_missing() -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs)
    index.put_keys("T", None, None, 700, 1000)
    index.flush()
    index._checkpoint.flush()
    assert make("/store", fs.after_kill(), clean=False).indexed_until == 700


def test_a_failed_sync_is_done_again() -> None:
    fs = FaultyFileSystem()
    index = make("/store", fs)
    clock = index._clock
    assert isinstance(clock, Clock)
    index.put_keys("T", None, "k", 100, 1000)
    clock.now += 60_000
    assert index.sync_due()
    fs.fail_next("sync", 5)
    with pytest.raises(OSError, match=r"error"):
        index.flush()
    assert index._checkpoint.index_note is None or index._checkpoint.index_note.done == -1
    assert not index.sync_due()
    clock.now += 60_000
    assert index.sync_due()
    index.flush()
    clock.now += 60_000
    assert not index.sync_due()
    assert index.query_offset("T", "k", 1, 0, HORIZON, lambda _: 1000).phy_offsets == [100]


@pytest.mark.parametrize("name", STORES)
def test_keys_of_apache_s_stores_are_found_after_a_start_on_them(name: str, tmp_path: Path) -> None:
    """Apache's killed broker has left an index that it would drop; here it is built anew from the commitlog."""
    root = unpack_store(name, tmp_path)
    store = open_store(
        root,
        mappedFileSizeCommitLog=262144,
        mappedFileSizeConsumeQueue=6000,
        maxHashSlotNum=1000,
        maxIndexNum=4000,
        maxMessageSize=131072,
    )
    for line in manifest(name):
        keys = [*line["properties"].get("KEYS", "").split(" "), line["properties"].get("UNIQ_KEY")]
        for key in filter(None, keys):
            views = store.query_message(line["topic"], key, 64, 0, HORIZON).views
            assert line["commitLogOffset"] in [decode_message(view).commit_log_offset for view in views]
    kill(store)
