"""What waits while a disk hangs is bounded, and what comes last is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from rocketmq_ops.common.tasks import at_once
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.recording import Kept
from rocketmq_ops.tui.model.to_keep import MOST, ToKeep
from tests.tui.model.cluster import Cluster, run


def test_the_oldest_is_left_out_but_for_what_went_back() -> None:
    waiting = ToKeep()
    for time_ms in range(MOST + 2):
        went_back = frozenset({f"g{time_ms}"}) if time_ms < 3 else frozenset[str]()
        waiting.put(Kept(Moment(time_ms=time_ms), went_back=went_back), at_once)
    found = [each[0] for each in iter(waiting.take, None)]
    assert [each.moment.time_ms for each in found] == [*range(2, MOST + 2)]
    assert [each.went_back for each in found[:2]] == [{"g0", "g1", "g2"}, frozenset()]
    assert waiting.take() is None


def test_looks_do_not_pile_up_while_the_disk_hangs_and_a_recording_says_what_it_lacks(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched(session=tmp_path / "session") as model:
            await cluster.clock.advance(20_000)
            append, recorded = model._tape.append, model.copied
            assert recorded is not None
            assert (recorded.lost, recorded.failing_since) == (0, None)
            goes_on, begun, written = asyncio.Event(), 0, list[int]()

            async def hangs(kept: Kept, pause: Callable[[], None]) -> None:
                nonlocal begun
                begun += 1
                while not goes_on.is_set():
                    await cluster.clock.wait(goes_on, 1_000_000)
                written.append(kept.moment.groups_ms or 0)
                await append(kept, pause)

            model._tape.append = hangs
            before = len(model._tasks._mine())
            await cluster.clock.advance(10_000)
            there = len(model._tasks._mine())
            await cluster.clock.advance(200_000)
            assert begun == 1
            assert len(model._tasks._mine()) == there > before
            copied = model.copied
            assert copied is not None
            assert copied.lost > MOST
            assert copied.cause == "the disk takes too long to write"
            assert copied.failing_since is not None
            assert (recorded.last_ms or 0) < copied.failing_since < cluster.clock.now_ms() - 100_000
            goes_on.set()
            await cluster.clock.settle()
            assert len(written) == 1 + MOST
            assert model.kept is not None
            assert written[-1] == model.kept.groups_ms
            after = model.copied
            assert after is not None
            assert (after.failing_since, after.lost, after.last_ms) == (None, copied.lost, written[-1])
            assert after.looks == recorded.looks + len(written)

    run(test)
