"""Clients of groups that are not in order are asked what they do, whatever screen is open, a few at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rocketmq_ops.common.fastjson import ObjectKey
from rocketmq_ops.housekeeping.history.runs import GroupOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, QueueLag
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model.asked import Told, told
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.periods import RUNNING
from rocketmq_ops.tui.model.running import MOST_CLIENTS
from tests.tui.model.cluster import START, Cluster, run


def says(*queues: str, consumed_ms: int, cached: int = 0) -> dict[str, object]:
    """What a pushed client says that holds the first queue of `orders` on these brokers."""
    held = {
        ObjectKey({"brokerName": broker, "queueId": 0, "topic": "orders"}): {
            "commitOffset": 100, "cachedMsgCount": cached, "cachedMsgMinOffset": 100, "cachedMsgMaxOffset": 107,
            "lastPullTimestamp": consumed_ms, "lastConsumeTimestamp": consumed_ms,
        }
        for broker in queues
    }  # fmt: skip
    return {
        "properties": {"PROP_CONSUME_TYPE": "CONSUME_PASSIVELY", "PROP_CONSUMEORDERLY": "false"},
        "subscriptionSet": [{"topic": "orders", "subString": "*", "expressionType": "TAG"}],
        "mqTable": held,
        "statusTable": {},
    }


def a_group_that_stands_still(cluster: Cluster) -> None:
    """`billing` lags on both brokers; of its clients one hangs, one is gone silent, and one is idle."""
    cluster.group("billing", 500, 100)
    cluster.clients["billing"] = ["c@hangs", "c@idle", "c@silent"]
    cluster.running["c@hangs"] = says("broker-a", consumed_ms=START - 600_000, cached=8)
    cluster.running["c@idle"] = says("broker-b", consumed_ms=START)


def of(texts: Mapping[str, str], name: str) -> Told:
    found = told(texts, name)
    assert found is not None, (name, list(texts))
    return found


def test_who_hangs_is_known_though_no_screen_was_open() -> None:
    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(400_000)
            assert model.moment().groups["billing"].lag.state is LagState.STALLED
            texts = model.moment().asked
            clients = of(texts, ":group/billing/clients")
            assert {row.cells[0]: row.cells[1] for row in clients.table.rows} == {
                "c@hangs": "stuck", "c@idle": "answers", "c@silent": "does not answer",
            }  # fmt: skip
            assert clients.whole
            assert [row.cells[:2] for row in of(texts, ":group/billing/problems").table.rows] == [
                ("stuck queue", "c@hangs")
            ]
            assert {row.key: row.cells[3] for row in of(texts, ":group/billing/queues").table.rows} == {
                "orders broker-a:0": "stuck", "orders broker-b:0": None,
            }  # fmt: skip
            assert of(texts, ":client/c@hangs?group=billing/queues").table.rows[0].cells[3:5] == ("stuck", 8)
            assert told(texts, ":client/c@idle?group=billing/queues") is None, "nothing is wrong with it"

    run(test)


def test_who_has_just_got_a_message_of_a_queue_that_moves_is_not_stuck() -> None:
    """It consumed the one before a while ago."""

    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        cluster.running["c@idle"] = says("broker-b", consumed_ms=START - 600_000, cached=1)
        seen = GroupSeen(
            group="billing",
            offsets=GroupOffsets(group="billing", queues=[]),
            lag=GroupLag("billing", LagState.STALLED, 401, "", [
                QueueLag("orders", "broker-a", 0, LagState.STALLED, 400, ""),
                QueueLag("orders", "broker-b", 0, LagState.OK, 1, ""),
            ]),
        )  # fmt: skip
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            kept: dict[str, Section] = {}
            running = model._running
            running._keep = lambda name, section, *, whole: kept.update({name: section})
            running._due_ms = 0
            await running.look([seen], cluster.clock.now_ms())
            table = kept[":group/billing/clients"].table
            assert table is not None
            states = {row.cells[0]: row.cells[1] for row in table.rows}
            assert (states["c@hangs"], states["c@idle"]) == ("stuck", "answers")

    run(test)


def test_who_hangs_in_a_queue_that_was_consumed_until_a_minute_ago_is_stuck_in_it() -> None:
    """As after a rebalance, by which a client that hangs has got another queue: that one has caught up in the last five
    minutes, and counts as well for as long as that."""

    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        cluster.clients["billing"] = ["c@hangs"]
        cluster.running["c@hangs"] = says("broker-a", consumed_ms=START - 600_000, cached=8)
        own = cluster.offsets["broker-b"]["billing"]["orders", 0]
        async with cluster.watched() as model:
            for _ in range(30):
                own[0] += 7
                own[1] = own[0] - 1
                await cluster.clock.advance(10_000)
            hangs_ms = cluster.clock.time_ms
            cluster.running["c@hangs"] = says("broker-a", "broker-b", consumed_ms=hangs_ms, cached=8)
            found: dict[int, list[object]] = {}
            for _ in range(12):
                own[0] += 7
                await cluster.clock.advance(10_000)
                rows = of(model.moment().asked, ":group/billing/problems").table.rows
                found[cluster.clock.time_ms - hangs_ms] = [row.key.split()[-1] for row in rows]
                queues = model.moment().groups["billing"].lag.queues
                assert [each.state for each in queues] == [LagState.STALLED, LagState.OK]
            assert found[50_000] == [], "it says that it consumed of both until then"
            assert found[120_000] == ["broker-a:0", "broker-b:0"]

    run(test)


def test_groups_in_order_are_not_asked_about_and_no_broker_more_than_is_declared() -> None:
    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        cluster.group("fine", 100, 100)
        cluster.clients["fine"] = ["c@fine"]
        cluster.clients["billing"] = [f"c@{number:02}" for number in range(20)]
        cluster.running |= {name: says(consumed_ms=START) for name in [*cluster.clients["billing"], "c@fine"]}
        named: list[str] = []
        answer = cluster._answer

        def heard(addr: str, command):  # type: ignore[no-untyped-def]
            if command.code == Code.GET_CONSUMER_RUNNING_INFO:
                named.append(command.ext_fields["clientId"])
            return answer(addr, command)

        cluster._answer = heard  # type: ignore[method-assign]
        async with cluster.watched(pace=0.4) as model:
            await cluster.clock.advance(400_000)
            cluster.asked.clear()
            named.clear()
            await cluster.clock.advance(10 * RUNNING.period_ms)
            asked = Counter(addr for _, addr, code in cluster.asked if code == Code.GET_CONSUMER_RUNNING_INFO)
            assert 0 < sum(asked.values()) <= 10 * RUNNING.requests
            counts = Counter(named)
            assert counts.keys() == set(cluster.clients["billing"]), "each has its turn, and one of `fine` none"
            assert max(counts.values()) - min(counts.values()) <= 1
            clients = of(model.moment().asked, ":group/billing/clients")
            assert len(clients.table.rows) == 20
            fresh = [row for row in clients.table.rows if row.stale_since is None]
            assert len(fresh) == RUNNING.requests, "all others said it in an earlier look"
            assert {f.value for f in clients.section.facts if f.name == "Asked"} == {
                f"{RUNNING.requests} clients in one look, in turn"
            }

    run(test)


def test_of_a_group_with_very_many_clients_some_are_known_and_those_with_problems_stay() -> None:
    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        many = [f"c@{number:03}" for number in range(MOST_CLIENTS + 40)]
        cluster.clients["billing"] = ["c@hangs", *many]
        cluster.running |= {name: says(consumed_ms=START) for name in many}
        async with cluster.watched() as model:
            await cluster.clock.advance(600_000)
            clients = of(model.moment().asked, ":group/billing/clients")
            assert len(clients.table.rows) == MOST_CLIENTS
            assert not clients.whole
            assert clients.table.rows[0].cells[:2] == ("c@hangs", "stuck")

    run(test)


def test_what_a_screen_asks_itself_is_not_asked_beside_it_and_stays_until_it_is_closed() -> None:
    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(400_000)
            cluster.asked.clear()
            seen = Section(lines=("as the screen was told",))
            for _ in range(6):
                model.keep(":group/billing/clients", seen)
                await cluster.clock.advance(10_000)
            assert Code.GET_CONSUMER_RUNNING_INFO not in {code for _, _, code in cluster.asked}
            assert of(model.moment().asked, ":group/billing/clients").section.lines == list(seen.lines or ())
            await cluster.clock.advance(60_000)
            assert of(model.moment().asked, ":group/billing/clients").table.rows

    run(test)


def test_what_was_said_is_forgotten_once_a_group_is_in_order_or_gone() -> None:
    async def test() -> None:
        cluster = Cluster()
        a_group_that_stands_still(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(400_000)
            assert model._running._clients.keys() == {"billing"}
            cluster.group("billing", 500, 500)
            await cluster.clock.advance(400_000)
            assert model.moment().groups["billing"].lag.state is LagState.OK
            assert not model._running._clients
            assert not model._running._turns

    run(test)
