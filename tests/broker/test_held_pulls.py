"""The bounds on pulls that wait: of one connection and of all, and that every way out of waiting gives back what counts."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker import controller as controller_module
from rocketmq_ops.broker import turns
from rocketmq_ops.broker.config import BrokerConfig
from rocketmq_ops.broker.longpolling.pull_request_hold import HeldPull, PullRequestHold
from rocketmq_ops.broker.turns import Turn
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.errors import RemotingSendError
from rocketmq_ops.remoting.frame_codec import encode
from rocketmq_ops.remoting.headers import PullMessageRequestHeader
from tests.broker.support import Session, bodies, pull_fields, run, sweep_all, until

R = ResponseCode
SUSPEND = "6"


@pytest.fixture(autouse=True)
def _swept_by_the_test_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_module, "SWEEP_INTERVAL_MS", 3_600_000)


def counted(hold: PullRequestHold) -> tuple[int, int]:
    """What all count and how many connections have some, after a check of the sums by what is in the table."""
    waiting = [pull for queues in hold.table.values() for pulls in queues.values() for pull in pulls]
    of_channels: dict[Any, int] = {}
    for pull in waiting:
        if not pull.channel.closed:
            of_channels[pull.channel] = of_channels.get(pull.channel, 0) + pull.count
    assert hold.count_of_channel == of_channels
    assert hold.count == sum(of_channels.values())
    return hold.count, len(of_channels)


def ask(session: Session, client: RemotingClient | None = None, **more: str) -> asyncio.Future[RemotingCommand]:
    """A pull of queue 0 that may wait; `more` are its fields."""
    fields = pull_fields("T", "g", 0, 1) | {"sysFlag": SUSPEND} | more
    request = RemotingCommand.request(RequestCode.PULL_MESSAGE, ext_fields=fields)
    return asyncio.ensure_future((client or session.client).invoke(session.address, request, 20_000))


async def held(session: Session, number: int, client: RemotingClient | None = None, **more: str) -> list[Any]:
    """As many pulls that wait."""
    before = len(session.broker.held_pulls)
    asked = [ask(session, client, **more) for _ in range(number)]
    await until(lambda: len(session.broker.held_pulls) == before + number)
    return asked


@asynccontextmanager
async def another_client() -> AsyncIterator[RemotingClient]:
    client = RemotingClient(NettyClientConfig())
    try:
        yield client
    finally:
        await client.close()


def test_the_bound_of_a_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        await session.send("T", b"first")
        waiting = await held(session, 3)
        refused = await asyncio.gather(*(ask(session) for _ in range(4)))
        remark = (
            "[OVERLOAD]system busy, start flow control for a while: as many pulls wait for a message as may, "
            "of one connection maxHeldPullsPerConnection=3"
        )
        assert {(answer.code, answer.remark) for answer in refused} == {(R.SYSTEM_BUSY, remark)}
        assert counted(hold) == (3, 1) and len(hold) == 3 and hold.refused == 4
        lines = [record.getMessage() for record in caplog.records if "was refused" in record.getMessage()]
        assert len(lines) == 1 and lines[0].startswith("a pull of T by group g from 127.0.0.1:")
        assert lines[0].endswith(remark)
        # What is there is answered, and what need not wait; another connection has a bound of its own.
        assert bodies(await ask(session, queueOffset="0")) == [b"first"]
        assert (await session.pull("T", offset=1)).code == R.PULL_NOT_FOUND
        async with another_client() as other:
            (elsewhere,) = await held(session, 1, other)
            assert counted(hold) == (4, 2)
            await session.send("T", b"second")
            for answer in await asyncio.gather(*waiting, elsewhere):
                assert bodies(answer) == [b"second"]
        # As many again.
        assert counted(hold) == (0, 0)
        await held(session, 3, queueOffset="2")
        assert counted(hold) == (3, 1) and hold.refused == 4

    with caplog.at_level(logging.WARNING):
        run(tmp_path, body, maxHeldPullsPerConnection=3)


def test_the_bound_of_all(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        await session.send("T")
        await held(session, 2)
        async with another_client() as other:
            await held(session, 1, other)
            for client in (session.client, other):
                answer = await ask(session, client)
                assert (answer.code, hold.count) == (R.SYSTEM_BUSY, 3)
                assert (answer.remark or "").endswith(" may, of all maxHeldPulls=3")
            session.broker.config.maxHeldPulls = 4
            await held(session, 1, other)
            assert counted(hold) == (4, 2)

    run(tmp_path, body, maxHeldPulls=3)


async def _woken(session: Session) -> None:
    await session.send("T", properties={"TAGS": "wanted"})


async def _expired(session: Session) -> None:
    hold = session.broker.held_pulls
    now = hold.clock()
    hold.clock = lambda: now + 60_000
    sweep_all(hold)


async def _grown(session: Session) -> None:
    """A message that none of them wants, and the look that moves them past it."""
    hold = session.broker.held_pulls
    await session.send("T", properties={"TAGS": "other"})
    now = hold.clock()
    hold.clock = lambda: now + 6_000
    sweep_all(hold)


async def _stopped(session: Session) -> None:
    await session.broker.stop()


async def _sent_to_the_master(session: Session) -> None:
    session.broker.held_pulls.wake_all()


async def _failing(session: Session) -> None:
    def fail(pull: HeldPull) -> None:
        raise ValueError("broken")

    session.broker.held_pulls.execute = fail
    await session.send("T", properties={"TAGS": "wanted"})


async def _topic_deleted(session: Session) -> None:
    assert (await session.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})).code == 0
    await _expired(session)


WAYS_OUT = (_woken, _expired, _grown, _stopped, _sent_to_the_master, _failing, _topic_deleted)


@pytest.mark.parametrize("way", WAYS_OUT, ids=lambda way: way.__name__.strip("_"))
def test_each_answer_gives_back_what_the_pull_counts(tmp_path: Path, way: Callable[[Session], Awaitable[None]]) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        await session.send("T")
        waiting = await held(session, 2, subscription="wanted || too")
        waiting += await held(session, 1, subscription="wanted".ljust(64))  # counts twice
        assert counted(hold) == (4, 1)
        await way(session)
        answers = await asyncio.gather(*waiting)
        assert R.SYSTEM_BUSY not in {answer.code for answer in answers}
        assert counted(hold) == (0, 0) and not hold.table

    run(tmp_path, body)


@pytest.mark.parametrize("end", ["closed by the client", "closed here", "lost"])
def test_a_closed_connection_gives_back_what_its_pulls_count(tmp_path: Path, end: str) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        await session.send("T")
        kept = await held(session, 1)
        async with another_client() as other:
            gone = await held(session, 2, other)
            (channel,) = [channel for channel, count in hold.count_of_channel.items() if count == 2]
            if end == "closed by the client":
                await other.close()
            elif end == "closed here":
                channel.close()
            else:
                channel.abort()
            await until(lambda: channel not in hold.count_of_channel)  # when it closes, not with the next sweep
            assert (hold.count, len(hold)) == (1, 3)
            for pull in gone:
                with contextlib.suppress(Exception):
                    await pull
        assert counted(hold) == (1, 1)
        # They may be woken before they are swept: nothing is given back twice.
        await session.send("T")
        await kept[0]
        sweep_all(hold)
        assert counted(hold) == (0, 0) and not hold.table

    run(tmp_path, body)


def test_a_pull_that_a_failure_keeps_in_the_table_is_given_back_and_answered_once(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        await session.send("T")
        first = (await held(session, 1))[0]
        await held(session, 1, suspendTimeoutMillis="20000")
        second = hold.table["T"][0][1]
        executed: list[HeldPull] = []
        execute = hold.execute
        hold.execute = lambda pull: (executed.append(pull), execute(pull))[1]

        class Broken:
            checks_record, tag_codes = True, None

            def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
                raise ValueError("broken")

        second.record_filter = Broken()
        await session.send("T")
        assert (await first).code == 0
        assert len(hold.table["T"][0]) == 2, "the failure left both in the table"
        assert counted(hold) == (1, 1)
        second.record_filter = None
        sweep_all(hold)
        await until(lambda: len(executed) == 2)
        assert executed[1] is second and counted(hold) == (0, 0) and not hold.table

    run(tmp_path, body)


class Closed:
    """A channel whose end was noticed before."""

    closed, remote = True, "127.0.0.1:1"


def pull_of(channel: Any, request: RemotingCommand, **more: str) -> HeldPull:
    fields = pull_fields("T", "g", 0, 0) | more
    header = RemotingCommand.request(request.code, ext_fields=fields).decode_header(PullMessageRequestHeader)
    return HeldPull(channel, request, header, 0, None, 0, 20_000)


def test_a_pull_that_comes_after_the_end_of_its_connection_is_given_back_by_a_sweep() -> None:
    hold = PullRequestHold(BrokerConfig(), lambda: 0, lambda topic, queue_id: 0, lambda topic, queue_id, offset: None)
    assert hold.hold("T", 0, pull_of(Closed(), RemotingCommand(code=RequestCode.PULL_MESSAGE))) is None
    assert hold.count == 1
    sweep_all(hold)
    assert (hold.count, hold.count_of_channel, hold.table) == (0, {}, {})


@pytest.mark.parametrize(
    ("fields", "source", "count"),
    [
        ({}, b"x" * 500, 1),
        ({}, b"x" * 1024, 2),
        ({}, {"a": "x" * 2047}, 3),
        ({}, None, 1),
        ({"subscription": "a" * 63}, b"x" * 500, 1),
        ({"subscription": "a||" * 64}, b"x" * 500, 4),
    ],
    ids=["usual", "long", "of fields", "nothing", "an expression", "many tags"],
)
def test_what_a_pull_counts(fields: dict[str, str], source: Any, count: int) -> None:
    request = RemotingCommand(code=RequestCode.PULL_MESSAGE, ext_source=source)
    assert pull_of(None, request, **fields).count == count


def test_a_held_pull_keeps_nothing_of_the_read_that_it_came_with() -> None:
    read = b"x" * 100_000
    request = RemotingCommand(
        code=RequestCode.PULL_MESSAGE, body=memoryview(read)[300:], ext_source=memoryview(read)[:300]
    )
    pull_of(None, request)
    assert (request.body, request.ext_source) == (b"", read[:300])
    assert type(request.ext_source) is bytes


def test_a_sweep_of_many_queues_leaves_others_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(controller_module, "SWEEP_INTERVAL_MS", 50)
    monkeypatch.setattr(turns, "TURN_SECONDS", 0)  # over with the first queue

    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        topics = session.broker.topics
        for number in range(10):
            topics.create_in_send_message_back(f"T{number}", 4)
        await session.pull("T0")  # makes the group
        now = hold.clock()
        hold.clock = lambda: now
        waiting = [
            ask(session, topic=f"T{number}", queueId=str(queue_id), queueOffset="0")
            for number in range(10)
            for queue_id in range(4)
        ]
        await until(lambda: counted(hold) == (40, 1))
        took = []
        monkeypatch.setattr(hold, "execute", lambda pull, execute=hold.execute: (took.append(len(hold)), execute(pull)))
        hold.clock = lambda: now + 60_000
        answers = await asyncio.gather(*waiting)
        assert {answer.code for answer in answers} == {R.PULL_NOT_FOUND}
        # Each was answered before the next queue was looked at.
        assert took == list(range(39, -1, -1))
        assert counted(hold) == (0, 0) and not hold.table

    run(tmp_path, body)


def test_pulls_come_and_go_between_the_turns_of_a_sweep() -> None:
    hold = PullRequestHold(BrokerConfig(), lambda: 0, lambda topic, queue_id: 0, lambda topic, queue_id, offset: None)
    closed, request = Closed(), RemotingCommand(code=RequestCode.PULL_MESSAGE)
    for topic, queue_id in (("A", 0), ("A", 1), ("B", 0), ("C", 0), ("C", 1)):
        hold.hold(topic, queue_id, pull_of(closed, request))
    turn = Turn(0)
    hold.sweep(turn)
    assert turn.stopped and len(hold) == 4 and 0 not in hold.table["A"]
    hold.channel_closed(closed)  # type: ignore[arg-type]
    del hold.table["B"], hold.table["C"][0]
    hold.hold("A", 0, pull_of(closed, request))
    rest = Turn(3600)
    hold.sweep(rest)
    assert not rest.stopped and set(hold.table) == {"A"} and set(hold.table["A"]) == {0}
    hold.sweep(rest)
    assert not hold.table and hold.count == 0


#: What leaves most answers of 100 KB unsent while their consumer reads nothing.
SMALL_BUFFERS = {"writeBufferHighWaterMark": 65_536, "serverSocketSndBufSize": 16_384}


class SlowReader:
    """A consumer with 40 pulls that wait; it reads nothing until it goes on."""

    def __init__(self, reader: asyncio.StreamReader, transport: Any, channel: Channel) -> None:
        self._reader = reader
        self._transport = transport
        self.channel = channel

    def go_on(self) -> None:
        self._transport.resume_reading()

    async def answer(self) -> tuple[int, int]:
        """The next answer's opaque and code. Raises IncompleteReadError at the end of the connection."""
        frame = await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(4), "big"))
        header = json.loads(frame[4 : 4 + int.from_bytes(frame[1:4], "big")])
        return header["opaque"], header["code"]


