"""`--output java` beside what Apache's mqadmin 5.3.3 prints, both against one Apache cluster at one time."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.cluster import Cluster
from tests.interop.ours import mqadmin

TOPIC, GROUP = "JavaText", "java_text"
STATUS = ("brokerStatus", "-c", "DefaultCluster")


@pytest.fixture(scope="module")
def filled(apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver]) -> Cluster:
    """A cluster with a topic of eight messages, two of them consumed by a group."""
    cluster = Cluster(apache_pairs("5.3.3"), drivers("5.3.3"))
    # The first rate is there when the broker has run for 10 s.
    wait_until(lambda: re.search(r"putTps *: *\d", "\n".join(texts(cluster, *STATUS)[1])), "it has rates", 30)
    cluster.topic(TOPIC, 2)
    cluster.data("updateSubGroup", "-c", cluster.pair.cluster, "-g", GROUP)
    cluster.send([{"topic": TOPIC, "body": f"订单 {number}", "keys": "k", "tags": "A"} for number in range(8)])
    cluster.data("skipAccumulatedMessage", "-g", GROUP, "-t", TOPIC)
    return cluster


def texts(cluster: Cluster, *args: str) -> tuple[list[str], list[str]]:
    """The lines of ours and of Apache's, each sorted: Apache lists hash maps."""
    ran = mqadmin(*args, namesrv=cluster.pair.namesrv_address, output="java")
    assert ran.code == 0, ran
    return sorted(ran.out.splitlines()), sorted(cluster.java(*args).splitlines())


@pytest.mark.parametrize(
    "line",
    [
        "topicList", "topicList -c", f"topicRoute -t {TOPIC}", f"topicRoute -t {TOPIC} -l", "clusterList -m",
        f"consumerProgress -g {GROUP} -t {TOPIC} -c {TOPIC}", "getBrokerConfig -c DefaultCluster", f"queryMsgByKey -t {TOPIC} -k k",
        "brokerConsumeStats -b BROKER", "getBrokerConfig -b BROKER",
    ],
)  # fmt: skip
def test_the_text_is_the_same(filled: Cluster, line: str) -> None:
    ours, theirs = texts(filled, *line.replace("BROKER", filled.pair.broker_address).split())
    assert ours == theirs


@pytest.mark.parametrize(
    "line", ["brokerStatus -b BROKER", "brokerStatus -c DefaultCluster", "clusterList", f"statsAll -t {TOPIC}"]
)
def test_the_text_is_the_same_but_for_figures_that_move(filled: Cluster, line: str) -> None:
    ours, theirs = texts(filled, *line.replace("BROKER", filled.pair.broker_address).split())
    # Rates of 1 min and 10 min are there when the broker has run for so long; bytes have the unit of their number.
    moving = re.compile(r"(?<=Tps) *:[ \d.]*$| *[\d.]+(?: (?:B|[KMGTP]iB)\b)?")
    assert [moving.sub("#", text) for text in ours] == [moving.sub("#", text) for text in theirs]


def test_queues_of_a_topic(filled: Cluster) -> None:
    ours, theirs = texts(filled, "topicStatus", "-t", TOPIC)
    assert [text for text in ours if "TPS" not in text] == [text for text in theirs if "TPS" not in text]


def test_printed_messages(filled: Cluster) -> None:
    ours, theirs = texts(filled, "printMsg", "-t", TOPIC)
    assert len([text for text in ours if text.startswith("MSGID")]) == 8
    assert ours == theirs
