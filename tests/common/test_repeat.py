"""What is repeated and may wait: again after a failure, and at once when asked."""

from __future__ import annotations

import asyncio
import logging

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.periodic import repeat
from rocketmq_ops.common.tasks import Tasks


def test_work_goes_on_after_failures_and_is_done_at_once_when_asked(caplog: pytest.LogCaptureFixture) -> None:
    failures = [RocketMQError("no answer", "ask again"), ValueError("a fault"), None]
    seen: list[Exception | None] = []

    async def scenario() -> None:
        now, done = asyncio.Event(), asyncio.Event()

        async def work() -> None:
            seen.append(failures[len(seen)])
            if len(seen) == len(failures):
                done.set()
            else:
                now.set()
            if seen[-1] is not None:
                raise seen[-1]

        tasks = Tasks()
        tasks.start(repeat("asking", 3_600_000, work, at_once=now), "asking")
        now.set()
        await done.wait()
        await tasks.stop()

    with caplog.at_level(logging.WARNING):
        asyncio.run(scenario())
    assert seen == failures
    assert [record.getMessage() for record in caplog.records] == [
        "asking failed: no answer; ask again",
        "asking failed",
    ]
    assert caplog.records[0].exc_info is None and caplog.records[1].exc_info is not None


def test_tasks_are_waited_for_or_ended() -> None:
    async def scenario() -> list[str]:
        ended: list[str] = []
        go = asyncio.Event()

        async def work(name: str) -> None:
            try:
                await go.wait()
                ended.append(name)
            except asyncio.CancelledError:
                ended.append(f"{name} cancelled")
                raise

        waited, stopped = Tasks(), Tasks()
        waited.start(work("waited"), "waited")
        stopped.start(work("stopped"), "stopped")
        await asyncio.sleep(0)
        await stopped.stop()
        asyncio.get_running_loop().call_soon(go.set)
        await waited.finish()
        return ended

    assert asyncio.run(scenario()) == ["stopped cancelled", "waited"]