@asynccontextmanager
async def slow_reader(session: Session) -> AsyncIterator[SlowReader]:
    hold = session.broker.held_pulls
    await session.send("T")
    await session.pull("T")  # makes the group
    raw = socket.create_connection(("127.0.0.1", session.broker.server.port))
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    raw.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=raw, limit=1)
    try:
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        fields = pull_fields("T", "g", 0, 1) | {"sysFlag": SUSPEND}
        for opaque in range(40):
            request = RemotingCommand(code=RequestCode.PULL_MESSAGE, opaque=opaque, ext_source=fields)
            writer.write(b"".join(encode(request)))
        await until(lambda: len(hold) == 40)
        ((channel, _),) = hold.count_of_channel.items()
        yield SlowReader(reader, writer.transport, channel)
    finally:
        writer.transport.abort()


async def wake_undrained(session: Session, slow: SlowReader) -> None:
    """A message wakes its pulls, and most of their answers cannot be sent."""
    await session.send("T", bytes(100_000))
    await until(lambda: not slow.channel.is_drained)


def test_those_of_a_consumer_that_does_not_drain_its_answers_wait_for_it(tmp_path: Path) -> None:
    """One message wakes 40 pulls: a few answers are unsent at a time, and all of them come."""

    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        async with slow_reader(session) as slow:
            await wake_undrained(session, slow)
            channel = slow.channel
            assert len(hold) == 0 and channel.held_bytes() < 300_000
            slow.go_on()
            assert [await slow.answer() for _ in range(40)] == [(opaque, 0) for opaque in range(40)]
            await until(lambda: channel.is_drained and channel.held_bytes() == 0)

    run(tmp_path, body, **SMALL_BUFFERS)


