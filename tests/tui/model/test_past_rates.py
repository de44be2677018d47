"""Series in the past are those that were live."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, GroupWindow, QueueKey, QueueOffsets, QueueWindow, Run
from rocketmq_ops.tui.model import past_rates
from rocketmq_ops.tui.model.choosing import WINDOW_MS
from rocketmq_ops.tui.model.model import Points
from rocketmq_ops.tui.model.overview import brokers, totals
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.timeline import Timeline
from tests.tui.model.cluster import Cluster, run

MINUTE = 60_000
SERIES = [
    (name, target)
    for target in ("orders", "bills", "counted")
    for name in ("topic.in_rate", "topic.out_rate")
] + [("group.lag", "g"), ("broker.in_rate", "10.0.0.1:10911"), ("total.in_rate", ""), ("total.lag", "")]  # fmt: skip


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def busy(cluster: Cluster) -> None:
    """Two groups consume `orders`, one of them `bills`; nobody `counted`."""
    cluster.perms |= {"bills": 6, "counted": 6}
    for group, topic in (("g", "orders"), ("h", "orders"), ("h", "bills")):
        cluster.group(group, 100, 100, topic=topic)
    cluster.puts["counted"] = 2.5


def move(cluster: Cluster, turn: int) -> None:
    for groups in cluster.offsets.values():
        for group, queues in groups.items():
            for (topic, _), offsets in queues.items():
                offsets[0] += 40 + 3 * turn if topic == "orders" else 10
                offsets[1] = offsets[0] - (turn if group == "g" else 0)


async def read(model: Timeline, name: str, target: str) -> Points:
    model.series(name, target)
    while model.busy:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    return model.series(name, target)


def test_rates_of_topics_in_the_past_and_in_a_recording_are_those_that_were_live(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = Cluster()
        busy(cluster)
        live: dict[tuple[str, str], Points] = {}
        async with cluster.watched(ring=True, session=tmp_path / "session") as model:
            for turn in range(40):
                move(cluster, turn)
                await cluster.clock.advance(10_000)
            for name, target in SERIES:
                live[name, target] = model.series(name, target)
            assert len(live["topic.in_rate", "orders"]) > 30
            assert len(live["topic.in_rate", "counted"]) > 30
            await same(model, live)
            move(cluster, 40)
            await cluster.clock.advance(10_000)
            model.seek(live["total.lag", ""][-1][0])
            while model.busy:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await same(model, live)
        async with Replay(tmp_path / "session") as replay:
            replay.seek(live["total.lag", ""][-1][0])
            while replay.busy:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            await same(replay, live)
            cells = brokers(replay).rows[0].cells
            assert cells[4].strip() and all(total.past.strip() for total in totals(replay)[:1])  # type: ignore[union-attr]

    async def same(model: Timeline, live: dict[tuple[str, str], Points]) -> None:
        for (name, target), points in live.items():
            found = await read(model, name, target)
            if name.startswith("topic."):  # of a topic that begins to be busy live has no points before
                found = [point for point in found if point[0] >= (points[0][0] if points else 0)]
            assert found == points, (name, target)

    run(test)


def test_what_is_read_together_is_read_once(tmp_path: Path) -> None:
    async def test() -> None:
        cluster = Cluster(3)
        busy(cluster)
        async with cluster.watched(session=tmp_path / "session"):
            await cluster.clock.advance(5 * MINUTE)
        async with Replay(tmp_path / "session") as replay:
            asked: list[str] = []
            figures = replay._tape.figures

            async def counted(begin_ms: int, end_ms: int, prefix: str) -> dict[tuple[str, str], Points]:
                asked.append(prefix)
                return await figures(begin_ms, end_ms, prefix)

            replay._tape.figures = counted  # type: ignore[method-assign]
            for _ in range(2):
                brokers(replay)
                totals(replay)
                while replay.busy:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            assert sorted(asked) == ["broker.", "total."]
            topics: list[str] = []
            rates = replay._tape.topic_rates

            async def noted(topic: str, *rest: Any) -> dict[tuple[str, str], Points]:
                topics.append(topic)
                return await rates(topic, *rest)

            replay._tape.topic_rates = noted  # type: ignore[method-assign]
            for name in (past_rates.IN, past_rates.OUT):
                replay.series(name, "orders")
            while replay.busy:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            assert topics == ["orders"]

    run(test)


def test_of_a_topic_with_many_groups_what_comes_in_is_known(tmp_path: Path) -> None:
    count = past_rates.MOST_GROUPS + 1
    groups = [f"g{number}" for number in range(count)]
    queue = QueueKey("t", "b", 0)
    with History.open(tmp_path / "ring") as history:
        for at in range(3):
            offsets = [
                GroupOffsets(group=name, queues=[QueueOffsets(queue, 100 + 20 * at, 100 + 20 * at)]) for name in groups
            ]
            history.append(Run(time_ms=MINUTE + at * 10_000, groups=offsets))
        all_of_it = past_rates.past_rates(history, "t", groups[1:], 0, 2 * MINUTE)
        assert [rate for _, rate in all_of_it[past_rates.OUT, "t"]] == [2.0 * (count - 1)] * 2
        part = past_rates.past_rates(history, "t", groups, 0, 2 * MINUTE)
        assert [rate for _, rate in part[past_rates.IN, "t"]] == [2.0, 2.0]
        assert part[past_rates.OUT, "t"] == []


def windowed(*ends: int | None, step: int = 10_000) -> GroupWindow:
    times = [at * step for at in range(len(ends))]
    key = QueueKey("t", "b", 0)
    return GroupWindow("g", times, [1] * len(ends), {key: QueueWindow([*ends], [*ends])})


@pytest.mark.parametrize("rates_of", [past_rates.incoming, past_rates.outgoing], ids=["in", "out"])
def test_a_rate_is_of_what_moved_in_a_minute_and_of_no_part(rates_of: Callable[..., Points]) -> None:
    def rates(*windows: GroupWindow) -> Points:
        return rates_of(windows, "t", {})

    steady = windowed(*range(0, 2000, 100))
    assert {rate for _, rate in rates(steady)} == {10.0}
    assert len(rates(steady)) == 19
    assert [at for at, _ in rates(windowed(0, 100, None, 300, 400))] == [10_000, 30_000, 40_000]
    assert rates(windowed(0, 100, step=WINDOW_MS + 1)) == [], "nobody looked in between"
    assert rates(windowed(5, 3)) == [(10_000, 0.0)], "made anew"


@pytest.mark.parametrize("rates_of", [past_rates.incoming, past_rates.outgoing], ids=["in", "out"])
def test_the_rate_of_a_part_is_none_in_the_past_too(rates_of: Callable[..., Points]) -> None:
    """One of two brokers tells nothing from 100 to 150 s: so little is known at these times, and a minute later."""
    moved = [100 * at for at in range(40)]
    torn = [None if at in range(10, 16) else end for at, end in enumerate(moved)]
    window = windowed(*moved)
    window.queues[QueueKey("t", "c", 0)] = QueueWindow([*torn], [*torn])
    rates = rates_of([window], "t", {})
    assert {rate for _, rate in rates} == {20.0}
    assert [at for at, _ in rates] == [at * 10_000 for at in (*range(1, 10), *range(22, 40))]
    window.queues[QueueKey("t", "c", 0)] = QueueWindow([*torn[:16]] + [None] * 24, [*torn[:16]] + [None] * 24)
    silent = {"c": {at * 10_000 for at in range(10, 40)}}
    assert [at for at, _ in rates_of([window], "t", silent)] == [at * 10_000 for at in range(1, 10)], "to the end"


def test_where_no_group_has_an_offset_on_a_broker_what_comes_there_is_not_told_by_looks() -> None:
    """Where that ends was asked for at another time; what another group's offsets tell of it is of the look."""
    moved = [100 * at for at in range(20)]
    stale = [moved[at - at % 6] for at in range(20)]
    well, hangs = windowed(*moved), windowed(*moved)
    hangs.queues = {QueueKey("t", "b", 0): QueueWindow([*stale], [None] * 20)}
    for windows in ([well, hangs], [hangs, well]):
        assert {rate for _, rate in past_rates.incoming(windows, "t", {})} == {10.0}
    hangs.queues = {QueueKey("t", "c", 0): QueueWindow([*stale], [None] * 20)}
    assert past_rates.incoming([well, hangs], "t", {}) == []
    assert {rate for _, rate in past_rates.outgoing([well, hangs], "t", {})} == {10.0}
