"""`python -m rocketmq_ops.mqadmin`: the same as the console script `mqadmin`."""

from __future__ import annotations

from rocketmq_ops.mqadmin.main import main

main()
