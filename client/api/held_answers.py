"""Answers of name servers that are held for a while, as clients hold routes: who asks the same again has the same."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Final

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.remoting.command import RemotingCommand

#: Answers that are held at most.
_MOST: Final = 1000


class HeldAnswers:
    """For `seconds`. Who asks while the same is being asked waits for it; an error is nobody else's."""

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._answers: Bounded[str, tuple[float, RemotingCommand]] = Bounded(_MOST)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def answer(self, request: RemotingCommand, ask: Callable[[], Awaitable[RemotingCommand]]) -> RemotingCommand:
        """The answer to a request that has not been signed yet. Raises what `ask` raises."""
        key = repr((request.code, request.header, request.ext_source))
        async with self._locks[key]:
            held = self._answers.get(key)
            if held is None or self._monotonic() - held[0] >= self._seconds:
                held = self._answers[key] = self._monotonic(), await ask()
            return held[1]
