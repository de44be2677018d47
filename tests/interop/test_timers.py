"""Timers: Apache's client sends and recalls them on our broker, and stores with waiting ones go both ways, to and from
5.3.3 and 5.5.0, out of the wheel and out of 5.5's RocksDB."""

from __future__ import annotations

import struct
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Driver, DriverError, Pair, wait_until
from tests.interop.ours import OurNameServer, OurPair
from tests.interop.raw import wait_for_route

TOPIC = "TimerTest"
SETTINGS = {
    **stores.SIZES, "recallMessageEnable": "true", "mappedFileSizeTimerLog": "4096", "timerFlushIntervalMs": "1000",
}  # fmt: skip


def create(driver: Driver, namesrv: str) -> None:
    words = ["updateTopic", "-n", namesrv, "-c", "DefaultCluster", "-t", TOPIC, "-r", "2", "-w", "2"]
    assert "success" in driver.mqadmin(*words)


def send(driver: Driver, namesrv: str, bodies: list[str], **timer: int) -> list[dict[str, Any]]:
    messages = [{"topic": TOPIC, "queue": i % 2, "body": body, **timer} for i, body in enumerate(bodies)]
    results: list[dict[str, Any]] = driver.ask("send", namesrv=namesrv, group="timers", messages=messages)
    assert {one["status"] for one in results} == {"SEND_OK"}
    return results


