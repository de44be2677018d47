"""How long keys are reserved and remembered: while a listener runs, and by which clock."""

import asyncio
import sqlite3

import pytest
from client_cluster import until
from consumed_keys import QUEUE, Hanging, Inner, Slow, message

from rocketmq_ops.client import ConsumeContext, ConsumeResult, SqliteStore, StoreUnavailableError, deduplicate
from rocketmq_ops.client.consumer.deduplicate import Claim
from rocketmq_ops.common.tasks import run_later

SUCCESS, LATER = ConsumeResult


def test_a_key_that_another_consumes_waits_until_its_lease_ends(tmp_path, monkeypatch):
    async def main():
        now = 1_000_000
        monkeypatch.setattr("rocketmq_ops.client.consumer.sqlite_store.awake_ms", lambda: now)
        inner = Inner()
        async with SqliteStore(tmp_path / "seen") as one, SqliteStore(tmp_path / "seen") as two:
            assert await one.claim(["T a"], "died", 50) == [Claim.MINE]
            listen = deduplicate(inner, store=two, lease_ms=100, remember_ms=1000)
            batch, context = [message("a", b"1"), message("b", b"2")], ConsumeContext(QUEUE)
            assert await listen(batch, context) == LATER
            assert inner.got == [[b"2"]] and context.untried == batch[:1]
            now += 50
            assert await listen([message("a", b"1"), message("b", b"2")], ConsumeContext(QUEUE)) == SUCCESS
            assert inner.got == [[b"2"], [b"1"]]
            # The one that was thought dead comes back: the other's word counts.
            await one.settle("died", [], ["T a"], 1)
            assert await one.claim(["T a"], "c", 1) == [Claim.DONE]
            now += 1000
            assert await one.claim(["T a"], "c", 1) == [Claim.MINE]

    asyncio.run(main())


def test_what_was_done_after_the_lease_ran_out_is_noted(tmp_path, monkeypatch):
    async def main():
        now = 1_000_000
        monkeypatch.setattr("rocketmq_ops.client.consumer.sqlite_store.awake_ms", lambda: now)
        async with SqliteStore(tmp_path / "seen") as one:
            assert await one.claim(["a", "b", "c"], "slow", 50) == [Claim.MINE] * 3
            now += 50
            await one.claim(["c"], "quick", 50)
            async with SqliteStore(tmp_path / "seen") as two:
                await two.claim(["x"], "y", 50)  # the first claim of a store deletes what has run out
                with sqlite3.connect(tmp_path / "seen") as database:
                    assert database.execute("SELECT key FROM consumed").fetchall() == [("c",), ("x",)]
                database.close()
                await one.settle("slow", ["a", "c"], ["b"], 1000)
                assert await two.claim(["a", "b", "c"], "z", 50) == [Claim.DONE, Claim.MINE, Claim.BUSY]
                # Another's reservation that has run out, too, and was not cleaned up, hinders nothing.
                now += 50
                await one.settle("slow", ["c"], [], 1000)
                assert await two.claim(["c"], "z", 50) == [Claim.DONE]

    asyncio.run(main())


class Clocks:
    """Those of a machine, as the store of consumed keys sees them."""

    def __init__(self, monkeypatch):
        self.awake, self.wall, self.boot = 1_000_000, 1_700_000_000_000, "first"
        module = "rocketmq_ops.client.consumer.sqlite_store"
        monkeypatch.setattr(f"{module}.awake_ms", lambda: self.awake)
        monkeypatch.setattr(f"{module}.now_ms", lambda: self.wall)
        monkeypatch.setattr(f"{module}._boot", lambda: self.boot)

    def go_on(self, ms):
        self.awake += ms
        self.wall += ms


YEAR_MS = 365 * 24 * 3600 * 1000


@pytest.mark.parametrize("step", [YEAR_MS, -YEAR_MS], ids=["forth", "back"])
def test_a_step_of_the_wall_clock_frees_no_key_and_keeps_none(tmp_path, monkeypatch, step):
    async def main():
        clocks = Clocks(monkeypatch)
        async with SqliteStore(tmp_path / "seen") as one, SqliteStore(tmp_path / "seen") as two:
            assert await one.claim(["a", "b", "c"], "A", 100) == [Claim.MINE] * 3
            await one.settle("A", ["c"], [], 1000)
            clocks.wall += step
            assert await two.claim(["a", "c"], "B", 100) == [Claim.BUSY, Claim.DONE]
            clocks.go_on(50)
            assert await one.claim(["b"], "A", 100) == [Claim.MINE], "renewed"
            clocks.go_on(50)
            assert await two.claim(["a", "b", "c"], "B", 100) == [Claim.MINE, Claim.BUSY, Claim.DONE]
            clocks.go_on(900)
            assert await two.claim(["b", "c"], "B", 100) == [Claim.MINE] * 2

    asyncio.run(main())


