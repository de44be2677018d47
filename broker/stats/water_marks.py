"""The line of `watermark.log`: once a second how many sends wait for the disk or a slave, and how long the first has.

Apache's broker writes one for the queue of each thread pool; here requests wait in no other queue (printWaterMark).
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

INTERVAL_MS: Final = 1_000


def write_water_marks(controller: BrokerController) -> None:
    """Write the line."""
    waiting, longest = controller.fast_failure.waiting_sends, controller.fast_failure.longest_wait_ms
    log.info("[WATERMARK] Send Queue Size: %d SlowTimeMills: %d", waiting, longest)
