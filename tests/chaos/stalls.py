"""When a process was not let run: measured by the process itself, as the lateness of its loop."""

from __future__ import annotations

import asyncio
import time

from tests.chaos.events import STALLED, Pen

#: Half of what a client waits for an answer (`api_timeout_ms` of the load).
STALL_SECONDS = 0.5
INTERVAL_SECONDS = 0.1


class Stalls:
    """Writes down each time that the loop was late. `worst`: seconds by which it was late at most."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self.worst = 0.0

    async def watch(self) -> None:
        """Until it is cancelled."""
        while True:
            slept = time.monotonic()
            await asyncio.sleep(INTERVAL_SECONDS)
            late = time.monotonic() - slept - INTERVAL_SECONDS
            self.worst = max(self.worst, late)
            if late > STALL_SECONDS:
                self._pen.write(STALLED, "", seconds=late)
