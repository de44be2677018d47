"""A store that Apache's broker writes with enableConsumeQueueExt: ours serves it, goes on with it, and gives it back.

There the last field of a unit leads to where the hash of the tags, or the time of delivery, lies in another file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Driver, wait_until
from tests.interop.ours import OurNameServer, OurPair, mqadmin
from tests.interop.raw import wait_for_route

TOPIC = "Extended"
DELAY_MS = 20_000
SETTINGS = {**stores.SIZES, "messageDelayLevel": "20s 2h", "enablePropertyFilter": "true"}
EXTENDED = SETTINGS | {"enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true"}


def send(driver: Driver, namesrv: str, bodies: list[str], **more: Any) -> None:
    messages = [{"topic": TOPIC, "queue": 0, "body": body, "tags": body[0], **more} for body in bodies]
    results = driver.ask("send", namesrv=namesrv, group="extended", messages=messages)
    assert {one["status"] for one in results} == {"SEND_OK"}


def bodies_of(found: list[dict[str, Any]]) -> list[str]:
    return [one["body"] for one in found]


def name_server(stack: ExitStack, folder: Path) -> str:
    started = OurNameServer(folder)
    stack.callback(started.child.kill)
    started.child.wait_for("boot success")
    return started.address


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as open_until_the_end:
        yield open_until_the_end


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
def test_a_store_with_extensions_goes_both_ways(
    version: str, tmp_path: Path, drivers: Callable[[str], Driver], stack: ExitStack
) -> None:
    driver, store = drivers("5.3.3"), tmp_path / "store"
    namesrv = name_server(stack, tmp_path / "namesrv")

    def pulled(at: str) -> list[str]:
        return bodies_of(driver.ask("pull", namesrv=at, topic=TOPIC))

    first, late = [f"{'ab'[i % 2]}{i}" for i in range(10)], ["d0", "d1"]
    broker = Broker(version, tmp_path / "apache", namesrv, store=store, settings=EXTENDED)
    try:
        broker.wait_ready()
        wait_for_route(namesrv, "TBW102", broker.name)
        words = ["updateTopic", "-n", namesrv, "-c", "DefaultCluster", "-t", TOPIC, "-r", "1", "-w", "1"]
        assert "success" in driver.mqadmin(*words)
        send(driver, namesrv, first)
        send(driver, namesrv, late, delay=1)
        due = int(time.time() * 1000) + DELAY_MS - 1_000  # of both, but for the time that the second took
        wait_until(lambda: pulled(namesrv) == first, "all are in their queue")
        wait_until(lambda: any((store / "consumequeue_ext" / TOPIC).rglob("0*")), "there is an extension")
    finally:
        driver.ask("producer.close", namesrv=namesrv, group="extended")
        broker.child.stop(60)
    words = ["store", "check", str(store), "--messageDelayLevel", SETTINGS["messageDelayLevel"]]
    checked = mqadmin(*words, output="json")
    assert checked.code == 0, checked.out

    ours = OurPair(tmp_path / "ours", store=store, settings=SETTINGS)
    try:
        at = ours.namesrv_address
        assert pulled(at)[: len(first)] == first
        send(driver, at, ["c0"])
        wait_until(lambda: len(pulled(at)) == len(first) + 3, "what was delayed is there", 60)
        found = driver.ask("pull", namesrv=at, topic=TOPIC)
        assert min(one["storeTimestamp"] for one in found if one["body"] in late) >= due
        driver.ask("producer.close", namesrv=at, group="extended")
        expected = bodies_of(found)
        assert ours.stop() == 0
    finally:
        ours.kill()

    # Apache's client would look for the broker where it was before.
    namesrv = name_server(stack, tmp_path / "namesrv again")
    broker = Broker(version, tmp_path / "again", namesrv, store=store, settings=EXTENDED)
    try:
        broker.wait_ready()
        wait_for_route(namesrv, TOPIC, broker.name)
        send(driver, namesrv, ["e0"])
        wait_until(lambda: pulled(namesrv) == [*expected, "e0"], "Apache's goes on")
    finally:
        driver.ask("producer.close", namesrv=namesrv, group="extended")
        broker.child.kill()
