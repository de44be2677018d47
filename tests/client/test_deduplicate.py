"""Listeners that see each business key once."""

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from client_cluster import cluster, consume_twenty_of_five_keys, until
from consumed_keys import QUEUE, Hanging, Inner, Slow, message

from rocketmq_ops.client import (
    ConsumeContext,
    ConsumeResult,
    ConsumeSettings,
    Producer,
    PushConsumer,
    SqliteStore,
    StoreUnavailableError,
    deduplicate,
)
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET
from rocketmq_ops.client.consumer.deduplicate import Claim
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.user_code import call_user_code
from rocketmq_ops.common.message import Message

SUCCESS, LATER = ConsumeResult


def test_a_key_is_consumed_once(tmp_path):
    async def main():
        inner, path = Inner(), tmp_path / "seen.sqlite"
        async with SqliteStore(path) as store:
            listen = deduplicate(inner, store=store)
            batch = [message("a", b"1"), message("b", b"2"), message("a", b"3"), message(None, b"4")]
            assert await listen(batch, ConsumeContext(QUEUE)) == SUCCESS
            assert await listen(batch, ConsumeContext(QUEUE)) == SUCCESS
            assert inner.got == [[b"1", b"2", b"4"]]
        async with SqliteStore(path) as store:
            listen = deduplicate(inner, store=store)
            assert await listen([message("b", b"5"), message("c", b"6")], ConsumeContext(QUEUE)) == SUCCESS
            assert inner.got[1:] == [[b"6"]]

    asyncio.run(main())


def test_what_failed_comes_again_and_what_was_done_does_not(tmp_path):
    async def main():
        inner = Inner()
        async with SqliteStore(tmp_path / "seen.sqlite") as store:
            listen = deduplicate(inner, store=store)
            inner.answer = ValueError("no")
            with pytest.raises(ValueError, match="no"):
                await listen([message("a")], ConsumeContext(QUEUE))
            inner.answer = LATER
            assert await listen([message("a")], ConsumeContext(QUEUE)) == LATER
            inner.answer, inner.ack_index = None, 0
            context = ConsumeContext(QUEUE)
            assert await listen([message("a", b"1"), message("b", b"2")], context) == LATER
            assert context.ack_index is None
            inner.ack_index = None
            assert await listen([message("a", b"1"), message("b", b"2")], ConsumeContext(QUEUE)) == SUCCESS
            assert inner.got == [[b"x"], [b"x"], [b"1", b"2"], [b"2"]]

    asyncio.run(main())


class Away(SqliteStore):
    """Cannot be used, or has the key reserved for a consumer that died, until `back` is set; counts what is claimed."""

    def __init__(self, path, *, answers):
        super().__init__(path)
        self.answers, self.back, self.claims = answers, False, 0

    async def claim(self, keys, owner, lease_ms):
        self.claims += 1
        if self.back:
            return await super().claim(keys, owner, lease_ms)
        if not self.answers:
            raise StoreUnavailableError("it is away")
        return [Claim.BUSY for _ in keys]


@pytest.mark.parametrize("orderly", [False, True], ids=["concurrent", "orderly"])
@pytest.mark.parametrize("answers", [False, True], ids=["store away", "key busy"])
def test_waiting_for_a_key_makes_no_dead_letter(tmp_path, monkeypatch, answers, orderly):
    monkeypatch.setattr("rocketmq_ops.client.consumer.consume_services.CONSUME_AGAIN_SECONDS", 0.01)

    async def main():
        async with cluster(tmp_path, Orders=1) as c, Away(tmp_path / "seen", answers=answers) as store:
            inner = Inner()
            settings = ConsumeSettings(
                consume_from_where=FROM_FIRST_OFFSET, max_reconsume_times=0, orderly=orderly, suspend_queue_ms=1
            )
            listen = deduplicate(inner, store=store, patience_ms=0)
            async with Producer("p", c.options) as producer:
                await producer.send(Message("Orders", b"1", keys="k"))
            consumer = PushConsumer("G", listen, c.options, settings=settings)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: store.claims >= 5)
                assert inner.got == [] and c.broker.offsets.query("G", "Orders", 0) in (-1, 0)
                store.back = True
                await until(lambda: inner.got == [[b"1"]])
                await until(lambda: c.broker.offsets.query("G", "Orders", 0) == 1)
            assert [topic for topic in c.broker.topics.table if topic.startswith("%DLQ%")] == []
            assert c.broker.store.max_offset("%RETRY%G", 0) == 0

    asyncio.run(main())


