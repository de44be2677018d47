"""A dashboard that is started where another one has ended a moment ago."""

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model import going_on
from rocketmq_ops.tui.model.choosing import WINDOW_MS
from rocketmq_ops.tui.model.going_on import RECENT_MS
from rocketmq_ops.tui.model.lines import MOST
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.spark import SPAN_MS
from tests.tui.model.cluster import NAME_SERVER, START, Cluster, run

B = "10.0.0.2:10911"
A_WHILE = 400_000


@pytest.fixture(autouse=True)
def _state(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def lasting(moment):
    return {
        (each.target, each.text): (each.since_ms, each.begun_before)
        for each in moment.alarms
        if each.ended_ms is None and each.over_ms is None
    }


def told(moment):
    """Since when, and nothing of what has happened."""
    return [(event.target, event.text) for event in moment.events]


async def a_while(cluster):
    """What another dashboard has seen: a group that hangs, one that nobody uses, and a broker that has died."""
    cluster.group("hangs", 100, 100)
    cluster.group("unused", 500, 100)
    cluster.clients["hangs"] = ["c"]
    async with cluster.watched(ring=True) as model:
        await cluster.clock.advance(20_000)
        cluster.offsets["broker-a"]["hangs"]["orders", 0][0] = 200
        await cluster.clock.advance(A_WHILE)
        cluster.down[B] = "refused"
        await cluster.clock.advance(20_000)
        return model.moment()


def test_what_it_was_since_when_goes_on():
    async def test():
        cluster = Cluster()
        before = await a_while(cluster)
        assert lasting(before).keys() == {("hangs", "stalled"), ("broker-b", "does not answer")}
        assert lasting(before)["hangs", "stalled"][1] is False, "its beginning was seen"
        cluster.clock.time_ms += RECENT_MS - 20_000
        async with (
            MQAdmin([NAME_SERVER], transport=cluster) as admin,
            LiveModel(admin, cluster.clock) as model,
        ):
            assert model.moment().alarms == [], "a screen is drawn before anything was read"
            await cluster.clock.settle()
            first = model.moment()
            assert first.groups_ms is None, "before the first look at groups"
            assert (lasting(first), first.verdict) == (lasting(before), before.verdict)
            await cluster.clock.advance(200)
            for _ in range(9):
                moment = model.moment()
                assert (lasting(moment), moment.verdict) == (lasting(before), before.verdict)
                hangs, unused = moment.groups["hangs"], moment.groups["unused"]
                assert (hangs.lag.state, hangs.since_ms) == (LagState.STALLED, before.groups["hangs"].since_ms)
                assert (unused.lag.state, unused.idle) == (LagState.OFFLINE, True)
                assert moment.brokers[B].failing_since == before.brokers[B].failing_since
                assert told(moment) == told(before), "nothing has happened since"
                await cluster.clock.advance(10_000)

    run(test)


def test_how_long_the_oldest_message_has_waited_goes_on_beyond_the_looks_that_are_read():
    async def test():
        cluster = Cluster()
        cluster.group("hangs", 100, 100)
        cluster.clients["hangs"] = ["c"]
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(20_000)
            cluster.offsets["broker-a"]["hangs"]["orders", 0][0] = 200
            await cluster.clock.advance(A_WHILE)
            before = model.moment()
        waited = before.groups["hangs"].waiting_ms
        assert type(waited) is int and waited > WINDOW_MS, "it was seen to come"
        async with cluster.watched(ring=True) as model:
            for _ in range(3):
                await cluster.clock.advance(10_000)
                now = model.moment()
                assert now.groups["hangs"].waiting_ms == waited + now.groups_ms - before.groups_ms
                assert type(now.groups["hangs"].waiting_ms) is int

    run(test)


def test_what_is_well_now_is_over_and_what_was_wrong_meanwhile_is_no_longer_said():
    async def test():
        cluster = Cluster()
        before = await a_while(cluster)
        cluster.clock.time_ms += 10_000
        started = cluster.clock.time_ms
        cluster.offsets["broker-a"]["hangs"]["orders", 0][1] = 200
        del cluster.down[B]
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(10_000)
            moment = model.moment()
            assert lasting(moment) == {}
            assert {each.target: each.over_ms for each in moment.alarms} == {"hangs": started, "broker-b": started}
            assert moment.groups["hangs"].lag.state is LagState.OK
            await cluster.clock.advance(60_000)
            assert {each.ended_ms for each in model.moment().alarms} == {started}
            assert told(model.moment())[-len(told(before)) :] == told(before)

    run(test)


def test_a_broker_that_answers_and_is_not_listed_is_not_well_for_being_started_anew():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 50)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(20_000)
            cluster.unlisted.add(B)
            await cluster.clock.advance(60_000)
            before = model.moment()
        assert lasting(before).keys() == {("broker-b", "is not listed by any name server")}
        async with cluster.watched(ring=True) as model:
            for _ in range(6):
                await cluster.clock.advance(10_000)
                moment = model.moment()
                assert (lasting(moment), moment.verdict) == (lasting(before), before.verdict)
                assert moment.brokers[B].answered_ms > before.brokers[B].answered_ms, "it is asked on"
                assert moment.totals.lag == before.totals.lag
                assert told(moment) == told(before)
            cluster.unlisted.clear()
            await cluster.clock.advance(10_000)
            assert lasting(model.moment()) == {}

    run(test)


