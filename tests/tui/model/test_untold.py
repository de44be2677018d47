"""A broker that is dead since before the start: what is known of the others is no figure of the whole, from the first
one on, until it tells; also as it is recorded, and where another dashboard goes on."""

import asyncio
from collections import Counter

from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.group import past_retries
from rocketmq_ops.tui.model.details.topic import group_section
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.overview import behind, totals
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.routes import Routes
from rocketmq_ops.tui.model.table import Health, OrMore
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.model.views.topics import Topics
from tests.tui.model.cluster import Cluster, run
from tests.tui.model.test_timeline import _state, as_kept, same, settled  # noqa: F401

B = "10.0.0.2:10911"


def shown(model):
    return {total.title: total.value for total in totals(model)}


def cells(view, moment):
    table = view.table(moment, Address(view.name))
    return {
        row.key: [
            figure(cell, column.kind, moment.time_ms) for cell, column in zip(row.cells, table.columns, strict=True)
        ]
        for row in table.rows
    }


def assert_in_part(model):
    """Nothing that is shown of the whole cluster, of a topic or of a group seems to be all of it."""
    moment = model.moment()
    told = shown(model)
    assert (told["In"], told["Out"]) == ("?", "?")
    if moment.groups_ms is None:  # nothing was looked at yet
        assert (told["Lag"], told["Groups"]) == ("?", "?")
    else:
        assert told["Lag"] == "≥40"
        assert told["Groups"] == "≥2 (0 ✓)"
        groups = cells(Groups(), moment)
        assert [groups[name][3:6] for name in ("ok", "slow")] == [["?", "?", "?"], ["≥40", groups["slow"][4], "?"]]
        assert groups["slow"][4] == "?" or groups["slow"][4].startswith(">")
        assert moment.groups["ok"].lag.state is LagState.UNKNOWN
        assert moment.groups["slow"].lag.state is not LagState.OK
        assert groups["slow"][6] == "?", "when nothing is left there"
    if moment.topics_ms is None:
        assert told["Topics"] == "?"
    else:
        assert told["Topics"] == "≥1"
        assert cells(Topics(), moment)["orders"][3:] == ["≥1", "≥1", "≥1", "?", "?"]


def test_no_figure_of_a_whole_is_of_the_brokers_alone_that_tell(tmp_path, _state):  # noqa: F811
    async def test():
        cluster = Cluster()
        cluster.down[B] = "refused"
        cluster.group("ok", 100, 100)
        cluster.group("slow", 100, 60)
        cluster.clients["slow"] = ["c"]
        live = {}
        async with cluster.watched(session=tmp_path / "session") as model:
            for _ in range(8):  # from the first figures on
                assert_in_part(model)
                await cluster.clock.advance(500)
            for _ in range(4):
                cluster.group("slow", 100, 60)
                await cluster.clock.advance(9_000)
                assert_in_part(model)
                live[model.moment().groups_ms] = model.kept
            moment = model.moment()
            assert moment.untold == {"broker-b"}
            assert not model.series("total.lag"), "a line of a part would seem to be one of the whole"
            here = group_section("orders", ["slow"], moment).table
            assert [type(row.cells[2]) for row in here.rows] == [OrMore]
            del cluster.down[B]
            await cluster.clock.advance(35_000)
            told = shown(model)
            assert (told["Groups"].split()[0], told["Lag"].split()[0], told["Topics"]) == ("2", "80", "1")
            assert cells(Topics(), model.moment())["orders"][3:6] == ["2", "2", "2"]
            assert model.moment().groups["slow"].lag.lag == 80
            assert model.moment().groups["ok"].lag.state is LagState.OK
            assert model.moment().untold == frozenset()
            assert model.series("total.lag")
        async with Replay(tmp_path / "session") as replay:
            for time_ms, moment in [*live.items()][::3]:
                replay.seek(time_ms + 1)
                await settled(replay)
                same(replay.moment(), as_kept(moment))
                assert_in_part(replay)

    run(test)


def with_one_elsewhere():
    """`here` consumes what is on broker-a alone, `both` what is on both."""
    cluster = Cluster()
    cluster.down[B] = "refused"
    cluster.perms |= {"local": 6, "%RETRY%here": 6, "%RETRY%both": 6}
    cluster.lacks["broker-b"] = {"local", "%RETRY%here"}
    for name, topic in (("here", "local"), ("both", "orders")):
        cluster.offsets["broker-a"][name] = {(topic, 0): [100, 100]}
        cluster.clients[name], cluster.subscribed[name] = [f"c@{name}"], [topic]
    return cluster


