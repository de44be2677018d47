"""Groups as the prober sees them: lag by trend, retry storms, dead letters; and that it keeps its hands off them."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_send import SendRequest, outgoing_of
from rocketmq_ops.client.admin.topics.topic_change import TopicSettings
from rocketmq_ops.client.api.offsets import update_consumer_offset
from rocketmq_ops.client.api.send import send
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.consumer.listener import ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, Run
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.housekeeping.probe import groups, prober
from rocketmq_ops.housekeeping.probe.expectations import Limits
from rocketmq_ops.housekeeping.probe.keeping_up import judge_gone
from rocketmq_ops.housekeeping.probe.names import PREFIX, is_probers
from rocketmq_ops.housekeeping.probe.report import ProbeReport
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.bodies import (
    Connection,
    ConsumerConnection,
    ConsumerRunningInfo,
    ProcessQueueInfo,
    SubscriptionData,
)
from rocketmq_ops.remoting.bodies.enums import (
    BROADCASTING,
    CLUSTERING,
    CONSUME_ACTIVELY,
    CONSUME_PASSIVELY,
    ConsumeType,
)
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.housekeeping.probe.faulty import CALM, Faulty, probed, probed_beside
from tests.mqadmin.replay import round_trip


class Cluster:
    """A pair with a topic, a group that has consumed a part of it, and its retry and dead-letter topics."""

    def __init__(self, pair: RocketMQBroker, name: str) -> None:
        self.topic, self.group = f"Orders{name}", f"Billing{name}"
        self.retry, self.dead = f"%RETRY%{self.group}", f"%DLQ%{self.group}"
        self.namesrv = pair.namesrv
        self.broker = pair.broker

    async def make(self) -> None:
        async with MQAdmin([self.namesrv]) as admin:
            settings = TopicSettings(read_queue_nums=1, write_queue_nums=1)
            for topic in (self.topic, self.retry, self.dead):
                await admin.topics.update(topic, settings, broker_addr=self.broker)
            await admin.groups.update(self.group, _settings(), broker_addr=self.broker)
        await self.put(self.topic, 3)
        await self.commit(self.topic, 1)
        await self.commit(self.retry, 0)

    async def put(self, topic: str, count: int, queue_id: int = 0) -> None:
        async with OwnSession() as session:
            for number in range(count):
                outgoing = outgoing_of(SendRequest(topic=topic, body=f"{number}".encode()))
                await send(session, self.broker, outgoing, "P", MessageQueue(topic, "broker-a", queue_id))

    async def commit(self, topic: str, offset: int) -> None:
        async with OwnSession() as session:
            await update_consumer_offset(session, self.broker, self.group, topic, 0, offset)


def _settings() -> Any:
    from rocketmq_ops.client.admin.groups.group_change import GroupSettings

    return GroupSettings()


class OwnSession:
    async def __aenter__(self) -> Session:
        self._session = Session(RemotingClient(), timeout_ms=10_000)
        return self._session

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture
def cluster(pair: RocketMQBroker, request: pytest.FixtureRequest) -> Cluster:
    """With a topic and a group of the test's own."""
    made = Cluster(pair, f"{zlib.crc32(request.node.name.encode()):08x}")
    asyncio.run(made.make())
    return made


def of(cluster: Cluster, report: ProbeReport) -> dict[str, Finding]:
    """What was found of the test's group."""
    return {finding.id: finding for finding in report.findings if finding.target == cluster.group}


def test_a_group_is_judged_by_its_offsets_over_several_runs(cluster: Cluster, tmp_path: Path) -> None:
    first = probed(Faulty(), cluster.namesrv)
    [state] = [state for state in first.groups if state.group == cluster.group]
    assert (state.group, state.lag, state.members, state.topics) == (
        cluster.group,
        2,
        0,
        {cluster.topic: 2, cluster.retry: 0},
    )
    assert (state.state, of(cluster, first)) == (LagState.UNKNOWN, {}), "without a history nothing is judged"
    with History.open(tmp_path / "history.sqlite") as history:
        idle = [probed(Faulty(), cluster.namesrv, history=history) for _ in range(3)]
        assert of(cluster, idle[-1])["probe.group-offline"].severity is Severity.INFO, "unused as long as is known"
        asyncio.run(cluster.commit(cluster.topic, 2))
        probed(Faulty(), cluster.namesrv, history=history)
        after = probed(Faulty(), cluster.namesrv, history=history)
        assert of(cluster, after)["probe.group-offline"].severity is Severity.WARNING
        asyncio.run(cluster.commit(cluster.topic, 3))
        assert of(cluster, probed(Faulty(), cluster.namesrv, history=history)) == {}
        span = history.span()
        assert span is not None and span.runs == 6


