"""rocketmq-exporter's requests, made by the client of 4.9 as it has it: our broker answers each as Apache's does.

The exporter itself is not on Maven Central: `java/Exporter.java` makes its calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.ours import OurPair
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send

TOPIC, KEEPS_UP, GONE, ALL, PRODUCER = (
    "Exported",
    "exported_keeps_up",
    "exported_gone",
    "exported_all",
    "exported_producer",
)
RETRIES = f"%RETRY%{KEEPS_UP}"
#: Calls about a topic, and not about a group.
BY_TOPIC = ("examineTopicStats", "queryTopicConsumeByWho")
#: What the exporter reads of a broker's figures (its BrokerRuntimeStats): as whole numbers, as decimals, by their words.
WHOLE = (
    "msgPutTotalTodayNow", "sendThreadPoolQueueHeadWaitTimeMills", "queryThreadPoolQueueHeadWaitTimeMills",
    "msgGetTotalTodayNow", "queryThreadPoolQueueSize", "bootTimestamp", "msgPutTotalYesterdayMorning",
    "msgGetTotalYesterdayMorning", "pullThreadPoolQueueSize", "commitLogMinOffset", "pullThreadPoolQueueHeadWaitTimeMills",
    "dispatchMaxBuffer", "brokerVersion", "pageCacheLockTimeMills", "commitLogMaxOffset", "getMessageEntireTimeMax",
    "msgPutTotalTodayMorning", "putMessageTimesTotal", "msgGetTotalTodayMorning", "sendThreadPoolQueueSize",
    "startAcceptSendRequestTimeStamp", "putMessageEntireTimeMax", "earliestMessageTimeStamp",
    "remainTransientStoreBufferNumbs", "queryThreadPoolQueueCapacity", "dispatchBehindBytes", "putMessageSizeTotal",
    "sendThreadPoolQueueCapacity", "pullThreadPoolQueueCapacity",
)  # fmt: skip
DECIMAL = ("consumeQueueDiskRatio", "commitLogDiskRatio", "putMessageAverageSize")
LATENCIES = ("putLatency99", "putLatency999")
OF_THREE = ("putTps", "getMissTps", "getTotalTps", "getFoundTps")


def exported(driver: Driver, pair: Any) -> dict[tuple[str, str], Any]:
    """What each call has got after a load: a group that keeps up and has sent one message back, one that was closed, and one
    in which every client gets all."""
    make_topic(driver, pair, TOPIC, 2)
    messages = [{"topic": TOPIC, "body": f"m{number}", "queue": number % 2} for number in range(6)]
    send(driver, pair, messages, group=PRODUCER)
    with Consumer(driver, pair, f"gone_from_{pair.version}", GONE, TOPIC) as gone:
        gone.received(6)
        wait_until(lambda: gone.committed(pair, 2), "the offsets of the group that goes are there")
    keeps_up = Consumer(driver, pair, f"keeps_up_with_{pair.version}", KEEPS_UP, TOPIC, rejectFirst=1)
    # The offsets of such a client are its own: one of another name has none.
    each = Consumer(driver, pair, f"all_of_{pair.version}", ALL, TOPIC, model="BROADCASTING")
    with keeps_up, each:
        # A rebalance may deliver twice what was not committed: seven deliveries do not say that the one sent back is there.
        wait_until(
            lambda: any(m["reconsumeTimes"] for m in keeps_up.received(7)), "the message sent back comes again", 60
        )
        each.received(6)
        send(driver, pair, [{"topic": TOPIC, "body": "late", "queue": 0}], group=PRODUCER)
        for consumer in (keeps_up, each):
            wait_until(lambda consumer=consumer: "late" in bodies(consumer.received(7)), "the last message comes", 60)
        wait_until(lambda: keeps_up.committed(pair, 2), "the offsets of the group that keeps up are there")
        calls = driver.ask("exporter", namesrv=pair.namesrv_address, timeout=120)
    driver.ask("producer.close", namesrv=pair.namesrv_address, group=PRODUCER)
    return {
        (one["call"], one["about"].replace(pair.version, "the pair")): one.get("answer", f"error {one.get('error')}")
        for one in calls
    }


def of_load(found: dict[tuple[str, str], Any]) -> dict[tuple[str, str], Any]:
    """What belongs to the topic and its groups. Apache's 5.3.3 names the topic in place of its groups that are online, so that
    those without offsets at the broker are missing: without both."""
    told: dict[tuple[str, str], Any] = {}
    for (call, about), answer in found.items():
        group = re.split("[ @]", about)[0 if call.startswith("examineConsume") else -1]
        by_topic = call in BY_TOPIC or call.startswith("viewBrokerStatsData TOPIC")
        if ALL in about or (not by_topic and group in (TOPIC, RETRIES, f"%RETRY%{GONE}")):
            continue
        if call == "queryTopicConsumeByWho":
            answer = [name for name in answer if name not in (about, ALL)]
        if any(name in about for name in (TOPIC, KEEPS_UP, GONE)) or call.startswith("viewBrokerStatsData BROKER"):
            told[call, about] = answer
    return told


def read_as_numbers(table: dict[str, str]) -> None:
    """As the exporter reads the figures of a broker; it has none of them where one cannot be read."""
    for key in WHOLE:
        int(table[key])
    for key in (*DECIMAL, *(key for key in LATENCIES if key in table)):
        float(table[key])
    for key in (*OF_THREE, "getTransferredTps" if "getTransferredTps" in table else "getTransferedTps"):
        assert all(float(each) >= 0 for each in table[key].split())
    float(table["remainHowManyDataToFlush"].split(" ")[0])
    assert re.fullmatch(r"Total : \S+ \S+, Free : \S+ \S+\.", table["commitLogDirCapacity"])
    for key, value in table.items():
        if key.startswith("scheduleMessageOffset"):
            delivered, end = value.split(",")
            assert int(delivered) <= int(end)
    if table["putMessageDistributeTime"] != "null":
        assert all(int(each.rpartition(":")[2]) >= 0 for each in table["putMessageDistributeTime"].split(" ") if each)


def test_the_exporters_calls_have_the_same_answers(
    scratch: Path, drivers: Callable[[str], Driver], apache_pairs: Callable[[str], Pair]
) -> None:
    driver = drivers("4.9.7")
    pair = OurPair(scratch / "exporter")
    try:
        ours = exported(driver, pair)
    finally:
        pair.kill()
    theirs = exported(driver, apache_pairs("5.3.3"))
    told = of_load(ours)
    assert told == of_load(theirs)
    # It is the load that was told of.
    assert told["examineTopicStats", TOPIC] == {"queues": 2, "end": 7, "dated": True}
    assert told["queryTopicConsumeByWho", TOPIC] == [GONE, KEEPS_UP]
    assert told["examineConsumeStats", f"{KEEPS_UP} {TOPIC}"]["lag"] == 0
    assert told["examineConsumeStats", f"{GONE} {TOPIC}"]["lag"] == 1
    assert told["viewBrokerStatsData SNDBCK_PUT_NUMS", f"{TOPIC}@{KEEPS_UP}"] is True
    assert ours["examineConsumerConnectionInfo", ALL] == {"model": "BROADCASTING", "count": 1}
    of_ours, of_theirs = (
        next(answer for (call, _), answer in found.items() if call == "fetchBrokerRuntimeStats")
        for found in (ours, theirs)
    )
    for table in (of_ours, of_theirs):
        read_as_numbers(table)
    assert {key for key in of_theirs if "/" not in key} <= of_ours.keys()
    producers = [answer for (call, _), answer in ours.items() if call == "getAllProducerInfo"]
    assert [each[PRODUCER] for each in producers] == [1]
