"""How long a client takes a queue for locked."""

from __future__ import annotations

import pytest

from rocketmq_ops.client.consumer import process_queue
from rocketmq_ops.client.consumer.process_queue import LOCK_MAX_LIVE_MS, ProcessQueue
from rocketmq_ops.common.message import MessageQueue


def test_a_lock_is_not_believed_after_the_machine_has_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker has given the queue to another client meanwhile; the process has seen no time go by."""
    steady = 5_000
    monkeypatch.setattr(process_queue, "steady_ms", lambda: steady)
    held = ProcessQueue(MessageQueue("T", "broker-a", 0))
    assert not held.lock_valid
    held.mark_locked(True)
    steady += LOCK_MAX_LIVE_MS - 1
    assert held.lock_valid
    steady += 1
    assert not held.lock_valid
    held.mark_locked(True)
    assert held.lock_valid
    held.mark_locked(False)
    assert not held.lock_valid
