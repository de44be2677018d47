"""Full disks and failing calls: an answer to the sender, nothing acknowledged lost, no write without a block."""

from __future__ import annotations

import asyncio
import errno
import random
import threading

import pytest

from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.common.sysflag import TRANSACTION_PREPARED_TYPE
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.store.crash_driver import ROOT, Load, check_contents, end_of, open_small, records_of, run_load
from tests.store.faults import PAGE, FaultyFileSystem
from tests.store.store_helpers import Clock, kill, message, read_all

REFUSALS = {PutStatus.DISK_FULL, PutStatus.SERVICE_NOT_AVAILABLE, PutStatus.CREATE_MAPPED_FILE_FAILED}


def put_some(store: MessageStore, load: Load, clock: Clock, count: int) -> int:
    """Put and acknowledge as ASYNC_FLUSH does; returns how many puts were refused."""
    refused = 0
    for _ in range(count):
        taken = load.put(store, clock)
        load.ack(taken)
        refused += not taken
    return refused


@pytest.mark.parametrize("pages", range(24))
def test_a_full_disk_is_an_answer_and_passes(pages: int) -> None:
    """The disk fills up at any place: the first file, a roll, a queue, the index; then there is room again."""
    fs, clock, load = FaultyFileSystem(capacity=pages * PAGE), Clock(), Load(random.Random(pages))
    try:
        store = open_small(fs, clock)
    except OSError as error:
        assert error.errno == errno.ENOSPC
        fs.capacity = 1 << 30
        store = open_small(fs, clock)  # the lock was given back
        fs.capacity = pages * PAGE
    refused = put_some(store, load, clock, 60)
    assert refused > 0
    fs.check_blocks()
    check_contents_after_refusals(store, load)
    fs.capacity = 1 << 30
    assert store.index.retry()
    assert put_some(store, load, clock, 30) == 0
    check_contents(store, load.acked, load.sent)
    fs.check_blocks()
    kill(store)
    again = open_small(fs.after_kill(), clock)
    check_contents(again, load.acked, load.sent)


def check_contents_after_refusals(store: MessageStore, load: Load) -> None:
    """All that was acknowledged can be read although the disk is full."""
    bodies = {found.body for queue in store.queues.names() for found in read_all(store, *queue)}
    for body, sent in load.acked.items():
        if body not in bodies:
            record = store.message_at(sent.physical)
            assert record is not None
            assert decode_message(record).body == body
            assert decode_message(record).sys_flag & TRANSACTION_PREPARED_TYPE  # those are in no queue


@pytest.mark.parametrize("pages", [6, 9, 12, 15])
def test_restart_on_a_full_disk(pages: int) -> None:
    fs, clock, load = FaultyFileSystem(capacity=pages * PAGE), Clock(), Load(random.Random(pages))
    store = open_small(fs, clock)
    put_some(store, load, clock, 40)
    kill(store)
    after = fs.after_kill()
    after.capacity = pages * PAGE
    again = open_small(after, clock)
    check_contents_after_refusals(again, load)
    kill(again)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["open", "reserve", "sync_dir", "sync", "write_bytes", "clear"])
@pytest.mark.parametrize("after", [0, 1, 2, 5, 9, 14])
def test_any_call_may_fail_once(call: str, code: int, after: int) -> None:
    fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(after))
    fs.make_dirs(str(ROOT))
    fs.sync_dir("/")
    fs.sync_dir(str(ROOT.parent))
    fs.fail_next(call, code, after=after)

    async def run() -> None:
        for _ in range(2):
            try:
                store = open_small(fs, clock, flushDiskType="SYNC_FLUSH")
            except OSError as error:
                assert error.errno == code
                continue
            await run_load(store, load, clock, 40, sync=True)
            store.index.retry()
            await store.shutdown()
            return

    asyncio.run(run())
    assert fs.counts[call] > 0 or call == "clear"
    for survivor in (fs.after_kill(), fs.after_power_cut(random.Random(after))):
        again = open_small(survivor, clock, flushDiskType="SYNC_FLUSH")
        check_contents(again, load.acked, load.sent)
        assert len(load.acked) > 10
        kill(again)