def test_of_a_batch_what_waits_stays_and_what_failed_goes_back(tmp_path, monkeypatch):
    monkeypatch.setattr("rocketmq_ops.client.consumer.consume_services.CONSUME_AGAIN_SECONDS", 0.01)

    async def main():
        async with cluster(tmp_path, Orders=1) as c, SqliteStore(tmp_path / "seen") as store:
            got = []

            async def listener(messages, context):
                got.append([(m.body, m.reconsume_times) for m in messages])
                context.delay_level, context.ack_index = 1, 0

            assert await store.claim(["Orders a"], "other", 600_000) == [Claim.MINE]
            async with Producer("p", c.options) as producer:
                for key in ("a", "b", "c"):
                    await producer.send(Message("Orders", key.encode(), keys=key))
            settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, batch_size=3)
            consumer = PushConsumer("G", deduplicate(listener, store=store), c.options, settings=settings)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: [(b"c", 1)] in got)
                assert got == [[(b"b", 0), (b"c", 0)], [(b"c", 1)]]
                assert c.broker.offsets.query("G", "Orders", 0) in (-1, 0), "the first one waits"
                await store.settle("other", [], ["Orders a"], 1)
                await until(lambda: c.broker.offsets.query("G", "Orders", 0) == 3)
            assert got[2:] == [[(b"a", 0)]]

    asyncio.run(main())


@pytest.mark.parametrize("orderly", [False, True], ids=["concurrent", "orderly"])
@pytest.mark.parametrize("raises", [False, True], ids=["answers", "raises"])
def test_what_was_consumed_is_no_dead_letter_for_others_of_its_batch(tmp_path, monkeypatch, raises, orderly):
    monkeypatch.setattr("rocketmq_ops.client.consumer.consume_services.CONSUME_AGAIN_SECONDS", 0.01)

    async def main():
        async with cluster(tmp_path, Orders=1) as c, SqliteStore(tmp_path / "seen") as store:
            got = []

            async def listener(messages, context):
                got.append([m.body for m in messages])
                if messages[-1].keys == ["fails"]:
                    context.ack_index, context.consumed = len(messages) - 2, messages[:-1]
                    if raises:
                        raise ValueError("no")

            keys = ("busy", "known", "done", "known", "done", "fails")
            assert await store.claim(["Orders busy", "Orders known"], "other", 600_000) == [Claim.MINE] * 2
            await store.settle("other", ["Orders known"], [], 600_000)
            async with Producer("p", c.options) as producer:
                for key in keys:
                    await producer.send(Message("Orders", key.encode(), keys=key))
            settings = ConsumeSettings(
                consume_from_where=FROM_FIRST_OFFSET,
                batch_size=len(keys),
                max_reconsume_times=0,
                orderly=orderly,
                suspend_queue_ms=1,
            )
            consumer = PushConsumer("G", deduplicate(listener, store=store), c.options, settings=settings)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: got and c.broker.store.max_offset("%DLQ%G", 0) == 1)
                await store.settle("other", [], ["Orders busy"], 1)
                await until(lambda: c.broker.offsets.query("G", "Orders", 0) == len(keys))
            assert got[0] == [b"done", b"fails"]
            assert got[1:] == [[b"busy"]] and c.broker.store.max_offset("%DLQ%G", 0) == 1

    asyncio.run(main())


async def cut_short(listening):
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening


class Noting(SqliteStore):
    """Says when it was told what became of keys."""

    def __init__(self, path):
        super().__init__(path)
        self.told = asyncio.Event()

    async def settle(self, *args):
        await super().settle(*args)
        self.told.set()


async def claimed(store, key):
    """What another gets that claims a key."""
    return (await store.claim([key], "other", 60_000))[0]


