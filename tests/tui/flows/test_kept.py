"""Brokers that die while screens of one thing are looked at, or before they are opened; keys that are held down."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable

import msgspec
import pytest
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.tui.model.broker_state import judged
from rocketmq_ops.tui.model.details import pace
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.moment import BrokerSeen, GroupSeen, Moment, TopicQueues, TopicSeen
from rocketmq_ops.tui.model.table import Health, Row
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_consumer_status import running
from tests.mqadmin.test_group_commands import online
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard
from tests.tui.flows.driving import at_rest, detail, press, rows, said, settled

GROUP = "billing"
#: Since when a broker is dead, before the moment that is shown, ms.
SILENT = 30_000


def two_brokers() -> FakeCluster:
    """Two queues of T on each, and a client for those of each, which differ in what they subscribe to."""
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in cluster.brokers.values():
        for topic, queues in (("T", 2), (f"%RETRY%{GROUP}", 1)):
            broker.add_topic(topic, queues)
        for queue in range(2):
            broker.ends["T", queue] = 100
            broker.committed[GROUP, "T", queue] = 95
        broker.groups[GROUP] = {"groupName": GROUP, "attributes": {}, "retryMaxTimes": 16}
        broker.consumers[GROUP] = online("c@1", "c@2")
        broker.running["c@1"] = running(("broker-a", 0), ("broker-a", 1))
        broker.running["c@2"] = running(("broker-b", 0), expression="A")
    return cluster


def seen(cluster: FakeCluster, *dead: str, unlisted: bool = False, after: int = SILENT) -> Moment:
    """The moment of the model, so long after these brokers have died."""
    time_ms = NOW_MS + (after if dead else 0)
    keys = [QueueKey("T", name, queue) for name in cluster.brokers for queue in range(2)]
    queues = [QueueOffsets(key, *((None, None) if key.broker in dead else (100, 95))) for key in keys]
    state = LagState.UNKNOWN if dead else LagState.OK
    lag = GroupLag(GROUP, state, None if dead else 20, "", [])
    now = Moment(
        time_ms=time_ms,
        topics={
            topic: TopicSeen(topic=topic, on={name: TopicQueues(2, 2, 6) for name in cluster.brokers}, in_rate=0.1)
            for topic in ("T", f"%DLQ%{GROUP}")
        },
        groups={GROUP: GroupSeen(group=GROUP, offsets=GroupOffsets(group=GROUP, queues=queues), lag=lag)},
    )
    for broker in cluster.brokers.values():
        now.brokers[broker.address] = found = BrokerSeen(
            address=broker.address, cluster="C1", broker_name=broker.name, broker_id=0, version="V5_3_3",
            figures={"in_rate": 1.5, "disk_ratio": 0.4}, settings={"flushDiskType": "ASYNC_FLUSH"}, answered_ms=time_ms,
        )  # fmt: skip
        if broker.name in dead:
            now.topics["T"].in_rate = None
            now.brokers[broker.address] = judged(msgspec.structs.replace(
                found, answered_ms=NOW_MS, failing_since=NOW_MS, unlisted_since=NOW_MS if unlisted else None,
                failure=Failure(broker.address, "connection refused", "start it"),
            ))  # fmt: skip
    return now


Flow = Callable[[Pilot[None], FakeCluster, FakeModel], Awaitable[None]]


def drive(
    at: str,
    flow: Flow,
    *dead: str,
    unlisted: bool = False,
    alive: bool = False,
    size: tuple[int, int] = (180, 40),
) -> None:
    """A flow over two brokers, of which these are dead when the screen is opened; `alive`: the second one answers, and
    no name server lists it."""

    async def test() -> None:
        cluster = two_brokers()
        model = FakeModel(seen(cluster, *dead, unlisted=unlisted))
        kill(cluster, *dead, unlisted=unlisted)
        if alive:
            at_b = cluster["broker-b"].address
            here = msgspec.structs.replace(model.now.brokers[at_b], unlisted_since=NOW_MS)
            model.now.brokers[at_b] = judged(here)
            del cluster.brokers["broker-b"]
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, at, admin=admin)
            async with app.run_test(size=size) as pilot:
                await press(pilot)
                await flow(pilot, cluster, model)

    asyncio.run(test())


def kill(cluster: FakeCluster, *names: str, unlisted: bool = False) -> None:
    for name in names:
        cluster.stop(cluster[name].address)
        if unlisted:
            del cluster.brokers[name]


async def dies(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel, *names: str) -> None:
    """They die, which the model knows half a minute later, and the screen asks."""
    kill(cluster, *names)
    model.turn(seen(cluster, *names))
    detail(pilot).ask()
    await settled(pilot)


async def answered(pilot: Pilot[None]) -> None:
    """All parts are answered, and none is to be asked once more."""
    screen = detail(pilot)
    while not screen._sections or screen._pace.wanted or screen.waiting:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    await at_rest(pilot)


def found(pilot: Pilot[None]) -> list[Row]:
    return list(detail(pilot).grid.rows)


def status(pilot: Pilot[None]) -> str:
    return "".join(text for text, _ in detail(pilot).status())


def parts(pilot: Pilot[None]) -> dict[str, str]:
    """The signs beside the titles."""
    screen = detail(pilot)
    return {
        part.key: "".join(text for text, _ in screen._part_title(at)[1:]).strip()
        for at, part in enumerate(screen._parts)
    }


def test_figures_of_brokers_that_died_since_are_marked_as_old_with_their_age() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        before = rows(pilot)
        assert before[0][:3] == ["broker-a", "0", "100"]
        assert {row.stale_since for row in found(pilot)} == {None}
        assert said(pilot, "#facts").startswith("Messages 400   In 0.1/s")
        await dies(pilot, cluster, model, "broker-a", "broker-b")
        assert rows(pilot) == before, "what was told last stays"
        signs = {(row.stale_since, row.health) for row in found(pilot)}
        assert signs == {(NOW_MS, Health.CRITICAL)}, "as their brokers are"
        assert "~ figures are from 30s before" in status(pilot)
        assert "ago" not in status(pilot), "an asking in vain makes nothing newer"
        assert "Messages ~400" in said(pilot, "#facts")
        assert f" does not answer since {time_of_day(NOW_MS)}: " in said(pilot, "#note")
        assert "In ?" in said(pilot, "#facts"), "the moment knows that it is not known"
        assert "connection refused" in said(pilot, "#note")
        assert parts(pilot)["queues"] == "✗"
        model.turn(seen(cluster, "broker-a", "broker-b", after=3 * MINUTE))
        detail(pilot).ask()
        await settled(pilot)
        assert "~ figures are from 3m before" in status(pilot)

    drive(":topic/T", flow)


def test_what_clients_said_through_brokers_that_died_is_not_how_they_are() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        await press(pilot, "tab")
        assert [row[:2] for row in rows(pilot)] == [["c@2", "has problems"], ["c@1", "answers"]]
        await dies(pilot, cluster, model, "broker-a", "broker-b")
        assert [row[:2] for row in rows(pilot)] == [["c@2", "has problems"], ["c@1", "?"]]
        assert [row.health for row in found(pilot)] == [Health.WARNING, Health.UNKNOWN]
        assert {row.stale_since for row in found(pilot)} == {NOW_MS}
        await press(pilot, "tab", "tab")
        assert detail(pilot).part == "problems"
        assert {row.stale_since for row in found(pilot)} == {NOW_MS}
        assert "nothing is wrong" not in said(pilot, "#note")

    drive(f":group/{GROUP}", flow)


def test_of_two_brokers_one_dies_and_what_it_told_stays_beside_the_other() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        figures = {row[2 - 1] + row[2]: row[4] for row in rows(pilot)}
        assert figures == {f"broker-{name}{queue}": "5" for name in "ab" for queue in range(2)}
        await press(pilot, "tab", "tab", "tab")
        wrong = {row.key for row in found(pilot)}
        assert wrong == {"different_subscription c@2 "}
        await dies(pilot, cluster, model, "broker-b")
        assert {row.key: row.stale_since for row in found(pilot)} == dict.fromkeys(wrong, NOW_MS)
        assert "nothing is wrong" not in said(pilot, "#note")
        assert parts(pilot) == {
            "queues": "✗", "clients": "?", "subscriptions": "!", "problems": "!", "given-up": "?", "settings": "?",
        }  # fmt: skip
        await press(pilot, "shift+tab", "shift+tab", "shift+tab")
        assert {(row.cells[1], row.stale_since) for row in found(pilot)} == {("broker-a", None), ("broker-b", NOW_MS)}
        old = [row for row in found(pilot) if row.stale_since is not None]
        assert {(row.health, row.cells[4]) for row in old} == {(Health.CRITICAL, 5)}
        assert {row.cells[3] for row in old} == {None}, "how they are is not known now"
        assert "Lag ?" in said(pilot, "#facts")
        await press(pilot, *["tab"] * 5)
        assert detail(pilot).part == "settings"
        assert {row.key: (row.cells[2:], row.stale_since, row.health) for row in found(pilot)} == {
            "groupName": ((GROUP, GROUP), NOW_MS, Health.UNKNOWN),
            "retryMaxTimes": ((16, 16), NOW_MS, Health.UNKNOWN),
        }, "what that broker told last stays in its column"

    drive(f":group/{GROUP}", flow)


@pytest.mark.parametrize("at", [":topic/T", f":group/{GROUP}"], ids=["topic", "group"])
def test_queues_of_a_broker_stay_that_name_servers_do_not_list_any_more(at: str) -> None:
    """They leave it out of routes as soon as its connection is gone."""

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        place = 0 if at.startswith(":topic") else 1
        kill(cluster, "broker-b", unlisted=True)
        model.turn(seen(two_brokers(), "broker-b", unlisted=True))
        detail(pilot)._admin = None  # what it holds of name servers is old
        detail(pilot).ask()
        await settled(pilot)
        old = [row for row in found(pilot) if row.cells[place] == "broker-b"]
        assert {(row.stale_since, row.health) for row in old} == {(NOW_MS, Health.CRITICAL)}
        assert len(old) == 2
        assert len(found(pilot)) == 4
        assert "connection refused" in said(pilot, "#note")
        assert ("Messages ?" if place == 0 else "Lag ?") in said(pilot, "#facts")
        assert parts(pilot)["queues"] == "✗"
        if place == 0:
            assert parts(pilot)["settings"] == "?"

    drive(at, flow)


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "not listed any more"])
def test_the_route_of_a_topic_has_brokers_that_are_dead_with_how_they_are(listed: bool) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        await press(pilot, "tab", "tab")
        alive, dead = found(pilot)
        assert (alive.cells[:2], alive.health) == (("broker-a", "ok"), Health.OK)
        assert (dead.cells[:2], dead.health) == (("broker-b", "no answer"), Health.CRITICAL)
        assert dead.cells[2:7] == ("C1", "read and write", 2, 2, two_brokers()["broker-b"].address)
        assert dead.stale_since == (None if listed else NOW_MS), "name servers tell of it"
        also = "" if listed else " (also: not listed)"
        assert f"✗ broker-b does not answer since {time_of_day(NOW_MS)}{also}: connection refused" in said(
            pilot, "#note"
        )
        assert parts(pilot)["route"] == "✗"

    drive(":topic/T", flow, "broker-b", unlisted=not listed)


@pytest.mark.parametrize("alive", [False, True], ids=["dead", "alive"])
def test_a_groups_settings_have_a_column_for_a_broker_that_no_name_server_lists(alive: bool) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        await press(pilot, *["tab"] * 5)
        table = detail(pilot).table
        assert table is not None
        assert [column.title for column in table.columns][2:] == ["broker-a", "broker-b"]
        assert {row[-1] for row in rows(pilot)} == {"?"}
        assert "broker-b" in said(pilot, "#note")
        assert parts(pilot)["settings"] == "?"

    drive(f":group/{GROUP}", flow, *([] if alive else ["broker-b"]), unlisted=True, alive=alive)


@pytest.mark.parametrize("at", [":topic/T", f":group/{GROUP}"], ids=["topic", "group"])
def test_a_broker_that_answers_and_is_not_listed_is_said_not_to_be_asked(at: str) -> None:
    """Name servers do not lead to it. What it tells of groups is known all the same."""

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        why = f"broker-b is not listed by any name server since {time_of_day(NOW_MS)}: it was not asked: no name server leads to it"
        place = 0 if at.startswith(":topic") else 1
        assert why in said(pilot, "#note")
        mine = [row for row in found(pilot) if row.cells[place] == "broker-b"]
        assert {(row.health, row.stale_since) for row in mine} == {(Health.CRITICAL, None)}
        assert len(mine) == 2
        if place == 1:
            assert {row.cells[4] for row in mine} == {5}
            assert "Lag 20" in said(pilot, "#facts")
            await press(pilot, "tab")
            assert why in said(pilot, "#note")
            assert "Clients ?" in said(pilot, "#facts")
        else:
            assert "Messages ?" in said(pilot, "#facts")
            await press(pilot, "tab", "tab")
            assert [row[:2] for row in rows(pilot)] == [["broker-a", "ok"], ["broker-b", "not listed"]]
            assert [row.health for row in found(pilot)] == [Health.OK, Health.CRITICAL]

    drive(at, flow, unlisted=True, alive=True)


@pytest.mark.parametrize("unlisted", [False, True], ids=["listed", "not listed any more"])
def test_a_client_may_be_on_a_broker_that_does_not_tell(unlisted: bool) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        note = said(pilot, "#note")
        assert "is online" in note
        assert f"broker-b does not answer since {time_of_day(NOW_MS)}" in note
        assert set(parts(pilot).values()) == {"✗", ""}, "threads were not asked for"

    drive(f":client/c@3?group={GROUP}", flow, "broker-b", unlisted=unlisted)


@pytest.mark.parametrize("screen", ["messages/T", f"dead-letters/{GROUP}"])
def test_messages_on_a_broker_that_no_name_server_lists_are_not_looked_at_and_that_is_said(screen: str) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        assert f"broker-b does not answer since {time_of_day(NOW_MS)} (also: not listed)" in said(pilot, "#note")
        assert "no dead letters" not in said(pilot, "#note")
        assert list(parts(pilot).values()) == ["✗"]

    drive(f":{screen}", flow, "broker-b", unlisted=True)


@pytest.mark.parametrize(
    ("at", "what"), [(":topic/T", (None, None, None, None)), (f":group/{GROUP}", (None, None))], ids=["topic", "group"]
)
def test_queues_of_a_broker_that_was_dead_before_are_listed_as_unknown(at: str, what: tuple[None, ...]) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        place = 0 if at.startswith(":topic") else 1
        dead = [row for row in found(pilot) if row.cells[place] == "broker-b"]
        assert [row.cells[place + 1] for row in dead] == [0, 1]
        assert {row.health for row in dead} == {Health.CRITICAL}, "as the broker is"
        figures = [row.cells[2:6] if place == 0 else row.cells[4:6] for row in dead]
        assert set(figures) == {what}
        assert len(found(pilot)) == 4
        assert parts(pilot)["queues"] == "✗"

    drive(at, flow, "broker-b")


def test_who_consumes_a_topic_on_a_dead_broker_alone_is_listed() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        await press(pilot, "tab")
        assert [row[0] for row in rows(pilot)] == [GROUP]
        for key in list(cluster["broker-a"].committed):
            del cluster["broker-a"].committed[key]
        detail(pilot).ask()
        await settled(pilot)
        assert [row[:2] for row in rows(pilot)] == [[GROUP, "unknown"]]
        assert parts(pilot)["groups"] == "?"

    drive(":topic/T", flow, "broker-b")


@pytest.mark.parametrize("unlisted", [False, True], ids=["listed", "not listed any more"])
def test_a_broker_that_was_dead_before_says_so_on_each_part(unlisted: bool) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        for _ in range(5):
            part = detail(pilot).part
            facts, note = said(pilot, "#facts"), said(pilot, "#note")
            assert "State ✗ does not answer" in facts, part
            assert "Dead since ✗ 30s ago" in facts, part
            assert ("Also ✗ is not listed by any name server" in facts) is unlisted, part
            assert "connection refused" in note, part
            assert "no name server lists" not in note, part
            assert "it has no slave" not in note, part
            assert parts(pilot)[part] == "✗", part
            if part in ("figures", "statistics"):
                assert ["Disk used", "40 %"] in [row[:2] for row in rows(pilot)]
            if part == "configuration":
                assert rows(pilot)[0][0] == "flushDiskType"
            if part in ("figures", "statistics", "configuration"):
                assert {row.stale_since for row in found(pilot)} == {NOW_MS}, part
                assert {row.health for row in found(pilot)}.isdisjoint({Health.OK, Health.INFO}), part
                assert "~ figures are from 30s before" in status(pilot), part
            else:
                assert rows(pilot) == [], part
            await press(pilot, "tab")

    drive(":broker/broker-b", flow, "broker-b", unlisted=unlisted)


def test_a_topic_without_a_route_is_there_as_long_as_its_brokers_are_silent() -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        note = said(pilot, "#note")
        for name in "ab":
            assert f"broker-{name} does not answer since {time_of_day(NOW_MS)} (also: not listed): " in note
        assert "no route for topic 'T'" in note
        assert [row[:2] for row in rows(pilot)] == [[f"broker-{name}", str(at)] for name in "ab" for at in range(2)]
        assert parts(pilot) == {"queues": "✗", "groups": "✗", "route": "✗", "settings": "✗"}
        await press(pilot, "tab", "tab")
        assert {row.stale_since for row in found(pilot)} == {NOW_MS}

    drive(":topic/T", flow, "broker-a", "broker-b", unlisted=True)


def test_a_server_that_is_silent_holds_up_its_own_part_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        held = asyncio.Event()
        invoke = cluster.transport.invoke

        async def silent(addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
            if command.code == Code.GET_CONSUMER_RUNNING_INFO:
                asked[command.code] += 1
                await held.wait()
            return await invoke(addr, command, timeout_ms)

        asked: Counter[int] = Counter()
        monkeypatch.setattr(cluster.transport, "invoke", silent)
        screen = detail(pilot)
        try:
            for end in (200, 300):
                cluster["broker-a"].groups[GROUP]["retryMaxTimes"] = end
                screen._ask_in_turn()
                while "settings" in screen._pace.waiting:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
                settings = screen._sections["settings"].table
                assert settings is not None
                assert end in next(row.cells for row in settings.rows if row.key == "retryMaxTimes")
                assert screen._pace.waiting >= {"clients", "problems"}
            assert asked[Code.GET_CONSUMER_RUNNING_INFO] == 2, "clients that are being asked are not asked again"
        finally:
            held.set()
        await settled(pilot)
        assert not screen.waiting

    drive(f":group/{GROUP}", flow)


@pytest.mark.parametrize(
    "at",
    [f":group/{GROUP}", ":topic/T", ":broker/broker-a", ":doctor", ":messages/T?tag=x", ":client/c@1?group=billing"],
)
def test_a_key_that_is_held_down_is_not_the_load(at: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty times `r` are one asking more at most, in the time in which no two are made."""

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        screen, sent = detail(pilot), cluster.transport.sent
        await answered(pilot)
        sent.clear()
        screen._admin = None
        screen.ask()
        await answered(pilot)
        once = len(sent)
        assert once
        with monkeypatch.context() as patched:
            patched.setattr(pace, "LEAST", 3600.0)
            screen.ask()
            await answered(pilot)
            sent.clear()
            for _ in range(30):
                await pilot.press("r")
            await at_rest(pilot)
            assert len(sent) == 0
            assert "asking …" in status(pilot), "it is in hand"
        screen._pace._soonest.clear()
        screen._resting = False
        screen._ask_wanted()
        await answered(pilot)
        assert 0 < len(sent) <= once

    drive(at, flow)


