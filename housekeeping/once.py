"""Questions that several parts of a run have, and that a server is asked once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """Answers by target: who asks for the same meanwhile waits. After a failure the next one asks again."""

    def __init__(self, ask: Callable[[str], Awaitable[T]]) -> None:
        self._ask = ask
        self._answers: dict[str, T] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def __call__(self, target: str) -> T:
        """The answer. Raises what the question raises."""
        async with self._locks[target]:
            if target not in self._answers:
                self._answers[target] = await self._ask(target)
            return self._answers[target]
