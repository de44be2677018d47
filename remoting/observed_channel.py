"""A server's connections whose requests and answers are watched, the answers that are held back too.

A server whose requests nobody watches uses `Channel` itself, which has no trace of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.remoting.channel import Channel, ChannelOwner
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import MAX_FRAME_BYTES

#: Answers of one connection that are waited for at most: there are requests that are never answered.
MAX_AWAITED: Final = 10_000


class Observer(Protocol):
    """Who watches the requests of a server."""

    def before(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
        """Called before a request is handled; an answer from it is sent instead."""

    def after(self, channel: Channel, request: RemotingCommand, answer: RemotingCommand | None) -> None:
        """Called before an answer leaves; None when the request gets none."""


class ObservedChannel(Channel):
    """Calls back with each answer, also with one that a handler sends later."""

    def __init__(
        self,
        owner: ChannelOwner,
        loop: asyncio.AbstractEventLoop,
        max_frame: int = MAX_FRAME_BYTES,
        observer: Observer | None = None,
    ) -> None:
        super().__init__(owner, loop, max_frame)
        self._awaited: dict[int, list[Callable[[RemotingCommand], None]]] = Bounded(MAX_AWAITED)
        if observer is not None:
            self._observer = observer
            self._handle = self._answer_to
            self._answer_to = self._observed

    def when_answered(self, request: RemotingCommand, call: Callable[[RemotingCommand], None]) -> None:
        """Call back with the answer that is sent later to `request`."""
        calls = self._awaited.get(request.opaque)
        if calls is None:
            calls = self._awaited[request.opaque] = []
        calls.append(call)

    def send(self, command: RemotingCommand | bytes) -> None:
        """As of every channel, after those who wait for this answer."""
        if not isinstance(command, bytes) and command.is_response:
            for call in self._awaited.pop(command.opaque, ()):
                call(command)
        super().send(command)

    def _observed(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        observer = self._observer
        refusal = observer.before(channel, request)
        if refusal is not None:
            answer: RemotingCommand | bytes | None = None if request.is_oneway else refusal
            observer.after(channel, request, refusal)
            return answer
        answer = self._handle(channel, request)
        if isinstance(answer, RemotingCommand):
            observer.after(channel, request, answer)
        elif request.is_oneway:
            observer.after(channel, request, None)
        elif answer is None:
            self.when_answered(request, lambda later: observer.after(channel, request, later))
        return answer
