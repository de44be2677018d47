"""Apache's Java client of both versions, unchanged, through our name server and broker."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Driver, DriverError, wait_until
from tests.interop.ours import DevPair, OurPair
from tests.interop.toolchain import VERSIONS

Name = Callable[[str], str]


def make_topic(driver: Driver, pair: Any, topic: str, queues: int) -> None:
    printed = driver.mqadmin(
        "updateTopic", "-n", pair.namesrv_address, "-c", pair.cluster, "-t", topic, "-r", str(queues), "-w", str(queues)
    )
    assert "success" in printed, printed


def send(driver: Driver, pair: Any, messages: list[dict[str, Any]], **options: Any) -> list[dict[str, Any]]:
    options.setdefault("group", "interop_producer")
    results: list[dict[str, Any]] = driver.ask("send", namesrv=pair.namesrv_address, messages=messages, **options)
    return results


class Consumer:
    """A push consumer of the driver's, closed at the end of the block."""

    def __init__(self, driver: Driver, pair: Any, consumer: str, group: str, topic: str, **options: Any) -> None:
        self.driver, self.consumer, self.group, self.topic = driver, consumer, group, topic
        driver.ask("subscribe", name=consumer, namesrv=pair.namesrv_address, group=group, topic=topic, **options)

    def received(self, count: int, timeout: float = 75.0) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.driver.ask(
            "received", name=self.consumer, count=count, timeoutMs=int(timeout * 1000), timeout=timeout + 10
        )
        return messages

    def assigned(self, count: int, timeout: float = 30.0) -> list[int]:
        queues: list[int] = self.driver.ask(
            "assigned",
            name=self.consumer,
            topic=self.topic,
            count=count,
            timeoutMs=int(timeout * 1000),
            timeout=timeout + 10,
        )
        return queues

    def committed(self, pair: Any, queues: int) -> bool:
        """Whether the broker knows that the group has consumed everything of its queues."""
        self.driver.ask("consumer.commit", name=self.consumer)
        printed = self.driver.mqadmin("consumerProgress", "-n", pair.namesrv_address, "-g", self.group)
        return "Diff Total: 0" in printed and printed.count(pair.broker_name) >= queues

    def close(self) -> None:
        self.driver.ask("consumer.close", name=self.consumer)

    def __enter__(self) -> Consumer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return [m["body"] for m in messages]


