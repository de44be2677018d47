"""The store as a whole: batches, flushing and what consumers see when, life cycle, deletion of topics."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.message import Message
from rocketmq_ops.common.message_codec import decode_message_id, encode_batch
from rocketmq_ops.common.sysflag import TRANSACTION_PREPARED_TYPE
from rocketmq_ops.store import running_flags
from rocketmq_ops.store.errors import ForeignFileError
from rocketmq_ops.store.get_result import GetStatus
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from rocketmq_ops.store.message_store import MessageStore
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import BORN_V4, Clock, kill, message, open_store, read_all, small_config

ROOT = Path("/store")


def batch_of(*messages: Message, properties: bytes = b"") -> InnerMessage:
    return InnerMessage("T", 0, encode_batch(messages), {}, properties, BORN_V4, 1_699_999_999_000)


def run(
    body: Callable[[MessageStore], Awaitable[None]], fs: FaultyFileSystem, *, clock: Clock | None = None, **keys: object
) -> None:
    """Run a coroutine over a started store and shut the store down after it."""

    async def whole() -> None:
        store = open_store(ROOT, fs=fs, clock=clock, **keys)
        store.start()
        try:
            await body(store)
        finally:
            await store.shutdown()

    asyncio.run(asyncio.wait_for(whole(), 20))


async def flushed(store: MessageStore, end: int) -> bool:
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    store.when_flushed(end, future.set_result)
    return await future


# -- batches


def test_each_message_of_a_batch_gets_a_record_and_a_unit(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    seen: list[tuple[int, int]] = []
    store.arrivals.listen(lambda topic, queue_id, offset, code, timestamp, properties: seen.append((offset, code)))
    store.put_message(message())
    items = [Message("T", b"b%d" % n, tags="A", keys=f"k{n}", flag=n) for n in range(20)]
    put = store.put_messages(batch_of(*items, properties=b"BROKER\x01x\x02"))
    assert (put.status, put.queue_offset, put.message_count) == (PutStatus.PUT_OK, 1, 20)
    found = read_all(store)[1:]
    assert [one.body for one in found] == [item.body for item in items]
    assert [one.flag for one in found] == list(range(20))
    assert found[3].properties == {"TAGS": "A", "KEYS": "k3", "WAIT": "true", "BROKER": "x"}
    ids = put.offset_msg_id.split(",")
    assert [decode_message_id(one)[2] for one in ids] == [one.commit_log_offset for one in found]
    assert put.wrote_bytes == sum(one.store_size for one in found)
    assert [offset for offset, _ in seen] == list(range(1, 22))
    assert len({code for _, code in seen[1:]}) == 1
    assert store.query_message("T", "k7", 10, 0, 1 << 62).total_size == found[7].store_size
    kill(store)


def test_a_batch_lies_in_one_commitlog_file_and_may_cross_queue_files(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for _ in range(28):
        store.put_message(message(body=bytes(2200)))
    put = store.put_messages(batch_of(*[Message("T", bytes(400)) for _ in range(20)]))
    assert put.wrote_offset == 65536
    assert len(read_all(store)) == 48
    kill(store)


@pytest.mark.parametrize("body", [b"", b"garbage", encode_batch([Message("T", b"x")])[:-1]])
def test_a_broken_batch_is_refused_whole(body: bytes, tmp_path: Path) -> None:
    store = open_store(tmp_path)
    whole = encode_batch([Message("T", b"first")]) if body else b""
    put = store.put_messages(InnerMessage("T", 0, whole + body, {}, b"", BORN_V4, 1))
    assert put.status == PutStatus.MESSAGE_ILLEGAL
    assert store.max_phy_offset == 0
    kill(store)


def test_transactions_and_oversized_batches_are_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    prepared = batch_of(Message("T", b"x"))
    prepared.sys_flag = TRANSACTION_PREPARED_TYPE
    assert store.put_messages(prepared).status == PutStatus.MESSAGE_ILLEGAL
    assert store.put_messages(batch_of(Message("T", bytes(32 * 1024)))).status == PutStatus.MESSAGE_ILLEGAL
    assert store.put_messages(batch_of(Message("T", b"x"), properties=b"x" * 32_760)).status in (
        PutStatus.PROPERTIES_SIZE_EXCEEDED,
    )
    kill(store)


def test_a_batch_on_a_full_disk_leaves_nothing_behind() -> None:
    fs = FaultyFileSystem(capacity=300 * 1024)
    store = open_store(ROOT, fs=fs)
    batch = batch_of(*[Message("T", bytes(1000)) for _ in range(20)])
    puts = 0
    while (put := store.put_messages(batch)).status == PutStatus.PUT_OK:
        puts += 1
    assert put.status == PutStatus.DISK_FULL
    assert len(read_all(store)) == 20 * puts
    fs.check_blocks()
    kill(store)


# -- flushing


def test_under_async_flush_messages_are_seen_at_once_and_flushed_on_stop() -> None:
    fs = FaultyFileSystem()

    async def body(store: MessageStore) -> None:
        put = store.put_message(message())
        assert store.max_offset("T", 0) == 1
        assert store.flushed_where == 0
        assert await flushed(store, put.wrote_bytes)
        assert store.flushed_where == put.wrote_bytes

    run(body, fs)
    assert not fs.exists("/store/abort")
    node = fs.node("/store/commitlog/00000000000000000000")
    assert bytes(node.live) == node.durable


def test_the_periodic_flush_makes_everything_durable() -> None:
    fs = FaultyFileSystem()

    async def body(store: MessageStore) -> None:
        store.config.flushIntervalCommitLog = 1
        put = store.put_message(message(body=bytes(20_000)))
        done = asyncio.Event()
        store.flush._on_log_flushed = lambda end: (store.arrivals.synced(end), done.set())[0]
        await done.wait()
        assert store.flushed_where == put.wrote_bytes
        assert store.checkpoint.physic_msg_timestamp == put.store_timestamp

    run(body, fs, flushIntervalCommitLog=1)


def test_under_sync_flush_one_sync_serves_all_messages_of_a_turn_and_makes_them_visible() -> None:
    fs = FaultyFileSystem()

    async def body(store: MessageStore) -> None:
        seen: list[int] = []
        store.arrivals.listen(lambda topic, queue_id, offset, code, timestamp, properties: seen.append(offset))
        before = fs.counts["sync"]
        puts = [store.put_message(message()) for _ in range(50)]
        assert (store.max_offset("T", 0), seen) == (0, [])
        assert store.dispatch_behind_bytes == store.max_phy_offset
        results = await asyncio.gather(*[flushed(store, put.wrote_offset + put.wrote_bytes) for put in puts])
        assert results == [True] * 50
        assert fs.counts["sync"] == before + 1
        assert (store.max_offset("T", 0), seen) == (50, list(range(1, 51)))
        assert store.dispatch_behind_bytes == 0

    run(body, fs, flushDiskType="SYNC_FLUSH")


def test_under_sync_flush_a_message_that_nobody_waits_for_is_seen_too() -> None:
    async def body(store: MessageStore) -> None:
        arrived = asyncio.Event()
        store.arrivals.listen(lambda *_: arrived.set())
        store.put_message(message())
        await arrived.wait()
        store.put_message(message())
        await asyncio.sleep(0)
        arrived.clear()
        store.put_message(message())  # while a sync runs
        await arrived.wait()
        while store.max_offset("T", 0) < 3:
            arrived.clear()
            await arrived.wait()

    run(body, FaultyFileSystem(), flushDiskType="SYNC_FLUSH", flushIntervalCommitLog=1_000_000)


def test_a_failing_sync_is_told_and_the_next_one_makes_good_for_it() -> None:
    fs = FaultyFileSystem()

    async def body(store: MessageStore) -> None:
        fs.fail_next("sync", errno.EIO)
        put = store.put_message(message())
        assert not await flushed(store, put.wrote_bytes)
        assert store.max_offset("T", 0) == 0
        again = store.put_message(message())
        assert await flushed(store, again.wrote_offset + again.wrote_bytes)
        assert store.max_offset("T", 0) == 2

    run(body, fs, flushDiskType="SYNC_FLUSH")


def test_who_waits_longer_than_sync_flush_timeout_is_told() -> None:
    fs = FaultyFileSystem()
    import threading

    gate = threading.Event()

    async def body(store: MessageStore) -> None:
        fs.on_event = lambda name, path: gate.wait(10) and None if name == "sync" else None
        put = store.put_message(message())
        assert not await flushed(store, put.wrote_bytes)
        gate.set()

    run(body, fs, flushDiskType="SYNC_FLUSH", syncFlushTimeout=20)


def test_a_stop_that_cannot_flush_is_no_clean_stop() -> None:
    fs = FaultyFileSystem()

    async def body(store: MessageStore) -> None:
        store.put_message(message())
        fs.fail_next("sync", errno.EIO, times=10)

    run(body, fs)
    assert fs.exists("/store/abort")


def test_a_checkpoint_that_names_a_record_that_was_cut_off_forgets_it(tmp_path: Path) -> None:
    """Apache's 5.5 would take what later stands there for dispatched."""
    store = open_store(tmp_path / "store")
    for _ in range(3):
        store.put_message(message())
    end = store.max_phy_offset
    for value in (end - 1, end, 1 << 40):
        store.checkpoint.logics_physical_offset = value
        store.checkpoint.flush()
        kill(store)
        store = open_store(tmp_path / "store")
        assert store.checkpoint.logics_physical_offset == (value if value < end else 0)
    kill(store)


