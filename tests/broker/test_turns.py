"""What a broker does by itself leaves its clients their time: turns, delay levels and timers with much to deliver."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from rocketmq_ops.broker import turns
from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.send.known_sends import KnownSends
from rocketmq_ops.broker.turns import Turn, Turns
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.remoting import channel
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from tests.broker.support import Session, run, send_fields, until

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def shortest_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn is over with its first message."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0)


async def backlog(session: Session, count: int, **properties: str) -> None:
    """Park messages and let them be due."""
    broker, clock = session.broker, session.broker.clock
    for number in range(count):
        await session.send("T", b"%d" % number, properties=properties)
    broker.clock = lambda: clock() + 2 * HOUR_MS


async def answered_meanwhile(session: Session, delivered: int, times: int) -> None:
    """Ask until so many are delivered, and find that after the first of them so many answers came at least."""
    answers = count = 0
    while count < delivered:
        assert (await session.ask(RequestCode.GET_ALL_TOPIC_CONFIG)).code == 0
        count = session.broker.store.max_offset("T", 0)
        answers += 0 < count < delivered
    assert answers >= times


@pytest.mark.parametrize("level", [1, 5])
def test_clients_are_answered_while_a_delay_level_has_a_backlog(tmp_path: Path, level: int) -> None:
    async def body(session: Session) -> None:
        await backlog(session, 60, DELAY=str(level))
        # Each answer is one read: between two there are few turns, and none delivers two messages.
        await answered_meanwhile(session, 60, 5)

    run(tmp_path, body)


def test_clients_are_answered_while_timers_have_a_backlog(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await backlog(session, 60, TIMER_DELAY_SEC="10")
        await answered_meanwhile(session, 60, 5)
        assert session.broker.store.max_offset(TIMER_TOPIC, 0) == 60

    run(tmp_path, body, timerWheelEnable=True)


def test_levels_with_a_backlog_take_turns(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        for level in ("1", "2", "4"):
            for _ in range(3):
                await session.send("T", b"later", properties={"DELAY": level})
        now = broker.clock() + HOUR_MS
        seen = []
        for _ in range(9):
            assert broker.delay.deliver_due(now, Turn(0)) == 1
            seen.append([broker.delay.table.get(level, 0) for level in (1, 2, 4)])
        assert seen[2] == [1, 1, 1] and seen[5] == [2, 2, 2] and seen[8] == [3, 3, 3]
        assert broker.delay.deliver_due(now, Turn(0)) == 0

    run(tmp_path, body)


def test_what_cannot_be_read_ends_a_turn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A damaged stretch of a commitlog must not be passed over in one go: each of its messages is a line in the log."""

    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        for _ in range(3):
            await session.send("T", b"later", properties={"DELAY": "1"})
        monkeypatch.setattr(broker.store, "message_at", lambda offset, size: None)
        for offset in (1, 2, 3):
            assert broker.delay.deliver_due(broker.clock() + HOUR_MS, Turn(0)) == 0
            assert broker.delay.table[1] == offset

    run(tmp_path, body)


def test_a_flood_of_known_sends_leaves_others_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that each of them takes a millisecond of: a turn of 5 ms is seen to be over after 32 at most."""
    known = 0

    def count(sends: KnownSends, raw: bytes, body: bytes) -> bytes | None:
        nonlocal known
        answer = try_store(sends, raw, body)
        known += answer is not None
        return answer

    try_store = KnownSends.try_store
    monkeypatch.setattr(KnownSends, "try_store", count)

    async def body(session: Session) -> None:
        monkeypatch.setattr(channel, "perf_counter", lambda: known / 1_000)

        def flood(times: int) -> list[asyncio.Future[RemotingCommand]]:
            requests = (RemotingCommand.request(310, ext_fields=send_fields("T"), body=b"x") for _ in range(times))
            return [session.client.submit(session.address, request, 60_000) for request in requests]

        # Kinds are known by the length of their headers, so by that of their opaque, too.
        await session.send("T")
        await asyncio.gather(*flood(1_000))
        begun, most, before = known, 0, known
        answered = asyncio.gather(*flood(600))
        while not answered.done():
            await asyncio.sleep(0)
            most, before = max(most, known - before), known
        assert {answer.code for answer in answered.result()} == {0}
        assert known > begun + 500
        assert 0 < most <= 32

    run(tmp_path, body)


class Talker:
    """A broker with one client, which begins to talk in the first turn, and a clock that stands still but for both."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: int, seconds: float) -> None:
        """The client says something in so many rounds of the loop, which takes so long each time."""
        self.server = self
        self.channels = [self]
        self.reads = 0
        self.now = 0.0
        #: How much the client had said at the beginning of each turn.
        self.turns: list[int] = []
        self._client = (times, seconds)
        monkeypatch.setattr(turns, "perf_counter", lambda: self.now)

    def _work(self, turn: Turn) -> None:
        """A turn of 100 s that leaves something, the third one not."""
        self.turns.append(self.reads)
        self.now += 100
        turn.stopped = len(self.turns) < 3
        if len(self.turns) == 1:
            self._talking = asyncio.ensure_future(self._talk(*self._client))

    async def _talk(self, times: int, seconds: float) -> None:
        for _ in range(times):
            self.reads += 1
            self.now += seconds
            await asyncio.sleep(0)

    async def three_turns(self) -> list[int]:
        """How much the client had said at the beginning of each."""
        jobs = PeriodicJobs()
        work = Turns(cast(BrokerController, self), jobs, "work", self._work)
        work.start(lambda: 3_600_000 if jobs else 0)
        await until(lambda: len(self.turns) == 3)
        jobs.stop()
        await self._talking
        return self.turns


def test_a_turn_waits_until_clients_are_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch, 2_000, 0)
    assert asyncio.run(talker.three_turns()) == [0, 2_000, 2_000]


def test_clients_have_no_longer_than_the_turn_before(monkeypatch: pytest.MonkeyPatch) -> None:
    talker = Talker(monkeypatch, 20_000, 0.5)
    _, second, third = asyncio.run(talker.three_turns())
    assert 200 <= second <= third - 200 < 19_800
