"""What a screen of one thing says of how groups keep up is what the verdict says, also between two answers to it."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, QueueLag
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.details.judged import judged as judged_section
from rocketmq_ops.tui.model.moment import GroupSeen, Moment
from rocketmq_ops.tui.model.table import Health
from tests.mqadmin.fake_cluster import FakeCluster
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import detail, press, rows, said, settled
from tests.tui.flows.test_stuck_client import GROUP, a_stuck_client


def judged(state: LagState, after_ms: int) -> Moment:
    """The cluster, of which a look has judged the group and the second of its queues."""
    queues = [QueueLag("T", "broker-a", 1, state, 9, "of the look" if state is not LagState.OK else "")]
    columns = [QueueOffsets(QueueKey("T", "broker-a", at), 100, 91) for at in (0, 1)]
    seen = GroupSeen(
        group=GROUP,
        offsets=GroupOffsets(group=GROUP, queues=columns, members=2),
        lag=GroupLag(GROUP, state, 9, "", queues),
        consume_rate=0.0 if state is LagState.STALLED else 3.0,
    )
    found = moment(NOW_MS + after_ms)
    return msgspec.structs.replace(found, groups={**found.groups, GROUP: seen})


def a_group_without_a_stuck_client() -> FakeCluster:
    cluster = a_stuck_client()
    cluster["broker-a"].running.clear()
    return cluster


def test_a_group_is_on_its_screen_what_the_last_look_says_before_it_is_asked_again() -> None:
    async def flow() -> None:
        cluster = a_group_without_a_stuck_client()
        model = FakeModel(judged(LagState.OK, 0))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, f":group/{GROUP}", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await press(pilot)
                assert "State ok" in said(pilot, "#facts")
                asked = len(cluster.transport.sent)
                for state, sign in ((LagState.STALLED, "✗"), (LagState.SLOW, "!"), (LagState.OK, "")):
                    model.turn(judged(state, 5_000))
                    app.look()
                    await settled(pilot)
                    assert f"State {sign} {state.value}".replace("  ", " ") in said(pilot, "#facts")
                    assert f"Queues] {sign}".strip() in said(pilot, "#parts").replace("  ", " ")
                    queue = next(row for row in rows(pilot) if row[2] == "1")
                    assert queue[3] == state.value
                    assert queue[-1] == ("of the look" if sign else "")
                assert len(cluster.transport.sent) == asked

    asyncio.run(flow())


def test_a_look_is_judged_once_however_often_it_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def counted(*given: Any) -> Section:
        calls.append(given)
        return judged_section(*given)

    async def flow() -> None:
        cluster = a_group_without_a_stuck_client()
        model = FakeModel(judged(LagState.OK, 0))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, f":group/{GROUP}", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await press(pilot)
                before = len(calls)
                assert before > 0
                await press(pilot, "down", "up", "tab", "shift+tab")
                assert len(calls) == before
                model.turn(judged(LagState.STALLED, 5_000))
                app.look()
                await settled(pilot)
                assert len(calls) == before + 1

    monkeypatch.setattr("rocketmq_ops.tui.model.details.group.judged", counted)
    asyncio.run(flow())


def test_what_clients_say_of_a_queue_stays_beside_a_later_look() -> None:
    async def flow() -> None:
        cluster = a_stuck_client()
        model = FakeModel(judged(LagState.OK, 0))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, f":group/{GROUP}", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await press(pilot)
                assert rows(pilot)[0][:4] == ["T", "broker-a", "0", "stuck"]
                model.turn(judged(LagState.SLOW, 5_000))
                app.look()
                await settled(pilot)
                assert [row[2:4] for row in rows(pilot)] == [["0", "stuck"], ["1", "slow"]]
                assert "Queues] ✗" in said(pilot, "#parts").replace("  ", " ")

    asyncio.run(flow())


@pytest.mark.parametrize("dead", [False, True])
def test_groups_are_on_the_screen_of_a_topic_what_the_last_look_says(dead: bool) -> None:
    """But for what was told before."""

    async def flow() -> None:
        cluster = a_group_without_a_stuck_client()
        model = FakeModel(judged(LagState.OK, 0))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, ":topic/T?part=groups", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await press(pilot)
                assert rows(pilot)[0][:2] == [GROUP, "ok"]
                if dead:
                    cluster.stop(cluster["broker-a"].address)
                    detail(pilot).ask()
                    await settled(pilot)
                model.turn(judged(LagState.STALLED, 5_000))
                app.look()
                await settled(pilot)
                row = detail(pilot).grid.rows[0]
                assert rows(pilot)[0][:2] == [GROUP, "?" if row.stale_since else "stalled"]
                if not dead:
                    assert row.health is Health.CRITICAL
                    assert "Groups] ✗" in said(pilot, "#parts").replace("  ", " ")

    asyncio.run(flow())
