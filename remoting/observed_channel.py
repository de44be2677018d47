"""A server's connections whose requests and answers are watched, the answers that are held back too.

A server whose requests nobody watches uses `Channel` itself, which has no trace of this.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rocketmq_ops.remoting.answer_frame import LATER
from rocketmq_ops.remoting.channel import Channel, ChannelOwner
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import MAX_FRAME_BYTES, FrameDecoder

if TYPE_CHECKING:
    from rocketmq_ops.remoting.request_handlers import AnswerTo

#: Called with an answer.
Call = Callable[[RemotingCommand], None]


class Observer(Protocol):
    """Who watches the requests of a server."""

    def before(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
        """Called before a request is handled; an answer from it is sent instead."""

    def after(self, channel: Channel, request: RemotingCommand, answer: RemotingCommand | None) -> None:
        """Called before an answer leaves; None when the request gets none."""


class ObservedChannel(Channel):
    """Calls back with each answer, also with one that a handler sends later.

    What is waited for are answers that a handler holds: there are as many as the holder's own bound allows, and each is
    sent, or its connection is closed.
    """

    def __init__(
        self,
        owner: ChannelOwner,
        loop: asyncio.AbstractEventLoop,
        max_frame: int = MAX_FRAME_BYTES,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(owner, loop, max_frame)
        #: By opaque, which a client may use for several requests at once: each with who waits for its answer.
        self._awaited: dict[int, deque[tuple[RemotingCommand, Call]]] = {}
        #: Whether a request is being handled, and an answer that was sent meanwhile and for which nobody waited: of a
        #: handler that sends it before it says that it holds it.
        self._in_handler = False
        self._early: RemotingCommand | None = None
        self._handle = self._answer_to
        self._observer = observer
        self._watched: AnswerTo = self._handle if observer is None else self._observed
        self._answer_to = self._answer_watched

    def connection_lost(self, exc: Exception | None) -> None:
        """As of every channel; no answer comes any more."""
        self._awaited.clear()
        self._early = None
        super().connection_lost(exc)

    def when_answered(self, request: RemotingCommand, call: Call) -> None:
        """Call back with the answer to `request`, which its handler holds, as LATER or HELD say."""
        opaque, early = request.opaque, self._early
        if early is not None and early.opaque == opaque:
            call(early)
            return
        calls = self._awaited.get(opaque)
        if calls is None:
            calls = self._awaited[opaque] = deque()
        calls.append((request, call))

    def send(self, command: RemotingCommand | bytes) -> None:
        """As of every channel, after those who wait for this answer."""
        if self._awaited or self._in_handler:
            self._tell(command if isinstance(command, RemotingCommand) else _command_of(command))
        super().send(command)

    def _tell(self, answer: RemotingCommand) -> None:
        if not answer.is_response:
            return
        calls = self._awaited.get(answer.opaque)
        if calls is not None:
            request = calls[0][0]
            while calls and calls[0][0] is request:
                calls.popleft()[1](answer)
            if not calls:
                del self._awaited[answer.opaque]
        elif self._in_handler:
            self._early = answer

    def _answer_watched(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        self._in_handler = True
        try:
            return self._watched(channel, request)
        finally:
            self._in_handler = False
            self._early = None

    def _observed(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        observer = self._observer
        assert observer is not None
        refusal = observer.before(channel, request)
        if refusal is not None:
            answer: RemotingCommand | bytes | None = None if request.is_oneway else refusal
            observer.after(channel, request, refusal)
            return answer
        answer = self._handle(channel, request)
        if answer is None or isinstance(answer, RemotingCommand):
            observer.after(channel, request, answer)
        elif answer == LATER:
            self.when_answered(request, lambda later: observer.after(channel, request, later))
        return answer


def _command_of(frame: bytes) -> RemotingCommand:
    """The command of a whole frame that was written here."""
    (command,) = FrameDecoder().feed(frame)
    assert isinstance(command, RemotingCommand)
    return command
