"""Whole runs against our own pair: silent when all is well, and right about each fault that is put in the way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.api.offsets import max_offset
from rocketmq_ops.client.api.send import send_back
from rocketmq_ops.client.api.servers import wipe_write_permission
from rocketmq_ops.client.consumer.listener import ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.common.message_codec import decode_messages
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.probe import name_servers
from rocketmq_ops.housekeeping.probe.expectations import Limits
from rocketmq_ops.housekeeping.probe.names import PREFIX, Names, is_probers
from rocketmq_ops.housekeeping.probe.report import ProbeReport
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.housekeeping.probe.faulty import CALM, Fault, Faulty, Forward, probed, probed_beside, runs_by_the_minute

IMPATIENT = msgspec.structs.replace(CALM, wait_ms=200)


@pytest.fixture(scope="module")
def pair() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing registers meanwhile, so there is nothing to wait for before what differs is looked at again."""
    monkeypatch.setattr(name_servers, "SETTLE_MS", 1)


@pytest.fixture(scope="module")
def other() -> Iterator[RocketMQBroker]:
    """Another name server, with a broker that the first does not know."""
    with rocketmq_server() as server:
        yield server


def found(report: ProbeReport) -> set[tuple[str, str]]:
    return {(finding.id, finding.target) for finding in report.findings}


def evidence(report: ProbeReport, name: str) -> str:
    [text] = [finding.evidence for finding in report.findings if finding.id == f"probe.{name}"]
    return text


def test_a_healthy_cluster_is_silent(pair: RocketMQBroker) -> None:
    wanted = msgspec.structs.replace(CALM, queues=3, messages=4, delay_level=1)
    report = probed(Faulty(), pair.namesrv, wanted=wanted)
    assert (report.findings, report.failures) == ([], [])
    [trip] = report.brokers
    assert (trip.sent, trip.stored, trip.received) == (13, 13, 13)
    assert (trip.duplicates, trip.out_of_order, trip.statuses) == (0, 0, {"SEND_OK": 13})
    assert len(trip.delivery_ms) == len(trip.store_ms) == 12
    assert all(0 <= stored <= max(trip.send_ms) for stored in trip.store_ms)
    assert trip.delay_error_ms is not None
    assert {measure.name for measure in report.measures} >= {
        "sendTime",
        "storeTime",
        "deliveryTime",
        "delayError",
        "lost",
        "disk",
    }
    assert not [
        measure for measure in report.measures if measure.severity is not Severity.OK and measure.name != "delayError"
    ]