def pulled(driver: Driver, namesrv: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = driver.ask("pull", namesrv=namesrv, topic=TOPIC)
    return found


def wait_for(driver: Driver, namesrv: str, bodies: list[str], timeout: float = 60.0) -> list[dict[str, Any]]:
    """What the topic has once all of these are there."""

    def all_there() -> list[dict[str, Any]]:
        found = pulled(driver, namesrv)
        return found if set(bodies) <= {one["body"] for one in found} else []

    found: list[dict[str, Any]] = wait_until(all_there, f"{len(bodies)} timers were delivered", timeout)
    return found


def check_each_once(found: list[dict[str, Any]], bodies: list[str], due: int) -> None:
    assert Counter(one["body"] for one in found) == Counter(bodies)
    assert min(one["storeTimestamp"] for one in found) >= due


@pytest.mark.parametrize("version", ["5.3.3", "5.5.0"])
def test_apache_s_client_sends_and_recalls(version: str, scratch: Path, drivers: Callable[[str], Driver]) -> None:
    driver = drivers(version)
    pair = OurPair(scratch / f"timers-ours-{version}", settings=SETTINGS)
    try:
        namesrv = pair.namesrv_address
        create(driver, namesrv)
        begun = int(time.time() * 1000)
        due = begun + 5_000
        keep = send(driver, namesrv, ["a", "b"], TIMER_DELIVER_MS=due)
        gone = send(driver, namesrv, ["x", "y"], TIMER_DELIVER_MS=due)
        send(driver, namesrv, ["c"], TIMER_DELAY_SEC=5)
        send(driver, namesrv, ["d"], TIMER_DELAY_MS=5_000)
        send(driver, namesrv, ["past"], TIMER_DELIVER_MS=begun - 1)
        assert all(one["recallHandle"] for one in keep + gone)
        for one in gone:
            request = {"namesrv": namesrv, "group": "timers", "topic": TOPIC, "handle": one["recallHandle"]}
            assert driver.ask("recall", **request) == one["msgId"]
        wrong = driver.ask("recall", namesrv=namesrv, group="timers", topic=TOPIC, handle="bm9uZQ==")
        assert "recall handle is invalid" in wrong
        assert [one["body"] for one in pulled(driver, namesrv)] == ["past"]
        found = wait_for(driver, namesrv, ["a", "b", "c", "d"])
        check_each_once([one for one in found if one["body"] != "past"], ["a", "b", "c", "d"], due)
        late = driver.ask("recall", namesrv=namesrv, group="timers", topic=TOPIC, handle=keep[0]["recallHandle"])
        assert "recall failed, timestamp invalid" in late
        with pytest.raises(DriverError, match="timer message illegal, the delay time should not be bigger"):
            send(driver, namesrv, ["never"], TIMER_DELAY_SEC=300_000)
    finally:
        driver.ask("producer.close", namesrv=pair.namesrv_address, group="timers")
        pair.kill()


def enqueued(store: Path) -> int:
    """How many timers the checkpoint of a store says to be enqueued, durably."""
    path = store / "config" / "timercheck"
    data = path.read_bytes() if path.exists() else b""
    return int(struct.unpack_from(">qqqq", data)[2]) if len(data) >= 32 else 0


def fill(driver: Driver, namesrv: str, store: Path | None, bodies: list[str]) -> int:
    """Let timers wait, of which the one of body 7 is recalled, in the wheel of a store; when they are due (ms)."""
    create(driver, namesrv)
    due = int(time.time() * 1000) + 10_000  # so that the recall is in time on a busy machine too
    sent = send(driver, namesrv, bodies, TIMER_DELIVER_MS=due)
    handle = sent[bodies.index("7")]["recallHandle"]
    driver.ask("recall", namesrv=namesrv, group="timers", topic=TOPIC, handle=handle)
    if store is not None:
        wait_until(lambda: enqueued(store) > len(bodies), "all wait in the wheel")
    driver.ask("producer.close", namesrv=namesrv, group="timers")
    return due


@pytest.mark.parametrize(("end", "version"), [("stopped", "5.5.0"), ("killed", "5.3.3")])
def test_apache_s_broker_delivers_what_waits_in_our_store(
    end: str, version: str, scratch: Path, drivers: Callable[[str], Driver]
) -> None:
    driver, folder = drivers("5.3.3"), scratch / f"timers-to-apache-{end}"
    pair = OurPair(folder / "ours", settings=SETTINGS)
    bodies = [f"{i}" for i in range(150)]
    try:
        due = fill(driver, pair.namesrv_address, pair.store, bodies)
        if end == "stopped":
            assert pair.stop() == 0
    finally:
        pair.kill()
    nameserver = OurNameServer(folder / "namesrv")
    nameserver.child.wait_for("boot success")
    # By default 5.5 does not take recalls of the versions before it.
    settings = {**SETTINGS, "appendTopicForTimerDeleteKey": "true"}
    broker = Broker(version, folder / "apache", nameserver.address, store=pair.store, settings=settings)
    try:
        broker.wait_ready()
        wait_for_route(nameserver.address, TOPIC, broker.name)
        bodies.remove("7")
        check_each_once(wait_for(driver, nameserver.address, bodies), bodies, due)
    finally:
        broker.child.kill()
        nameserver.child.kill()


@pytest.mark.parametrize(
    ("version", "engine"), [("5.3.3", "wheel"), ("5.5.0", "wheel"), ("5.5.0", "rocksdb"), ("5.5.0", "rocksdb-recalled")]
)
def test_our_broker_delivers_what_waits_in_apache_s_store(
    version: str, engine: str, scratch: Path, drivers: Callable[[str], Driver]
) -> None:
    """Apache's was killed; after a clean stop its files say the same. Where RocksDB drives the timers a recall goes into
    timerlog all the same, a moment later: as if all before it were there."""
    driver, folder = drivers("5.3.3"), scratch / f"timers-to-ours-{version}-{engine}"
    nameserver = OurNameServer(folder / "namesrv")
    nameserver.child.wait_for("boot success")
    settings = SETTINGS | ({"timerRocksDBEnable": "true"} if engine != "wheel" else {})
    broker = Broker(version, folder / "apache", nameserver.address, settings=settings)
    bodies = [f"{i}" for i in range(150)]
    try:
        broker.wait_ready()
        wait_for_route(nameserver.address, "TBW102", broker.name)
        create(driver, nameserver.address)
        send(driver, nameserver.address, ["early"], TIMER_DELAY_MS=1_000)
        (early,) = wait_for(driver, nameserver.address, ["early"])
        # The place of the wheel stays where it is while RocksDB drives the timers.
        due = fill(driver, nameserver.address, broker.store if engine == "wheel" else None, bodies)
        if engine == "rocksdb-recalled":
            units = broker.store / "timerlog" / f"{0:020}"
            wait_until(lambda: units.exists() and any(units.read_bytes()[:52]), "the recall is in timerlog")
    finally:
        broker.child.kill()
        nameserver.child.kill()
    ours = OurPair(folder / "ours", store=broker.store, settings=SETTINGS)
    try:
        bodies.remove("7")
        found = wait_for(driver, ours.namesrv_address, bodies)
        assert [stores.comparable(one) for one in found].count(stores.comparable(early)) == 1
        check_each_once([one for one in found if one["body"] != "early"], bodies, due)
        ours_has = {name for one in found if one["body"] != "early" for name in one["properties"]}
        if engine == "wheel":
            assert ours_has - {"TIMER_DELIVER_MS"} == set(early["properties"]) - {"TIMER_DELAY_MS"}
    finally:
        ours.kill()


#: What a client of 4.9 may write, which knows nothing of timers: properties of a message, one that is delivered or not.
WRITTEN: dict[str, dict[str, Any]] = {
    "at a time": {"TIMER_DELIVER_MS": 3_000},
    "after seconds": {"TIMER_DELAY_SEC": 3},
    "after ms": {"TIMER_DELAY_MS": 3_000},
    "in the past": {"TIMER_DELIVER_MS": -1},
    "two times": {"TIMER_DELAY_SEC": 3, "TIMER_DELIVER_MS": 1},
    "with a delay level": {"TIMER_DELAY_SEC": 3, "delay": 1},
    "too far": {"TIMER_DELAY_SEC": 300_000},
    "no number": {"TIMER_DELIVER_MS": "soon"},
    "below 0": {"TIMER_DELAY_MS": -5},
}


def test_a_client_of_4_9_gets_timers_as_from_apache_s_broker(scratch: Path, drivers: Callable[[str], Driver]) -> None:
    """It puts the properties on its messages by hand; 5.3.3's broker and ours take, refuse and deliver the same."""
    driver = drivers("4.9.7")
    theirs = Pair("5.3.3", scratch / "timers-4.9-theirs", settings=SETTINGS)
    ours = OurPair(scratch / "timers-4.9-ours", settings=SETTINGS)

    def sent(namesrv: str) -> dict[str, str]:
        """What the client was answered for each message: its status, or the error without the broker's name."""
        now, answers = int(time.time() * 1000), {}
        for body, written in WRITTEN.items():
            at = written.get("TIMER_DELIVER_MS")
            more = {"TIMER_DELIVER_MS": now + at} if isinstance(at, int) else {}
            message = {"topic": TOPIC, "queue": 0, "body": body, **written, **more}
            try:
                (result,) = driver.ask("send", namesrv=namesrv, group="timers", messages=[message])
                answers[body] = result["status"]
            except DriverError as error:
                answers[body] = str(error).partition("BROKER:")[0]
        return answers

    try:
        namesrvs = (theirs.namesrv_address, ours.namesrv_address)
        for namesrv in namesrvs:
            create(driver, namesrv)
        answers = [sent(namesrv) for namesrv in namesrvs]
        assert answers[0] == answers[1]
        taken = [body for body, answer in answers[0].items() if answer == "SEND_OK"]
        found = [wait_for(driver, namesrv, taken) for namesrv in namesrvs]
        kept = [{one["body"]: set(one["properties"]) for one in of} for of in found]
        assert [len(of) for of in found] == [len(taken)] * 2
        assert kept[0] == kept[1]
    finally:
        for namesrv in (theirs.namesrv_address, ours.namesrv_address):
            driver.ask("producer.close", namesrv=namesrv, group="timers")
        theirs.kill()
        ours.kill()
