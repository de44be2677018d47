"""Our `mqbroker`, which looks for groups that read from far behind twice a second, not every 3 minutes."""

from __future__ import annotations

import sys

from rocketmq_ops.broker import controller
from rocketmq_ops.broker.startup import main

if __name__ == "__main__":
    controller.PROTECT_INTERVAL_MS = 500  # type: ignore[misc]
    sys.exit(main())
