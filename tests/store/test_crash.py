"""What is acknowledged survives: a killed process under ASYNC_FLUSH, a power cut under SYNC_FLUSH, at any line."""

from __future__ import annotations

import asyncio
import random

import pytest

from rocketmq_ops.store.index import index_key_buffer
from rocketmq_ops.store.message_store import MessageStore
from tests.store.crash_driver import Load, Moments, check_moment, open_small, run_load
from tests.store.faults import FaultyFileSystem, Folder, Node
from tests.store.store_helpers import Clock

SEEDS = range(4)


def crash_somewhere(
    seed: int,
    *,
    power: bool,
    sync: bool,
    share: float,
    count: int = 80,
    restart_first: bool = False,
    in_blocks: bool = False,
) -> Moments:
    rng = random.Random(seed)
    fs, clock, load = FaultyFileSystem(), Clock(), Load(rng)
    keys = {"flushDiskType": "SYNC_FLUSH" if sync else "ASYNC_FLUSH"}
    moments = Moments(load, fs, random.Random(seed), share, power=power)

    async def run(store: MessageStore, puts: int) -> None:
        await run_load(store, load, clock, puts, sync=sync)
        await store.shutdown()

    if restart_first:
        asyncio.run(run(open_small(fs, clock, **keys), 30))
    with moments:
        store = open_small(fs, clock, **keys)
        if in_blocks:
            store.index.begin_buffering()
        asyncio.run(run(store, count))
    moments.take()
    return moments


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_by_a_kill(seed: int) -> None:
    moments = crash_somewhere(seed, power=False, sync=False, share=0.002, restart_first=seed % 2 == 1)
    assert len(moments.taken) > 30
    for number, moment in enumerate(moments.taken):
        check_moment(moment, random.Random(number))


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_acknowledged_is_lost_by_a_power_cut(seed: int) -> None:
    moments = crash_somewhere(seed, power=True, sync=True, share=0.002, restart_first=seed % 2 == 1)
    assert len(moments.taken) > 30
    assert any(moment.acked for moment in moments.taken)
    for number, moment in enumerate(moments.taken):
        check_moment(moment, random.Random(number), flushDiskType="SYNC_FLUSH")


@pytest.mark.parametrize("seed", SEEDS)
def test_a_power_cut_under_async_flush_leaves_no_rubbish(seed: int) -> None:
    """Messages may be lost then, but none is served damaged, and what was flushed in time stays."""
    moments = crash_somewhere(seed, power=True, sync=False, share=0.002)
    for number, moment in enumerate(moments.taken):
        check_moment(moment._replace(acked={}), random.Random(number))


@pytest.mark.parametrize("power", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_is_lost_when_keys_are_indexed_in_blocks(
    seed: int, power: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As under load; what waits for its block is in no file when the crash comes."""
    monkeypatch.setattr(index_key_buffer, "BLOCK_KEYS", 16)
    moments = crash_somewhere(seed, power=power, sync=power, share=0.002, restart_first=seed % 2 == 1, in_blocks=True)
    assert len(moments.taken) > 30
    for number, moment in enumerate(moments.taken):
        check_moment(moment, random.Random(number), flushDiskType="SYNC_FLUSH" if power else "ASYNC_FLUSH")


def test_a_folder_may_be_synced_while_a_power_cut_is_imagined() -> None:
    """The worker's sync falls into the copy that the loop's thread makes."""
    folder = Folder()
    folder.change(file=Node(1))

    class Interrupted(random.Random):
        def randint(self, a: int, b: int) -> int:
            folder.sync()
            return b

    assert list(folder.after_power_cut(Interrupted(1)).live) == ["file"]
