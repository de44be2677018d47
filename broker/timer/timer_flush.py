"""When the files of timers are made durable: after the commitlog, on which what they say depends."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.timer.timer_metrics import TimerMetrics
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.store.errors import LostFileError
from rocketmq_ops.store.timer.timer_message_store import TimerMessageStore
from rocketmq_ops.store.timer.timer_recovery import UNKNOWN

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_AGAIN_MS = 60_000


class TimerFlusher:
    """Flushes the timers of one broker (mirrors TimerFlushService)."""

    def __init__(self, controller: BrokerController, metrics: TimerMetrics) -> None:
        self._controller = controller
        self._metrics = metrics
        self._running: asyncio.Task[None] | None = None
        #: Why the last flush failed; empty when it did not.
        self._problem = ""
        self._lines = LogRate(_AGAIN_MS)

    def soon(self, files: TimerMessageStore, delivered_behind: Callable[[int], int]) -> None:
        """Flush if there is anything to flush and no flush is running."""
        if self._running is None and files.needs_flush():
            self._running = run_later(self.flush(files, delivered_behind), "flush-timers")
            self._running.add_done_callback(self._ended)

    def _ended(self, _: asyncio.Task[None]) -> None:
        self._running = None

    async def wait(self) -> None:
        """Wait until no flush is running."""
        if self._running is not None:
            await asyncio.wait([self._running])

    async def flush(self, files: TimerMessageStore, delivered_behind: Callable[[int], int]) -> None:
        """Make durable what is done; what fails is tried again with the next flush.

        `delivered_behind`, asked with the end of the commitlog, says behind which offset the records lie by which
        anything was delivered that may still be met in queue or wheel."""
        if not files.is_open:
            return
        controller, store = self._controller, self._controller.store
        end = store.max_phy_offset
        # What its master has delivered since then a slave gets by replication.
        behind = UNKNOWN if controller.is_slave else delivered_behind(end)
        flush = files.begin_flush(behind, master=not controller.is_slave)
        try:
            if not await self._controller.store.flush.until_flushed(end):
                files.end_flush(flush, failed=True)
                return
            await store.flush.in_worker(lambda: files.run_flush(flush))
        except OSError as error:
            self._say(error)
            files.end_flush(flush, failed=True)
            return
        files.end_flush(flush)
        if self._problem:
            log.info("the timers are flushed again")
            self._problem = ""
        if self._metrics.is_dirty:
            controller.files.save(self._metrics)

    def _say(self, error: OSError) -> None:
        """Say why a flush failed: what is new at once, what stays once a minute, though it is tried each second."""
        if (problem := str(error)) != self._problem:
            self._problem, self._lines = problem, LogRate(_AGAIN_MS)
        if not self._lines.due(time.monotonic_ns() // 1_000_000):
            return
        log.error("the timers could not be flushed: %s", error)
        if isinstance(error, LostFileError):
            log.error(
                "messages that wait are delivered on time all the same, and the next start makes lost files of timers "
                "anew; until then a start after a crash takes longer. Put the very file back, or restart the broker"
            )
