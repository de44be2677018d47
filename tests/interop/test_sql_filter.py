"""SQL92 filters: our evaluator beside Apache's own, Apache's consumers on our broker, a store's filters moved both ways."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop import stores
from tests.interop.apache import Broker, Driver, DriverError, wait_until
from tests.interop.ours import OurNameServer, OurPair
from tests.interop.raw import wait_for_route
from tests.interop.sql_pairs import Pairs
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client import ClientOptions, ConsumeResult, ConsumeSettings, MessageSelector, Producer, PushConsumer
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET
from rocketmq_ops.common.filter.bloom import BloomFilter
from rocketmq_ops.common.filter.parser import parse
from rocketmq_ops.common.message import Message

PAIRS = 4_000
SEED = 20261127
#: Operators since 5.0.
ON_TEXTS = re.compile("CONTAINS|STARTSWITH|ENDSWITH", re.IGNORECASE)
ON = {"enablePropertyFilter": "true", "filterSupportRetry": "true"}

Name = Callable[[str], str]


@pytest.fixture(scope="module")
def filtering(scratch: Path) -> Iterator[OurPair]:
    """Our pair, with filters on properties."""
    pair = OurPair(scratch / "filtering", settings=ON)
    yield pair
    pair.kill()


def ours(pair: dict[str, Any]) -> str:
    try:
        expression = parse(pair["sql"])
    except ValueError:
        return "refused"
    try:
        return {True: "true", False: "false", None: "null"}[expression.evaluate(pair["properties"])]
    except ValueError:
        return "raises"


@pytest.mark.parametrize("version", VERSIONS)
def test_expressions_mean_what_apache_s_evaluator_says(version: str, drivers: Callable[[str], Driver]) -> None:
    """4.9's knows no operators on texts: it refuses the expression, or takes what stands before them for the whole of it."""
    source = Pairs(SEED)
    pairs = [source.pair() for _ in range(PAIRS)]
    theirs = drivers(version).ask("sql", pairs=pairs)
    told = [(pair, java, ours(pair)) for pair, java in zip(pairs, theirs, strict=True)]
    if version == "4.9.7":
        unknown = [each for each in told if ON_TEXTS.search(each[0]["sql"])]
        assert {java for _, java, found in unknown if found != "refused"} >= {"refused", "null", "false"}
        told = [each for each in told if each not in unknown]
    different = [each for each in told if each[1] != each[2]]
    assert not different
    # Each kind of answer is there in earnest.
    kinds = Counter(java for _, java, _ in told)
    assert min(kinds[kind] for kind in ("true", "false", "null", "raises", "refused")) > len(told) // 25


def test_bits_of_the_bloom_filter_are_apache_s(drivers: Callable[[str], Driver]) -> None:
    texts = [f"{'group' * (each % 9)}{each}#主题{'t' * each}" for each in range(64)]
    for rate, consumers in ((20, 32), (1, 1), (10, 128), (99, 7)):
        bloom = BloomFilter(rate, consumers)
        theirs = drivers("5.3.3").ask("bloom", errorRate=rate, consumers=consumers, texts=texts)
        assert theirs == [{"bitNum": bloom.bits, "bitPos": bloom.positions(text)} for text in texts]


def test_java_consumers_get_what_their_expression_selects(filtering: OurPair, driver: Driver, name: Name) -> None:
    """With one of them wanted again: it comes back through the retry topic, which the client subscribes by tags."""
    topic, group = name("Filtered"), name("filtered_group")
    make_topic(driver, filtering, topic, 2)
    messages = [
        {
            "topic": topic,
            "body": f"{number}",
            "keys": f"k{number}",
            "properties": {"amount": number, "region": ["eu", "us"][number % 2]},
        }
        for number in range(20)
    ]
    sql = "region = 'eu' AND amount BETWEEN 4 AND 15 OR KEYS = 'k19'"
    wanted = ["4", "6", "8", "10", "12", "14", "19"]
    send(driver, filtering, messages[:10])
    with Consumer(driver, filtering, name("by_sql"), group, topic, sql=sql, rejectFirst=1) as consumer:
        assert len(consumer.received(4)) == 4
        send(driver, filtering, messages[10:])
        got = consumer.received(8)
    assert Counter(bodies(got)) == Counter(wanted) + Counter(
        [again["body"] for again in got if again["reconsumeTimes"]]
    )
    assert sum(each["reconsumeTimes"] > 0 for each in got) == 1


def test_java_consumers_are_told_where_their_expression_is_wrong(
    filtering: OurPair, driver: Driver, name: Name
) -> None:
    topic = name("Wrong")
    make_topic(driver, filtering, topic, 1)
    with pytest.raises(DriverError, match=r"CODE: 23 .*invalid SQL92 expression at '> 'x'' \(character 8\)"):
        Consumer(driver, filtering, name("wrong"), name("wrong_group"), topic, sql="amount > 'x'")