def shared(one: Consumer, two: Consumer, queues: int) -> tuple[list[int], list[int]]:
    """Which queues each has, once each has half of them: on the way it may have as many, with one that it gives up."""

    def halves() -> tuple[list[int], list[int]] | None:
        found = one.assigned(queues // 2, 60), two.assigned(queues // 2, 60)
        return found if sorted(found[0] + found[1]) == list(range(queues)) else None

    found: tuple[list[int], list[int]] = wait_until(halves, "each has half of the queues", 60)
    return found


def test_two_consumers_share_the_queues(driver: Driver, pair: Any, name: Name) -> None:
    topic, group = name("Shared"), name("shared_group")
    make_topic(driver, pair, topic, 8)
    with Consumer(driver, pair, name("first"), group, topic) as first:
        assert first.assigned(8) == list(range(8))
        second = Consumer(driver, pair, name("second"), group, topic)
        halves = shared(second, first, 8)
        sent = send(driver, pair, [{"topic": topic, "body": f"m{i}", "queue": i % 8} for i in range(80)])
        assert {r["status"] for r in sent} == {"SEND_OK"}
        assert sorted({r["queueId"] for r in sent}) == list(range(8))
        got = first.received(40) + second.received(40)
        assert Counter(bodies(got)) == Counter(f"m{i}" for i in range(80))
        assert {m["queueId"] for m in second.received(40)} == set(halves[0])
        second.close()
        assert first.assigned(8) == list(range(8))
        send(driver, pair, [{"topic": topic, "body": f"n{i}", "queue": i} for i in range(8)])
        assert sorted(bodies(first.received(48)))[-8:] == [f"n{i}" for i in range(8)]


def test_offsets_survive_the_consumer(driver: Driver, pair: Any, name: Name) -> None:
    topic, group = name("Resume"), name("resume_group")
    make_topic(driver, pair, topic, 2)
    send(driver, pair, [{"topic": topic, "body": f"a{i}", "queue": i} for i in range(10)])
    with Consumer(driver, pair, name("before"), group, topic) as consumer:
        assert len(consumer.received(10)) == 10
        # Seen is not yet consumed: the listener has to return first.
        wait_until(lambda: consumer.committed(pair, 2), "the broker has the offsets")
    send(driver, pair, [{"topic": topic, "body": f"b{i}", "queue": i} for i in range(4)])
    with Consumer(driver, pair, name("after"), group, topic) as consumer:
        assert sorted(bodies(consumer.received(4))) == ["b0", "b1", "b2", "b3"]


def test_tags_are_filtered(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Tagged")
    make_topic(driver, pair, topic, 4)
    # "AaAa" and "BBBB" have the same Java hash: only the client can tell them apart.
    tags = ["TagA", "TagB", "TagC", "标签", None, "AaAa", "BBBB"]
    send(
        driver,
        pair,
        [{"topic": topic, "tags": tags[i % 7], "body": f"{tags[i % 7]}-{i}", "queue": i} for i in range(70)],
    )
    with Consumer(driver, pair, name("c"), name("tags_group"), topic, tags="TagA || 标签 || AaAa") as consumer:
        got = consumer.received(30)
        assert Counter(m["properties"]["TAGS"] for m in got) == {"TagA": 10, "标签": 10, "AaAa": 10}
        send(
            driver,
            pair,
            [{"topic": topic, "tags": "TagB", "body": "no"}, {"topic": topic, "tags": "TagA", "body": "yes"}],
        )
        assert bodies(consumer.received(31))[-1] == "yes"


def test_broadcasting_gives_every_message_to_each(driver: Driver, pair: Any, name: Name) -> None:
    topic, group = name("Broadcast"), name("broadcast_group")
    make_topic(driver, pair, topic, 4)
    one = Consumer(driver, pair, name("one"), group, topic, model="BROADCASTING")
    two = Consumer(driver, pair, name("two"), group, topic, model="BROADCASTING")
    with one, two:
        assert one.assigned(4) == two.assigned(4) == [0, 1, 2, 3]
        send(driver, pair, [{"topic": topic, "body": f"m{i}", "queue": i} for i in range(20)])
        expected = sorted(f"m{i}" for i in range(20))
        assert sorted(bodies(one.received(20))) == sorted(bodies(two.received(20))) == expected


def test_ordered_consumers_keep_each_queues_order(driver: Driver, pair: Any, name: Name) -> None:
    topic, group = name("Ordered"), name("ordered_group")
    make_topic(driver, pair, topic, 4)
    one = Consumer(driver, pair, name("one"), group, topic, orderly=True)
    two = Consumer(driver, pair, name("two"), group, topic, orderly=True)
    with one, two:
        shared(one, two, 4)  # an orderly consumer takes a queue only after it locked it at the broker
        send(driver, pair, [{"topic": topic, "body": f"{i % 4}:{i // 4:03d}", "queue": i % 4} for i in range(100)])
        got = one.received(50) + two.received(50)
        by_queue = defaultdict(list)
        for body in bodies(got):
            queue, number = body.split(":")
            by_queue[queue].append(number)
        assert by_queue == {str(q): [f"{n:03d}" for n in range(25)] for q in range(4)}


def test_ordered_consumer_repeats_the_refused_message_in_place(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("OrderedAgain")
    make_topic(driver, pair, topic, 1)
    send(driver, pair, [{"topic": topic, "body": f"m{i}"} for i in range(5)])
    with Consumer(driver, pair, name("c"), name("again_group"), topic, orderly=True, rejectFirst=2) as consumer:
        assert bodies(consumer.received(7, 60)) == ["m0", "m0", "m0", "m1", "m2", "m3", "m4"]


@pytest.mark.parametrize("kind", ["ZLIB", "LZ4", "ZSTD"])
def test_compressed_bodies(drivers: Callable[[str], Driver], pair: Any, name: Name, kind: str) -> None:
    topic = name("Packed")
    newer = drivers("5.3.3")
    make_topic(newer, pair, topic, 1)
    spec = [{"topic": topic, "bodySize": 20_000 + i, "seed": i} for i in range(5)]
    send(newer, pair, spec, group=name("packing"), compressOver=4096, compressType=kind)
    whole = send(
        newer,
        pair,
        [{"topic": topic, "bodySize": 20_000 + i, "seed": i} for i in range(5)],
        group=name("plain"),
        compressOver=1_000_000,
    )
    assert len(whole) == 5
    for version in VERSIONS:
        got = drivers(version).ask("pull", namesrv=pair.namesrv_address, topic=topic)
        assert [m["bodyLength"] for m in got] == [20_000, 20_001, 20_002, 20_003, 20_004] * 2
        assert [m["bodySha256"] for m in got[:5]] == [m["bodySha256"] for m in got[5:]]
        assert all(m["storeSize"] < 20_000 < other["storeSize"] for m, other in zip(got[:5], got[5:], strict=True))


def test_default_compression(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("DefaultPacked")
    make_topic(driver, pair, topic, 1)
    send(driver, pair, [{"topic": topic, "bodySize": 50_000, "seed": 7}, {"topic": topic, "bodySize": 4000, "seed": 7}])
    with Consumer(driver, pair, name("c"), name("packed_group"), topic) as consumer:
        got = {m["bodyLength"]: m for m in consumer.received(2)}
    assert sorted(got) == [4000, 50_000]
    assert got[50_000]["storeSize"] < 50_000
    assert got[4000]["storeSize"] > 4000


def test_batches(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Batch")
    make_topic(driver, pair, topic, 1)
    spec = [{"topic": topic, "tags": "T", "keys": f"k{i}", "body": f"b{i}", "properties": {"n": i}} for i in range(20)]
    (result,) = send(driver, pair, spec, mode="batch")
    assert result["status"] == "SEND_OK"
    assert len(result["offsetMsgId"].split(",")) == len(result["msgId"].split(",")) == 20
    with Consumer(driver, pair, name("c"), name("batch_group"), topic) as consumer:
        got = sorted(consumer.received(20), key=lambda m: m["queueOffset"])
    assert bodies(got) == [f"b{i}" for i in range(20)]
    assert [m["properties"]["n"] for m in got] == [str(i) for i in range(20)]
    assert [m["properties"]["KEYS"] for m in got] == [f"k{i}" for i in range(20)]
    assert [m["offsetMsgId"] for m in got] == result["offsetMsgId"].split(",")


@pytest.mark.parametrize("mode", ["sync", "async", "oneway"])
def test_every_way_to_send(driver: Driver, pair: Any, name: Name, mode: str) -> None:
    topic = name("Ways")
    make_topic(driver, pair, topic, 4)
    send(driver, pair, [{"topic": topic, "body": f"m{i}"} for i in range(50)], mode=mode)
    with Consumer(driver, pair, name("c"), name("ways_group"), topic) as consumer:
        assert sorted(bodies(consumer.received(50))) == sorted(f"m{i}" for i in range(50))


def test_every_field_arrives(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Fields")
    make_topic(driver, pair, topic, 2)
    (sent,) = send(
        driver,
        pair,
        [
            {
                "topic": topic,
                "tags": "标签",
                "keys": "k1 k2",
                "flag": 7,
                "body": "内容",
                "queue": 1,
                "properties": {"region": "华东", "empty?": "a=b", "n": "1"},
            }
        ],
    )
    (got,) = driver.ask("pull", namesrv=pair.namesrv_address, topic=topic)
    assert (got["topic"], got["queueId"], got["queueOffset"], got["flag"]) == (topic, 1, 0, 7)
    assert (got["msgId"], got["offsetMsgId"]) == (sent["msgId"], sent["offsetMsgId"])
    assert got["body"] == "内容"
    assert got["storeHost"] == f"/{pair.broker_address}"
    assert got["bornHost"].startswith("/127.0.0.1:")
    assert 0 <= got["storeTimestamp"] - got["bornTimestamp"] < 60_000
    properties = got["properties"]
    expected = {"TAGS": "标签", "KEYS": "k1 k2", "region": "华东", "empty?": "a=b", "n": "1"}
    assert {k: properties[k] for k in expected} == expected
    assert (properties["MIN_OFFSET"], properties["MAX_OFFSET"]) == ("0", "1")


def test_topics_are_created_by_sending(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Unheard")
    (sent,) = send(driver, pair, [{"topic": topic, "body": "first"}])
    assert sent["status"] == "SEND_OK"
    with Consumer(driver, pair, name("c"), name("unheard_group"), topic) as consumer:
        assert bodies(consumer.received(1)) == ["first"]


def test_vip_channel(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Vip")
    make_topic(driver, pair, topic, 1)
    (sent,) = send(driver, pair, [{"topic": topic, "body": "by the fast lane"}], group=name("vip_producer"), vip=True)
    assert sent["status"] == "SEND_OK"


def test_delayed_messages_come_after_their_level(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Delayed")
    make_topic(driver, pair, topic, 1)
    with Consumer(driver, pair, name("c"), name("delayed_group"), topic) as consumer:
        consumer.assigned(1)
        send(
            driver,
            pair,
            [{"topic": topic, "body": "now"}, {"topic": topic, "body": "later", "delay": 1, "tags": "D", "keys": "dk"}],
        )
        # The client's threads take messages of a queue beside each other: their order is that of the queue.
        got = sorted(consumer.received(2), key=lambda m: m["queueOffset"])
    assert bodies(got) == ["now", "later"]
    later = got[1]
    assert later["storeTimestamp"] - later["bornTimestamp"] >= 1000
    assert later["properties"]["TAGS"] == "D"
    assert later["properties"]["DELAY"] == "1"
    assert "REAL_TOPIC" in later["properties"]


def test_refused_messages_come_back_and_then_go_to_the_dead_letters(driver: Driver, pair: Any, name: Name) -> None:
    topic, group = name("Retry"), name("retry_group")
    make_topic(driver, pair, topic, 1)
    options = {"rejectFirst": 2, "maxReconsumeTimes": 1}
    with Consumer(driver, pair, name("c"), group, topic, **options) as consumer:
        send(
            driver, pair, [{"topic": topic, "body": "hard", "tags": "T", "keys": "hard-key", "properties": {"n": "1"}}]
        )
        first, second = consumer.received(2)
        assert (first["reconsumeTimes"], second["reconsumeTimes"]) == (0, 1)
        assert first["topic"] == second["topic"] == topic
        assert first["msgId"] == second["msgId"]
        assert second["properties"]["ORIGIN_MESSAGE_ID"] == first["offsetMsgId"]

        def dead() -> list[dict[str, Any]]:
            try:
                found: list[dict[str, Any]] = driver.ask(
                    "pull", namesrv=pair.namesrv_address, topic=f"%DLQ%{group}", queueId=0, brokerName=pair.broker_name
                )
            except DriverError:  # the topic is not there yet
                return []
            return found

        (letter,) = wait_until(dead, "the message is in the dead-letter topic")
    assert letter["body"] == "hard"
    assert letter["properties"]["TAGS"] == "T"
    assert letter["properties"]["n"] == "1"


def test_transactions(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Trade")
    make_topic(driver, pair, topic, 1)
    outcomes = ["commit", "rollback", "unknown", "commit"]
    spec = [
        {"topic": topic, "body": f"{o}{i}", "tags": "T", "properties": {"outcome": o}} for i, o in enumerate(outcomes)
    ]
    group = name("trade_producer")
    with Consumer(driver, pair, name("c"), name("trade_group"), topic) as consumer:
        results = send(driver, pair, spec, group=group, mode="transaction")
        assert {r["status"] for r in results} == {"SEND_OK"}
        # The unknown one is asked for by the broker and then committed.
        got = consumer.received(3, 60)
    assert sorted(bodies(got)) == ["commit0", "commit3", "unknown2"]
    assert {m["msgId"] for m in got} == {results[i]["msgId"] for i in (0, 2, 3)}
    driver.ask("producer.close", namesrv=pair.namesrv_address, group=group)


def test_offsets_and_time(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Times")
    make_topic(driver, pair, topic, 1)
    send(driver, pair, [{"topic": topic, "body": f"m{i}"} for i in range(10)])
    stored = [m["storeTimestamp"] for m in driver.ask("pull", namesrv=pair.namesrv_address, topic=topic)]

    def at(timestamp: int) -> dict[str, int]:
        (queue,) = driver.ask("offsets", namesrv=pair.namesrv_address, topic=topic, timestamp=timestamp)
        assert (queue["min"], queue["max"]) == (0, 10)
        return dict(queue)

    assert at(stored[0] - 1000)["at"] == 0
    # Several messages share a millisecond: any of them will do.
    assert stored[at(stored[5])["at"]] == stored[5]
    assert at(stored[-1] + 60_000)["at"] in (9, 10)


def test_a_message_too_large_is_refused_with_the_reason(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Huge")
    make_topic(driver, pair, topic, 1)
    with pytest.raises(DriverError, match=r"MESSAGE_ILLEGAL|message size exceeded|body size"):
        send(
            driver,
            pair,
            [{"topic": topic, "bodySize": 4_400_000, "seed": 1}],
            group=name("huge"),
            compressOver=10_000_000,
        )


def test_the_route_of_an_unknown_topic_is_refused(driver: Driver, pair: Any, name: Name) -> None:
    with pytest.raises(DriverError, match=r"Can not find Message Queue|No route info|CODE: 17"):
        driver.ask("offsets", namesrv=pair.namesrv_address, topic=name("Nowhere"))


def test_held_pulls_are_woken_by_the_next_message(driver: Driver, pair: Any, name: Name) -> None:
    topic = name("Held")
    make_topic(driver, pair, topic, 1)
    with Consumer(driver, pair, name("c"), name("held_group"), topic) as consumer:
        consumer.assigned(1)
        for i in range(5):
            send(driver, pair, [{"topic": topic, "body": f"m{i}"}])
            (got,) = [m for m in consumer.received(i + 1) if m["body"] == f"m{i}"]
            # A consumer holds a pull for 15 s; an unwoken one would only come back then.
            assert int(got["properties"]["CONSUME_START_TIME"]) - got["storeTimestamp"] < 10_000


def test_pulls_beyond_the_bound_come_again(driver: Driver, scratch: Path, name: Name) -> None:
    """A consumer whose queues are more than the pulls that may wait gets what is in all of them."""
    few = OurPair(scratch / name("few_pulls"), settings={"maxHeldPullsPerConnection": "2"})
    try:
        topic = name("Many")
        make_topic(driver, few, topic, 6)
        with Consumer(driver, few, name("c"), name("many_group"), topic) as consumer:
            assert len(consumer.assigned(6)) == 6
            wait_until(lambda: "maxHeldPullsPerConnection=2" in few.broker.output, "a pull is refused")
            send(driver, few, [{"topic": topic, "body": f"m{i}"} for i in range(12)], group=name("many_producer"))
            received = consumer.received(12)
            assert sorted(bodies(received)) == sorted(f"m{i}" for i in range(12))
            assert len({m["queueId"] for m in received}) == 6
    finally:
        few.stop()


def test_the_embedded_pair(drivers: Callable[[str], Driver], scratch: Path, name: Name) -> None:
    """`mqadmin dev`: both in one process, for the tests of an application."""
    dev, driver = DevPair(scratch / "dev"), drivers("5.3.3")
    try:
        topic = name("Embedded")
        send(driver, dev, [{"topic": topic, "body": f"m{i}"} for i in range(10)], group=name("embedded_producer"))
        with Consumer(driver, dev, name("c"), name("embedded_group"), topic) as consumer:
            assert sorted(bodies(consumer.received(10))) == [f"m{i}" for i in range(10)]
    finally:
        status = dev.stop()
    assert status == 0
