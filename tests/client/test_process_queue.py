"""How long a client takes a queue for locked, and what it tells of one."""

from __future__ import annotations

import pytest

from rocketmq_ops.client.admin.groups.consumer_status import BLOCKED_MS, queue_problems, running_info
from rocketmq_ops.client.consumer import process_queue
from rocketmq_ops.client.consumer.process_queue import LOCK_MAX_LIVE_MS, ProcessQueue
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.remoting.bodies.running_info import ConsumerRunningInfo


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


def test_a_queue_that_was_just_taken_is_not_told_to_be_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first messages are with their listener. Apache's clients begin with the time at which it was taken."""
    now = 1_700_000_000_000
    monkeypatch.setattr(process_queue, "now_ms", lambda: now)
    queue = MessageQueue("T", "broker-a", 0)
    held = ProcessQueue(queue)
    host = ("127.0.0.1", 1)
    held.put([MessageExt("T", 0, 0, 0, 0, b"x", 0, 0, 0, 0, host, 0, host, 0, 0, {}, "")])

    def problems(at_ms: int) -> list[str]:
        properties = {"PROP_CONSUME_TYPE": "CONSUME_PASSIVELY", "PROP_CONSUMEORDERLY": "false"}
        body = ConsumerRunningInfo(properties=properties, mq_table={queue: held.info(0)})
        return [problem.kind for problem in queue_problems("client", running_info(body), at_ms)]

    assert problems(now + BLOCKED_MS) == []
    assert problems(now + BLOCKED_MS + 1) == ["blocked"]
