"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# Hypothesis' own limit of 200 ms an example is a timed assertion: it fails where the machine is busy.
settings.register_profile("rocketmq-ops", deadline=None)
settings.load_profile("rocketmq-ops")
