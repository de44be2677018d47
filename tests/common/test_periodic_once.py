"""What runs one time: after so long, in place of what waits, and not when it is cancelled or all is stopped."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.common.periodic import PeriodicJobs


def test_what_is_put_in_place_of_another_runs_alone_and_one_time() -> None:
    async def main() -> list[str]:
        jobs, ran, over = PeriodicJobs(), list[str](), asyncio.Event()
        jobs.once("rest", 0, lambda: ran.append("first"))
        jobs.once("rest", 0, lambda: ran.append("second"))
        jobs.once("gone", 0, lambda: ran.append("cancelled"))
        jobs.cancel("gone")
        jobs.cancel("never there")
        jobs.once("end", 1, over.set)
        await over.wait()
        assert not jobs
        jobs.once("rest", 0, lambda: ran.append("stopped"))
        jobs.stop()
        jobs.once("end", 1, over.set)
        over.clear()
        await over.wait()
        return ran

    assert asyncio.run(main()) == ["second"]


def test_what_fails_is_logged_and_may_be_put_again(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        jobs, over = PeriodicJobs(), asyncio.Event()

        def fail() -> None:
            jobs.once("rest", 0, over.set)
            raise ValueError("broken")

        jobs.once("rest", 0, fail)
        await over.wait()

    asyncio.run(main())
    assert "job rest failed" in caplog.text
