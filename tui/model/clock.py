"""The time that the model goes by, so that tests have one of their own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from rocketmq_ops.common.clock import now_ms


class Clock(Protocol):
    """The time of day, and waiting."""

    def now_ms(self) -> int:
        """ms since 1970."""
        ...

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        """Until the event is set, or so long."""
        ...


class WallClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        """ms since 1970."""
        return now_ms()

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        """Until the event is set, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), ms / 1000)
