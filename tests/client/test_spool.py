"""A send spool: what is kept while no broker answers, in which order it is sent, and what is said of it."""

import asyncio
import errno
import os
import random
import stat
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from client_cluster import cluster
from spool_child import FileProducer

from rocketmq_ops.client import (
    Producer,
    PullConsumer,
    SendResult,
    SendSpool,
    Spooled,
    SpoolFullError,
    SpoolState,
    select_by_hash,
)
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.client.producer import spool_file
from rocketmq_ops.client.producer.spool_file import SpoolFile
from rocketmq_ops.client.producer.spool_records import NOTE_BYTES, RECORD, Note
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.errors import RemotingTimeoutError


def orders(i, topic="Orders", **more):
    return Message(topic, b"%d" % i, **more)


class Brokers(FileProducer):
    """Answers as the test says: `refuse(message)` may raise."""

    def __init__(self, path):
        super().__init__(path)
        self.requests = []
        self.refuse = lambda message: None

    async def send_batch(self, messages, *, queue=None, timeout_ms=None):
        self.requests.append([int(m.body) for m in messages])
        for message in messages:
            self.refuse(message)
        return await super().send_batch(messages, queue=queue)


@pytest.fixture
def brokers(tmp_path):
    made = Brokers(tmp_path / "broker")
    yield made
    os.close(made.fd)


def spool_of(tmp_path, brokers, **more):
    return SendSpool(tmp_path / "spool", brokers, retry_ms=1, max_retry_ms=5, **more)


def stored(tmp_path):
    return [int(line) for line in (tmp_path / "broker").read_text().split()]


def test_with_a_broker_nothing_is_kept(tmp_path, brokers):
    async def main():
        async with spool_of(tmp_path, brokers) as spool:
            assert isinstance(await spool.send(orders(1)), SendResult)
            assert await spool.report() == [] and spool.waiting == 0
            await spool.drained()

    asyncio.run(main())


def test_why_messages_wait_is_said_and_reported(tmp_path, brokers, caplog):
    async def main():
        brokers.up = False
        async with spool_of(tmp_path, brokers) as spool:
            await spool.send(orders(1))
            (entry,) = await spool.report()
            assert entry.reason
            while not (lines := [r for r in caplog.records if "messages wait" in r.message]):  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert lines[0].levelname == "WARNING" and lines[0].message.endswith(entry.reason)
        said = [r for r in caplog.records if "messages wait" in r.message and r.levelname == "WARNING"]
        assert len(said) == 1, "once in a while"

    caplog.set_level("INFO")
    asyncio.run(main())


def test_what_is_kept_is_sent_in_order_and_reported(tmp_path, brokers):
    async def main():
        settled = []
        brokers.up = False
        async with spool_of(tmp_path, brokers, on_settled=settled.append) as spool:
            kept = [await spool.send(orders(i, keys=f"k{i}")) for i in range(100)]
            assert all(isinstance(k, Spooled) for k in kept) and [k.number for k in kept] == list(range(1, 101))
            assert {e.state for e in await spool.report()} == {SpoolState.WAITING} and spool.waiting == 100
        brokers.up = True
        async with spool_of(tmp_path, brokers, on_settled=settled.append) as spool:
            await spool.drained()
            report = await spool.report()
            assert [(e.state, e.msg_id, e.topic, e.keys) for e in report] == [
                (SpoolState.SENT, k.msg_id, "Orders", f"k{i}") for i, k in enumerate(kept)
            ]
            assert [e.queue_offset for e in report] == list(range(100)) == stored(tmp_path)
            assert settled == report and not any(e.maybe_twice for e in report)
            assert all(e.offset_msg_id == f"{i:032X}" and e.status == "SEND_OK" for i, e in enumerate(report))
            assert max(map(len, brokers.requests)) > 1
            assert isinstance(await spool.send(orders(100)), SendResult)
            assert await spool.forget() == 100 and await spool.report() == []
            brokers.up = False
            assert (await spool.send(orders(101))).number == 101
        async with spool_of(tmp_path, brokers) as spool:
            assert [e.number for e in await spool.report()] == [101]

    asyncio.run(main())


