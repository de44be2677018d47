"""Find the group that lags, the client that is stuck, and its threads."""

from __future__ import annotations

import asyncio
from typing import Any

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.fastjson import ObjectKey
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_consumer_status import running
from tests.mqadmin.test_group_commands import online
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import detail, press, rows, said, settled

GROUP = "group-00001"


def a_stuck_client() -> FakeCluster:
    """Two clients of a group; the first holds a queue in which nothing was consumed for an hour."""
    cluster = FakeCluster(("broker-a", "C1"))
    broker = cluster["broker-a"]
    broker.add_topic("T", 2)
    broker.add_topic(f"%RETRY%{GROUP}", 1)
    for queue in (0, 1):
        broker.ends["T", queue] = 100
        broker.committed[GROUP, "T", queue] = 40 if queue == 0 else 100
    broker.consumers[GROUP] = online("c@1", "c@2")
    stuck: dict[str, Any] = running(("broker-a", 0))
    key = next(iter(stuck["mqTable"]))
    assert isinstance(key, ObjectKey)
    long_ago = now_ms() - 3_600_000
    stuck["mqTable"][key] = {
        "commitOffset": 40, "cachedMsgCount": 7, "cachedMsgMinOffset": 40, "cachedMsgMaxOffset": 46,
        "lastPullTimestamp": long_ago, "lastConsumeTimestamp": long_ago,
    }  # fmt: skip
    broker.running["c@1"] = stuck
    broker.running["c@2"] = running(("broker-a", 1))
    return cluster


def test_from_the_list_of_groups_to_the_threads_of_the_stuck_client() -> None:
    async def flow() -> None:
        cluster = a_stuck_client()
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(FakeModel(moment()), ":groups", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await press(pilot, "0", "home", "enter")  # the worst group comes first
                assert str(detail(pilot).address) == f":group/{GROUP}"
                worst = rows(pilot)[0]
                assert worst[:5] == ["T", "broker-a", "0", "stuck", "60"]
                assert "c@1" in worst
                assert "Clients ✗" in said(pilot, "#parts").replace("  ", " ")
                await press(pilot, "tab")
                clients = rows(pilot)
                assert [row[:2] for row in clients] == [["c@1", "stuck"], ["c@2", "answers"]]
                await press(pilot, "enter")
                assert str(detail(pilot).address) == f":client/c@1?group={GROUP}"
                assert rows(pilot)[0][:5] == ["T", "broker-a", "0", "stuck", "7"]
                await press(pilot, "t")
                assert detail(pilot).part == "threads"
                assert detail(pilot).section is not None
                assert detail(pilot).section.lines == ("main waiting",)  # type: ignore[union-attr]
                await press(pilot, "escape", "escape")
                await settled(pilot)
                assert [str(address) for address in app.trail()] == [":overview", ":groups"]

    asyncio.run(flow())


def test_subscriptions_that_differ_are_side_by_side() -> None:
    async def flow() -> None:
        cluster = a_stuck_client()
        cluster["broker-a"].running["c@2"] = running(("broker-a", 1), expression="TagA")
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(FakeModel(moment()), f":group/{GROUP}?part=subscriptions", admin=admin)
            async with app.run_test(size=(120, 30)) as pilot:
                await settled(pilot)
                assert rows(pilot) == [["T", "between them", "*", "TagA"]]
                assert detail(pilot).grid.rows[0].health == "warning"

    asyncio.run(flow())


def test_a_broker_that_does_not_answer_is_a_failure_and_no_zero() -> None:
    async def flow() -> None:
        cluster = a_stuck_client()
        for code in (Code.GET_CONSUME_STATS, Code.GET_CONSUMER_CONNECTION_LIST):
            cluster.transport.on(cluster["broker-a"].address, code, lambda c: c.reply(1, "not today"))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(FakeModel(moment()), f":group/{GROUP}", admin=admin)
            async with app.run_test(size=(120, 30)) as pilot:
                await settled(pilot)
                assert "✗" in said(pilot, "#note")
                assert rows(pilot) == []

    asyncio.run(flow())