def test_those_that_wait_for_a_slow_consumer_count_until_they_are_answered(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        async with slow_reader(session) as slow:
            await wake_undrained(session, slow)
            channel, waiting = slow.channel, hold.count
            assert 30 < waiting < 40 and hold.count_of_channel == {channel: waiting} and not hold.table
            assert hold.undrained == {channel: waiting}
            room = 40 - waiting
            kept = await held(session, room, queueOffset="2")
            refused = await ask(session, queueOffset="2")
            assert (refused.code, hold.count) == (R.SYSTEM_BUSY, 40)
            # Others may be answered at once, also when all are; what these count is given back.
            hold.wake_all()
            assert {answer.code for answer in await asyncio.gather(*kept)} == {R.PULL_NOT_FOUND}
            assert hold.count_of_channel == {channel: waiting} and hold.count == waiting
            slow.go_on()
            for opaque in range(40):
                assert await slow.answer() == (opaque, 0)
            assert counted(hold) == (0, 0) and not hold.undrained
            await held(session, 40, queueOffset="2")

    run(tmp_path, body, maxHeldPulls=40, **SMALL_BUFFERS)


@pytest.mark.parametrize("end", ["lost", "closed here"])
def test_those_that_wait_for_a_slow_consumer_are_gone_with_its_connection(tmp_path: Path, end: str) -> None:
    """Also when it takes what it was sent before the end: nothing is read, taken or counted for it then."""

    async def body(session: Session) -> None:
        hold, offsets = session.broker.held_pulls, session.broker.offsets
        executed: list[HeldPull] = []
        execute = hold.execute
        hold.execute = lambda pull: (executed.append(pull), execute(pull))[1]
        async with slow_reader(session) as slow:
            await wake_undrained(session, slow)
            channel, answered = slow.channel, len(executed)
            offsets.assign_reset("T", "g", 0, 1)
            if end == "lost":
                channel.abort()
            else:
                channel.close()
            slow.go_on()
            if end == "closed here":
                assert [(await slow.answer())[0] for _ in range(answered)] == list(range(answered))
            with pytest.raises((asyncio.IncompleteReadError, OSError)):
                await slow.answer()
            await until(lambda: counted(hold) == (0, 0))
            assert len(executed) == answered < 10 and not hold.undrained
            assert offsets.take_reset("T", "g", 0) == 1

    run(tmp_path, body, **SMALL_BUFFERS)


def test_those_of_a_connection_that_closes_before_their_turn_are_not_run(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        hold = session.broker.held_pulls
        executed: list[HeldPull] = []
        hold.execute = executed.append
        await session.send("T")
        async with another_client() as other:
            (gone,) = await held(session, 1, other)
            ((channel, _),) = hold.count_of_channel.items()
            hold.message_arriving("T", 0, 2, 0)
            assert hold.count == 1
            channel.close()
            with pytest.raises(RemotingSendError):
                await gone
        assert not executed and counted(hold) == (0, 0)

    run(tmp_path, body)