def test_while_one_is_kept_those_behind_it_are_too_and_other_topics_are_not(tmp_path, brokers):
    def refuse(message):
        if message.topic == "Orders" and closed:
            raise BrokerError(ResponseCode.SYSTEM_BUSY, "busy")

    async def main():
        brokers.refuse = refuse
        async with spool_of(tmp_path, brokers) as spool:
            assert isinstance(await spool.send(orders(1)), Spooled)
            tried = len(brokers.requests)
            assert tried >= 3
            assert isinstance(await spool.send(orders(2)), Spooled)
            assert isinstance(await spool.send(orders(3, "Other")), SendResult)
            assert [2] not in brokers.requests
            closed.clear()
            await spool.drained()
            assert stored(tmp_path) == [3, 1, 2]
            assert [e.maybe_twice for e in await spool.report()] == [False, False]

    closed = [True]
    asyncio.run(main())


def test_a_try_without_an_answer_is_said(tmp_path, brokers):
    def refuse(message):
        if lost:
            lost.pop()
            raise RemotingTimeoutError("no answer")

    async def main():
        brokers.refuse = refuse
        async with spool_of(tmp_path, brokers) as spool:
            assert isinstance(await spool.send(orders(1)), Spooled)
            await spool.drained()
            (entry,) = await spool.report()
            assert (entry.state, entry.maybe_twice, entry.tries) == (SpoolState.SENT, True, 5)

    lost = [1] * 4
    asyncio.run(main())


def test_what_is_refused_is_set_aside_and_stops_nothing(tmp_path, brokers):
    def refuse(message):
        if message.body == b"3" and bad:
            raise BrokerError(ResponseCode.MESSAGE_ILLEGAL, "too long")

    async def main():
        brokers.refuse = refuse
        async with spool_of(tmp_path, brokers) as spool:
            with pytest.raises(BrokerError, match="too long"):
                await spool.send(orders(3))
            brokers.up = False
            for i in range(6):
                await spool.send(orders(i))
            brokers.up = True
            await spool.drained()
            assert stored(tmp_path) == [0, 1, 2, 4, 5]
            refused = (await spool.report())[3]
            assert (refused.state, refused.reason) == (SpoolState.REFUSED, str(BrokerError(13, "too long")))
        async with spool_of(tmp_path, brokers) as spool:
            await spool.drained()
            assert stored(tmp_path) == [0, 1, 2, 4, 5]
            bad.clear()
            assert await spool.retry_refused() == 1
            await spool.drained()
            assert stored(tmp_path) == [0, 1, 2, 4, 5, 3]

    bad = [True]
    asyncio.run(main())


def test_a_full_spool_says_so_and_what_is_sent_gives_way(tmp_path, brokers):
    async def main():
        brokers.up = False
        async with spool_of(tmp_path, brokers, max_bytes=20_000) as spool:
            with pytest.raises(SpoolFullError, match="has no room for") as full:
                for i in range(100):
                    await spool.send(orders(i))
            assert "not kept" in full.value.next_step
            assert spool.waiting == i and (tmp_path / "spool" / "messages.spool").stat().st_size <= 20_000
            brokers.up = True
            await spool.drained()
            brokers.up = False
            for n in range(i, 2 * i - 1):
                await spool.send(orders(n))
            assert (tmp_path / "spool" / "messages.spool").stat().st_size <= 20_000
            brokers.up = True
            await spool.drained()
            assert stored(tmp_path) == list(range(2 * i - 1))

    asyncio.run(main())