def test_a_queue_that_never_had_a_message_leaves_nothing_to_ask_about(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The group has no offset of it, and everything consumed of the others."""
    monkeypatch.setattr(groups, "_MOST_QUIET", 0)  # it is not its turn

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin:
            settings = TopicSettings(read_queue_nums=2, write_queue_nums=2)
            await admin.topics.update(cluster.topic, settings, broker_addr=cluster.broker)
        await cluster.commit(cluster.topic, 3)

    asyncio.run(make())
    transport = Faulty()
    report = probed(transport, cluster.namesrv)
    [state] = [state for state in report.groups if state.group == cluster.group]
    assert (state.state, state.lag, state.topics) == (LagState.OK, 0, {cluster.topic: 0, cluster.retry: 0})
    asked = [command.ext_fields for _, command in transport.asked if command.code == Code.GET_CONSUMER_CONNECTION_LIST]
    assert cluster.group not in [fields["consumerGroup"] for fields in asked]


def test_a_retry_storm_is_seen_in_its_first_run(cluster: Cluster) -> None:
    async def storm(addr: str, command: Any, forward: Any) -> Any:
        await cluster.put(cluster.retry, 30)
        return await forward()

    limits = {**CALM.limits, "retryRate": Limits(1, 2)}
    report = probed(Faulty(SEND_MESSAGE_V2=storm), cluster.namesrv, wanted=msgspec.structs.replace(CALM, limits=limits))
    storm_found = of(cluster, report)["probe.retry-storm"]
    assert storm_found.severity is Severity.CRITICAL
    assert storm_found.evidence.startswith("it sent back 60 messages in ")


def test_rates_since_the_run_before(cluster: Cluster, tmp_path: Path) -> None:
    limits = {**CALM.limits, "retryRate": Limits(1, None), "deadLetterRate": Limits(0, None)}
    wanted = msgspec.structs.replace(CALM, limits={**limits, "deadLetterLeft": Limits(80 * 3_600_000, None)})
    asyncio.run(cluster.put(cluster.dead, 1))
    with History.open(tmp_path / "history.sqlite") as history:
        first = probed(Faulty(), cluster.namesrv, wanted=wanted, history=history)
        assert "probe.dead-letters-expire" in of(cluster, first), "kept for 72 h"
        asyncio.run(cluster.put(cluster.retry, 25))
        asyncio.run(cluster.put(cluster.dead, 2))
        second = probed(Faulty(), cluster.namesrv, wanted=wanted, history=history)
    found = {name: finding.evidence for name, finding in of(cluster, second).items()}
    assert found.keys() >= {"probe.retry-storm", "probe.dead-letters", "probe.dead-letters-expire"}
    assert found["probe.dead-letters"].startswith("it gave up 2 messages in ")
    assert found["probe.dead-letters"].endswith("3 dead letters are there")
    assert found["probe.retry-storm"].startswith("it sent back 25 messages in ")


def test_a_few_messages_sent_back_are_no_storm(cluster: Cluster, tmp_path: Path) -> None:
    wanted = msgspec.structs.replace(CALM, limits={**CALM.limits, "retryRate": Limits(0, 0)})
    with History.open(tmp_path / "history.sqlite") as history:
        probed(Faulty(), cluster.namesrv, wanted=wanted, history=history)
        asyncio.run(cluster.put(cluster.retry, 3))
        report = probed(Faulty(), cluster.namesrv, wanted=wanted, history=history)
    assert [m.severity for m in report.measures if (m.name, m.target) == ("retryRate", cluster.group)] == [Severity.OK]


def test_nothing_of_an_application_is_read_or_written(cluster: Cluster) -> None:
    """All that the prober sends, to name server and broker, while topics and groups of an application are there."""
    asyncio.run(cluster.put(cluster.dead, 1))
    transport = Faulty()
    assert probed(transport, cluster.namesrv, wanted=msgspec.structs.replace(CALM, delay_level=1)).failures == []
    named: dict[Code, set[str]] = {}
    for _, command in transport.asked:
        fields: dict[str, Any] = command.ext_fields
        body = command.body_bytes.decode(errors="replace")
        names = {fields[key] for key in ("topic", "b", "consumerGroup", "a", "groupName") if fields.get(key)}
        named.setdefault(Code(command.code), set()).update(names | ({PREFIX} if PREFIX in body else set()))
    of_the_prober = {
        Code.UPDATE_AND_CREATE_TOPIC,
        Code.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
        Code.GET_MAX_OFFSET,
        Code.PULL_MESSAGE,
        Code.SEND_MESSAGE_V2,
        Code.DELETE_TOPIC_IN_BROKER,
        Code.DELETE_TOPIC_IN_NAMESRV,
        Code.DELETE_SUBSCRIPTIONGROUP,
    }
    for code in of_the_prober:
        assert named[code] and all(is_probers(name) for name in named[code]), (code, named[code])
    # What else is asked are questions: routes, figures and offsets.
    assert named.keys() - of_the_prober == {
        Code.GET_BROKER_CLUSTER_INFO,
        Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,
        Code.GET_ROUTEINFO_BY_TOPIC,
        Code.GET_BROKER_RUNTIME_INFO,
        Code.GET_BROKER_CONFIG,
        Code.GET_TOPIC_CONFIG,
        Code.GET_ALL_TOPIC_CONFIG,
        Code.GET_BROKER_CONSUME_STATS,
        Code.GET_ALL_CONSUMER_OFFSET,
        Code.GET_CONSUMER_CONNECTION_LIST,
        Code.GET_TOPIC_STATS_INFO,
        Code.GET_EARLIEST_MSG_STORETIME,
    }


def test_who_holds_the_queue_of_a_group_that_stands(cluster: Cluster, tmp_path: Path) -> None:
    async def run(history: History) -> tuple[ProbeReport, str]:
        got, end = asyncio.Event(), asyncio.Event()

        async def never_done(messages: object, context: object) -> ConsumeResult:
            got.set()
            await end.wait()
            return ConsumeResult.RECONSUME_LATER

        consumer = PushConsumer(cluster.group, never_done, ClientOptions(name_servers=[cluster.namesrv]))
        async with consumer:
            consumer.subscribe(cluster.topic)
            await asyncio.wait_for(got.wait(), 20)
            for _ in range(3):
                report = await probed_beside(Faulty(), cluster.namesrv, history=history)
            end.set()
            return report, consumer.instance.client_id

    with History.open(tmp_path / "history.sqlite") as history:
        report, client_id = asyncio.run(run(history))
    evidence = of(cluster, report)["probe.group-stalled"].evidence
    assert evidence.endswith(f"; the queue is held by the client {client_id}")


def test_a_broker_that_the_name_servers_forgot(cluster: Cluster, tmp_path: Path) -> None:
    async def none(addr: str, command: Any, forward: Any) -> Any:
        return command.reply(body=b'{"brokerAddrTable":{},"clusterAddrTable":{}}')

    with History.open(tmp_path / "history.sqlite") as history:
        assert "probe.broker-gone" not in {f.id for f in probed(Faulty(), cluster.namesrv, history=history).findings}
        for _ in range(2):
            report = probed(Faulty(GET_BROKER_CLUSTER_INFO=none), cluster.namesrv, history=history)
            [gone] = [finding for finding in report.findings if finding.id == "probe.broker-gone"]
            assert (gone.target, gone.severity) == ("broker-a", Severity.CRITICAL)
            assert f"the master at {cluster.broker} was registered" in gone.evidence


A1, A2, A3 = ("c/a at h1:1", "c/a at h2:1", "c/a at h3:1")


@pytest.mark.parametrize(
    ("before", "now", "found"),
    [
        ([{A1: 0}], {A2: 0}, []),  # moved
        ([{A1: 0}, {A2: 0}], {A2: 0}, []),  # and is still there
        ([{A1: 0, A2: 1}], {A3: 0, A2: 1}, []),
        ([{A1: 0, A2: 1}], {A1: 0, A3: 1}, []),
        ([{A1: 0}], {}, [("a", Severity.CRITICAL, "the master at h1:1")]),
        ([{A1: 0}], {"c/b at h2:1": 0}, [("a", Severity.CRITICAL, "the master at h1:1")]),
        ([{A1: 0, A2: 1}], {A2: 1}, [("a", Severity.CRITICAL, "the master at h1:1")]),
        ([{A1: 0, A2: 1}], {A2: 0}, [("a", Severity.WARNING, "the master at h1:1")]),  # the slave took over
        ([{A1: 0, A2: 1}], {A1: 0}, [("a", Severity.WARNING, "a slave at h2:1")]),
        ([{A1: 0}, {A2: 0}], {}, [("a", Severity.CRITICAL, "the master at h2:1")]),
    ],
)
def test_who_is_gone_and_who_has_moved(
    tmp_path: Path, before: list[dict[str, int]], now: dict[str, int], found: list[tuple[str, Severity, str]]
) -> None:
    report = ProbeReport(timestamp=0)
    with History.open(tmp_path / "history.sqlite") as history:
        for minute, registered in enumerate(before):
            figures = [Figure("probe.registered", place, number) for place, number in registered.items()]
            history.append(Run(time_ms=1 + minute * 60_000, figures=figures))
        judge_gone(history, report, now, len(before) * 60_000)
    assert [(f.target, f.severity, f.evidence.partition(" was")[0]) for f in report.findings] == found
    took_over = [f.severity for f in report.findings if f.evidence.endswith("; another is the master")]
    assert took_over == [severity for _, severity, what in found if severity == "warning" and "master" in what]


@pytest.mark.parametrize("model", [BROADCASTING, CLUSTERING])
def test_a_connected_group_without_an_offset_is_unknown_and_not_without_lag(cluster: Cluster, model: str) -> None:
    name = f"Silent{model}"

    async def connected(addr: str, command: Any, forward: Any) -> Any:
        if round_trip(command).ext_fields["consumerGroup"] != name:
            return await forward()
        body = ConsumerConnection(
            connection_set=[Connection(client_id="c1"), Connection(client_id="c2")],
            message_model=model,
            subscription_table={cluster.topic: SubscriptionData(topic=cluster.topic)},
        )
        return command.reply(body=body.encode())

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin:
            await admin.groups.update(name, _settings(), broker_addr=cluster.broker)

    asyncio.run(make())
    without = probed(Faulty(), cluster.namesrv)
    assert name not in {state.group for state in without.groups}, "nobody is connected"
    report = probed(Faulty(GET_CONSUMER_CONNECTION_LIST=connected), cluster.namesrv)
    [state] = [state for state in report.groups if state.group == name]
    assert (state.state, state.lag, state.members, state.topics) == ("unknown", None, 2, {cluster.topic: None})
    found = [f.severity for f in report.findings if (f.id, f.target) == ("probe.group-without-offset", name)]
    assert found == ([] if model == BROADCASTING else [Severity.INFO])


@pytest.mark.parametrize(
    ("kind", "retried", "expected"),
    [
        (CONSUME_PASSIVELY, False, "stalled"),
        (CONSUME_PASSIVELY, True, "stalled"),
        (CONSUME_ACTIVELY, False, "unknown"),
        (CONSUME_ACTIVELY, True, "unknown"),
    ],
)
def test_a_group_that_hangs_at_its_first_message(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ConsumeType, retried: bool, expected: str
) -> None:
    """It has no offset, or of its retry topic alone, which clients commit at once. One that pulls by itself may keep
    its offsets elsewhere."""
    name = f"{cluster.group}Hangs"
    connected = connected_to(name, kind, cluster.topic, f"%RETRY%{name}", "OfNoBroker")

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin, OwnSession() as session:
            await admin.groups.update(name, _settings(), broker_addr=cluster.broker)
            if retried:
                settings = TopicSettings(read_queue_nums=1, write_queue_nums=1)
                await admin.topics.update(f"%RETRY%{name}", settings, broker_addr=cluster.broker)
                await update_consumer_offset(session, cluster.broker, name, f"%RETRY%{name}", 0, 0)

    asyncio.run(make())
    begin = now_ms()
    states = []
    with History.open(tmp_path / "history.sqlite") as history:
        for number in range(4):
            for module in (prober, groups):
                monkeypatch.setattr(module, "now_ms", lambda time_ms=begin + number * 60_000: time_ms)
            report = probed(Faulty(GET_CONSUMER_CONNECTION_LIST=connected), cluster.namesrv, history=history)
            [state] = [state for state in report.groups if state.group == name]
            assert (state.lag, state.members, state.topics[cluster.topic]) == (None, 1, None)
            states.append(state.state)
            asyncio.run(cluster.put(cluster.topic, 1))
    assert states == ["unknown"] * 3 + [expected]
    assert not [failure for failure in report.failures if "OfNoBroker" in failure.target]
    [found] = [finding for finding in report.findings if finding.target == name]
    if expected == "stalled":
        assert (found.id, found.severity) == ("probe.group-stalled", Severity.CRITICAL)
        assert "committed no offset of it in 3 min, and 3 messages came meanwhile" in found.evidence
    else:
        assert (found.id, found.severity) == ("probe.group-without-offset", Severity.INFO)


@pytest.mark.parametrize(
    ("first_held", "apart_ms", "expected"),
    [
        ([5, 5, 5], 60_000, ["unknown", "stalled", "stalled"]),
        ([5, 6, 6], 60_000, ["unknown", "unknown", "stalled"]),
        ([5, 6, 7], 60_000, ["unknown"] * 3),
        ([None, None, None], 60_000, ["unknown"] * 3),
        ([5, 5, 5], 5_000, ["unknown"] * 3),
    ],
    ids=["hangs", "hangs later", "takes", "nothing waits", "runs close to each other"],
)
def test_a_group_that_pulls_and_takes_nothing_is_told_by_its_clients(
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    first_held: list[int | None],
    apart_ms: int,
    expected: list[str],
) -> None:
    """`DefaultLitePullConsumer` of 5.x says which messages wait in it; by the second run it is known."""
    name = f"{cluster.group}Pulls"
    connected = connected_to(name, CONSUME_ACTIVELY, cluster.topic)
    waiting: list[int | None] = []

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin:
            await admin.groups.update(name, _settings(), broker_addr=cluster.broker)

    async def running(addr: str, command: Any, forward: Any) -> Any:
        if round_trip(command).ext_fields["consumerGroup"] != name:
            return await forward()
        held = waiting[-1]
        queue = ProcessQueueInfo() if held is None else ProcessQueueInfo(cached_msg_count=3, cached_msg_min_offset=held)
        info = ConsumerRunningInfo(mq_table={MessageQueue(cluster.topic, "broker-a", 0): queue})
        return command.reply(body=info.encode())

    asyncio.run(make())
    begin, states = now_ms(), []
    answers = {"GET_CONSUMER_CONNECTION_LIST": connected, "GET_CONSUMER_RUNNING_INFO": running}
    with History.open(tmp_path / "history.sqlite") as history:
        for number, held in enumerate(first_held):
            waiting.append(held)
            for module in (prober, groups):
                monkeypatch.setattr(module, "now_ms", lambda time_ms=begin + number * apart_ms: time_ms)
            report = probed(Faulty(**answers), cluster.namesrv, history=history)
            [state] = [state for state in report.groups if state.group == name]
            assert (state.lag, state.members) == (None, 1)
            states.append(state.state)
    assert states == expected
    [found] = [finding for finding in report.findings if finding.target == name]
    if expected[-1] == "stalled":
        assert (found.id, found.severity) == ("probe.group-stalled", Severity.WARNING)
        told = f"the message at {first_held[-1]} of {cluster.topic} broker-a:0 has waited in the client since the run"
        assert told in found.evidence and "1m ago" in found.evidence
    else:
        assert (found.id, found.severity) == ("probe.group-without-offset", Severity.INFO)


def connected_to(group: str, kind: ConsumeType, *topics: str) -> Any:
    """What the brokers say of who is connected: a client of the group that subscribes to these topics."""

    async def connected(addr: str, command: Any, forward: Any) -> Any:
        if round_trip(command).ext_fields["consumerGroup"] != group:
            return await forward()
        body = ConsumerConnection(
            connection_set=[Connection(client_id="c1")],
            message_model=CLUSTERING,
            consume_type=kind,
            subscription_table={topic: SubscriptionData(topic=topic) for topic in topics},
        )
        return command.reply(body=body.encode())

    return connected


@pytest.mark.parametrize(("kind", "expected"), [(CONSUME_PASSIVELY, "stalled"), (CONSUME_ACTIVELY, "unknown")])
def test_a_group_that_has_chosen_quiet_queues_is_not_stalled(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: ConsumeType, expected: str
) -> None:
    """Messages come to another queue, of which it has no offset. `DefaultLitePullConsumer.assign` subscribes to nothing."""

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin:
            settings = TopicSettings(read_queue_nums=2, write_queue_nums=2)
            await admin.topics.update(cluster.topic, settings, broker_addr=cluster.broker)
        await cluster.commit(cluster.topic, 3)
        await cluster.put(cluster.topic, 1, queue_id=1)

    asyncio.run(make())
    connected = connected_to(cluster.group, kind)
    begin = now_ms()
    with History.open(tmp_path / "history.sqlite") as history:
        for number in range(4):
            for module in (prober, groups):
                monkeypatch.setattr(module, "now_ms", lambda time_ms=begin + number * 60_000: time_ms)
            report = probed(Faulty(GET_CONSUMER_CONNECTION_LIST=connected), cluster.namesrv, history=history)
            asyncio.run(cluster.put(cluster.topic, 1, queue_id=1))
    [state] = [state for state in report.groups if state.group == cluster.group]
    assert (state.state, state.lag, state.members) == (expected, None, 1)
    assert set(of(cluster, report)) == ({"probe.group-stalled"} if expected == "stalled" else set())


def test_a_group_that_hangs_in_one_topic_and_has_consumed_another(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is found when it has its turn to be asked for its clients, and asked at each run from then on."""
    hanging = f"{cluster.topic}Hanging"

    async def make() -> None:
        async with MQAdmin([cluster.namesrv]) as admin:
            settings = TopicSettings(read_queue_nums=1, write_queue_nums=1)
            await admin.topics.update(hanging, settings, broker_addr=cluster.broker)
        await cluster.commit(cluster.topic, 3)
        await cluster.put(hanging, 1)

    asyncio.run(make())
    connected = connected_to(cluster.group, CONSUME_PASSIVELY, cluster.topic, hanging, cluster.retry, "OfNoBroker")
    begin = now_ms()
    states = []
    with History.open(tmp_path / "history.sqlite") as history:
        for number, most in enumerate((0, 100, 0, 0, 0)):
            monkeypatch.setattr(groups, "_MOST_QUIET", most)
            for module in (prober, groups):
                monkeypatch.setattr(module, "now_ms", lambda time_ms=begin + number * 60_000: time_ms)
            report = probed(Faulty(GET_CONSUMER_CONNECTION_LIST=connected), cluster.namesrv, history=history)
            [state] = [state for state in report.groups if state.group == cluster.group]
            states.append((state.state, state.lag, state.members, state.topics.get(hanging)))
            asyncio.run(cluster.put(hanging, 1))
    assert states == [("ok", 0, None, None), *[("unknown", None, 1, None)] * 3, ("stalled", None, 1, None)]
    found = of(cluster, report)["probe.group-stalled"]
    assert found.severity is Severity.CRITICAL
    assert found.evidence.startswith(f"{hanging} broker-a:0: the group has committed no offset of it in 3 min")
    assert not [failure for failure in report.failures if "OfNoBroker" in failure.target]
