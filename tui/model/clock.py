"""The time that the model goes by, so that tests have one of their own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Protocol

from rocketmq_ops.common.clock import now_ms, steady_ms


class Clock(Protocol):
    """The time of day, and waiting."""

    def now_ms(self) -> int:
        """ms since 1970; it never goes back."""
        ...

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        """Until the event is set, or so long."""
        ...


class WallClock:
    """The clock of this machine. Where that is set back it goes on from where it was: else nothing would be asked until
    the time was reached again, and what is over would last until then."""

    def __init__(self) -> None:
        #: How far it is ahead of the clock that nobody sets, ms.
        self._ahead = now_ms() - steady_ms()

    def now_ms(self) -> int:
        """See `Clock`."""
        steady = steady_ms()
        self._ahead = max(self._ahead, now_ms() - steady)
        return steady + self._ahead

    async def wait(self, event: asyncio.Event, ms: int) -> None:
        """Until the event is set, or so long."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), ms / 1000)