def test_a_full_disk_says_so_and_nothing_is_half_kept(tmp_path, brokers, monkeypatch):
    real = os.pwrite

    def full(fd, data, at):
        if len(data) > NOTE_BYTES:
            if tries:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            tries.append(1)
            return real(fd, bytes(data)[:100], at)
        return real(fd, data, at)

    async def main():
        brokers.up = False
        async with spool_of(tmp_path, brokers) as spool:
            await spool.send(orders(1))
            with monkeypatch.context() as disk:
                disk.setattr(spool_file.os, "pwrite", full)
                with pytest.raises(SpoolFullError, match="no space left on device"):
                    await spool.send(orders(2))
                brokers.up = True
                await spool.drained()
            brokers.up = False
            await spool.send(orders(3))
            assert [(e.number, e.state) for e in await spool.report()] == [(1, "SENT"), (2, "WAITING")]
            brokers.up = True
            await spool.drained()
        assert stored(tmp_path) == [1, 3]

    tries = []
    asyncio.run(main())


def test_what_is_kept_behind_a_folder_that_could_not_be_synced_is_not_in_a_file_that_has_no_name(tmp_path, monkeypatch):
    """The new file stands in the place of the old one by then: what would go on in the old one was lost with the process."""
    real = os.fsync

    def failing(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        real(fd)

    file = SpoolFile(tmp_path, 1 << 20)
    file.open()
    kept = file.append(b"first", Note())
    with monkeypatch.context() as disk:
        disk.setattr(spool_file.os, "fsync", failing)
        with pytest.raises(ClientError, match=r"messages\.spool cannot be written"):
            file.forget()
        with pytest.raises(ClientError, match=r"messages\.spool cannot be written"):
            file.append(b"not kept", Note())
    assert file.payload(kept) == b"first"
    file.append(b"second", Note())
    file.close()
    file.open()
    assert [file.payload(record) for record in file.records] == [b"first", b"second"]
    file.close()


def test_a_folder_is_one_process_s_and_a_file_is_a_spool(tmp_path, brokers):
    async def main():
        async with spool_of(tmp_path, brokers) as spool:
            with pytest.raises(ClientError, match="used by another process"):
                await spool_of(tmp_path, brokers).open()
            assert spool.waiting == 0
        with pytest.raises(ClientError, match="is not open"):
            await spool.report()
        (tmp_path / "spool" / "messages.spool").write_bytes(b"something else")
        with pytest.raises(CorruptDataError, match="is no send spool"):
            await spool_of(tmp_path, brokers).open()
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(ClientError, match="cannot be used as a spool"):
            await SendSpool(tmp_path / "file" / "x", brokers).open()

    asyncio.run(main())


def test_every_flipped_bit_is_found(tmp_path):
    folder = tmp_path / "spool"
    file = SpoolFile(folder, 1 << 20)
    file.open()
    payloads = [b"payload %d " % i * (i + 1) for i in range(4)]
    records = [file.append(payload, Note()) for payload in payloads]
    records[1].note.state, records[1].note.tries = SpoolState.SENT, 1
    file.note([records[1]], durable=True)
    file.close()
    path = folder / "messages.spool"
    whole = path.read_bytes()
    starts = [record.at for record in records] + [len(whole)]
    chance = random.Random(7)
    places = {chance.randrange(16, len(whole)) for _ in range(150)}
    places |= {start + i for start in starts[:4] for i in (0, 4, 15, 20, RECORD.size, RECORD.size + 5, RECORD.size + 9)}
    for place in sorted(places):
        bent = bytearray(whole)
        bent[place] ^= 1 << chance.randrange(8)
        path.write_bytes(bent)
        file = SpoolFile(folder, 1 << 20)
        file.open()
        hit = max(i for i in range(4) if starts[i] <= place)
        for i in set(range(4)) - {hit}:
            (record,) = [r for r in file.records if r.number == i + 1]
            assert file.payload(record) == payloads[i]
            assert record.note.state == ("SENT" if i == 1 else "WAITING") and not record.note.open_try
        inside = place - starts[hit]
        affected = next((r for r in file.records if r.number == hit + 1), None)
        if inside < RECORD.size:
            assert affected is None and [r.note.state for r in file.records].count(SpoolState.DAMAGED) == 1
        elif inside >= RECORD.size + NOTE_BYTES:
            with pytest.raises(CorruptDataError, match="CRC is wrong"):
                file.payload(affected)
            assert affected.note.state == ("SENT" if hit == 1 else "DAMAGED")
        else:
            # The note: what it said is not known any more, so that it may be sent twice, but never not at all.
            assert affected.note.open_try and affected.note.state == "WAITING"
        file.close()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_process_that_is_killed_at_any_moment_loses_nothing(tmp_path, seed):
    chance = random.Random(seed)
    folder, broker = tmp_path / "spool", tmp_path / "broker"
    child = Path(__file__).with_name("spool_child.py")
    told: list[int] = []
    settled: list[int] = []

    def run(mode, lines):
        """Until so many lines are said and a moment more; then kill it. True when it ended by itself."""
        first = max(told, default=-1) + 1000
        process = subprocess.Popen(
            [sys.executable, str(child), str(folder), str(broker), mode, str(first), str(seed)],
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            for n, line in enumerate(process.stdout):
                word, _, number = line.strip().partition(" ")
                if word == "done":
                    return True
                (told if word == "kept" else settled).append(int(number))
                if n >= lines:
                    for _ in range(chance.randrange(20_000)):
                        pass
                    process.kill()
                    break
            for line in process.stdout:
                word, _, number = line.strip().partition(" ")
                if number and line.endswith("\n"):
                    (told if word == "kept" else settled).append(int(number))
        return False

    for _ in range(2):
        run("down", chance.randrange(5, 60))
    ended = False
    while not ended:
        ended = run("up", chance.randrange(1, 50))

    async def report():
        async with SendSpool(folder, FileProducer(broker)) as spool:
            await spool.drained()
            return await spool.report()

    entries = asyncio.run(report())
    times = Counter(int(line) for line in broker.read_text().split())
    firsts = list(times)
    assert {e.state for e in entries} == {SpoolState.SENT}
    # All that it was told is kept is there; of each process the one message at most of which nobody was told.
    assert set(told) <= set(times) and len(set(times) - set(told)) <= 2
    assert firsts == sorted(firsts)
    twice = [number for number, n in times.items() if n > 1]
    flagged = {firsts[i] for i, e in enumerate(entries) if e.maybe_twice}
    assert set(twice) <= flagged and len(entries) == len(times)


def test_with_a_cluster_that_comes_later(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c:
            await c.broker.stop()
            async with Producer("p", c.options) as producer:
                async with SendSpool(tmp_path / "spool", producer, retry_ms=20, max_retry_ms=50) as spool:
                    sent = [
                        await spool.send(orders(i), order_key=f"customer-{i % 3}", timeout_ms=1500) for i in range(30)
                    ]
                    assert all(isinstance(s, Spooled) for s in sent)
                    from client_cluster import broker_of

                    c.broker = broker_of(tmp_path / "store", c.options.name_servers[0])
                    await c.broker.start()
                    c.topic("Orders", 4)
                    await c.broker.register_all()
                    await spool.drained()
                    report = await spool.report()
                async with PullConsumer("check", c.options) as pull:
                    got = []
                    for queue in await pull.queues("Orders"):
                        found = (await pull.pull(queue, 0)).messages
                        got += [(m.msg_id, m.queue_id, m.queue_offset, m.offset_msg_id) for m in found]
                        for key in range(3):
                            mine = [int(m.body) for m in found if int(m.body) % 3 == key]
                            assert mine in ([], list(range(key, 30, 3)))
                assert sorted(got) == sorted((e.msg_id, e.queue_id, e.queue_offset, e.offset_msg_id) for e in report)
                queues = [MessageQueue("Orders", "broker-a", i) for i in range(4)]
                for i, entry in enumerate(report):
                    assert entry.queue_id == select_by_hash(queues, orders(i), f"customer-{i % 3}").queue_id

    asyncio.run(main())