def test_a_failed_sync_is_told_to_its_senders_and_made_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel forgets dirty pages whose write failed; they have to be written to again before the next sync."""
    fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(3))
    touched: list[tuple[str, int, int]] = []
    original = MappedFile.dirty_again

    def watched(self: MappedFile) -> None:
        touched.append((self.path, self.flushed, self.wrote))
        original(self)

    monkeypatch.setattr(MappedFile, "dirty_again", watched)
    store = open_small(fs, clock, flushDiskType="SYNC_FLUSH", flushIntervalConsumeQueue=60_000)

    async def run() -> None:
        store.start()
        fs.fail_next("sync", errno.EIO)
        first, second = store.put_message(message(body=b"first")), store.put_message(message(body=b"second"))
        answers: list[bool] = []
        done = asyncio.get_running_loop().create_future()
        store.when_flushed(first.wrote_offset + first.wrote_bytes, answers.append)
        store.when_flushed(second.wrote_offset + second.wrote_bytes, lambda ok: done.set_result(ok))
        assert await done is False and answers == [False]
        assert touched == [(f"{ROOT}/commitlog/{0:020d}", 0, second.wrote_offset + second.wrote_bytes)]
        assert store.max_offset("T", 0) == 0  # what is not durable is not shown to consumers
        third = store.put_message(message(body=b"third"))
        later = asyncio.get_running_loop().create_future()
        store.when_flushed(third.wrote_offset + third.wrote_bytes, later.set_result)
        assert await later is True
        assert store.max_offset("T", 0) == 3
        await store.shutdown()

    asyncio.run(run())
    assert load.acked == {}
    again = open_small(fs.after_power_cut(random.Random(1)), clock)
    assert [one.body for one in read_all(again)] == [b"first", b"second", b"third"]


def test_a_sync_that_hangs_is_a_timeout() -> None:
    fs, clock = FaultyFileSystem(), Clock()
    store = open_small(fs, clock, flushDiskType="SYNC_FLUSH", syncFlushTimeout=30)
    go_on = threading.Event()

    def hang(name: str, path: str) -> None:
        if name == "sync" and "commitlog" in path:
            go_on.wait(20)

    async def run() -> None:
        store.start()
        fs.on_event = hang
        result = store.put_message(message())
        end = result.wrote_offset + result.wrote_bytes
        answer = asyncio.get_running_loop().create_future()
        store.when_flushed(end, answer.set_result)
        assert await answer is False
        assert store.flushed_where == 0
        go_on.set()
        durable = asyncio.get_running_loop().create_future()
        store.when_flushed(end, durable.set_result)
        assert await durable is True
        await store.shutdown()

    asyncio.run(run())
    assert not fs.exists(f"{ROOT}/abort")


def test_a_store_that_cannot_be_flushed_keeps_its_abort_file() -> None:
    fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(5))
    store = open_small(fs, clock, flushIntervalCommitLog=60_000, flushIntervalConsumeQueue=60_000)

    async def run() -> None:
        await run_load(store, load, clock, 10, sync=False)
        fs.fail_next("sync", errno.EIO, times=1000)
        await store.shutdown()

    asyncio.run(run())
    assert fs.exists(f"{ROOT}/abort")
    again = open_small(fs.after_kill(), clock)
    check_contents(again, load.acked, load.sent)
    assert end_of(again, next(iter(load.acked.values()))) > 0


def test_a_stop_with_the_index_behind_is_made_good_by_the_next_start() -> None:
    fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(5))
    store = open_small(fs, clock)
    put_some(store, load, clock, 5)
    fs.on_event = lambda name, path: fail_in_index(name, path)
    while store.flags.writeable:
        put_some(store, load, clock, 1)
    assert store.index.is_behind

    async def run() -> None:
        store.start()
        await store.shutdown()

    asyncio.run(run())
    again = open_small(fs.after_kill(), clock)
    check_contents(again, load.acked, load.sent)


def fail_in_index(name: str, path: str) -> None:
    if name in ("reserve", "open") and "/index/" in path:
        raise OSError(errno.ENOSPC, "full", path)


def test_cleaning_and_a_power_cut_leave_a_row_without_holes() -> None:
    for seed in range(20):
        fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(seed))
        keys = {"fileReservedTime": 0, "flushDiskType": "SYNC_FLUSH"}
        store = open_small(fs, clock, **keys)
        asyncio.run(run_load_and_stop(store, load, clock))
        store = open_small(fs, clock, **keys)
        snapshots: list[FaultyFileSystem] = []
        fs.on_event = lambda name, path, fs=fs, rng=load.rng, taken=snapshots: (  # type: ignore[misc]
            taken.append(fs.after_power_cut(rng)) if name in ("remove", "sync_dir") else None
        )
        clock.now += 1000 * 3_600_000
        store.cleaning.delete_manually()
        assert store.cleaning.clean_now() >= 2
        fs.on_event = None
        snapshots.append(fs.after_power_cut(load.rng))
        assert len(snapshots) > 4
        for snapshot in snapshots:
            again = open_small(snapshot, clock, **keys)
            first = again.min_phy_offset
            left = {body: one for body, one in load.acked.items() if one.physical >= first}
            records = {record.body for record in records_of(again)}
            assert set(left) <= records
            assert again.put_message(message(body=b"more")).status == PutStatus.PUT_OK
            for queue in again.queues.names():
                found = read_all(again, *queue)
                assert [one.queue_offset for one in found] == list(
                    range(again.min_offset(*queue), again.max_offset(*queue))
                )
            kill(again)


async def run_load_and_stop(store: MessageStore, load: Load, clock: Clock) -> None:
    await run_load(store, load, clock, 60, sync=True)
    await store.shutdown()


def test_a_second_broker_on_the_store_is_refused_and_harms_nothing() -> None:
    fs, clock, load = FaultyFileSystem(), Clock(), Load(random.Random(5))
    store = open_small(fs, clock)
    put_some(store, load, clock, 5)
    with pytest.raises(Exception, match="is in use"):
        open_small(fs, clock)
    put_some(store, load, clock, 5)
    check_contents(store, load.acked, load.sent)
    assert fs.exists(f"{ROOT}/abort")
