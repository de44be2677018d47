"""A group with more clients than are asked in one look: each has its turn, those with problems every time."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.fastjson import ObjectKey
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model.details import group, group_clients
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Health
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_consumer_status import running
from tests.mqadmin.test_group_commands import online
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard
from tests.tui.flows.driving import detail, press, rows, said, settled

GROUP = "billing"
MANY = [f"c@{number:03}" for number in range(100)]
STUCK, SILENT = "c@070", "c@090"


def many_clients() -> FakeCluster:
    """Each has a queue of `T`; in that of one nothing was consumed for an hour, and one does not answer."""
    cluster = FakeCluster(("broker-a", "C1"))
    broker = cluster["broker-a"]
    broker.add_topic("T", len(MANY))
    broker.add_topic(f"%RETRY%{GROUP}", 1)
    broker.consumers[GROUP] = online(*MANY)
    for queue, name in enumerate(MANY):
        broker.ends["T", queue] = 100
        broker.committed[GROUP, "T", queue] = 40
        broker.running[name] = running(("broker-a", queue))
    stuck: dict[str, Any] = broker.running[STUCK]
    key = next(iter(stuck["mqTable"]))
    assert isinstance(key, ObjectKey)
    stuck["mqTable"][key] = {
        "commitOffset": 40, "cachedMsgCount": 7, "cachedMsgMinOffset": 40, "cachedMsgMaxOffset": 46,
        "lastPullTimestamp": now_ms() - 3_600_000, "lastConsumeTimestamp": now_ms() - 3_600_000,
    }  # fmt: skip
    del broker.running[SILENT]
    return cluster


def asked_of(cluster: FakeCluster) -> list[str]:
    """The clients that were asked since the last time."""
    sent = cluster.transport.sent
    names = [c.ext_fields["clientId"] for _, c in sent if c.code == Code.GET_CONSUMER_RUNNING_INFO]
    sent.clear()
    return names


def test_so_many_are_asked_in_one_look_and_the_others_in_turn() -> None:
    async def flow() -> None:
        cluster = many_clients()
        model = FakeModel(Moment(time_ms=NOW_MS))
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, f":group/{GROUP}?part=clients", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await settled(pilot)
                first = asked_of(cluster)
                assert len(first) == len(set(first)) == group_clients.MOST_ASKED
                screen = detail(pilot)

                def states() -> dict[str, tuple[object, Health]]:
                    return {str(row.cells[0]): (row.cells[1], row.health) for row in screen.grid.rows}

                assert {name for name, (state, _) in states().items() if state == "answers"} == set(first)
                assert {each for name, each in states().items() if name not in first} == {(None, Health.UNKNOWN)}
                assert "32 clients in one look, in turn" in said(pilot, "#facts")
                assert {row.stale_since for row in screen.grid.rows} == {None}
                await press(pilot, "shift+tab")
                owners = Counter("?" if row[6] in ("", "?") else row[6][:2] for row in rows(pilot))
                assert owners == {"c@": group_clients.MOST_ASKED, "?": len(MANY) - group_clients.MOST_ASKED}, (
                    "and of none it is nobody"
                )
                await press(pilot, "tab")

                looks = [first]
                while len(set().union(*looks)) < len(MANY):
                    assert len(looks) < 6
                    model.now = Moment(time_ms=NOW_MS + len(looks) * MINUTE)
                    await press(pilot, "r")
                    looks.append(asked_of(cluster))
                    assert (
                        len(looks[-1]) <= group_clients.MOST_ASKED + 1
                    )  # of the silent one through each of its brokers
                assert states()[STUCK] == ("stuck", Health.CRITICAL)
                assert states()[SILENT] == ("does not answer", Health.CRITICAL)
                problem = next(row.cells[-1] for row in screen.grid.rows if row.cells[0] == SILENT)
                assert problem, "it says why"
                asked = set(looks[-1])
                for row in screen.grid.rows:
                    last = max(at for at, names in enumerate(looks) if row.cells[0] in names)
                    stale = None if row.cells[0] in asked else NOW_MS + last * MINUTE
                    assert row.stale_since == stale, (row.cells[0], last)
                for _ in range(3):
                    await press(pilot, "r")
                    assert {STUCK, SILENT} <= set(asked_of(cluster)), "every time"

    asyncio.run(flow())


def test_subscriptions_of_all_are_compared_once_all_have_said_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "MOST_ASKED", 60)

    async def flow() -> None:
        cluster = many_clients()
        broker = cluster["broker-a"]
        broker.running[SILENT] = running(("broker-a", 90))
        broker.running["c@099"] = running(("broker-a", 99), expression="TagA")
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(FakeModel(Moment(time_ms=NOW_MS)), f":group/{GROUP}?part=problems", admin=admin)
            async with app.run_test(size=(160, 40)) as pilot:
                await settled(pilot)
                assert "subscriptions differ" not in {row[0] for row in rows(pilot)}
                await press(pilot, "r")
                assert ["subscriptions differ", "c@099"] in [row[:2] for row in rows(pilot)]

    asyncio.run(flow())
