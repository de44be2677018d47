"""Apache's brokers on a store that ours wrote, stopped clean and killed: every message is there; and back to ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Driver, wait_until
from tests.interop.ours import OurNameServer, OurPair
from tests.interop.raw import wait_for_route
from tests.interop.toolchain import VERSIONS

GROUP = "carry_group"
TOPICS = {"CarryTags": 4, "CarryBodies": 4, "CarryBatch": 1, "CarryOrdered": 4, "CarryTx": 1, "CarryDelayed": 1}
SYSTEM = {"SCHEDULE_TOPIC_XXXX": (0, 17), "RMQ_SYS_TRANS_HALF_TOPIC": (0,), f"%RETRY%{GROUP}": (0,)}


class Written(NamedTuple):
    """A store that our broker wrote, and what it served before it ended."""

    how: str
    store: Path
    messages: dict[tuple[str, int], list[stores.Message]]
    progress: str


def write_messages(driver: Driver, pair: Any) -> None:
    """Something of each kind that a commitlog can hold."""

    def send(messages: list[dict[str, Any]], **options: Any) -> None:
        results = driver.ask("send", namesrv=pair.namesrv_address, messages=messages, **{"group": "carrier", **options})
        assert {r["status"] for r in results} == {"SEND_OK"}

    for topic, queues in TOPICS.items():
        words = ["updateTopic", "-n", pair.namesrv_address, "-c", pair.cluster, "-t", topic]
        assert "success" in driver.mqadmin(*words, "-r", str(queues), "-w", str(queues))
    tags = ["TagA", "TagB", "标签", None]
    send(
        [
            {
                "topic": "CarryTags",
                "queue": i,
                "tags": tags[i % 3],
                "keys": f"key-{i} all",
                "body": f"内容 {i}",
                "flag": i % 5,
                "properties": {"amount": i, "region": "华东"},
            }
            for i in range(400)
        ]
    )
    sizes = (1, 100, 1000, 4000, 5000, 20_000)
    send([{"topic": "CarryBodies", "queue": i, "bodySize": size + i, "seed": i} for i in range(7) for size in sizes])
    send([{"topic": "CarryBatch", "keys": f"b{i}", "body": f"batch {i}"} for i in range(20)], mode="batch")
    send([{"topic": "CarryOrdered", "queue": i % 4, "body": f"{i // 4}"} for i in range(40)])
    send(
        [
            {"topic": "CarryDelayed", "body": "in a second", "delay": 1},
            {"topic": "CarryDelayed", "body": "in 2 h", "delay": 18},
        ]
    )
    outcomes = ["commit", "rollback", "commit"]
    transactions = [
        {"topic": "CarryTx", "body": f"{o}{i}", "properties": {"outcome": o}} for i, o in enumerate(outcomes)
    ]
    send(transactions, mode="transaction", group="carry_transactions")


def consume_some(driver: Driver, pair: Any, how: str) -> None:
    """Offsets of a group, with one message that came back once."""
    name = f"carry-{how}"
    driver.ask("subscribe", name=name, namesrv=pair.namesrv_address, group=GROUP, topic="CarryTags", rejectFirst=1)
    # It comes back after 10 s, and 30 s later where the client has asked too early for the route of the group's retries.
    got = driver.ask("received", name=name, count=401, timeoutMs=90_000)
    assert len(got) == 401
    driver.ask("consumer.commit", name=name)
    driver.ask("consumer.close", name=name)

    def delivered() -> bool:
        return len(driver.ask("pull", namesrv=pair.namesrv_address, topic="CarryDelayed")) == 1

    wait_until(delivered, "the delayed message was delivered")
    driver.ask("producer.close", namesrv=pair.namesrv_address, group="carry_transactions")


def progress(driver: Driver, namesrv: str) -> str:
    """Rows of consumerProgress without their time."""
    printed = driver.mqadmin("consumerProgress", "-n", namesrv, "-g", GROUP)
    rows = [line.split()[:5] for line in printed.splitlines() if line.startswith("CarryTags")]
    return "\n".join(" ".join(row) for row in sorted(rows))


def write(driver: Driver, folder: Path, how: str) -> Written:
    pair = OurPair(folder, settings={**stores.SIZES, "flushConsumerOffsetInterval": "200"})
    try:
        write_messages(driver, pair)
        consume_some(driver, pair, how)
        wait_until(lambda: offsets_on_disk(pair.store).count("100") == 4, "the offsets are on disk")
        queues = [(t, q) for t, n in TOPICS.items() for q in range(n)] + [
            (t, q) for t, ids in SYSTEM.items() for q in ids
        ]
        messages = stores.read_queues(driver, pair.namesrv_address, {queue: [] for queue in queues})
        rows = progress(driver, pair.namesrv_address)
        if how == "stopped":
            assert pair.stop() == 0
    finally:
        pair.kill()
    assert (pair.store / "abort").exists() == (how == "killed")
    return Written(how, pair.store, messages, rows)


@pytest.fixture(scope="module")
def all_written(scratch: Path, drivers: Callable[[str], Driver]) -> dict[str, Written]:
    return {how: write(drivers("5.3.3"), scratch / f"carry-{how}", how) for how in ("stopped", "killed")}


@pytest.fixture(params=["stopped", "killed"], scope="module")
def written(request: pytest.FixtureRequest, all_written: dict[str, Written]) -> Written:
    return all_written[request.param]


def offsets_on_disk(store: Path) -> str:
    """What consumerOffset.json says of the group."""
    file = store / "config" / "consumerOffset.json"
    text = file.read_text() if file.exists() else ""
    return text.partition(f"CarryTags@{GROUP}")[2].partition("}")[0]


class Carried(NamedTuple):
    """Apache's broker on a copy of that store."""

    written: Written
    driver: Driver
    broker: Broker
    namesrv: str


