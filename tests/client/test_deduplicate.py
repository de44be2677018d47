"""Listeners that see each business key once."""

import asyncio
import sqlite3

import pytest
from client_cluster import cluster, consume_twenty_of_five_keys

from rocketmq_ops.client import (
    ConsumeContext,
    ConsumeResult,
    SqliteStore,
    deduplicate,
)
from rocketmq_ops.client.consumer.deduplicate import Claim
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.message import MessageExt, MessageQueue

SUCCESS, LATER = ConsumeResult
QUEUE = MessageQueue("T", "b", 0)


def message(keys, body=b"x"):
    host = ("127.0.0.1", 1)
    properties = {"UNIQ_KEY": f"U{body.decode()}"} | ({"KEYS": keys} if keys else {})
    return MessageExt("T", 0, 0, 0, 100, body, 0, 0, 0, 0, host, 0, host, 0, 0, properties, "id")


class Inner:
    def __init__(self):
        self.got = []
        self.answer = SUCCESS
        self.ack_index = None

    async def __call__(self, messages, context):
        self.got.append([m.body for m in messages])
        context.ack_index = self.ack_index
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


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


def test_a_key_that_another_consumes_waits_until_its_lease_ends(tmp_path, monkeypatch):
    async def main():
        now = 1_000_000
        monkeypatch.setattr("rocketmq_ops.client.consumer.deduplicate.now_ms", lambda: now)
        inner = Inner()
        async with SqliteStore(tmp_path / "seen") as one, SqliteStore(tmp_path / "seen") as two:
            assert await one.claim(["T a"], "died", now + 50) == [Claim.MINE]
            listen = deduplicate(inner, store=two, lease_ms=100, remember_ms=1000)
            assert await listen([message("a", b"1"), message("b", b"2")], ConsumeContext(QUEUE)) == LATER
            assert inner.got == [[b"2"]]
            now += 50
            assert await listen([message("a", b"1"), message("b", b"2")], ConsumeContext(QUEUE)) == SUCCESS
            assert inner.got == [[b"2"], [b"1"]]
            # The one that was thought dead comes back: the other's word counts.
            await one.settle("died", [], ["T a"], now + 1)
            assert await one.claim(["T a"], "c", now + 1) == [Claim.DONE]
            now += 1000
            assert await one.claim(["T a"], "c", now + 1) == [Claim.MINE]

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
            assert database.execute("SELECT * FROM consumed").fetchall() == [("a", "o", 1)]
        database.close()

    asyncio.run(main())


def test_a_consumer_that_deduplicates(tmp_path):
    async def main():
        async with cluster(tmp_path, Orders=4) as c, SqliteStore(tmp_path / "seen.sqlite") as store:
            inner = Inner()
            await consume_twenty_of_five_keys(c, deduplicate(inner, store=store))
            assert sorted(inner.got) == [[b"%d" % i] for i in range(5)]

    asyncio.run(main())
