"""Faults that are put into a running pair: prober and doctor name each within two runs, on our pair and on Apache's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.housekeeping.probe.faulty import runs_by_the_minute
from tests.interop.apache import Pair, wait_until
from tests.interop.ours import OurNameServer, OurPair, mqadmin

from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET, ConsumeSettings
from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message, MessageExt
from rocketmq_ops.housekeeping.history.file import History

KINDS = ("ours", "5.3.3")


def started(kind: str, scratch: Path, **settings: str) -> OurPair | Pair:
    return OurPair(scratch, settings=settings) if kind == "ours" else Pair(kind, scratch, settings=settings)


@pytest.fixture(scope="module", params=KINDS)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OurPair | Pair]:
    """One pair of each kind; the last test kills its broker."""
    pair = started(request.param, tmp_path_factory.mktemp("faults"))
    yield pair
    pair.kill()


def found(*words: str, namesrv: str) -> set[tuple[str, str]]:
    """What a run names: rules with their targets."""
    ran = mqadmin(*words, namesrv=namesrv, output="json")
    return {(each["id"], each["target"]) for each in json.loads(ran.out)["data"]["findings"]}


class Prober:
    """Runs of the prober over one history."""

    def __init__(self, pair: OurPair | Pair, folder: Path) -> None:
        self._namesrv = pair.namesrv_address
        self._history = str(folder / "history.sqlite")

    def run(self, *more_name_servers: str) -> set[tuple[str, str]]:
        addresses = ";".join([self._namesrv, *more_name_servers])
        return found("probe", "--history", self._history, namesrv=addresses)


def made(pair: OurPair | Pair, topic: str, *, read: int = 2, write: int = 2) -> str:
    words = ("-c", pair.cluster, "-t", topic, "-r", str(read), "-w", str(write))
    assert mqadmin("updateTopic", *words, namesrv=pair.namesrv_address).code == 0
    return topic


async def send(pair: OurPair | Pair, topic: str, count: int) -> None:
    async with Producer("faults", ClientOptions(name_servers=[pair.namesrv_address])) as producer:
        for number in range(count):
            await producer.send(Message(topic, b"%d" % number))


@asynccontextmanager
async def consumer(
    pair: OurPair | Pair, group: str, topic: str, result: ConsumeResult, wanted: int, **options: Any
) -> AsyncIterator[PushConsumer]:
    """A consumer whose listener has had so many messages."""
    count, enough = 0, asyncio.Event()

    async def listener(messages: Sequence[MessageExt], context: ConsumeContext) -> ConsumeResult:
        nonlocal count
        count += len(messages)
        context.delay_level = 1
        if count >= wanted:
            enough.set()
        return result

    settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
    client = ClientOptions(name_servers=[pair.namesrv_address], **options)
    async with PushConsumer(group, listener, client, settings=settings) as started_consumer:
        started_consumer.subscribe(topic)
        if wanted:
            await asyncio.wait_for(enough.wait(), 60)
        yield started_consumer


def test_fifty_healthy_runs_find_nothing(
    running: OurPair | Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each a minute after the one before, and up to 20 s later or earlier, by the clock that judgements go by."""
    with History.open(tmp_path / "history.sqlite") as history:
        reports = asyncio.run(runs_by_the_minute(50, running.namesrv_address, history, monkeypatch))
    assert [report.findings for report in reports if report.findings] == []
    assert sum(trip.received for report in reports for trip in report.brokers) >= 50


def test_a_consumer_that_was_stopped(running: OurPair | Pair, tmp_path: Path) -> None:
    topic, prober = made(running, "Stopped"), Prober(running, tmp_path)

    async def consumed() -> None:
        await send(running, topic, 4)
        async with consumer(running, "StoppedGroup", topic, ConsumeResult.SUCCESS, 4):
            pass
        await send(running, topic, 6)

    asyncio.run(consumed())
    assert ("probe.group-offline", "StoppedGroup") in prober.run() | prober.run()


def permission(pair: OurPair | Pair) -> int:
    """What the name server routes the topic with that has the broker's name."""
    ran = mqadmin("topicRoute", "-t", pair.broker_name, namesrv=pair.namesrv_address, output="json")
    return int(json.loads(ran.out)["data"]["queueDatas"][0]["perm"])


