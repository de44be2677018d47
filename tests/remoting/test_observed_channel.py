"""Connections that are watched: each answer that a handler holds is told once, however it is sent and however many are held."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from tests.remoting.wire import Wire, owner_of

from rocketmq_ops.remoting import observed_channel
from rocketmq_ops.remoting.answer_frame import LATER, header_frame, success_template
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand
from rocketmq_ops.remoting.frame_codec import encode
from rocketmq_ops.remoting.observed_channel import ObservedChannel
from rocketmq_ops.remoting.request_handlers import RequestHandlers
from rocketmq_ops.remoting.timed_channel import TimedChannel

#: One more than were waited for at most, once.
MANY = 10_001


class Watcher:
    """Observer and timer in one."""

    def __init__(self) -> None:
        self.after_of: list[tuple[int, int | None]] = []
        self.timed: list[tuple[int, int, bool]] = []
        self.raw = 0

    def before(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
        return None

    def after(self, channel: Channel, request: RemotingCommand, answer: RemotingCommand | None) -> None:
        self.after_of.append((request.opaque, None if answer is None else answer.code))

    def answered(self, request: RemotingCommand, response_code: int, seconds: float, *, held: bool) -> None:
        self.timed.append((request.opaque, response_code, held))

    def raw_answered(self, raw_header: bytes, seconds: float) -> None:
        self.raw += 1


class Server:
    """One connection whose only handler is the test's, and who watches it."""

    def __init__(self, handler: Callable[[Channel, RemotingCommand], Answer], *, timed: bool) -> None:
        self.handlers = RequestHandlers()
        self.handlers.register(11, None, lambda channel, request, _: handler(channel, request))
        owner = owner_of(self.handlers)
        self.watcher = Watcher()
        loop = asyncio.get_running_loop()
        self.channel: ObservedChannel = (
            TimedChannel(owner, loop, 1_000_000, self.watcher, self.watcher)
            if timed
            else ObservedChannel(owner, loop, observer=self.watcher)
        )
        self.channel.connection_made(Wire())

    def ask(self, opaque: int, *, oneway: bool = False) -> None:
        request = RemotingCommand(code=11, opaque=opaque, flag=2 if oneway else 0)
        self.channel.data_received(b"".join(encode(request)))

    @property
    def waited_for(self) -> int:
        return sum(map(len, self.channel._awaited.values()))


@pytest.mark.parametrize("timed", [False, True], ids=["observed", "timed"])
@pytest.mark.parametrize("opaques", ["each its own", "all one"])
def test_each_of_many_held_answers_is_told(timed: bool, opaques: str) -> None:
    async def main() -> None:
        held: list[tuple[Channel, RemotingCommand]] = []
        server = Server(lambda channel, request: held.append((channel, request)) or HELD, timed=timed)  # type: ignore[func-returns-value]
        numbers = list(range(MANY)) if opaques == "each its own" else [7] * MANY
        for number in numbers:
            server.ask(number)
        assert server.watcher.after_of == server.watcher.timed == []
        for channel, request in held:
            channel.send(request.reply(19))
        assert server.watcher.after_of == [(number, 19) for number in numbers]
        assert server.watcher.timed == ([(number, 19, True) for number in numbers] if timed else [])
        assert not server.waited_for

    asyncio.run(main())


FRAME = success_template(b"")


def early(channel: Channel, request: RemotingCommand) -> Answer:
    """It says that it holds the answer, which is sent already."""
    channel.send(request.reply(12))
    return HELD


def early_frame(channel: Channel, request: RemotingCommand) -> Answer:
    channel.send(header_frame(FRAME % request.opaque))
    return HELD


def frame_later(channel: Channel, request: RemotingCommand) -> Answer:
    asyncio.get_running_loop().call_soon(channel.send, header_frame(FRAME % request.opaque))
    return HELD


