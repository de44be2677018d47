"""A server's connections whose answers are timed, the ones that are held back too.

A server whose answers nobody times uses `Channel` itself, which has no trace of this.
"""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Protocol

from rocketmq_ops.remoting.channel import Channel, ChannelOwner
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.frame_codec import RawRequestHandler, decode_json_header
from rocketmq_ops.remoting.observed_channel import Call, ObservedChannel, Observer

#: A short answer that has no command, a whole frame, is always of a success.
_SUCCESS = 0


class Timer(Protocol):
    """Who learns how long answers took."""

    def answered(self, request: RemotingCommand, response_code: int, seconds: float, *, held: bool) -> None:
        """A request was answered; `held`: not at once."""

    def raw_answered(self, raw_header: bytes, seconds: float) -> None:
        """A request was answered without decoding its header, with success."""


class TimedChannel(ObservedChannel):
    """Tells `timer` of each answer when it leaves its handler."""

    def __init__(
        self,
        owner: ChannelOwner,
        loop: asyncio.AbstractEventLoop,
        max_frame: int,
        observer: Observer | None,
        timer: Timer,
    ) -> None:
        super().__init__(owner, loop, max_frame, observer)
        self._timer = timer
        self._raw: RawRequestHandler | None = None
        self._timed_raw: RawRequestHandler | None = None
        self._timed = self._watched
        self._watched = self._answer_and_time

    def _usable_raw_handler(self) -> RawRequestHandler | None:
        handler = super()._usable_raw_handler()
        if handler is None or handler is self._raw:
            return handler and self._timed_raw
        raw_answered = self._timer.raw_answered

        def timed(raw: bytes, body: bytes | bytearray | memoryview) -> bytes | None:
            begun = perf_counter()
            self._in_handler = True
            try:
                answer = handler(raw, body)
                if answer:
                    raw_answered(raw, perf_counter() - begun)
                elif answer is not None:  # LATER
                    request = decode_json_header(raw)
                    self.when_answered(request, self._when_held(request, begun))
            finally:
                self._in_handler = False
                self._early = None
            return answer

        self._raw, self._timed_raw = handler, timed
        return timed

    def _answer_and_time(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | bytes | None:
        begun = perf_counter()
        answer = self._timed(channel, request)
        if answer:
            code = _SUCCESS if isinstance(answer, bytes) else answer.code
            self._timer.answered(request, code, perf_counter() - begun, held=False)
        elif answer is not None:  # LATER
            self.when_answered(request, self._when_held(request, begun))
        return answer

    def _when_held(self, request: RemotingCommand, begun: float) -> Call:
        answered = self._timer.answered
        return lambda later: answered(request, later.code, perf_counter() - begun, held=True)
