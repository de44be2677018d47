"""Requests that wait for their answer on one connection, by opaque: mirrors NettyRemotingAbstract.responseTable.

One timer a connection covers all of them; it is armed for the earliest deadline only.
"""

from __future__ import annotations

import asyncio

from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError, RemotingTimeoutError


class ResponseTable:
    """Opaque -> (future, deadline in loop seconds, request code)."""

    __slots__ = ("_address", "_loop", "_next_opaque", "_pending", "_timer", "_timer_at", "late_answers")

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str) -> None:
        self._loop = loop
        self._address = address
        self._pending: dict[int, tuple[asyncio.Future[RemotingCommand], float, int, int]] = {}
        self._next_opaque = 0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        #: Answers that came when no request waited for them (any more).
        self.late_answers = 0

    def __len__(self) -> int:
        return len(self._pending)

    def next_opaque(self) -> int:
        """An opaque that no waiting request has; wraps within a positive 32-bit int."""
        while True:
            self._next_opaque = opaque = (self._next_opaque + 1) & 0x7FFFFFFF
            if opaque not in self._pending:
                return opaque

    def add(self, opaque: int, code: int, timeout_ms: int) -> asyncio.Future[RemotingCommand]:
        """The future of the answer; RemotingTimeoutError after `timeout_ms`."""
        future: asyncio.Future[RemotingCommand] = self._loop.create_future()
        deadline = self._loop.time() + timeout_ms / 1000
        self._pending[opaque] = (future, deadline, code, timeout_ms)
        if self._timer is None or deadline < self._timer_at:
            self._arm(deadline)
        return future

    def complete(self, response: RemotingCommand) -> None:
        """Give an answer to the request with its opaque."""
        entry = self._pending.pop(response.opaque, None)
        if entry is None:
            self.late_answers += 1
        elif not entry[0].done():
            entry[0].set_result(response)

    def fail_all(self, error: RemotingError) -> None:
        """Fail everything that waits, at once, because the connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, {}
        for future, *_ in pending.values():
            if not future.done():
                future.set_exception(error)

    def _arm(self, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = deadline
        self._timer = self._loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        self._timer = None
        now = self._loop.time()
        expired = [opaque for opaque, entry in self._pending.items() if entry[1] <= now or entry[0].done()]
        for opaque in expired:
            future, _, code, timeout_ms = self._pending.pop(opaque)
            if not future.done():
                from rocketmq_ops.remoting.codes import request_title

                what = f"{self._address} did not answer {request_title(code)} within {timeout_ms} ms"
                future.set_exception(RemotingTimeoutError(what, address=self._address))
        if self._pending:
            self._arm(min(entry[1] for entry in self._pending.values()))
