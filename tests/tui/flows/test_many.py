"""Changing many things at once, on our own pair: groups deleted, permissions set and brought back; what fails by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.changer import CommandChanger
from rocketmq_ops.mqadmin.connecting.connection import Connection
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.tui.model.moment import BrokerSeen, TopicQueues, TopicSeen
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.change import ChangeMenu, ChangeScreen
from rocketmq_ops.tui.screens.table import TableScreen
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, group, moment
from tests.tui.flows.driving import press, rows, said, settled, typed

Flow = Callable[[Pilot[None], MQAdmin], Awaitable[None]]
TOPICS = [f"many-{n}" for n in range(5)]
GROUPS = [f"crowd-{n}" for n in range(4)]


@pytest.fixture
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        here = ["-n", server.namesrv, "-c", "DefaultCluster"]
        for topic in TOPICS:
            assert mqadmin.run(["updateTopic", *here, "-t", topic, "-r", "1", "-w", "1"]) == 0
        for name in GROUPS:
            assert mqadmin.run(["updateSubGroup", *here, "-g", name]) == 0
        yield server


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROCKETMQ_OPS_JOURNAL", raising=False)


def drive(server: RocketMQBroker, at: str, flow: Flow) -> None:
    """Run a flow over the pair; the model knows of the broker, the topics and the groups, and of a topic that is gone."""

    async def test() -> None:
        now = moment()
        now.brokers = {
            server.broker: BrokerSeen(
                address=server.broker, cluster="DefaultCluster", broker_name="broker-a", broker_id=0, answered_ms=NOW_MS
            )
        }
        names = [*TOPICS, "gone"]
        now.topics = {name: TopicSeen(topic=name, on={"broker-a": TopicQueues(1, 1, 6)}) for name in names}
        now.groups = {name: group(name, 0) for name in GROUPS}
        connection = Connection((server.namesrv,), "test")
        with closing(CommandChanger(connection, ("-n", server.namesrv))) as changer:
            async with MQAdmin([server.namesrv]) as admin:
                app = dashboard(FakeModel(now), at, views=VIEWS, write=True, admin=admin, changer=changer)
                async with app.run_test(size=(120, 40)) as pilot:
                    await settled(pilot)
                    await flow(pilot, admin)

    asyncio.run(test())


def listed(pilot: Pilot[None]) -> TableScreen:
    screen = pilot.app.screen
    assert isinstance(screen, TableScreen)
    return screen


def menu(pilot: Pilot[None]) -> ChangeMenu:
    screen = pilot.app.screen
    assert isinstance(screen, ChangeMenu)
    return screen


async def mark(pilot: Pilot[None], *names: str) -> None:
    """Mark rows."""
    grid = listed(pilot).grid
    for name in names:
        grid.move_to([row.key for row in grid.rows].index(name))
        await press(pilot, "space")


def line(pilot: Pilot[None]) -> str:
    assert isinstance(pilot.app.screen, ChangeScreen)
    return pilot.app.screen.query_one("#line", Input).value


def test_marked_groups_are_deleted_after_their_number_was_typed(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        await mark(pilot, "crowd-0", "crowd-2", "crowd-3")
        await press(pilot, "x")
        assert said(pilot, "#about") == "3 marked: crowd-0, crowd-2, crowd-3"
        offers = [offer.title for offer in menu(pilot)._offers]
        await press(pilot, *["down"] * offers.index("delete the group with its settings"), "enter")
        assert line(pilot) == "mqadmin deleteSubGroup -g @group -c @cluster"
        await press(pilot, "enter")
        plan = said(pilot, "#said")
        assert "3 of 3 would change" in plan
        assert "groupName" not in plan  # that a group goes is said, not each of its settings
        assert all(
            f"would delete group {name} on {server.broker}" in plan for name in ("crowd-0", "crowd-2", "crowd-3")
        )
        assert said(pilot, "#confirm-caption") == "Type 3 to do so to these 3: crowd-0, crowd-2, crowd-3"
        await typed(pilot, "yes")
        assert said(pilot, "#confirm-caption") == "nothing was changed: '3' was not typed"
        assert set(GROUPS) <= set(await admin.groups.configs_at(server.broker))
        pilot.app.screen.query_one("#confirm", Input).value = ""
        await typed(pilot, "3")
        assert "3 of 3 are done" in said(pilot, "#said")
        await press(pilot, "escape")
        assert listed(pilot).grid.marks == set()
        assert set(GROUPS) & set(await admin.groups.configs_at(server.broker)) == {"crowd-1"}
        await typed(pilot, ":journal")
        assert [row[3] for row in rows(pilot) if "deleteSubGroup" in " ".join(row)] == ["done"] * 3

    drive(server, ":groups", flow)


def test_permissions_of_marked_topics_are_set_and_brought_back_and_what_fails_is_said(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        async def perms() -> list[int | None]:
            configs = [await admin.topics.config_at(server.broker, topic) for topic in TOPICS]
            return [None if config is None else config.perm for config in configs]

        await mark(pilot, *TOPICS[:4], "gone")
        await press(pilot, "x", "down", "enter")  # that line is complete, and planned at once
        assert line(pilot) == "mqadmin updateTopicPerm -t @topic -c @cluster -p 4"
        assert "4 of 5 would change" in said(pilot, "#said")
        assert "✗ gone: " in said(pilot, "#said")
        assert "perm: 6 → 4" in said(pilot, "#said")
        assert said(pilot, "#said").endswith("no group reads what changes, and no client is connected")
        field = pilot.app.screen.query_one("#line", Input)
        field.focus()
        field.value = "mqadmin updateTopicPerm -t many-0 -c @cluster -p 2"
        await press(pilot, "enter")
        assert "the line is the same for all: it lacks @topic" in said(pilot, "#said")
        field.value = "mqadmin updateTopicPerm -t @topic -c @cluster -p 2"
        await press(pilot, "enter")
        assert said(pilot, "#confirm-caption") == f"Type yes to do so to these 4: {', '.join(TOPICS[:4])}"
        other = ["updateTopicPerm", "-n", server.namesrv, "-b", server.broker, "-t", "many-1", "-p", "4"]
        assert await asyncio.to_thread(mqadmin.run, other) == 0  # meanwhile, by somebody else
        await typed(pilot, "yes")
        assert "3 of 4 are done" in said(pilot, "#said")
        assert "✗ many-1: nothing was changed: it would no longer change what was shown" in said(pilot, "#said")
        assert await perms() == [2, 4, 2, 2, 6]
        assert "u undoes them" in said(pilot, "#foot")

        await press(pilot, "u")
        assert line(pilot) == "mqadmin undo @change"
        await typed(pilot, "3")
        assert await perms() == [6, 4, 6, 6, 6]
        await press(pilot, "escape")
        await typed(pilot, ":journal")
        assert [row[3] for row in rows(pilot)][:6] == ["done"] * 3 + ["undone"] * 3

    drive(server, ":topics", flow)


def test_marked_rows_that_a_filter_hides_are_not_changed(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        await mark(pilot, "many-0", "many-1")
        listed(pilot).filter("many-4")
        await settled(pilot)
        assert "2 of them not shown" in "".join(text for text, _ in listed(pilot).status())
        await press(pilot, "x")
        assert isinstance(pilot.app.screen, TableScreen)
        (notice,) = pilot.app._notifications
        assert notice.message == "the marked rows are not shown: Escape takes the marks away"
        listed(pilot).filter("many-0")
        await settled(pilot)
        await press(pilot, "x", "down", "enter")
        assert line(pilot) == f"mqadmin updateTopicPerm -t many-0 -c DefaultCluster -p 4 -n {server.namesrv}"

    drive(server, ":topics", flow)
