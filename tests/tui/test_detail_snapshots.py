"""Screens of one thing as they look: each with made-up answers, at several sizes, in light and dark, and in Chinese."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import JournalEntry, MadeChange, PlannedChange
from rocketmq_ops.tui.model.address import Address, parse
from rocketmq_ops.tui.model.details import (
    broker,
    client,
    dead_letters,
    doctor,
    group,
    journal,
    messages,
    name_server,
    topic,
)
from rocketmq_ops.tui.model.details import message as one_message
from rocketmq_ops.tui.model.details.detail import Asking, Part, Section, table_of
from rocketmq_ops.tui.screens import broker as broker_screens
from rocketmq_ops.tui.screens.client import ClientScreen
from rocketmq_ops.tui.screens.dead_letters import DeadLettersScreen
from rocketmq_ops.tui.screens.doctor import DoctorScreen
from rocketmq_ops.tui.screens.group import GroupScreen
from rocketmq_ops.tui.screens.journal import JournalScreen
from rocketmq_ops.tui.screens.message import MessageScreen
from rocketmq_ops.tui.screens.messages import MessagesScreen
from rocketmq_ops.tui.screens.topic import TopicScreen
from tests.mqadmin.replay import FakeTransport
from tests.tui import snapshot
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import settled
from tests.tui.model.details import made_up

SMALL, MIDDLE, LARGE = (80, 24), (120, 40), (200, 60)
DEAD = "%DLQ%billing"


def _owners() -> dict[tuple[str, str, int], str]:
    return {("orders", "broker-a", 0): "10.1.0.1@77", ("orders", "broker-b", 1): "10.1.0.2@77"}


def _asking(admin: MQAdmin) -> Asking:
    return Asking(admin=admin, moment=moment(), address=Address("messages", "orders"))


def _client() -> Section:
    found = made_up.status()
    return client.queue_section(found, found.clients[0])


def _letters() -> Section:
    found = [made_up.message(n, DLQ_ORIGIN_TOPIC="orders") for n in range(3)]
    return table_of(dead_letters._COLUMNS, [dead_letters.letter(DEAD, each) for each in found])


def _messages() -> Section:
    bodies = (b'{"order": 7, "customer": "\xe6\x9d\x8e"}', b"plain", b"\x00\x01\xff")
    found = [made_up.message(n, bodies[n % 3]) for n in range(5)]
    admin = MQAdmin(["10.0.0.9:9876"], transport=FakeTransport())
    return messages.message_section(_asking(admin), found, [], truncated=True)


def _configuration() -> Section:
    one = {"brokerName": "broker-a", "flushDiskType": "ASYNC_FLUSH", "fileReservedTime": "48"}
    return broker.config_section({"broker-a": one, "broker-b": {**one, "flushDiskType": "SYNC_FLUSH"}}, "5.3")


#: Name -> the screen, its address, and its parts as (key, title, section).
Made = tuple[type, str, Sequence[tuple[str, str, Callable[[], Section]]]]
SCREENS: dict[str, Made] = {
    "group": (
        GroupScreen,
        f":group/{made_up.GROUP}",
        [
            (
                "queues",
                "Queues",
                lambda: group.queue_section(made_up.progress(), _owners(), None, {("orders", "broker-a", 0)}),
            ),
            ("clients", "Clients", lambda: group.client_section(made_up.GROUP, made_up.status())),
            ("subscriptions", "Subscriptions", lambda: group.subscription_section(made_up.status())),
        ],
    ),
    "group-clients": (
        GroupScreen,
        f":group/{made_up.GROUP}",
        [("clients", "Clients", lambda: group.client_section(made_up.GROUP, made_up.status()))],
    ),
    "topic": (
        TopicScreen,
        ":topic/topic-00001",
        [
            ("queues", "Queues", lambda: topic.queue_section(made_up.topic_status(), moment())),
            ("groups", "Groups", lambda: topic.group_section("orders", ["group-00001", "new"], moment())),
        ],
    ),
    "client": (ClientScreen, ":client/10.1.0.1@77?group=group-00001", [("queues", "Queues", _client)]),
    "messages": (MessagesScreen, ":messages/orders", [("messages", "Messages", _messages)]),
    "message": (
        MessageScreen,
        ":message/orders?id=0A",
        [("body", "Body", lambda: one_message.body_section(made_up.message(7), None))],
    ),
    "message-trace": (
        MessageScreen,
        ":message/orders?id=0A",
        [("trace", "Trace", lambda: one_message.trace_section(made_up.traces()))],
    ),
    "message-consumed": (
        MessageScreen,
        ":message/orders?id=0A",
        [("consumed", "Consumed by", lambda: one_message.track_section(made_up.tracks()))],
    ),
    "dead-letters": (DeadLettersScreen, ":dead-letters/billing", [("letters", "Dead letters", _letters)]),
    "broker": (broker_screens.BrokerScreen, ":broker/broker-a", [("configuration", "Configuration", _configuration)]),
    "name-server": (
        broker_screens.NameServerScreen,
        ":name-server/10.0.0.9:9876",
        [("brokers", "Brokers", lambda: name_server.broker_section("10.0.0.9:9876", moment()))],
    ),
    "doctor": (
        DoctorScreen,
        ":doctor",
        [("findings", "Findings", lambda: doctor.finding_section(made_up.findings(), 80, NOW_MS))],
    ),
    "journal": (
        JournalScreen,
        ":journal",
        [("changes", "Changes", lambda: journal.journal_section(made_up.journal()))],
    ),
}


class FakeChanger:
    """Plans and makes one change, and asks nobody."""

    def __init__(self, *, to_type: str | None = None) -> None:
        self._plan = made_up.plan(to_type=to_type)

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        return self._plan

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        made = [msgspec.structs.replace(change, state="done") for change in planned.changes]
        return MadeChange(words=planned.words, status="ok", changes=made, change_id=7)

    async def journal(self, most: int) -> list[JournalEntry]:
        return made_up.journal()


def draws(
    monkeypatch: pytest.MonkeyPatch,
    screen: str,
    name: str,
    size: tuple[int, int],
    *keys: str,
    theme: str = "dark",
    lang: str = "en",
    failing: bool = False,
    to_type: str | None = None,
) -> None:
    made, address, given = SCREENS[screen]

    def part(key: str, title: str, section: Callable[[], Section]) -> Part:
        async def ask() -> Section:
            if failing:
                raise RocketMQError("10.0.0.1:10911 did not answer within 3000 ms", "see that it runs")
            return section()

        return Part(key, title, ask)

    monkeypatch.setattr(made, "parts", lambda self: [part(*each) for each in given])

    async def main() -> None:
        async with MQAdmin(["10.0.0.9:9876"], transport=FakeTransport()) as admin:
            app = dashboard(
                FakeModel(moment()), "overview", theme=theme, lang=lang, write=True, admin=admin,
                changer=FakeChanger(to_type=to_type),
            )  # fmt: skip
            async with app.run_test(size=size) as pilot:
                app.go(parse(address))
                await settled(pilot)
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
                snapshot.same(app, name)

    asyncio.run(main())


@pytest.mark.parametrize("screen", SCREENS)
def test_each_on_a_small_terminal(monkeypatch: pytest.MonkeyPatch, screen: str) -> None:
    draws(monkeypatch, screen, f"one-{screen}-80x24", SMALL)


@pytest.mark.parametrize("screen", ["group", "message", "message-trace", "doctor", "broker"])
def test_some_on_a_larger_one(monkeypatch: pytest.MonkeyPatch, screen: str) -> None:
    draws(monkeypatch, screen, f"one-{screen}-120x40", MIDDLE, theme="light")


def test_one_on_a_wide_one(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "group", "one-group-200x60", LARGE)


@pytest.mark.parametrize("screen", ["group", "message-trace", "dead-letters", "journal"])
def test_some_in_chinese(monkeypatch: pytest.MonkeyPatch, screen: str) -> None:
    draws(monkeypatch, screen, f"one-{screen}-zh", (100, 24), lang="zh")


def test_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "group", "one-group-failed", SMALL, failing=True)


def test_a_row_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "doctor", "one-row", SMALL, "enter")


def test_what_can_be_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "topic", "change-menu", SMALL, "x")


def test_a_plan_that_is_to_be_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "topic", "change-plan", SMALL, "x", "down", "enter", to_type="orders")


def test_what_became_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "topic", "change-made", SMALL, "x", "down", "enter", "y", "e", "s", "enter")


def test_a_plan_in_chinese_and_light(monkeypatch: pytest.MonkeyPatch) -> None:
    draws(monkeypatch, "topic", "change-plan-zh", SMALL, "x", "down", "enter", lang="zh", theme="light")