def test_the_checkpoint_names_only_what_is_durable() -> None:
    fs = FaultyFileSystem()
    clock = Clock()

    async def body(store: MessageStore) -> None:
        store.put_message(message())
        await store.flush._flush_queues(thorough=False)
        assert store.checkpoint.logics_msg_timestamp == 0
        clock.now += 500
        store.put_message(message())
        await store.flush._flush_queues(thorough=True)
        assert store.checkpoint.logics_msg_timestamp == clock.now
        assert store.checkpoint.logics_physical_offset == store.max_phy_offset // 2  # where the second of two begins
        queue = store.consume_queue("T", 0)
        assert queue is not None
        node = fs.node("/store/consumequeue/T/0/00000000000000000000")
        assert bytes(node.live) == node.durable

    run(body, fs, clock=clock)


# -- life cycle


def test_puts_are_refused_before_load_after_shutdown_and_while_flags_say_so() -> None:
    store = MessageStore(small_config(ROOT), store_host=("127.0.0.1", 1), fs=FaultyFileSystem(), clock=Clock())
    assert store.put_message(message()).status == PutStatus.SERVICE_NOT_AVAILABLE
    store.load()
    store.flags.set(running_flags.DISK_FULL)
    assert store.put_message(message()).status == PutStatus.SERVICE_NOT_AVAILABLE
    assert store.put_messages(batch_of(Message("T", b"x"))).status == PutStatus.SERVICE_NOT_AVAILABLE
    store.flags.clear(running_flags.DISK_FULL)
    assert store.put_message(message()).status == PutStatus.PUT_OK
    asyncio.run(store.shutdown())
    assert store.put_message(message()).status == PutStatus.SERVICE_NOT_AVAILABLE


