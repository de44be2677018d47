"""Producers of Java, Go and Node at two brokers of ours of which one is full, busy, or lost a file: what it answers, where they turn to,
and that what was acknowledged is there."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.interop.apache import Driver, DriverError, wait_until
from tests.interop.ours import OurBroker, OurNameServer, mqadmin
from tests.interop.preloaded import preloaded
from tests.interop.raw import wait_for_route
from tests.interop.sessions import Answer, Session
from tests.interop.test_java_clients import make_topic
from tests.interop.toolchain import VERSIONS

SLOW_MS = 1_000
TOPIC, SIZE = "Faulty", 100_000
#: Positions of the queues of the brokers in the route, by which a producer that chooses its queue does.
AT_FAULTY, AT_SOUND = 0, 1


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[Any]:
    """Two brokers that flush each message. The disk of broker-a is full while there is a file `full`, slow while `slow`."""
    full, slow = tmp_path / "full", tmp_path / "slow"
    libraries = [preloaded(name, tmp_path)["LD_PRELOAD"] for name in ("full_disk", "slow_disk")]
    faults = {
        "LD_PRELOAD": ":".join(libraries), "FULL_DISK_WHILE": str(full), "SLOW_DISK_WHILE": str(slow),
        "SLOW_DISK_MS": str(SLOW_MS),
    }  # fmt: skip
    # A send may have to wait for a sync of several files that has just begun, and for its own.
    settings = {"flushDiskType": "SYNC_FLUSH", "syncFlushTimeout": "9000", "mappedFileSizeCommitLog": "1048576"}
    # One send that waits for the disk is as many as it lets wait.
    of_both = {"broker-a": (settings | {"sendThreadPoolQueueCapacity": "1"}, faults), "broker-b": (settings, {})}
    with ExitStack() as stack:
        nameserver = OurNameServer(tmp_path / "namesrv")
        stack.callback(nameserver.child.kill)
        nameserver.child.wait_for("boot success")
        started = {}
        for name, (values, environment) in of_both.items():
            broker = OurBroker(
                tmp_path / name, nameserver.address, settings=values | {"brokerName": name}, environment=environment
            )
            stack.callback(lambda broker=broker: broker.child.kill())
            broker.wait_ready()
            wait_for_route(nameserver.address, "TBW102", name)
            started[name] = broker
        yield SimpleNamespace(
            namesrv_address=nameserver.address,
            cluster="DefaultCluster",
            faulty=started["broker-a"],
            full=full,
            slow=slow,
        )


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_that_was_acknowledged_is_lost(version: str, brokers: Any, drivers: Callable[[str], Driver]) -> None:
    driver, acknowledged = drivers(version), set[str]()
    make_topic(driver, brokers, TOPIC, 1)
    at = {"namesrv": brokers.namesrv_address, "group": f"faulty_{version.replace('.', '_')}", "compressOver": 1 << 30}

    def sent(count: int, **more: Any) -> list[str]:
        """The brokers that acknowledged messages, which are noted."""
        messages = [{"topic": TOPIC, "bodySize": SIZE, "seed": 1, **more}] * count
        results = driver.ask("send", messages=messages, timeout=120, **at)
        assert {each["status"] for each in results} == {"SEND_OK"}
        acknowledged.update(each["msgId"] for each in results)
        return [each["brokerName"] for each in results]

    def stored() -> set[str]:
        return {each["msgId"] for each in driver.ask("pull", namesrv=brokers.namesrv_address, topic=TOPIC)}

    def both_take() -> bool:
        return set(sent(2)) == {"broker-a", "broker-b"}

    try:
        wait_until(both_take, "the producer knows both brokers")

        brokers.full.touch()
        assert sent(30)[-10:] == ["broker-b"] * 10  # the faulty one takes what it has blocks for
        with pytest.raises(DriverError, match=r"CODE: 14 .*no space is left on the disk of the store"):
            sent(1, queue=AT_FAULTY)
        assert sent(1, queue=AT_SOUND) == ["broker-b"]
        assert stored() == acknowledged
        brokers.full.unlink()
        wait_until(both_take, "it takes messages again by itself")

        brokers.slow.touch()
        with ThreadPoolExecutor(6) as threads:
            work = [threads.submit(sent, 1, queue=AT_FAULTY) for _ in range(6)]
            answers = [each.exception() or each.result() for each in work]
        busy = [str(answer) for answer in answers if isinstance(answer, DriverError)]
        assert ["broker-a"] in answers and len(busy) + answers.count(["broker-a"]) == len(answers)
        assert busy and all("CODE: 2 " in each and "[OVERLOAD]system busy" in each for each in busy)
        with ThreadPoolExecutor(6) as threads:
            work = [threads.submit(sent, 1) for _ in range(6)]
            answers = [each.exception() or each.result() for each in work]
        # Since 5.0 the client turns to another broker; one of 4.9 gives the application the answer.
        if version == "4.9.7":
            assert all("CODE: 2 " in str(each) for each in answers if not isinstance(each, list)), answers
        else:
            assert all(isinstance(each, list) for each in answers) and ["broker-b"] in answers, answers
        brokers.slow.unlink()
        wait_until(both_take, "it is no more busy")
        assert stored() == acknowledged

        newest = max((brokers.faulty.store / "commitlog").glob("0*"))
        newest.unlink()
        acknowledged.clear()
        assert sent(10) == ["broker-b"] * 10
        with pytest.raises(DriverError, match=r"CODE: 14 "):
            sent(1, queue=AT_FAULTY)
        brokers.faulty.child.kill()
        brokers.faulty.start_again()
        brokers.faulty.wait_ready()
        wait_until(both_take, "the broker takes messages again after a start", 60)
        assert acknowledged <= stored()
    finally:
        driver.ask("producer.close", **at)


class Sends:
    """What a client of another language sends, and which of it was acknowledged."""

    def __init__(self, client: Session) -> None:
        self._client, self._numbers = client, itertools.count()
        self._acknowledged = set[str]()

    def sent(self, count: int, where: str = "any", *, at_once: bool = False) -> list[Answer]:
        texts = [f"m{next(self._numbers)}" for _ in range(count)]
        if at_once:
            self._client.begin(texts, where, SIZE)
            answers = self._client.answers(texts)
        else:
            answers = self._client.send(texts, where, SIZE)
        self._acknowledged.update(text for text, each in zip(texts, answers, strict=True) if each.status == "SEND_OK")
        return answers

    def both_take(self) -> bool:
        return {each.broker for each in self.sent(4)} == {"broker-a", "broker-b"}

    def none_is_lost(self) -> None:
        wait_until(lambda: self._acknowledged <= set(self._client.got()), "all that was acknowledged comes", 60)


@pytest.fixture
def client(request: pytest.FixtureRequest, brokers: Any, tmp_path: Path) -> Iterator[Session]:
    words = ("updateTopic", "-c", brokers.cluster, "-t", TOPIC, "-r", "1", "-w", "1")
    assert mqadmin(*words, namesrv=brokers.namesrv_address).code == 0
    with Session(request.param, tmp_path / "client", brokers.namesrv_address, TOPIC, "faulty") as session:
        yield session


@pytest.mark.parametrize("client", ["go"], indirect=True)
def test_go_s_producer_at_a_full_and_at_a_busy_broker(brokers: Any, client: Session) -> None:
    """An application that chose the broker is told why it refuses."""
    sends = Sends(client)
    wait_until(sends.both_take, "the producer knows both brokers")
    brokers.full.touch()
    # It takes what it has blocks for.
    refused = wait_until(lambda: sends.sent(1, "broker-a")[0].refused, "the faulty one is full")
    assert "CODE: 14" in refused and "no space is left on the disk of the store" in refused
    assert {each.broker for each in sends.sent(1, "broker-b")} == {"broker-b"}
    brokers.full.unlink()
    wait_until(sends.both_take, "it takes messages again by itself")

    brokers.slow.touch()
    answers = sends.sent(6, "broker-a", at_once=True)
    busy = [each.refused for each in answers if each.refused]
    assert busy and len(busy) < len(answers)
    assert all("CODE: 2," in each and "[OVERLOAD]system busy" in each for each in busy)
    brokers.slow.unlink()
    wait_until(sends.both_take, "it is no more busy")
    sends.none_is_lost()


@pytest.mark.parametrize("client", ["node"], indirect=True)
def test_node_s_producer_at_a_full_and_at_a_busy_broker(brokers: Any, client: Session) -> None:
    """The client chooses the broker: it turns to the other one where a disk is full, not where a broker is busy."""
    sends = Sends(client)
    wait_until(sends.both_take, "the producer knows both brokers")
    brokers.full.touch()
    wait_until(
        lambda: {each.broker for each in sends.sent(4)} == {"broker-b"}, "the faulty one is full, the other takes all"
    )
    brokers.full.unlink()
    wait_until(sends.both_take, "it takes messages again by itself")

    brokers.slow.touch()
    answers = sends.sent(12, at_once=True)
    busy = [each.refused for each in answers if each.refused]
    assert busy and all("system busy" in each for each in busy)
    assert "broker-b" in {each.broker for each in answers}
    brokers.slow.unlink()
    wait_until(sends.both_take, "it is no more busy")
    sends.none_is_lost()
