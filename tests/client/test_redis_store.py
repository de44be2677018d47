"""Consumed keys in Redis: in a server of Redis where there is one, and always in one that speaks its protocol."""

import asyncio
import shutil
import socket
from contextlib import asynccontextmanager
from functools import partial

import pytest
from client_cluster import cluster, consume_twenty_of_five_keys, until
from consumed_keys import QUEUE, message
from fake_redis import FakeRedis

from rocketmq_ops.client import (
    Claim,
    ConsumeContext,
    ConsumeResult,
    RedisStore,
    StoreUnavailableError,
    deduplicate,
)
from rocketmq_ops.client.consumer import deduplicate as module
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.tasks import run_later

pytest.importorskip("redis")

SERVER = shutil.which("redis-server")


def _is_up(ended, log):
    return ended.done() or (log.exists() and "Ready to accept" in log.read_text())


@asynccontextmanager
async def real(tmp_path):
    for _ in range(5):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        log = tmp_path / "redis.log"
        arguments = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
        process = await asyncio.create_subprocess_exec(SERVER, *arguments, "--logfile", str(log))
        ended = run_later(process.wait(), "redis-server")
        try:
            # Taken by another in the meantime, it ends at once.
            await until(partial(_is_up, ended, log))
            if not ended.done():
                yield f"redis://127.0.0.1:{port}"
                return
        finally:
            if not ended.done():
                process.kill()
            await ended
    pytest.fail("no free port")


@asynccontextmanager
async def fake(tmp_path):
    server = FakeRedis()
    await server.start()
    yield server.url
    await server.stop()


SERVERS = [
    pytest.param(fake, id="fake"),
    pytest.param(real, id="real", marks=pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")),
]


class Inner:
    def __init__(self):
        self.got = []
        self.answers = []

    async def __call__(self, messages, context):
        self.got += [m.body for m in messages]
        return self.answers.pop(0) if self.answers else None


@pytest.mark.parametrize("server", SERVERS)
def test_reservations_and_notes(tmp_path, server):
    async def main():
        async with server(tmp_path) as url, RedisStore(url, prefix="g") as one, RedisStore(url, prefix="g") as two:
            soon = 600_000
            assert await one.claim([], "A", soon) == []
            assert await one.claim(["a", "b"], "A", soon) == [Claim.MINE, Claim.MINE]
            assert await one.claim(["a", "b"], "A", soon) == [Claim.MINE, Claim.MINE]
            assert await two.claim(["a", "b", "c"], "B", soon) == [Claim.BUSY, Claim.BUSY, Claim.MINE]
            await one.settle("A", ["a"], ["b"], soon)
            assert await two.claim(["a", "b"], "B", soon) == [Claim.DONE, Claim.MINE]
            # The one that was thought dead comes back: the other's word counts.
            await one.settle("A", ["b"], ["c"], soon)
            assert await one.claim(["b", "c"], "A", soon) == [Claim.BUSY, Claim.BUSY]
            async with RedisStore(url, prefix="other") as other:
                assert await other.claim(["a"], "C", soon) == [Claim.MINE]

    asyncio.run(main())


@pytest.mark.skipif(SERVER is None, reason="redis-server is not installed")
def test_reservations_run_out(tmp_path):
    async def main():
        async with real(tmp_path) as url, RedisStore(url, prefix="g") as store:
            assert await store.claim(["a"], "died", 1) == [Claim.MINE]
            async with asyncio.timeout(20):
                while await store.claim(["a"], "B", 600_000) != [Claim.MINE]:
                    pass

    asyncio.run(main())


@pytest.mark.parametrize("server", SERVERS)
def test_a_consumer_that_deduplicates_in_redis(tmp_path, server):
    async def main():
        async with cluster(tmp_path, Orders=4) as c, server(tmp_path) as url, RedisStore(url, prefix="G") as store:
            inner = Inner()
            await consume_twenty_of_five_keys(c, deduplicate(inner, store=store))
            assert sorted(inner.got) == [b"%d" % i for i in range(5)]

    asyncio.run(main())


def test_without_redis_nothing_is_consumed_and_nothing_lost(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "_outages", LogRate())
    monkeypatch.setattr(module, "_LONGEST_PAUSE", 0.02)

    async def main():
        server, inner = FakeRedis(), Inner()
        await server.start()
        await server.stop()
        async with RedisStore(server.url, prefix="g") as store:
            listen = deduplicate(inner, store=store)
            consuming = run_later(listen([message("a")], ConsumeContext(QUEUE)), "consume")
            await until(lambda: "messages wait for it" in caplog.text)
            assert f"127.0.0.1:{server.port} cannot be used to deduplicate" in caplog.text and inner.got == []
            await server.start()
            assert await consuming == ConsumeResult.SUCCESS and inner.got == [b"x"]
            assert await listen([message("a")], ConsumeContext(QUEUE)) == ConsumeResult.SUCCESS and inner.got == [b"x"]
            server.refuses = "OOM command not allowed when used memory > 'maxmemory'."
            impatient = deduplicate(inner, store=store, patience_ms=1)
            with pytest.raises(StoreUnavailableError, match="maxmemory"):
                await impatient([message("b")], ConsumeContext(QUEUE))
            assert inner.got == [b"x"]
            await server.stop()

    asyncio.run(main())


def test_what_cannot_be_noted_is_consumed_and_said(tmp_path, caplog):
    async def main():
        server = FakeRedis()
        await server.start()
        async with RedisStore(server.url, prefix="g") as store:

            async def fails_behind(messages, context):
                server.refuses = "READONLY You can't write against a read only replica."

            listen = deduplicate(fails_behind, store=store, patience_ms=1)
            assert await listen([message("a")], ConsumeContext(QUEUE)) == ConsumeResult.SUCCESS
            assert "1 keys were consumed and that is not noted" in caplog.text and "read only replica" in caplog.text
            server.refuses = ""
            # Its reservation stands until it runs out.
            assert await listen([message("a")], ConsumeContext(QUEUE)) == ConsumeResult.RECONSUME_LATER
        await server.stop()

    asyncio.run(main())


def test_reservations_are_renewed_while_the_listener_runs(tmp_path):
    async def main():
        server, renewed = FakeRedis(), 3
        await server.start()
        async with RedisStore(server.url, prefix="g") as store:

            async def slow(messages, context):
                await until(lambda: len(server.lasting["g:T a"]) > renewed)

            assert await deduplicate(slow, store=store, lease_ms=30, remember_ms=1000)(
                [message("a")], ConsumeContext(QUEUE)
            ) == (ConsumeResult.SUCCESS)
        assert server.lasting["g:T a"][: renewed + 1] == [30] * (renewed + 1) and server.lasting["g:T a"][-1] == 1000
        await server.stop()

    asyncio.run(main())


def test_wrong_urls_and_a_missing_package(monkeypatch):
    with pytest.raises(ClientError, match="invalid URL of Redis 'nothing'"):
        RedisStore("nothing", prefix="g")
    monkeypatch.setitem(__import__("sys").modules, "redis.asyncio", None)
    with pytest.raises(ClientError, match="needs the package redis") as missing:
        RedisStore("redis://h", prefix="g")
    assert "rocketmq-ops[redis]" in missing.value.next_step