def test_a_store_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    for start in range(0, 60, 20):
        store = open_store(tmp_path)
        assert [found.queue_offset for found in read_all(store)] == list(range(start))
        for _ in range(20):
            store.put_message(message(body=bytes(3000)))
        asyncio.run(store.shutdown())
    assert not (tmp_path / "abort").exists()


def test_deleted_topics_begin_again_at_0(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for topic in ("A", "B", "SCHEDULE_TOPIC_XXXX", "C"):
        for queue_id in range(2):
            store.put_message(message(topic, queue_id))
    extension = tmp_path / "consumequeue_ext"
    for topic in ("A", "B"):
        (extension / topic / "0").mkdir(parents=True)
        (extension / topic / "0" / "00000000000000000000").write_bytes(b"of Apache's broker")
    assert store.delete_topics({"A", "none"}) == 1
    assert not (tmp_path / "consumequeue" / "A").exists()
    assert [path.name for path in extension.iterdir()] == ["B"]
    assert store.consume_queue("A", 0) is None
    assert store.put_message(message("A")).queue_offset == 0
    assert store.queues.unused_topics({"A", "C"}) == ["B"]
    assert store.delete_topics(["B"]) == 1
    assert sorted(set(store.queues.names())) == [
        ("A", 0), ("C", 0), ("C", 1), ("SCHEDULE_TOPIC_XXXX", 0), ("SCHEDULE_TOPIC_XXXX", 1),
    ]  # fmt: skip
    kill(store)


@pytest.mark.parametrize("stop", ["clean", "killed"])
def test_a_queue_whose_messages_have_all_expired_keeps_its_end(tmp_path: Path, stop: str) -> None:
    """At the rounds of cleaning, on demand, and after a restart; 31 units reach into the second file, 60 fill two."""
    clock = Clock()
    store = open_store(tmp_path, clock=clock, fileReservedTime=0)
    lengths = {"One": 1, "Rolled": 31, "Full": 60}
    for topic, count in lengths.items():
        for _ in range(count):
            store.put_message(message(topic))
    for _ in range(20):
        store.put_message(message("New", body=bytes(9000)))
    clock.now = 1 << 60
    store.cleaning.delete_manually()
    assert store.cleaning.clean_now() > 0
    for start in range(3):
        for topic, count in lengths.items():
            assert (store.min_offset(topic, 0), store.max_offset(topic, 0)) == (count, count)
            assert len(store.consume_queue(topic, 0).file_queue.files) == 1
            assert store.get_message("g", topic, 0, count, 32).status == GetStatus.OFFSET_OVERFLOW_ONE
            behind = store.get_message("g", topic, 0, 0, 32)
            assert (behind.status, behind.next_begin_offset) == (GetStatus.OFFSET_TOO_SMALL, count)
        assert read_all(store, "New")[0].commit_log_offset >= store.min_phy_offset
        if start < 2:
            if stop == "clean":
                asyncio.run(store.shutdown())
            else:
                kill(store)
            store = open_store(tmp_path, clock=clock, fileReservedTime=0)
    for topic, count in lengths.items():
        assert store.put_message(message(topic)).queue_offset == count
        assert [found.queue_offset for found in read_all(store, topic)] == [count]
    kill(store)


def test_runtime_info_has_the_stores_keys(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    put = store.put_message(message())
    store.stats.sample()
    info = store.runtime_info()
    assert info["commitLogMaxOffset"] == str(put.wrote_bytes)
    assert info["commitLogMinOffset"] == "0"
    assert info["putMessageTimesTotal"] == "1"
    assert info["putMessageAverageSize"] == str(float(put.wrote_bytes))
    assert 0 < float(info["commitLogDiskRatio"]) < 1
    kill(store)


def test_other_parts_files_in_the_store_are_left_alone(tmp_path: Path) -> None:
    strange = ["consumequeue/T/notanumber/x", "index/readme", "compaction/position-checkpoint", "timerwheel"]
    for name in strange:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    store = open_store(tmp_path)
    store.put_message(message())
    assert len(read_all(store)) == 1
    asyncio.run(store.shutdown())
    assert all((tmp_path / name).read_bytes() == b"x" for name in strange)


def test_a_busy_store_indexes_in_blocks(tmp_path: Path) -> None:
    """Keys that wait for their block are found at once, and after a stop."""

    async def run() -> None:
        store = open_store(tmp_path)
        store.start()
        store.put_message(message(KEYS="before", UNIQ_KEY="U0"))
        await store._buffer_index_keys()
        assert store.index.indexed_until == 0
        first = store.put_message(message(KEYS="k", UNIQ_KEY="U1")).wrote_offset
        body = encode_batch([Message("T", b"x", tags="A", keys="k b"), Message("T", b"y")])
        store.put_messages(InnerMessage("T", 0, body, {}, b"UNIQ_KEY\x01U2", BORN_V4, 1))
        plain = message(UNIQ_KEY="U3")
        plain.tags_code = 7
        assert store.appender.put_plain(plain, "U3", None) > first
        assert store.index.indexed_until == 0
        assert len(store.query_message("T", "k", 10, 0, 1 << 62).views) == 2
        assert len(store.query_message("T", "U2", 10, 0, 1 << 62).views) == 2
        assert len(store.query_message("T", "U3", 10, 0, 1 << 62).views) == 1
        unit = store.consume_queue("T", 0).unit(store.appender.last_queue_offset)
        assert unit is not None and unit[2] == 7
        store.put_message(message(KEYS="late"))
        await store.shutdown()

    asyncio.run(run())
    store = open_store(tmp_path)
    assert len(store.query_message("T", "late", 10, 0, 1 << 62).views) == 1
    assert len(store.query_message("T", "before", 10, 0, 1 << 62).views) == 1
    kill(store)


@pytest.mark.parametrize("folder", ["commitlog", "consumequeue/T/0"])
@pytest.mark.parametrize(
    ("name", "content", "refused"),
    [("core.1", b"x", True), (".DS_Store", b"x", True), (".x", b"", True), ("zz", b"", False), ("lost+found", None, False)],
)  # fmt: skip
def test_foreign_files_are_judged_as_apache_s_broker_does(
    tmp_path: Path, folder: str, name: str, content: bytes | None, refused: bool
) -> None:
    async def write() -> None:
        store = open_store(tmp_path)
        store.start()
        store.put_message(message("T", 0, b"one"))
        await store.shutdown()

    asyncio.run(write())
    path = tmp_path / folder / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    if refused:
        with pytest.raises(ForeignFileError, match="is a foreign file") as error:
            open_store(tmp_path)
        assert error.value.path == str(path)
        assert "mqadmin store check" in error.value.next_step
        path.unlink()
    store = open_store(tmp_path)
    assert store.max_offset("T", 0) == 1
    assert path.exists() == (content is None)
    asyncio.run(store.shutdown())