@pytest.fixture(scope="module")
def nameserver(scratch: Path) -> Iterator[str]:
    """Our name server: Apache's brokers register with it."""
    server = OurNameServer(scratch / "carry-namesrv")
    server.child.wait_for("boot success")
    yield server.address
    server.child.kill()


@pytest.fixture(scope="module", params=VERSIONS)
def carried(
    request: pytest.FixtureRequest, written: Written, nameserver: str, scratch: Path, drivers: Callable[[str], Driver]
) -> Iterator[Carried]:
    version = request.param
    folder = scratch / f"carried-{written.how}-{version}"
    store = stores.copy_store(written.store, folder)
    broker = Broker(
        version, folder, nameserver, store=store, name=f"broker-{written.how}-{version}", settings=stores.SIZES
    )
    try:
        broker.wait_ready()
        wait_for_route(nameserver, "CarryTags", broker.name)
        yield Carried(written, drivers(version), broker, nameserver)
    finally:
        broker.child.kill()


def test_apaches_broker_serves_every_message(carried: Carried) -> None:
    expected = carried.written.messages
    assert sum(len(messages) for messages in expected.values()) > 500
    found = stores.read_queues(carried.driver, carried.namesrv, expected, carried.broker.name)
    for queue, messages in expected.items():
        before = [comparable(m) for m in messages]
        after = [comparable(m) for m in found[queue][: len(messages)]]
        assert after == before, queue
        if queue[0] in TOPICS and queue[0] != "CarryDelayed":
            assert len(found[queue]) == len(messages), f"{queue}: more than was written"


def comparable(message: stores.Message) -> stores.Message:
    """Without the flag of compression, which 5.x's client takes off and 4.9's leaves."""
    fields = stores.comparable(message)
    fields["sysFlag"] &= ~0x701
    return fields


def test_a_java_consumer_reads_them_all(carried: Carried) -> None:
    name = f"reader-{carried.broker.name}"
    wanted = [
        m for (topic, _), messages in carried.written.messages.items() if topic == "CarryBodies" for m in messages
    ]
    carried.driver.ask(
        "subscribe", name=name, namesrv=carried.namesrv, group=name.replace(".", "_"), topic="CarryBodies"
    )
    got = carried.driver.ask("received", name=name, count=len(wanted), timeoutMs=60_000, timeout=70)
    carried.driver.ask("consumer.close", name=name)
    mine = [m for m in got if m["storeHost"] == wanted[0]["storeHost"]]
    assert sorted((m["bodyLength"], m["bodySha256"]) for m in mine) == sorted(
        (m["bodyLength"], m["bodySha256"]) for m in wanted
    )


def test_offsets_and_index_are_taken_over(carried: Carried) -> None:
    rows = progress(carried.driver, carried.namesrv).replace(carried.broker.name, "broker-a")
    assert rows == carried.written.progress
    key = carried.written.messages["CarryTags", 0][3]
    words = ["-n", carried.namesrv, "-t", "CarryTags"]
    assert key["msgId"] in carried.driver.mqadmin("queryMsgByKey", *words, "-k", key["properties"]["KEYS"].split()[0])


@pytest.mark.parametrize("version", VERSIONS)
def test_and_back_to_ours(written: Written, version: str, scratch: Path, drivers: Callable[[str], Driver]) -> None:
    """Apache's broker adds to the store, dies, and ours goes on with all of it."""
    driver, folder = drivers(version), scratch / f"back-{written.how}-{version}"
    store = stores.copy_store(written.store, folder)
    nameserver = OurNameServer(folder / "namesrv")
    nameserver.child.wait_for("boot success")
    broker = Broker(version, folder / "apache", nameserver.address, store=store, settings=stores.SIZES)
    try:
        broker.wait_ready()
        wait_for_route(nameserver.address, "CarryOrdered", broker.name)
        messages = [{"topic": "CarryOrdered", "queue": i % 4, "body": f"theirs {i}"} for i in range(8)]
        driver.ask("send", namesrv=nameserver.address, group=folder.name.replace(".", "_"), messages=messages)
        expected = driver.ask("pull", namesrv=nameserver.address, topic="CarryOrdered")
    finally:
        broker.child.kill()
        nameserver.child.kill()
    assert len(expected) == 48
    ours = OurPair(folder / "ours", store=store, settings=stores.SIZES)
    try:
        found = driver.ask("pull", namesrv=ours.namesrv_address, topic="CarryOrdered")
    finally:
        ours.kill()
    assert [stores.comparable(m) for m in found] == [stores.comparable(m) for m in expected]
