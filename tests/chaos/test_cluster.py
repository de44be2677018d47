"""A process that suffers faults has one life at a time."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

import pytest

from tests.chaos.cluster import Process
from tests.chaos.plan import KILL, STOP, Fault
from tests.interop.processes import Child

#: Ends in order, but only when a file is there.
SLOW = """
import pathlib, signal, sys, time
def end(*_):
    print("ending", flush=True)
    while not pathlib.Path(sys.argv[1]).exists():
        time.sleep(0.01)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True:
    signal.pause()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_fault_waits_for_the_end_of_the_one_before(tmp_path: Path) -> None:
    lives: list[Child] = []
    may_end = tmp_path / "may-end"

    def start() -> Child:
        name = f"life{len(lives) + 1}"
        lives.append(Child(name, [sys.executable, "-c", SLOW, str(may_end)], cwd=tmp_path / name))
        return lives[-1]

    async def main() -> None:
        process = Process("slow", start, [], is_server=False)
        await asyncio.to_thread(lives[0].wait_for, "up", 60)
        stop = asyncio.create_task(process.suffer(Fault(0.0, 0.0, STOP, "slow")))
        await asyncio.to_thread(lives[0].wait_for, "ending", 60)
        kill = asyncio.create_task(process.suffer(Fault(0.0, 0.0, KILL, "slow")))
        await asyncio.sleep(0)  # it has begun, or waits
        told = time.monotonic()
        may_end.touch()
        await stop
        assert await kill > told, "what a fault excuses begins with it"
        assert process.ended == [("life1", 0)]
        assert [life.process.poll() is None for life in lives] == [False, False, True]
        assert process.child is lives[-1]

    try:
        asyncio.run(main())
    finally:
        for life in lives:
            life.kill()
