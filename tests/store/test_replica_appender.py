"""What a slave's store makes of its master's commitlog, however it is cut: the same queues and the same keys."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from rocketmq_ops.common.message import Message
from rocketmq_ops.common.message_codec import encode_batch
from rocketmq_ops.common.sysflag import TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.store.inner_message import PutStatus
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE
from rocketmq_ops.store.log.replica_appender import RecordPlace, ReplicaAppender, ReplicaError
from rocketmq_ops.store.message_store import MessageStore
from tests.store.faults import FaultyFileSystem
from tests.store.store_helpers import BORN_V6, LOG_FILE, QUEUE_FILE, kill, message, open_store


def whole_log(store: MessageStore, begin: int = 0) -> bytes:
    pieces, at = [], begin
    while piece := store.commit_log.data_from(at, LOG_FILE):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def units(store: MessageStore) -> dict[tuple[str, int], list[tuple[int, int, int] | None]]:
    return {
        (queue.topic, queue.queue_id): [queue.unit(offset) for offset in range(queue.min_offset, queue.max_offset)]
        for queue in store.queues
        if queue.max_offset
    }


def replica_of(store: MessageStore) -> ReplicaAppender:
    assert store.replica is not None
    return store.replica


def slave_store(root: Path, **keys: object) -> MessageStore:
    return open_store(root, brokerRole="SLAVE", **keys)


def feed(slave: MessageStore, data: bytes, rng: random.Random, most: int = 700) -> None:
    at = 0
    while at < len(data):
        end = at + rng.randint(1, most)
        replica_of(slave).append([memoryview(data)[at:end]])
        at = end


def put_some_of_each_kind(master: MessageStore, rng: random.Random, count: int) -> None:
    for at in range(count):
        body, queue_id = bytes(rng.randrange(0, 900)), rng.randrange(3)
        kind = rng.randrange(8)
        made = message(f"T{rng.randrange(3)}", queue_id, body, UNIQ_KEY=f"U{at}", KEYS=f"k{at} all")
        if kind == 0:
            made = message("%RETRY%" + "X" * 150, queue_id, body, TAGS="long")
        elif kind == 1:
            made.born_host = BORN_V6
        elif kind == 2:
            made = message(SCHEDULE_TOPIC, 3, body, DELAY="4", TAGS="t")
        elif kind == 3:
            made.sys_flag = rng.choice((TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE))
        elif kind == 4:
            made = message("T0", queue_id, body, TAGS=f"tag{at % 3}", NAME="TAGS\x01no")
        elif kind == 5:
            made = message("T0", queue_id, encode_batch([Message("T0", b"%d" % at, keys=f"b{at}")] * 3), UNIQ_KEY="B")
            assert master.put_messages(made).status is PutStatus.PUT_OK
            continue
        assert master.put_message(made).status is PutStatus.PUT_OK


def assert_alike(master: MessageStore, slave: MessageStore) -> None:
    assert whole_log(slave) == whole_log(master)
    assert units(slave) == units(master)
    for topic in ("T0", "T1", "T2"):
        for key in (f"{letter}{at}" for letter in "kUb" for at in range(0, 200, 7)):
            found = [
                [bytes(view) for view in store.query_message(topic, key, 9, 0, 1 << 60).views]
                for store in (master, slave)
            ]
            assert found[0] == found[1]


@pytest.mark.parametrize("seed", range(4))
def test_every_kind_of_record_cut_anywhere(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    put_some_of_each_kind(master, rng, 300)
    feed(slave, whole_log(master), rng)
    assert len(slave.commit_log.file_queue.files) > 2
    assert replica_of(slave).dispatched == master.max_phy_offset
    assert slave.stats.put_bytes == master.stats.put_bytes
    assert_alike(master, slave)
    master.close()
    slave.close()


@pytest.mark.parametrize("full_disk", [False, True], ids=["room", "full-disk"])
def test_many_records_at_a_time_over_the_ends_of_files_of_queues(tmp_path: Path, full_disk: bool) -> None:
    rng = random.Random(8)
    fs = FaultyFileSystem()
    master, slave = open_store(tmp_path / "master"), open_store(Path("/slave"), fs=fs, brokerRole="SLAVE")
    for at in range(40 * QUEUE_FILE // CQ_UNIT_SIZE):
        made = message("T0", rng.randrange(2), b"", UNIQ_KEY=f"U{at}", KEYS="all", TAGS=f"t{at % 3}")
        assert master.put_message(made).status is PutStatus.PUT_OK
    replica, log, failures = replica_of(slave), whole_log(master), 0
    while replica.dispatched < len(log) and failures < 1000:
        if full_disk and rng.random() < 0.5:
            fs.fail_next("reserve", errno.ENOSPC, times=2)
        at = replica.max_offset
        try:
            replica.dispatch()
            replica.append([log[at : at + 3000], log[at + 3000 : at + rng.randint(3000, 20_000)]])
        except OSError:
            failures += 1
        except ReplicaError:
            slave.index.retry()
    slave.index.retry()
    assert (failures > 3) is full_disk
    assert len(slave.queues.table["T0"][0].file_queue.files) > 1
    assert slave.index.files[-1].count == master.index.files[-1].count  # no key twice
    assert_alike(master, slave)
    master.close()
    slave.close()


def test_a_killed_slave_goes_on_with_the_record_that_was_not_whole(tmp_path: Path) -> None:
    rng = random.Random(5)
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    put_some_of_each_kind(master, rng, 200)
    log, at = whole_log(master), 0
    while at < len(log):
        end = min(len(log), at + rng.randint(1, 30_000))
        feed(slave, log[at:end], rng, 9000)
        whole, last = replica_of(slave).dispatched, replica_of(slave).last_record
        kill(slave)
        slave = slave_store(tmp_path / "slave")
        at = slave.max_phy_offset
        assert at == whole
        found = replica_of(slave).last_record
        if last is not None and found is not None:
            assert found.offset <= last.offset
    assert_alike(master, slave)
    master.close()
    slave.close()


def test_the_beginning_of_a_record_is_dropped_before_it_comes_again(tmp_path: Path) -> None:
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    for body in (b"one", b"two"):
        master.put_message(message(body=body))
    log, replica = whole_log(master), replica_of(slave)
    half = len(log) // 2
    replica.append([log[: half + 50]])
    assert (replica.max_offset, replica.dispatched) == (half + 50, half)
    assert replica.last_record == RecordPlace(0, half)
    replica.drop_partial()
    assert replica.max_offset == half
    replica.append([log[half:]])
    assert_alike(master, slave)
    master.close()
    slave.close()


def test_an_empty_slave_begins_with_a_later_file(tmp_path: Path) -> None:
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    for at in range(20):
        master.put_message(message("T", at % 2, bytes(9000)))
    begin = master.commit_log.file_queue.files[-1].base
    replica = replica_of(slave)
    with pytest.raises(ReplicaError, match="where no file of 65536 bytes begins"):
        replica.start_at(begin + 1)
    replica.start_at(begin)
    replica.append([whole_log(master, begin)])
    assert slave.min_phy_offset == begin
    for queue_id in (0, 1):
        assert slave.max_offset("T", queue_id) == master.max_offset("T", queue_id)
        assert 0 < slave.min_offset("T", queue_id) < slave.max_offset("T", queue_id)
    slave.close()
    slave = slave_store(tmp_path / "slave")
    assert slave.max_phy_offset == master.max_phy_offset
    assert slave.max_offset("T", 1) == master.max_offset("T", 1)
    master.close()
    slave.close()


def test_a_topic_that_was_deleted_and_made_anew(tmp_path: Path) -> None:
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    for at in range(5):
        master.put_message(message("T", 0, b"old%d" % at))
    master.delete_topics(["T"])
    master.put_message(message("T", 0, b"new"))
    replica_of(slave).append([whole_log(master)])
    assert units(slave) == units(master)
    master.close()
    slave.close()


def test_a_full_disk_is_gone_on_from(tmp_path: Path) -> None:
    rng = random.Random(6)
    master = open_store(tmp_path / "master")
    put_some_of_each_kind(master, rng, 200)
    fs = FaultyFileSystem()
    slave = open_store(Path("/slave"), fs=fs, brokerRole="SLAVE")
    log, failures = whole_log(master), 0
    while slave.max_phy_offset < len(log) or replica_of(slave).dispatched < len(log):
        at = slave.max_phy_offset
        if rng.random() < 0.5:
            fs.fail_next("reserve", errno.ENOSPC, times=2)  # a smaller step is tried after the first
        try:
            replica_of(slave).dispatch()
            replica_of(slave).append([log[at : at + rng.randint(1, 5000)]])
        except OSError:
            failures += 1
        except ReplicaError as error:
            assert "the index has no room" in str(error)
            slave.index.retry()
    slave.index.retry()
    assert failures > 3
    assert_alike(master, slave)
    master.close()
    slave.close()


@pytest.mark.parametrize(
    ("at", "bytes_there", "why"),
    [
        (0, b"\x00\x00\x00\x05", "size is 5"),
        (4, b"\x01\x02\x03\x04", "magic"),
        (28, (77).to_bytes(8, "big"), "it lies at 77"),
        (0, b"\x7f\xff\xff\xff", "size is 2147483647"),
    ],
)
def test_what_is_no_record_is_not_kept(tmp_path: Path, at: int, bytes_there: bytes, why: str) -> None:
    master, slave = open_store(tmp_path / "master"), slave_store(tmp_path / "slave")
    for body in (b"one", b"two"):
        master.put_message(message(body=body))
    log, replica = bytearray(whole_log(master)), replica_of(slave)
    second = len(log) // 2
    log[second + at : second + at + len(bytes_there)] = bytes_there
    with pytest.raises(ReplicaError, match=why):
        replica.append([bytes(log)])
    assert (replica.max_offset, replica.dispatched) == (second, second)
    replica.append([whole_log(master, second)])
    assert_alike(master, slave)
    master.close()
    slave.close()


def test_a_slave_takes_no_messages_of_its_own(tmp_path: Path) -> None:
    slave = slave_store(tmp_path)
    assert slave.put_message(message()).status is PutStatus.SERVICE_NOT_AVAILABLE
    assert slave.put_messages(message()).status is PutStatus.SERVICE_NOT_AVAILABLE
    assert slave.max_phy_offset == 0
    slave.close()