def test_of_a_slow_server_a_key_that_is_held_down_asks_once_more_behind_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "LEAST", 0.0)
    monkeypatch.setattr(pace, "REST", 0.0)

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        held, asked = asyncio.Event(), Counter[str]()
        invoke = cluster.transport.invoke

        async def slow(addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
            asked[addr] += 1
            if addr == address:
                await held.wait()
            return await invoke(addr, command, timeout_ms)

        address = cluster["broker-a"].address
        monkeypatch.setattr(cluster.transport, "invoke", slow)
        for _ in range(30):
            await pilot.press("r")
        await at_rest(pilot)
        in_flight = asked[address]
        assert 0 < in_flight <= 5
        held.set()
        await settled(pilot)
        assert asked[address] <= 5 * 2 + 2, "of each part one more"

    drive(":broker/broker-a", flow)


@pytest.mark.parametrize("at", [":topic/T", f":group/{GROUP}"], ids=["topic", "group"])
def test_queues_of_a_moment_have_the_sign_of_a_broker_that_was_dead_then(at: str) -> None:
    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        part = next(part for part in detail(pilot)._parts if part.key == "queues")
        assert part.past is not None
        assert part.broker is not None
        section = part.past(model.now)
        assert section is not None
        assert section.table is not None
        signs = {part.broker(row): row.health for row in section.table.rows}
        assert signs["broker-b"] is Health.CRITICAL
        assert signs["broker-a"] is not Health.CRITICAL

    drive(at, flow, "broker-b")