async def states(cluster, model, seconds=30):
    await cluster.clock.advance(seconds * 1000)
    return {name: group.lag.state.value for name, group in model.moment().groups.items()}


def test_a_group_without_a_queue_there_by_the_routes_of_its_topics_is_judged_by_what_is_known(tmp_path):
    async def test():
        cluster = with_one_elsewhere()
        cluster.offsets["broker-a"]["nobody"] = {("local", 0): [100, 100]}
        async with cluster.watched(session=tmp_path / "session") as model:
            assert await states(cluster, model, 1) == dict.fromkeys(("here", "both", "nobody"), "unknown")
            assert await states(cluster, model) == {"here": "ok", "both": "unknown", "nobody": "unknown"}
            moment = model.kept
            assert (moment.groups["here"].lag.lag, moment.groups["here"].consume_rate) == (0, 0.0)
            assert moment.untold_of(moment.groups["here"]) == frozenset()
            assert moment.untold_of(moment.groups["both"]) == {"broker-b"}
            assert shown(model)["Groups"] == "≥3 (1 ✓)"
            assert model.moment().verdict.health is not Health.OK
            cluster.offsets["broker-a"]["here"]["local", 0] = [500, 100]
            await states(cluster, model)
            assert model.moment().groups["here"].lag.lag == 400
            cluster.subscribed["here"] = ["local", "orders"]
            await states(cluster, model)
            cluster.offsets["broker-a"]["here"]["local", 0] = [500, 500]
            assert (await states(cluster, model))["here"] == "unknown", "it consumes what is there as well"
        count = Counter(at // 1000 for at, _, code in cluster.asked if code == Code.GET_ROUTEINFO_BY_TOPIC)
        assert 4 <= sum(count.values()) <= 8, "each topic once a minute"
        async with Replay(tmp_path / "session") as replay:
            replay.seek(moment.groups_ms + 1)
            await settled(replay)
            assert {name: group.lag.state.value for name, group in replay.moment().groups.items()} == {
                "here": "ok",
                "both": "unknown",
                "nobody": "unknown",
            }
            assert replay.moment().groups["here"].apart == {"broker-b"}

    run(test)


def test_a_group_that_has_offsets_or_retries_there_stays_unknown():
    async def test():
        cluster = with_one_elsewhere()
        cluster.lacks["broker-b"].discard("%RETRY%here")
        async with cluster.watched() as model:
            assert await states(cluster, model) == {"here": "unknown", "both": "unknown"}
        cluster = with_one_elsewhere()
        cluster.offsets["broker-a"]["here"]["orders", 0] = [100, 100]  # what it has consumed before
        async with cluster.watched() as model:
            assert await states(cluster, model) == {"here": "unknown", "both": "unknown"}

    run(test)


def test_routes_that_are_not_told_or_have_forgotten_the_broker_leave_it_unknown():
    async def test():
        cluster = with_one_elsewhere()
        cluster.denied = {Code.GET_ROUTEINFO_BY_TOPIC}
        async with cluster.watched() as model:
            assert (await states(cluster, model))["here"] == "unknown"
            cluster.unlisted.add(B)  # its queues are in no route any more, wherever they are
            cluster.denied = set()
            assert (await states(cluster, model, 100))["here"] == "unknown"
            assert any(code == Code.GET_ROUTEINFO_BY_TOPIC for _, _, code in cluster.asked)
        cluster = with_one_elsewhere()
        async with cluster.watched() as model:
            await states(cluster, model)
            cluster.unlisted.add(B)
            assert await states(cluster, model, 100) == {"here": "ok", "both": "unknown"}, "as was told before"

    run(test)


def test_a_broker_of_which_a_slave_alone_is_listed_may_have_any_topic():
    """A name server takes no queues from it (5.3.3 `RouteInfoManager.registerBroker`)."""
    routes = Routes()
    routes.want(["t"])
    for masters in ((), ("a",)):
        routes.listed("n", ["a"], masters)
        routes.told("n", "t", [])
        assert not routes.without(["t"], ["a"])
    routes.listed("n", ["a"], ["a"])
    assert routes.without(["t"], ["a", "unheard of"]) == {"a"}
    assert not routes.without(["t", "other"], ["a"]), "one that was not asked for"
    routes.listed("m", ["a"], ["a"])
    assert not routes.without(["t"], ["a"]), "another name server lists it, and has not told"
    routes.told("m", "t", [])
    routes.listed("m", ["a"], ["a"])
    assert routes.without(["t"], ["a"])
    routes.told("m", "t", ["a"])
    assert not routes.without(["t"], ["a"]), "at once"


def test_routes_are_asked_for_in_turn_and_those_first_that_were_not_yet():
    routes = Routes()
    routes.want(["a", "b"])
    assert [routes.next("n", at) for at in (0, 1, 2)] == ["a", "b", None]
    routes.want(["b", "c", "a"])
    assert [routes.next("n", at) for at in (3, 60_000, 60_001, 60_002)] == ["c", "a", "b", None]
    assert routes.next("m", 60_003) == "b", "of another name server"


def test_who_told_once_has_told_and_another_dashboard_knows_who_did_not(_state):  # noqa: F811
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 60)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(12_000)
            cluster.down[B] = "refused"
            await cluster.clock.advance(12_000)
            assert model.moment().untold == frozenset()
            assert (shown(model)["Lag"], shown(model)["Groups"]) == ("≥40", "~1 (0 ✓)")
        async with cluster.watched(ring=True) as model:
            while model.moment().groups_ms is None:
                await cluster.clock.advance(100)
                await asyncio.sleep(0.001)
            moment = model.moment()
            assert moment.untold == frozenset()
            assert {key.broker for key in moment.groups["g"].offsets.keys} == {"broker-a", "broker-b"}

    run(test)