@pytest.mark.parametrize("boot", ["second", "first"], ids=["another start", "a system that does not say it"])
def test_another_start_of_the_machine_frees_what_it_ended_and_forgets_nothing(tmp_path, monkeypatch, boot):
    async def main():
        clocks = Clocks(monkeypatch)
        async with SqliteStore(tmp_path / "seen") as store:
            assert await store.claim(["a", "b"], "A", 100) == [Claim.MINE] * 2
            await store.settle("A", ["b"], [], 1000)
        clocks.awake, clocks.boot = 5, boot
        clocks.wall += 200
        async with SqliteStore(tmp_path / "seen") as store:
            assert await store.claim(["a", "b"], "B", 100) == [Claim.MINE, Claim.DONE]
            # What was off with a clock that went back counts as no time.
            clocks.awake, clocks.boot, clocks.wall = 0, f"{boot} again", 0
            assert await store.claim(["a", "b"], "C", 100) == [Claim.BUSY, Claim.DONE]
            clocks.go_on(100)
            assert await store.claim(["a", "b"], "C", 100) == [Claim.MINE, Claim.DONE]

    asyncio.run(main())


class Counting(SqliteStore):
    """Counts what is claimed, and cannot be used for the next `fails` calls."""

    claims = fails = 0

    async def claim(self, keys, owner, lease_ms):
        self.claims += 1
        if self.fails:
            self.fails -= 1
            raise StoreUnavailableError("it is away")
        return await super().claim(keys, owner, lease_ms)


def test_a_listener_that_runs_keeps_its_keys_and_one_that_died_does_not(tmp_path, monkeypatch, caplog):
    clocks = Clocks(monkeypatch)

    async def live():
        async with Counting(tmp_path / "seen") as store, SqliteStore(tmp_path / "seen") as other:
            slow = Slow()
            lease_ms = 30
            listening = run_later(
                deduplicate(slow, store=store, lease_ms=lease_ms)([message("a")], ConsumeContext(QUEUE)), "listen"
            )
            await slow.started.wait()
            for away in range(4):
                store.fails, begun = away, store.claims
                clocks.go_on(lease_ms - 1)
                await until(lambda: store.claims >= begun + away + 2)  # noqa: B023
                assert await other.claim(["T a"], "B", 1) == [Claim.BUSY]
            slow.let.set()
            assert await listening == SUCCESS
            assert await other.claim(["T a"], "B", 1) == [Claim.DONE]
            assert "another consumer has taken them" not in caplog.text

    async def dies():
        async with SqliteStore(tmp_path / "seen") as store:
            never = Hanging()
            store.settle = None  # nobody tells it
            run_later(deduplicate(never, store=store)([message("b")], ConsumeContext(QUEUE)), "listen")
            await never.taken.wait()

    async def half_a_minute_later():
        async with SqliteStore(tmp_path / "seen") as store:
            clocks.go_on(29_999)
            assert await store.claim(["T b"], "B", 1) == [Claim.BUSY]
            clocks.go_on(1)
            assert await store.claim(["T b"], "B", 1) == [Claim.MINE]

    for part in (live, dies, half_a_minute_later):
        asyncio.run(part())


def test_what_another_took_is_said_and_left_to_it(tmp_path, monkeypatch, caplog):
    """The machine slept, or the process was stopped."""

    async def main():
        clocks = Clocks(monkeypatch)
        async with Counting(tmp_path / "seen") as store, SqliteStore(tmp_path / "seen") as other:
            slow = Slow()
            listen = deduplicate(slow, store=store, lease_ms=30)
            listening = run_later(listen([message("a"), message("b", b"2")], ConsumeContext(QUEUE)), "listen")
            await slow.started.wait()
            store.fails = 1_000_000
            clocks.go_on(30)
            assert await other.claim(["T a"], "B", 60_000) == [Claim.MINE]
            store.fails = 0
            await until(lambda: "ran out under the listener" in caplog.text)
            assert "of 1 keys" in caplog.text and "'T a' among them" in caplog.text
            assert await other.claim(["T b"], "B", 60_000) == [Claim.BUSY]
            slow.let.set()
            assert await listening == SUCCESS
            assert await other.claim(["T a", "T b"], "B", 60_000) == [Claim.MINE, Claim.DONE]

    asyncio.run(main())


def test_what_is_freed_is_not_reserved_by_a_renewal_that_was_under_way(tmp_path):
    async def main():
        async with SqliteStore(tmp_path / "seen") as store:
            renewing, go_on, order = asyncio.Event(), asyncio.Event(), []
            claim, settle = store.claim, store.settle

            async def held_up(keys, owner, lease_ms):
                if order:
                    renewing.set()
                    await go_on.wait()
                order.append("claim")
                return await claim(keys, owner, lease_ms)

            async def noted(*args):
                order.append("settle")
                await settle(*args)

            async def fails(messages, context):
                await asyncio.wait_for(renewing.wait(), 20)
                return LATER

            store.claim, store.settle = held_up, noted
            listen = deduplicate(fails, store=store, lease_ms=30)
            listening = run_later(listen([message("a")], ConsumeContext(QUEUE)), "listen")
            await asyncio.wait_for(renewing.wait(), 20)
            for _ in range(20):
                await asyncio.sleep(0)
            go_on.set()
            assert await listening == LATER
            assert order == ["claim", "claim", "settle"]
            assert await claim(["T a"], "B", 60_000) == [Claim.MINE]

    asyncio.run(main())