@pytest.mark.parametrize("version", VERSIONS)
def test_filters_move_to_apache_s_broker_and_back(version: str, scratch: Path) -> None:
    """A group's expression in our store's file, read and kept by Apache's broker, on which our client subscribes too.

    Apache's broker stores for each message which expressions it meets; queues with that are read by ours.
    """
    folder = scratch / f"moving-filters-{version}"
    ours = OurPair(folder / "ours", settings={**stores.SIZES, **ON})
    try:
        asyncio.run(_produce(ours.namesrv_address))
        assert asyncio.run(_consumed(ours.namesrv_address, "first_sql", "n >= 3", 2)) == ["3", "4"]
    finally:
        ours.stop()
    first = _filters(ours.store)["first_sql"]
    assert (first["expression"], first["dead"]) == ("n >= 3", True)
    nameserver = OurNameServer(folder / "namesrv")
    nameserver.child.wait_for("boot success")
    settings = {**stores.SIZES, **ON, "enableConsumeQueueExt": "true", "enableCalcFilterBitMap": "true"}
    broker = Broker(version, folder / "apache", nameserver.address, store=ours.store, settings=settings)
    try:
        broker.wait_ready()
        wait_for_route(nameserver.address, "Moving", broker.name)
        assert asyncio.run(_consumed(nameserver.address, "second_sql", "n < 2", 2)) == ["0", "1"]
        asyncio.run(_produce(nameserver.address))
        wait_until(
            lambda: any((ours.store / "consumequeue_ext" / "Moving").rglob("0*")), "it has stored what they meet"
        )
        # It writes the file every 10 s; a clean stop takes longer.
        wait_until(lambda: "second_sql" in _filters(ours.store), "Apache's broker has written the file")
    finally:
        broker.child.kill()
        nameserver.child.kill()
    theirs = _filters(ours.store)
    assert set(theirs) == {"first_sql", "second_sql"} and theirs["first_sql"] == first
    bloom = BloomFilter(20, 32)
    assert theirs["second_sql"]["bloomFilterData"] == {
        "bitNum": bloom.bits,
        "bitPos": bloom.positions("second_sql#Moving"),
    }
    again = OurPair(folder / "again", store=ours.store, settings={**stores.SIZES, **ON})
    try:
        assert asyncio.run(_consumed(again.namesrv_address, "third_sql", "n = 2", 2)) == ["2", "2"]
        odd = asyncio.run(_consumed(again.namesrv_address, "by_tags", MessageSelector.by_tag("odd"), 4))
        assert odd == ["1", "1", "3", "3"]
    finally:
        again.stop()
    last = _filters(ours.store)
    assert "third_sql" in last and last["first_sql"] == first
    # Who was connected when Apache's broker was killed is dead since.
    assert last["second_sql"]["dead"] and last["second_sql"]["deadTime"] >= theirs["second_sql"]["bornTime"]
    for entry in (last["second_sql"], theirs["second_sql"]):
        del entry["dead"], entry["deadTime"]
    assert last["second_sql"] == theirs["second_sql"]


def _filters(store: Path) -> dict[str, Any]:
    """The entries of the file of filters, by group; none for a moment, while Apache's broker replaces or rewrites it."""
    try:
        found = json.loads((store / "config" / "consumerFilter.json").read_text("utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    entries: dict[str, Any] = found["filterDataByTopic"]["Moving"]["groupFilterData"]
    return entries


def _options(namesrv: str) -> ClientOptions:
    return ClientOptions(name_servers=[namesrv], client_ip="127.0.0.1")


async def _produce(namesrv: str) -> None:
    async with Producer("moving", _options(namesrv)) as producer:
        for number in range(5):
            await producer.send(
                Message("Moving", b"%d" % number, tags=("even", "odd")[number % 2], properties={"n": str(number)})
            )


async def _consumed(namesrv: str, group: str, wanted: str | MessageSelector, count: int) -> list[str]:
    """The bodies that our consumer gets by an expression, in order."""
    got: list[str] = []

    async def listener(messages: Any, context: Any) -> ConsumeResult:
        got.extend(message.body.decode() for message in messages)
        return ConsumeResult.SUCCESS

    settings = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
    consumer = PushConsumer(group, listener, _options(namesrv), settings=settings)
    consumer.subscribe("Moving", MessageSelector.by_sql(wanted) if isinstance(wanted, str) else wanted)
    async with consumer, asyncio.timeout(40):
        while len(got) < count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return sorted(got)