def test_a_broker_that_comes_is_missing_at_once_and_not_at_the_next_look():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 60)
        cluster.unlisted.add(B)
        async with cluster.watched() as model:
            await cluster.clock.advance(31_000)
            assert shown(model)["Lag"].startswith("40")
            cluster.unlisted.clear()
            cluster.down[B] = "silent"
            while B not in model.moment().brokers:
                await cluster.clock.advance(100)
            assert (shown(model)["Lag"], shown(model)["Groups"]) == ("≥40", "≥1 (0 ✓)")

    run(test)


def test_verdict_and_rows_say_at_once_that_a_server_is_silent_beside_what_else_is_wrong():
    """An alarm comes later, so that what flickers is one; what is seen is of one state."""

    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        cluster.settings["10.0.0.1:10911"] = {"brokerPermission": "4"}
        async with cluster.watched() as model:
            await cluster.clock.advance(70_000)
            assert [part.text for part in model.moment().verdict.parts] == ["refuses writes"]
            before = Groups().source(model.moment())
            cluster.down[B] = "refused"
            while not model.moment().brokers[B].dead:
                await cluster.clock.advance(100)
            moment = model.moment()
            assert [part.text for part in moment.verdict.parts] == ["does not answer", "refuses writes"]
            assert moment.verdict.health is moment.brokers[B].health
            assert not any(alarm.target == "broker-b" for alarm in moment.alarms)
            assert Groups().source(moment) is not before, "the rows are made anew"
            assert Groups().table(moment, Address("groups")).note == "the queues on broker-b are unknown"
            assert shown(model)["Lag"] == "?"

    run(test)


def test_a_broker_that_does_not_tell_of_groups_is_one_that_has_not_told():
    async def test():
        cluster = Cluster(1)
        cluster.group("g", 100, 60)
        cluster.denied = {Code.GET_ALL_TOPIC_CONFIG}
        async with cluster.watched() as model:
            await cluster.clock.advance(12_000)
            assert model.moment().untold == frozenset()
            assert shown(model)["Lag"].startswith("40")

    run(test)


def test_retries_of_before_are_so_many_at_least():
    async def test():
        cluster = Cluster()
        cluster.down[B] = "refused"
        cluster.group("g", 9, 4, topic="%RETRY%g")
        async with cluster.watched() as model:
            await cluster.clock.advance(1_000)
            moment = model.moment()
            table = past_retries(moment.groups["g"], moment.untold).table
            assert [figure(row.cells[3], table.columns[3].kind, 0) for row in table.rows] == ["≥5"]
            worst = behind(moment, Groups().table(moment, Address("groups")))
            assert [row.health.value for row in worst.rows] == ["unknown"]

    run(test)
