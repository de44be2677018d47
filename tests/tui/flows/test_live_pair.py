"""On our own pair: a message and who did not consume it, a dead letter that is sent again, a permission and its undo."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from rocketmq_ops.client import ConsumeResult, PushConsumer
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages import message_scan
from rocketmq_ops.client.admin.messages.message import MessageAdmin
from rocketmq_ops.client.admin.messages.message_send import SendRequest
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.changer import CommandChanger
from rocketmq_ops.mqadmin.connecting.connection import Connection
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.details import looking
from rocketmq_ops.tui.model.moment import BrokerSeen, TopicQueues, TopicSeen
from rocketmq_ops.tui.screens.change import ChangeScreen
from rocketmq_ops.tui.screens.help import HelpScreen
from rocketmq_ops.tui.widgets.command_bar import CommandBar
from rocketmq_ops.tui.widgets.text_lines import TextLines
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import detail, last_notice, press, rows, said, settled, typed

Flow = Callable[[Pilot[None], MQAdmin], Awaitable[None]]
DEAD = "%DLQ%billing"


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        for topic in ("orders", DEAD):
            words = ["updateTopic", "-n", server.namesrv, "-c", "DefaultCluster", "-t", topic, "-r", "1", "-w", "1"]
            assert mqadmin.run([*words, "-p", "6"]) == 0
        assert mqadmin.run(["updateSubGroup", "-n", server.namesrv, "-c", "DefaultCluster", "-g", "billing"]) == 0
        yield server


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROCKETMQ_OPS_JOURNAL", raising=False)
    monkeypatch.chdir(tmp_path)


def drive(server: RocketMQBroker, at: str, flow: Flow, *, write: bool = True) -> None:
    """Run a flow over the pair; the model knows of the broker and the topic."""

    async def test() -> None:
        now = moment()
        now.brokers = {
            server.broker: BrokerSeen(
                address=server.broker, cluster="DefaultCluster", broker_name="broker-a", broker_id=0, answered_ms=NOW_MS
            )
        }
        now.topics = {"orders": TopicSeen(topic="orders", on={"broker-a": TopicQueues(1, 1, 6)})}
        connection = Connection((server.namesrv,), "test")
        with closing(CommandChanger(connection, ("-n", server.namesrv))) as changer:
            async with MQAdmin([server.namesrv]) as admin:
                app = dashboard(FakeModel(now), at, write=write, admin=admin, changer=changer)
                async with app.run_test(size=(160, 40)) as pilot:
                    await press(pilot)
                    await flow(pilot, admin)

    asyncio.run(test())


def test_a_message_is_found_by_its_key_and_who_did_not_consume_it(server: RocketMQBroker) -> None:
    """Neither a group that has no client now, nor one whose client is at an earlier message still."""

    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        body = b'{"order": 7, "customer": "\xe6\x9d\x8e"}'
        await admin.messages.send(SendRequest(topic="orders", body=body, keys="order-7"))
        for group in ("billing", "shipping"):
            async with PullConsumer(group, ClientOptions(name_servers=[server.namesrv])) as consumer:
                for queue in await consumer.queues("orders"):
                    consumer.update_offset(queue, 0)
                await consumer.persist_offsets()
        holds, over = asyncio.Event(), asyncio.Event()

        async def listen(_messages: object, _context: object) -> ConsumeResult:
            holds.set()
            await over.wait()
            return ConsumeResult.SUCCESS

        slow = PushConsumer("shipping", listen, ClientOptions(name_servers=[server.namesrv]))
        slow.subscribe("orders")
        await slow.start()
        try:
            await asyncio.wait_for(holds.wait(), 30)
            await shown(pilot)
        finally:
            over.set()
            await slow.stop()

    async def shown(pilot: Pilot[None]) -> None:
        await typed(pilot, ":messages/orders?key=order-7")
        assert [row[1] for row in rows(pilot)] == ["order-7"]
        await press(pilot, "enter")
        screen = detail(pilot)
        assert screen.section is not None
        assert screen.section.lines == ("{", '  "order": 7,', '  "customer": "李"', "}")
        await press(pilot, "b")
        assert screen.section.lines[0].startswith("00000000  7b 22 6f 72")
        await press(pilot, "tab")
        assert screen.part == "consumed"
        states = {row[0]: row[1] for row in rows(pilot)}
        assert states == {"billing": "no client online", "shipping": "not consumed yet"}
        shipping = [row[0] for row in rows(pilot)].index("shipping")
        await press(pilot, "home", *["down"] * shipping, "enter")
        assert str(detail(pilot).address) == ":group/shipping"

    drive(server, ":topic/orders", flow)


def test_a_rare_tag_is_found_far_back_and_a_wrong_option_is_refused(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        async with Producer("p", ClientOptions(name_servers=[server.namesrv])) as producer:
            await producer.send(Message("orders", b"the one", tags="rare"))
            await producer.send_batch([Message("orders", b"others", tags="often") for _ in range(450)])
        await typed(pilot, ":messages/orders?tag=rare")
        assert [row[2] for row in rows(pilot)] == ["rare"]
        await typed(pilot, ":messages/orders?tag=rare&follow=1")
        assert rows(pilot) == []
        assert "the last 400 messages of each queue" in said(pilot, "#facts")
        await typed(pilot, ":messages/orders?tags=rare")
        assert "unknown option 'tags'" in last_notice(pilot)
        bar = pilot.app.screen.query_one(CommandBar)
        assert (bar.is_open, bar.query_one(Input).value) == (True, "messages/orders?tags=rare")
        await press(pilot, "escape")
        await typed(pilot, ":messages")
        bar = pilot.app.screen.query_one(CommandBar)
        assert (bar.is_open, bar.query_one(Input).value) == (True, "messages/")
        await press(pilot, "escape")
        await typed(pilot, ":help")
        assert isinstance(pilot.app.screen, HelpScreen)

    drive(server, ":overview", flow)


def test_queues_that_cannot_be_read_are_named(server: RocketMQBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(self: MessageAdmin, *_: object) -> object:
        raise RocketMQError("no answer", "")

    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        monkeypatch.setattr(MessageAdmin, "scan", fails)
        await typed(pilot, ":messages/twin")
        assert "broker-a queue 0, broker-a queue 1: no answer" in said(pilot, "#note")

    line = ["updateTopic", "-n", server.namesrv, "-c", "DefaultCluster", "-t", "twin", "-r", "2", "-w", "2"]
    assert mqadmin.run(line) == 0
    drive(server, ":overview", flow)


def test_messages_are_found_and_followed_by_a_condition(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        def bodies() -> list[str]:
            return [row[7] for row in rows(pilot)]

        async def send(*amounts: int, tags: str = "") -> None:
            async with Producer("p", ClientOptions(name_servers=[server.namesrv])) as producer:
                for n in amounts:
                    await producer.send(Message("amounts", b"%d" % n, tags=tags, properties={"amount": str(n)}))

        await send(5, 50, tags="A")
        await send(500, 7, tags="B")
        await typed(pilot, ":messages/amounts?where=amount > 9")
        assert bodies() == ["500", "50"]
        await typed(pilot, ":messages/amounts?where=sql92: amount BETWEEN 6 AND 60 AND TAGS LIKE 'A'")
        assert "invalid SQL92 expression: it ends before 'LIKE 'A''" in last_notice(pilot)
        assert bodies() == ["500", "50"]
        await press(pilot, "escape")  # what was typed stands there to be corrected
        await typed(pilot, ":messages/amounts?where=sql92: amount BETWEEN 6 AND 60 AND TAGS IN ('A')")
        assert bodies() == ["50"]
        await typed(pilot, ":messages/amounts?where=amount > 9000")
        assert said(pilot, "#note") == "no message that was read meets the condition"
        await typed(pilot, ":messages/amounts?where=amount > 9&begin=1h&tag=B")
        assert bodies() == ["500"]

        await typed(pilot, ":messages/amounts?where=amount > 9&follow=1")
        assert bodies() == ["500", "50"]
        await send(8, 80)
        read: list[int] = []
        pull = message_scan.pull_at_once

        async def counted(*args: Any) -> Any:
            pulled = await pull(*args)
            read.extend(message.queue_offset for message in pulled.messages)
            return pulled

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(message_scan, "pull_at_once", counted)
            detail(pilot).ask()
            await settled(pilot)
            detail(pilot).ask()
            await settled(pilot)
        assert bodies() == ["80", "500", "50"]
        assert len(read) == 2  # what has come since, once
        assert "and what came since" in said(pilot, "#facts")
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(looking, "FOLLOWING", 3)
            await send(1, 2, 3, 4)
            detail(pilot).ask()
            await settled(pilot)
        assert "some were not looked at" in said(pilot, "#facts")

    assert (
        mqadmin.run(
            ["updateTopic", "-n", server.namesrv, "-c", "DefaultCluster", "-t", "amounts", "-r", "1", "-w", "1"]
        )
        == 0
    )
    drive(server, ":overview", flow)


def test_a_body_is_read_once_and_shown_in_each_form_with_nothing_cut(
    server: RocketMQBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        body = b'{"long": "' + b"x" * 400 + b'"}'
        sent = await admin.messages.send(SendRequest(topic="orders", body=body))
        asked: list[int] = []
        at = MessageAdmin.by_id

        async def counted(self: MessageAdmin, topic: str, message_id: str) -> MessageExt:
            asked.append(1)
            return await at(self, topic, message_id)

        monkeypatch.setattr(MessageAdmin, "by_id", counted)
        await typed(pilot, f":message/orders?id={sent.offset_msg_id}")
        lines = pilot.app.screen.query_one(TextLines)
        shown = []
        for _ in range(3):
            shown.append(said(pilot, "#facts").rpartition("Shown as ")[2].split()[0])
            await press(pilot, "b")
        assert shown == ["json", "hex", "text"]
        assert len(asked) == 1
        assert lines.virtual_size.height == 3
        await press(pilot, "w")
        assert lines.virtual_size.height == 5
        await press(pilot, "w", "b")
        for _ in range(9):
            await press(pilot, "right")
        assert lines.render_line(0).text.startswith("00000000")

    drive(server, ":overview", flow)


def test_a_dead_letter_is_looked_at_sent_again_and_exported(
    server: RocketMQBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        properties = {"RETRY_TOPIC": "orders", "RECONSUME_TIME": "16", "KEYS": "dead-1", "DELAY": "0"}
        await admin.messages.send(SendRequest(topic=DEAD, body=b"dead body", properties=properties))
        await typed(pilot, ":dead-letters/billing")
        assert [row[1:3] for row in rows(pilot)] == [["orders", "dead-1"]]
        await press(pilot, "s")
        assert isinstance(pilot.app.screen, ChangeScreen)
        assert "the journal does not keep that" in said(pilot, "#said")
        await typed(pilot, "yes")
        assert "it was sent to topic orders, broker-a queue 0, offset " in said(pilot, "#said")
        await press(pilot, "escape")
        found, _ = await admin.messages.query("orders", "dead-1")
        assert [message.body for message in found] == [b"dead body"]
        assert not {"RETRY_TOPIC", "RECONSUME_TIME", "DELAY"} & found[0].properties.keys()
        await admin.messages.send(SendRequest(topic=DEAD, body=b"another", properties=properties))
        await press(pilot, "r")
        assert len(rows(pilot)) == 2
        await press(pilot, "end", "space", "s")
        await typed(pilot, "yes")
        await press(pilot, "escape")
        assert len(detail(pilot).grid.marks) == 1, "what was sent again is exported, and nothing else"
        await press(pilot, "e")
        (path,) = (tmp_path / name for name in os.listdir(tmp_path) if name.startswith("dead-letters-billing-"))
        assert [json.loads(line)["body"] for line in path.read_text().splitlines()] == ["dead body"]
        assert path.stat().st_mode & 0o077 == 0
        path.unlink()
        monkeypatch.setattr(type(pilot.app), "is_web", True)
        await press(pilot, "e")
        assert [name for name in os.listdir(tmp_path) if name.startswith("dead-letters-")] == []

    drive(server, ":overview", flow)


def test_a_permission_is_changed_read_back_and_undone(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        async def perm() -> int | None:
            config = await admin.topics.config_at(server.broker, "orders")
            return None if config is None else config.perm

        await press(pilot, "x", "down", "enter")
        line = f"mqadmin updateTopicPerm -t orders -c DefaultCluster -p 4 -n {server.namesrv}"
        assert pilot.app.screen.query_one("#line").value == line  # type: ignore[attr-defined]
        assert "perm: 6 → 4" in said(pilot, "#said")
        await typed(pilot, "no")
        assert "'yes' was not typed" in said(pilot, "#confirm-caption")
        assert await perm() == 6
        pilot.app.screen.query_one("#confirm").value = ""  # type: ignore[attr-defined]
        await typed(pilot, "yes")
        assert "read back as wanted" in said(pilot, "#said")
        assert await perm() == 4
        await press(pilot, "u")
        assert "perm: 4 → 6" in said(pilot, "#said")
        await typed(pilot, "1")
        assert await perm() == 6
        await press(pilot, "escape")
        await typed(pilot, ":journal")
        assert [(row[0], row[3]) for row in rows(pilot)] == [("2", "done"), ("1", "undone")]

    drive(server, ":topic/orders", flow)


def test_without_write_the_key_says_why_nothing_is_changed(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        await press(pilot, "x")
        assert not isinstance(pilot.app.screen, ChangeScreen)
        (notice,) = pilot.app._notifications
        assert notice.message == "read-only: start the dashboard with --write to change things"

    drive(server, ":topic/orders", flow, write=False)


def test_every_part_of_every_screen_answers(server: RocketMQBroker) -> None:
    """None of them fails on a healthy pair."""

    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        wanted = (":topic/orders", ":messages/orders", ":broker/broker-a", f":name-server/{server.namesrv}", ":doctor")
        for address in wanted:
            pilot.app.go(parse(address))  # type: ignore[attr-defined]
            await settled(pilot)
            screen = detail(pilot)
            assert str(screen.address) == address
            failed = {key: section.failures for key, section in screen._sections.items() if section.failures}
            assert failed == {}
            assert not screen.waiting
            assert screen._sections.keys() == {part.key for part in screen._parts}

    drive(server, ":overview", flow)


def test_every_line_that_is_offered_is_one_that_its_command_takes(server: RocketMQBroker) -> None:
    async def flow(pilot: Pilot[None], admin: MQAdmin) -> None:
        changer = detail(pilot).context.changer
        assert changer is not None
        filled = {"TOPIC": "orders", "KEY": "flushDiskType", "VALUE": "ASYNC_FLUSH"}
        planned = set()
        for address in (":topic/orders", ":group/billing", ":broker/broker-a"):
            pilot.app.go(parse(address))  # type: ignore[attr-defined]
            await settled(pilot)
            offers = detail(pilot).offers()
            assert offers
            for offer in offers:
                plan = await changer.plan([filled.get(word, word) for word in offer.words])
                assert plan.recorded, offer
                assert (plan.to_type is not None) or not offer.words[0].startswith(("delete", "reset", "skip")), offer
                planned.add(offer.words[0])
        assert planned == {
            "updateTopicPerm", "updateTopic", "deleteTopic", "skipAccumulatedMessage", "resetOffsetByTime",
            "updateSubGroup", "setConsumeMode", "deleteSubGroup", "wipeWritePerm", "addWritePerm", "updateBrokerConfig",
        }  # fmt: skip

    drive(server, ":topic/orders", flow)