def test_fifty_healthy_runs_are_silent(pair: RocketMQBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each a minute after the one before, and up to 20 s later or earlier, by the clock that judgements go by."""
    with History.open(tmp_path / "history.sqlite") as history:
        reports = asyncio.run(runs_by_the_minute(50, pair.namesrv, history, monkeypatch))
        span = history.span()
    assert [report.findings for report in reports if report.findings] == []
    assert {report.severity for report in reports} == {Severity.OK}
    assert span is not None and span.runs == 50


def test_it_leaves_nothing_behind_unless_it_is_to(pair: RocketMQBroker) -> None:
    async def left() -> tuple[list[str], list[str]]:
        async with MQAdmin([pair.namesrv]) as admin:
            return await admin.topics.names(), list(await admin.groups.configs_at(pair.broker))

    probed(Faulty(), pair.namesrv, wanted=msgspec.structs.replace(CALM, keep=True))
    topics, groups = asyncio.run(left())
    assert [name for name in topics if is_probers(name)] == [f"{PREFIX}test_broker-a"]
    assert [name for name in groups if is_probers(name)] == [f"{PREFIX}test"]
    again = probed(Faulty(), pair.namesrv)  # on what is there already
    assert (again.findings, again.brokers[0].received) == ([], 2)
    topics, groups = asyncio.run(left())
    assert not [name for name in topics + groups if is_probers(name)]


def test_a_broker_that_cannot_be_reached(pair: RocketMQBroker) -> None:
    transport = Faulty()
    transport.dead.add(pair.broker)
    report = probed(transport, pair.namesrv)
    assert found(report) == {("probe.broker-down", "broker-a")}
    assert "connection refused" in evidence(report, "broker-down")
    assert "brokerIP1" in report.findings[0].remedy
    assert report.severity is Severity.CRITICAL


def test_name_servers_that_do_not_answer(pair: RocketMQBroker) -> None:
    transport = Faulty()
    transport.dead.add("127.0.0.1:1")
    report = probed(transport, pair.namesrv, "127.0.0.1:1")
    assert found(report) == {("probe.name-server-down", "127.0.0.1:1")}
    assert report.brokers[0].received == 2, "what the others list is probed"
    assert report.failures == []
    transport.dead.add(pair.namesrv)
    none = probed(transport, pair.namesrv, "127.0.0.1:1")
    assert {target for _, target in found(none)} == {pair.namesrv, "127.0.0.1:1"}


def test_name_servers_that_disagree(pair: RocketMQBroker, other: RocketMQBroker) -> None:
    report = probed(Faulty(), pair.namesrv, other.namesrv)
    disagreeing = [finding for finding in report.findings if finding.id == "probe.name-servers-disagree"]
    assert {finding.target for finding in disagreeing} == {pair.namesrv, other.namesrv}
    assert any(pair.broker in f.evidence and other.namesrv == f.target for f in disagreeing)
    assert all("namesrvAddr" in finding.remedy for finding in disagreeing)


def test_name_servers_whose_topics_differ(pair: RocketMQBroker) -> None:
    """One that is asked under two names, and has a topic less under the second."""
    second = pair.namesrv.replace("127.0.0.1", "localhost")

    async def without_one(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        answer = await forward()
        if addr == second:
            answer.body = answer.body_bytes.replace(b'"TBW102"', b'"broker-a"')
        return answer

    async def wiped(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        answer = await forward()
        if addr == second and command.header.topic == "BenchmarkTest":
            answer.body = answer.body_bytes.replace(b'"perm":6', b'"perm":4')
        return answer

    report = probed(
        Faulty(GET_ALL_TOPIC_LIST_FROM_NAMESERVER=without_one, GET_ROUTEINFO_BY_TOPIC=wiped), pair.namesrv, second
    )
    assert found(report) == {("probe.name-servers-disagree", second), ("probe.routes-differ", "BenchmarkTest")}
    assert evidence(report, "name-servers-disagree") == "it lacks 1 topic that others have: TBW102"
    assert "permission 4" in evidence(report, "routes-differ")
    assert report.severity is Severity.WARNING


def test_write_permission_that_was_wiped(other: RocketMQBroker) -> None:
    async def wipe() -> None:
        async with MQAdmin([other.namesrv]) as admin:
            assert await wipe_write_permission(admin.session, other.namesrv, "broker-a")

    asyncio.run(wipe())
    report = probed(Faulty(), other.namesrv)
    assert ("probe.write-permission-wiped", "broker-a") in found(report)
    assert other.namesrv in evidence(report, "write-permission-wiped")
    again = probed(Faulty(), other.namesrv)
    assert ("probe.write-permission-wiped", "broker-a") in found(again), "a run does not hide it from the next"


async def _refused(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    return command.reply(ResponseCode.NO_PERMISSION, "the broker's permission is 4")


def test_a_broker_that_takes_no_messages(pair: RocketMQBroker) -> None:
    report = probed(Faulty(SEND_MESSAGE_V2=_refused), pair.namesrv, wanted=IMPATIENT)
    assert ("probe.not-writable", "broker-a") in found(report)
    assert evidence(report, "not-writable").startswith("2 of 2 sends failed")
    assert report.brokers[0].statuses == {"FAILED": 2}


def test_a_broker_that_answers_with_a_refusal_is_not_down(pair: RocketMQBroker) -> None:
    report = probed(Faulty(GET_BROKER_RUNTIME_INFO=_refused), pair.namesrv)
    assert found(report) == {("probe.broker-refuses", "broker-a")}
    assert "brokerIP1" not in report.findings[0].remedy


def test_a_broker_that_refuses_the_topic_is_left_as_it_was(pair: RocketMQBroker) -> None:
    report = probed(Faulty(UPDATE_AND_CREATE_TOPIC=_refused), pair.namesrv)
    assert found(report) == {("probe.not-probed", "broker-a")}
    transport = Faulty(UPDATE_AND_CREATE_SUBSCRIPTIONGROUP=_refused)
    assert found(probed(transport, pair.namesrv)) == {("probe.not-probed", "broker-a")}
    assert Code.DELETE_TOPIC_IN_BROKER in {command.code for _, command in transport.asked}


async def _no_pull_is_woken(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    if command.header.suspend_timeout_millis:
        await asyncio.sleep(60)
    return await forward()


async def _only_delayed(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    delayed = "DELAY\x01" in (command.header.properties or "")
    return await (forward() if delayed else _refused(addr, command, forward))


async def _tells_of_levels(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    table = KVTable.decode((await forward()).body_bytes).table
    levels = {f"scheduleMessageOffset_{level}": f"{level}0,{level}7" for level in (1, 2)}
    return command.reply(body=KVTable(table=table | levels).encode())


def test_a_delayed_message_that_does_not_come_is_explained_by_its_own_level(pair: RocketMQBroker) -> None:
    """The figure of a level has its number (ScheduleMessageService.buildRunningStats)."""
    faults = {
        "SEND_MESSAGE_V2": _only_delayed,
        "PULL_MESSAGE": _no_pull_is_woken,
        "GET_BROKER_RUNTIME_INFO": _tells_of_levels,
    }
    report = probed(Faulty(**faults), pair.namesrv, wanted=msgspec.structs.replace(IMPATIENT, delay_level=1))
    assert "the level is delivered up to offset 10 of 17" in evidence(report, "delay-not-delivered")


async def _filtered(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    if command.header.suspend_timeout_millis:
        await asyncio.sleep(60)
    answer = await forward()
    answer.code, answer.body = int(ResponseCode.PULL_RETRY_IMMEDIATELY), b""
    return answer


async def _ends_at_0(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    await forward()
    return command.reply(ext_fields={"offset": "0"})


async def _no_message_there(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
    return command.reply(ResponseCode.SYSTEM_ERROR, "can not find message by the offset")


@pytest.mark.parametrize(
    ("faults", "kind", "said"),
    [
        ({"PULL_MESSAGE": _no_pull_is_woken}, "pull-not-woken", "a pull that does not wait finds the message"),
        ({"PULL_MESSAGE": _filtered}, "filtered", "passes over the message"),
        ({"PULL_MESSAGE": _no_pull_is_woken, "GET_MAX_OFFSET": _ends_at_0}, "not-dispatched", "the queue ends at 0"),
        ({"PULL_MESSAGE": _no_pull_is_woken, "VIEW_MESSAGE_BY_ID": _no_message_there}, "not-stored", "has no message"),
        ({"PULL_MESSAGE": _no_pull_is_woken, "GET_MAX_OFFSET": _refused}, "not-probed", "permission"),
    ],
)
def test_where_a_message_stopped(pair: RocketMQBroker, faults: dict[str, Fault], kind: str, said: str) -> None:
    report = probed(Faulty(**faults), pair.namesrv, wanted=IMPATIENT)
    assert found(report) == {(f"probe.{kind}", "broker-a")}
    assert said in evidence(report, kind)
    if kind != "not-probed":
        [lost] = [measure.value for measure in report.measures if measure.name == "lost"]
        assert lost == 2
    assert report.severity is Severity.CRITICAL


def test_a_message_that_another_client_of_the_group_sent_back(pair: RocketMQBroker) -> None:
    """Who consumes with the prober's group is found by what it leaves: a retry with its count."""
    group = Names("test").group

    async def sent_back(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        answer = await forward()
        if not first.is_set():
            first.set()
            async with MQAdmin([pair.namesrv]) as admin:
                [message] = decode_messages(answer.body_bytes)
                await send_back(admin.session, addr, group, message.topic, message, 1, 16)
                await _until_1(admin, addr, retry_topic(group))
        return answer

    async def run() -> ProbeReport:
        nonlocal first
        first = asyncio.Event()
        return await probed_beside(
            Faulty(PULL_MESSAGE=_no_pull_is_woken, VIEW_MESSAGE_BY_ID=sent_back), pair.namesrv, wanted=IMPATIENT
        )

    first = asyncio.Event()
    report = asyncio.run(run())
    assert found(report) == {("probe.in-retry", "broker-a")}
    said = evidence(report, "in-retry")
    assert f"it waits at offset 0 of %RETRY%{group}, sent back 1 times" in said


async def _until_1(admin: MQAdmin, address: str, topic: str) -> None:
    while not await max_offset(admin.session, address, topic, 0):  # noqa: ASYNC110 - it comes after its delay
        await asyncio.sleep(0.05)


def test_a_message_whose_queue_another_client_holds(pair: RocketMQBroker) -> None:
    async def run() -> tuple[ProbeReport, str]:
        names = Names("test")
        options = ClientOptions(name_servers=[pair.namesrv])

        async def listener(messages: object, context: object) -> ConsumeResult:
            return ConsumeResult.SUCCESS

        async with PushConsumer(names.group, listener, options) as consumer:
            consumer.subscribe(names.topic("broker-a"))
            # Its own pulls take the message too; those of the prober are not answered.
            report = await probed_beside(Faulty(PULL_MESSAGE=_no_pull_is_woken), pair.namesrv, wanted=IMPATIENT)
            return report, consumer.instance.client_id

    report, client_id = asyncio.run(run())
    assert found(report) == {("probe.not-consumed", "broker-a")}
    assert client_id in evidence(report, "not-consumed")


def test_messages_that_come_late_twice_and_in_the_wrong_order(pair: RocketMQBroker) -> None:
    pulls = sends = 0
    both_sent = asyncio.Event()

    async def counted(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        nonlocal sends
        answer = await forward()
        sends += 1
        if sends == 2:
            both_sent.set()
        return answer

    async def from_behind(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        """The first pull is answered with the message after the one that it asked for; then all comes again."""
        nonlocal pulls
        pulls += 1
        if pulls > 1:
            return await forward()
        await both_sent.wait()
        begin = command.header.queue_offset
        command.header = msgspec.structs.replace(command.header, queue_offset=begin + 1)
        answer = await forward()
        answer.ext_fields = {**answer.ext_fields, "nextBeginOffset": str(begin)}
        return answer

    wanted = msgspec.structs.replace(CALM, limits={**CALM.limits, "deliveryTime": Limits(0, None)})
    report = probed(Faulty(PULL_MESSAGE=from_behind, SEND_MESSAGE_V2=counted), pair.namesrv, wanted=wanted)
    [trip] = report.brokers
    assert (trip.received, trip.duplicates, trip.out_of_order) == (2, 1, 1)
    assert ("probe.late", "broker-a") in found(report)
    assert "most " in evidence(report, "late")


def test_questions_to_one_server_are_bounded(pair: RocketMQBroker) -> None:
    """Whatever they ask for; but for pulls, which wait there."""
    open_now: dict[str, int] = {}
    most: dict[str, int] = {}

    async def counted(addr: str, command: RemotingCommand, forward: Forward) -> RemotingCommand:
        open_now[addr] = open_now.get(addr, 0) + 1
        most[addr] = max(most.get(addr, 0), open_now[addr])
        answer = await forward()
        open_now[addr] -= 1
        return answer

    second = pair.namesrv.replace("127.0.0.1", "localhost")
    wanted = msgspec.structs.replace(CALM, concurrency=2, queues=4)
    every: dict[str, Fault] = {code.name: counted for code in Code if code is not Code.PULL_MESSAGE}
    report = probed(Faulty(**every), pair.namesrv, second, wanted=wanted)
    assert report.findings == []
    assert (most[pair.namesrv], most[second]) == (2, 2)
    assert max(most.values()) == 2


def test_a_cluster_that_is_not_there(pair: RocketMQBroker) -> None:
    from rocketmq_ops.client.errors import NotFoundError

    with pytest.raises(NotFoundError, match="there is no cluster 'nowhere'"):
        probed(Faulty(), pair.namesrv, cluster="nowhere")
