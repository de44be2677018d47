"""`python -m rocketmq_ops.mqadmin`: the same as the console script `mqadmin`."""

from __future__ import annotations

from .main import main

main()
