"""Answers are of now: also while a recorded moment is shown, and of nothing that was known before and is no answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.tui.model.details import pace
from rocketmq_ops.tui.model.details.broker import known_configuration
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.moment import BrokerSeen, ClientSeen, Moment
from rocketmq_ops.tui.model.periods import SETTINGS
from rocketmq_ops.tui.model.recorded import _brokers
from rocketmq_ops.tui.model.recording import Kept, run_of
from rocketmq_ops.tui.model.table import Health
from tests.mqadmin.fake_cluster import FakeCluster
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard
from tests.tui.flows.driving import detail, press, rows, said, settled
from tests.tui.flows.test_kept import GROUP, dies, drive, found, kill, parts, seen, status, two_brokers

KEY = "innerClientAuthenticationCredentials"


def with_secrets(now: Moment, **settings: str) -> Moment:
    """A moment that has told settings of brokers, without their secrets."""
    for address, broker in now.brokers.items():
        if broker.broker_name in settings:
            told = {KEY: settings[broker.broker_name], "flushDiskType": "ASYNC_FLUSH"}
            now.brokers[address] = msgspec.structs.replace(broker, settings=told)
    return now


@pytest.mark.parametrize("dead", [True, False], ids=["dead", "refused"])
def test_secrets_in_settings_of_before_are_not_said_to_be_those_of_another_broker(dead: bool) -> None:
    """Of a broker that does not tell its configuration now the moment has them, without secrets."""

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        for name, value in (("broker-a", "one"), ("broker-b", "other")):
            cluster[name].config[KEY] = value
        detail(pilot).ask()
        await press(pilot, "tab", "tab")
        assert detail(pilot).part == "configuration"
        assert next(row.cells[1] for row in found(pilot) if row.key == KEY) == "between them"
        now = seen(cluster, *(("broker-a",) if dead else ()))
        address = cluster["broker-a"].address
        now.brokers[address].settings_since = NOW_MS - MINUTE
        if dead:
            kill(cluster, "broker-a")
        else:
            cluster.transport.on(address, Code.GET_BROKER_CONFIG, refused)
        model.turn(with_secrets(now, **{"broker-a": "(removed)"}))
        detail(pilot).ask()
        await settled(pilot)
        row = next(row for row in found(pilot) if row.key == KEY)
        assert (row.cells[1:4], row.health) == (("not known", "(removed)", "(removed)"), Health.UNKNOWN)
        assert {row.stale_since for row in found(pilot)} == {NOW_MS - MINUTE}
        assert parts(pilot)["configuration"] == "✗"
        assert "~ figures are from" in status(pilot)

    drive(":broker/broker-a", flow)


def refused(command: RemotingCommand) -> RemotingCommand:
    return command.reply(ResponseCode.NO_PERMISSION, "no right")


def test_since_when_a_broker_does_not_tell_its_settings_is_known_and_recorded() -> None:
    known, at = Known(), "10.0.0.1:10911"
    known.brokers[at] = BrokerSeen(address=at, cluster="C1", broker_name="broker-a", broker_id=0)

    def round_of(minute: int, *, tells: bool) -> BrokerSeen:
        known.runtime(at, {}, NOW_MS + minute * MINUTE)
        if tells:
            known.settings(at, {"flushDiskType": "ASYNC_FLUSH"})
        else:
            known.failed(at, SETTINGS, Failure(at, "no right", ""), NOW_MS + minute * MINUTE)
        return known.brokers[at]

    assert [round_of(minute, tells=True).settings_since for minute in range(2)] == [None, None]
    assert [round_of(minute, tells=False).settings_since for minute in (2, 3)] == [NOW_MS + MINUTE] * 2
    now = Moment(time_ms=NOW_MS + 3 * MINUTE, brokers=dict(known.brokers))
    run = run_of(Kept(now))
    figures = {(figure.name, figure.target): figure.value for figure in run.figures}
    (then,) = _brokers(figures, run.texts, now.time_ms).values()
    assert then == now.brokers[at]
    section = known_configuration("broker-a", now)
    assert section is not None and section.table is not None
    assert {row.stale_since for row in section.table.rows} == {NOW_MS + MINUTE}
    assert round_of(4, tells=True).settings_since is None


async def live_again(pilot: Pilot[None], model: FakeModel) -> None:
    model.go_live()
    detail(pilot).draw()
    await settled(pilot)


@pytest.mark.parametrize(
    "look", [FakeModel.pause, lambda model: model.seek(NOW_MS - 50 * MINUTE)], ids=["pause", "back"]
)
def test_ages_of_what_was_asked_while_another_moment_was_shown(
    look: Callable[[FakeModel], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "LEAST", 0.0)
    monkeypatch.setattr(pace, "REST", 0.0)

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        before = rows(pilot)
        model.past.insert(0, seen(cluster, after=0))
        model.past[0].time_ms = NOW_MS - 50 * MINUTE
        look(model)
        later = seen(cluster)
        later.time_ms = NOW_MS + 5 * MINUTE
        model.turn(later)
        await press(pilot, "r")
        await live_again(pilot, model)
        assert "ago" not in status(pilot), "it is fresh"
        assert (rows(pilot), {row.stale_since for row in found(pilot)}) == (before, {None})
        look(model)
        await dies(pilot, cluster, model, "broker-a", "broker-b")
        await live_again(pilot, model)
        assert model.mode is Mode.LIVE
        assert rows(pilot) == before, "what was told last stays"
        assert {row.stale_since for row in found(pilot)} == {later.time_ms}
        assert "connection refused" in said(pilot, "#note")

    drive(":topic/T", flow)


def test_what_is_asked_while_a_recorded_moment_is_shown_is_judged_by_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "LEAST", 0.0)
    monkeypatch.setattr(pace, "REST", 0.0)

    async def flow(pilot: Pilot[None], cluster: FakeCluster, model: FakeModel) -> None:
        old = seen(cluster)
        old.time_ms, old.topics["T"].in_rate = NOW_MS - 50 * MINUTE, 7.0
        model.past.insert(0, old)
        model.seek(old.time_ms)
        await press(pilot, "r")
        await live_again(pilot, model)
        assert "In 0.1/s" in said(pilot, "#facts")

    drive(":topic/T", flow)


def client_seen(now: Moment) -> Moment:
    now.clients = {"c@1": ClientSeen(client_id="c@1", address="", language="JAVA", version="", groups=(GROUP,))}
    return now


@pytest.mark.parametrize("replay", [False, True], ids=["live", "replay"])
def test_a_screen_whose_parts_were_not_known_has_them_with_r(replay: bool) -> None:
    async def test() -> None:
        cluster = two_brokers()
        model = FakeModel(seen(cluster))
        if replay:
            model.past.insert(0, client_seen(seen(cluster)))
            model.past[0].time_ms = NOW_MS - MINUTE
            model.seek(NOW_MS)
        async with MQAdmin([cluster.namesrv], transport=cluster.transport) as admin:
            app = dashboard(model, ":client/c@1?part=settings", admin=None if replay else admin)
            async with app.run_test(size=(180, 40)) as pilot:
                await settled(pilot)
                assert "no consumer group of client 'c@1' is known" in said(pilot, "#note")
                if replay:
                    model.seek(NOW_MS - MINUTE)
                else:
                    model.turn(client_seen(seen(cluster)))
                await press(pilot, "r")
                screen = detail(pilot)
                assert [part.key for part in screen._parts] == ["queues", "subscriptions", "settings", "threads"]
                assert screen.part == "settings", "the part that the address names"
                assert "is known" not in said(pilot, "#note")
                if not replay:
                    assert "PROP_CONSUME_TYPE" in [row[0] for row in rows(pilot)]

    asyncio.run(test())