def test_what_a_thread_did_after_its_time_counts(tmp_path):
    async def main():
        async with Noting(tmp_path / "seen") as store:
            slow = Slow()
            listen = deduplicate(slow, store=store)
            listening = asyncio.create_task(listen([message("a", b"1")], ConsumeContext(QUEUE)))
            await slow.started.wait()
            await cut_short(listening)
            assert await claimed(store, "T a") is Claim.BUSY
            assert await listen([message("a", b"1")], ConsumeContext(QUEUE)) == LATER
            slow.let.set()
            await asyncio.wait_for(store.told.wait(), 20)
            assert await claimed(store, "T a") is Claim.DONE
            assert await listen([message("a", b"1")], ConsumeContext(QUEUE)) == SUCCESS
            assert slow.got == [[b"1"]]

    asyncio.run(main())


def test_the_keys_of_a_thread_that_fails_after_its_time_are_free(tmp_path, caplog):
    async def main():
        async with Noting(tmp_path / "seen") as store:
            slow = Slow(ValueError("no, after all"))
            listening = asyncio.create_task(deduplicate(slow, store=store)([message("a")], ConsumeContext(QUEUE)))
            await slow.started.wait()
            await cut_short(listening)
            slow.let.set()
            await asyncio.wait_for(store.told.wait(), 20)
            assert await claimed(store, "T a") is Claim.MINE
            await until(lambda: "no, after all" in caplog.text)

    asyncio.run(main())


def test_the_keys_of_a_listener_that_does_not_run_on_are_free_at_once(tmp_path):
    async def main():
        async with Noting(tmp_path / "seen") as store:
            never = Hanging()
            listening = asyncio.create_task(deduplicate(never, store=store)([message("a")], ConsumeContext(QUEUE)))
            await never.taken.wait()
            await cut_short(listening)
            assert await claimed(store, "T a") is Claim.MINE

            # One that waits for a thread has not begun, and does not begin any more.
            slow, threads = Slow(), ThreadPoolExecutor(1)
            listen = deduplicate(slow, store=store)

            def consume(key):
                calling = call_user_code(threads, listen, [message(key, key.encode())], ConsumeContext(QUEUE))
                return asyncio.create_task(calling)

            first = consume("b")
            await slow.started.wait()
            second = consume("c")
            await until(lambda: threads._work_queue.qsize() == 1)
            await cut_short(second)
            assert await claimed(store, "T c") is Claim.MINE
            slow.let.set()
            assert await first == SUCCESS
            await asyncio.get_running_loop().run_in_executor(threads, threading.get_ident)  # the queue is empty
            assert slow.got == [[b"b"]]
            threads.shutdown()

    asyncio.run(main())


def test_a_plain_listener_runs_in_the_threads_of_its_consumer(tmp_path):
    async def main():
        threads = set()

        def listener(messages, context):
            threads.add(threading.current_thread().name)

        async with cluster(tmp_path, Orders=4) as c, SqliteStore(tmp_path / "seen.sqlite") as store:
            await consume_twenty_of_five_keys(c, deduplicate(listener, store=store))
        assert threads
        assert all(name.startswith("consume-G") for name in threads)

    asyncio.run(main())


def test_a_store_says_what_is_wrong(tmp_path):
    async def main():
        store = SqliteStore(tmp_path / "no" / "seen.sqlite")
        with pytest.raises(ClientError, match="cannot be used to deduplicate: unable to open database file"):
            await store.open()
        with pytest.raises(ClientError, match="is not open"):
            await store.claim(["a"], "o", 1)
        await store.close()
        async with SqliteStore(tmp_path / "seen.sqlite") as store:
            await store.claim(["a"], "o", 1)
        with sqlite3.connect(tmp_path / "seen.sqlite") as database:
            assert database.execute("SELECT key, owner FROM consumed").fetchall() == [("a", "o")]
        database.close()

    asyncio.run(main())


def test_a_consumer_that_deduplicates(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c, SqliteStore(tmp_path / "seen.sqlite") as store:
            inner = Inner()
            await consume_twenty_of_five_keys(c, deduplicate(inner, store=store))
            assert sorted(inner.got) == [[b"%d" % i] for i in range(5)]

    asyncio.run(main())