@pytest.mark.parametrize(
    ("handler", "code"),
    [(early, 12), (early_frame, 0), (frame_later, 0)],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_an_answer_is_told_though_it_is_a_frame_or_sent_early(handler: Any, code: int) -> None:
    async def main() -> None:
        server = Server(handler, timed=True)
        for opaque in (1, 2, 2):
            server.ask(opaque)
            await asyncio.sleep(0)
        assert server.watcher.after_of == [(1, code), (2, code), (2, code)]
        assert server.watcher.timed == [(1, code, True), (2, code, True), (2, code, True)]
        assert not server.waited_for

    asyncio.run(main())


def test_what_gets_no_answer_is_not_waited_for() -> None:
    async def main() -> None:
        server = Server(lambda channel, request: None, timed=True)
        server.ask(1)
        server.handlers.register(11, None, lambda channel, request, _: HELD)
        server.ask(2, oneway=True)
        assert server.watcher.after_of == [(1, None), (2, None)] and not server.waited_for
        server.ask(3)
        assert server.waited_for == 2  # by the hooks, and by the clock
        server.channel.connection_lost(None)
        assert server.watcher.timed == [] and not server.waited_for

    asyncio.run(main())


def test_an_answer_of_the_short_way_that_is_held_is_told_when_it_comes() -> None:
    async def main() -> None:
        server = Server(lambda channel, request: None, timed=True)
        server.channel.raw_request_handler = lambda raw, body: LATER
        server.ask(5)
        assert (server.watcher.raw, server.watcher.timed) == (0, [])
        server.channel.send(header_frame(b'{"code":10,' + (FRAME % 5).removeprefix(b'{"code":0,')))
        assert (server.watcher.raw, server.watcher.timed) == (0, [(5, 10, True)])
        server.channel.raw_request_handler = lambda raw, body: header_frame(FRAME % 6)
        server.ask(6)
        assert server.watcher.raw == 1 and not server.waited_for

    asyncio.run(main())


def test_what_nobody_waits_for_is_neither_kept_nor_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers that a handler held while nobody looked, and requests of the server's own."""

    async def main() -> None:
        server = Server(lambda channel, request: request.reply(0), timed=True)
        decoded: list[bytes] = []
        command_of = observed_channel._command_of
        monkeypatch.setattr(observed_channel, "_command_of", lambda frame: decoded.append(frame) or command_of(frame))  # type: ignore[func-returns-value]
        server.channel.send(header_frame(FRAME % 1))
        assert not decoded
        for handler in (lambda channel, request: request.reply(0), early):
            server.handlers.register(11, None, lambda channel, request, _, handler=handler: handler(channel, request))  # type: ignore[misc]
            server.ask(2)
            body = memoryview(bytes(100))
            kept = weakref.ref(body)
            server.channel.send(RemotingCommand(code=0, opaque=3, flag=1, body=[body]))
            del body
            await asyncio.sleep(0)  # it leaves
            assert kept() is None
        server.handlers.register(11, None, lambda channel, request, _: HELD)
        server.ask(4)
        server.channel.send(header_frame(FRAME % 4))
        server.channel.send(header_frame(FRAME % 5))
        assert decoded == [header_frame(FRAME % 4)]
        assert server.watcher.timed == [(2, 0, False), (2, 12, True), (4, 0, True)]

    asyncio.run(main())


@pytest.mark.parametrize("way", ["decoded", "the short way"])
def test_an_early_answer_is_not_kept_until_the_next_request(way: str) -> None:
    async def main() -> None:
        body = memoryview(bytes(100))
        kept = weakref.ref(body)
        bodies = [body]
        del body

        def sent() -> Answer:
            server.channel.send(RemotingCommand(code=0, opaque=1, flag=1, body=[bodies.pop()]))
            return HELD

        server = Server(lambda channel, request: sent(), timed=True)
        if way == "the short way":
            server.channel.raw_request_handler = lambda raw, data: LATER if sent() is HELD else None
        server.ask(1)
        await asyncio.sleep(0)  # it leaves
        assert server.watcher.timed == [(1, 0, True)] and not bodies
        assert kept() is None

    asyncio.run(main())