def test_of_a_large_cluster_the_first_figures_come_first(monkeypatch):
    async def test():
        cluster = Cluster()
        await a_while(cluster)
        for most, known in ((2, True), (1, False)):
            monkeypatch.setattr(going_on, "MOST_QUEUES", most)
            async with cluster.watched(ring=True) as model:
                assert bool(lasting(model.moment())) is known

    run(test)


def test_what_has_ended_longer_ago_is_the_past_alone():
    async def test():
        cluster = Cluster()
        before = await a_while(cluster)
        cluster.clock.time_ms += RECENT_MS + 1
        started = cluster.clock.time_ms
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(200)
            moment = model.moment()
            assert (moment.alarms, moment.events) == ([], [])
            assert moment.groups["hangs"].lag.state is LagState.UNKNOWN
            await cluster.clock.advance(120_000)
            hangs = model.moment().groups["hangs"]
            assert (hangs.lag.state, hangs.begun_before) == (LagState.STALLED, True)
            assert hangs.since_ms >= started > before.groups["hangs"].since_ms > START

    run(test)


LINES = ("broker.in_rate", "10.0.0.1:10911"), ("total.lag", ""), ("group.lag", "g"), ("topic.in_rate", "orders")


async def moved(cluster, looks):
    for _ in range(looks):
        for broker in cluster.offsets.values():
            broker["g"]["orders", 0][0] += 20
            broker["g"]["orders", 0][1] += 10
        await cluster.clock.advance(10_000)


async def series(model, cluster):
    for name, target in LINES:
        model.series(name, target)
    await cluster.clock.settle()
    return {(name, target): model.series(name, target) for name, target in LINES}


@pytest.mark.parametrize("pause_ms", [10_000, 5 * RECENT_MS])
def test_sparklines_go_on_from_what_the_ring_has(pause_ms):
    async def test():
        cluster = Cluster()
        cluster.group("g", 1000, 100)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(5_000)
            await moved(cluster, 66)
            before, looks = await series(model, cluster), [*model.looks()]
        assert all(len(points) > 55 for points in before.values())
        cluster.clock.time_ms += pause_ms
        async with cluster.watched(ring=True) as model:
            await moved(cluster, 3)
            now = await series(model, cluster)
            mine = [at for at in model.looks() if at > looks[-1]]
            shown = [at for at in looks if at >= mine[0] - SPAN_MS]
            assert model.looks() == shown + mine
            assert shown and mine[0] <= looks[-1] + pause_ms + 10_000
            for line, points in now.items():
                told = [point for point in before[line] if point[0] >= shown[0]]
                assert [point for point in points if point[0] < mine[0]] == told
                assert len(points) == len(told) + len(mine) or (line[0] == "topic.in_rate" and pause_ms > RECENT_MS)
            await moved(cluster, MOST)
            assert min(model.looks()) > mine[0], "what was before is let go of with the first of its own"

    run(test)