def test_write_permission_that_was_wiped(running: OurPair | Pair, tmp_path: Path) -> None:
    prober, name = Prober(running, tmp_path), running.broker_name
    wiped = ("probe.write-permission-wiped", name)
    assert wiped not in prober.run()
    try:
        # A broker that has yet to register a new topic, which it does within 30 s, gets all permissions back.
        for _ in range(3):
            assert mqadmin("wipeWritePerm", "-b", name, "--yes", namesrv=running.namesrv_address).code == 0
            seen = prober.run()
            if wiped in seen or permission(running) == 4:
                break
        assert wiped in seen
    finally:
        assert mqadmin("addWritePerm", "-b", name, namesrv=running.namesrv_address).code == 0
    assert wiped not in prober.run()


def test_more_write_than_read_queues(running: OurPair | Pair) -> None:
    topic = made(running, "Unread")
    words = ("-b", running.broker_address, "-t", topic, "-w", "5", "--force")
    assert mqadmin("updateTopic", *words, namesrv=running.namesrv_address).code == 0
    assert ("topics.write-more-than-read", topic) in found("doctor", "topics", namesrv=running.namesrv_address)


def test_two_clients_under_one_id(running: OurPair | Pair) -> None:
    topic, same = made(running, "Shared"), {"client_ip": "192.0.2.7", "instance_name": "same"}

    def seen() -> bool:
        return ("clients.shared-id", "SharedGroup") in found("doctor", "clients", namesrv=running.namesrv_address)

    async def both() -> None:
        async with (
            consumer(running, "SharedGroup", topic, ConsumeResult.SUCCESS, 0, **same),
            consumer(running, "SharedGroup", topic, ConsumeResult.SUCCESS, 0, **same),
        ):
            # A heartbeat that the broker is too busy to answer in time comes again after 30 s.
            await asyncio.to_thread(wait_until, seen, "the doctor sees both", 60)

    asyncio.run(both())


def test_name_servers_that_disagree(running: OurPair | Pair, tmp_path: Path) -> None:
    other = OurNameServer(tmp_path / "other")
    try:
        other.child.wait_for("boot success")
        assert ("probe.name-servers-disagree", other.address) in Prober(running, tmp_path).run(other.address)
    finally:
        other.child.kill()


def test_a_retry_storm(running: OurPair | Pair, tmp_path: Path) -> None:
    topic, prober = made(running, "Failing"), Prober(running, tmp_path)
    storm = ("probe.retry-storm", "FailingGroup")

    async def failing() -> set[tuple[str, str]]:
        async with consumer(running, "FailingGroup", topic, ConsumeResult.RECONSUME_LATER, 0):
            await asyncio.to_thread(prober.run)
            await send(running, topic, 400)
            # Each attempt is a message sent back, which comes a second and more later, on a busy machine much more: a
            # run that is over before sees none.
            seen: set[tuple[str, str]] = set()
            until = time.monotonic() + 90
            while storm not in seen and time.monotonic() < until:
                seen |= await asyncio.to_thread(prober.run)
            return seen

    assert storm in asyncio.run(failing())


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_advertised_address(kind: str, tmp_path: Path) -> None:
    pair = started(kind, tmp_path / "pair", brokerIP1="192.0.2.1")
    try:
        words = ("probe", "--no-history", "--timeout", "2000", "--output", "json", "-n", pair.namesrv_address)
        [down] = [each for each in json.loads(mqadmin(*words).out)["data"]["findings"] if "down" in each["id"]]
        assert (down["id"], down["target"]) == ("probe.broker-down", pair.broker_name)
        assert "192.0.2.1" in down["evidence"] + down["remedy"]
    finally:
        pair.kill()


def test_a_broker_that_was_killed(running: OurPair | Pair, tmp_path: Path) -> None:
    prober, name = Prober(running, tmp_path), running.broker_name
    named = {("probe.broker-down", name), ("probe.broker-gone", name)}
    assert not named & prober.run()
    broker = running.broker if isinstance(running, OurPair) else running.broker.child
    broker.kill()
    assert named & (prober.run() | prober.run())
