"""`updateTopic` and `updateTopicList` refuse numbers of queues by which messages would be left that nobody reads, and name them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.errors import RemotingTimeoutError
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("T", 4)
    return cluster


def update(cluster: FakeCluster, cli: Cli, *options: str, topic: str = "T") -> Ran:
    return cli(cluster.transport, "updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", topic, *options)


def refused(cluster: FakeCluster, ran: Ran) -> str:
    """What is said of a refusal, by which nothing was sent to any broker."""
    assert ran.code == ExitCode.REFUSED
    assert Code.UPDATE_AND_CREATE_TOPIC not in cluster.transport.codes()
    assert "or give --force" in ran.err
    return ran.err


@pytest.mark.parametrize("plan", [(), ("--plan",)])
def test_more_write_than_read_queues(cluster: FakeCluster, cli: Cli, plan: tuple[str, ...]) -> None:
    said = refused(cluster, update(cluster, cli, "-w", "6", *plan))
    for name in ("broker-a", "broker-b"):
        address = cluster[name].address
        assert f"{address}: queues 4 to 5 would be written and not read (6 write, 4 read queues)" in said


def test_a_new_topic_has_eight_read_queues(cluster: FakeCluster, cli: Cli) -> None:
    assert "queue 8 would be written" in refused(cluster, update(cluster, cli, "-w", "9", topic="New"))
    assert update(cluster, cli, "-w", "8", topic="New").code == 0


def test_unread_messages_in_queues_that_go(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-b"]
    broker.ends.update({("T", 2): 10, ("T", 3): 10})
    broker.committed.update({("G1", "T", 2): 10, ("G1", "T", 3): 4, ("G2", "T", 2): 9, ("G2", "T", 0): 0})
    said = refused(cluster, update(cluster, cli, "-r", "2", "-w", "2"))
    assert f"{broker.address}: queue 2 has messages: 1 unread by group G2" in said
    assert f"{broker.address}: queue 3 has messages: 6 unread by group G1, 10 unread by group G2" in said
    assert cluster["broker-a"].address not in said


def test_messages_that_no_group_has_read(cluster: FakeCluster, cli: Cli) -> None:
    cluster["broker-a"].ends["T", 3] = 7
    assert "queue 3 has messages: 7 that no group has read" in refused(
        cluster, update(cluster, cli, "-r", "3", "-w", "3")
    )


def test_queues_that_were_read_may_go(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-a"]
    broker.ends["T", 3] = 7
    broker.committed["G", "T", 3] = 7
    assert update(cluster, cli, "-r", "3", "-w", "3").code == 0
    assert broker.topics["T"]["readQueueNums"] == 3


def test_force_goes_on(cluster: FakeCluster, cli: Cli) -> None:
    cluster["broker-a"].ends["T", 3] = 7
    assert update(cluster, cli, "-r", "2", "--force").code == 0
    topic = cluster["broker-a"].topics["T"]
    assert (topic["readQueueNums"], topic["writeQueueNums"]) == (2, 4)


def test_other_settings_are_not_held_up(cluster: FakeCluster, cli: Cli) -> None:
    cluster["broker-a"].add_topic("T", 4, writeQueueNums=6)
    assert update(cluster, cli, "-p", "4").code == 0


def test_a_broker_that_does_not_say_refuses(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-a"]
    cluster.transport.on(broker.address, Code.GET_ALL_CONSUMER_OFFSET, lambda c: c.reply(1, "broken"))
    ran = update(cluster, cli, "-r", "2", "-w", "2")
    assert ran.code == ExitCode.FAILED and "broken" in ran.err
    assert Code.UPDATE_AND_CREATE_TOPIC not in cluster.transport.codes()


def test_numbers_that_are_so_already_are_not_held_up(cluster: FakeCluster, cli: Cli) -> None:
    for name in ("broker-a", "broker-b"):
        cluster[name].add_topic("T", 4, writeQueueNums=6)
    assert update(cluster, cli, "-w", "6", "-p", "4").code == 0


def test_a_broker_that_falls_silent_while_it_is_asked_is_not_changed(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-a"]

    def hangs(c: object) -> NoReturn:
        raise RemotingTimeoutError(f"{broker.address} did not answer within 5000 ms", address=broker.address)

    cluster.transport.on(broker.address, Code.GET_MAX_OFFSET, hangs)
    assert update(cluster, cli, "-r", "2", "-w", "2").code == ExitCode.TIMEOUT
    assert Code.UPDATE_AND_CREATE_TOPIC not in cluster.transport.codes()


class TestOfAList:
    """All topics of a file in one pass, and none is sent when one is refused."""

    @pytest.fixture
    def update_list(self, cluster: FakeCluster, cli: Cli, tmp_path: Path) -> Callable[..., Ran]:
        def call(topics: list[dict[str, object]], *options: str) -> Ran:
            file = tmp_path / "topics.json"
            file.write_text(json.dumps(topics))
            line = ("updateTopicList", "-n", cluster.namesrv, "-c", "C1", "-f", str(file))
            return cli(cluster.transport, *line, *options)

        return call

    @pytest.mark.parametrize("plan", [(), ("--plan",)])
    def test_it_names_topics_queues_and_counts(
        self, cluster: FakeCluster, update_list: Callable[..., Ran], plan: tuple[str, ...]
    ) -> None:
        a, b = cluster["broker-a"], cluster["broker-b"]
        for broker in (a, b):
            broker.add_topic("U", 4)
            broker.ends["U", 3] = 9
            broker.committed["G", "U", 3] = 9
        b.committed["G", "U", 3] = 4
        wanted = [
            {"topicName": "Fine", "readQueueNums": 2, "writeQueueNums": 2},
            {"topicName": "T", "writeQueueNums": 6},
            {"topicName": "U", "readQueueNums": 3, "writeQueueNums": 3},
        ]
        said = refused(cluster, update_list(wanted, *plan))
        for broker in (a, b):
            assert f"{broker.address}: queues 4 to 5 would be written and not read (6 write, 4 read queues)" in said
        assert f"topic 'U' would have messages that nobody reads: {b.address}: queue 3 has messages: 5 unread" in said
        assert "'Fine'" not in said
        assert Code.UPDATE_AND_CREATE_TOPIC_LIST not in cluster.transport.codes()
        for broker in (a, b):
            codes = cluster.transport.codes(broker.address)
            assert codes.count(Code.GET_ALL_TOPIC_CONFIG) == 1, "once for all topics"
            assert codes.count(Code.GET_ALL_CONSUMER_OFFSET) == 1
            assert Code.GET_TOPIC_CONFIG not in codes

    def test_force_goes_on(self, cluster: FakeCluster, update_list: Callable[..., Ran]) -> None:
        assert update_list([{"topicName": "T", "writeQueueNums": 6}], "--force").code == 0
        assert cluster["broker-a"].topics["T"]["writeQueueNums"] == 6

    def test_a_new_topic_has_sixteen_queues_as_apaches_file(
        self, cluster: FakeCluster, update_list: Callable[..., Ran]
    ) -> None:
        assert update_list([{"topicName": "New", "writeQueueNums": 16}]).code == 0
        topic = cluster["broker-a"].topics["New"]
        assert (topic["readQueueNums"], topic["writeQueueNums"]) == (16, 16)
        assert "queue 16 would be written" in update_list([{"topicName": "Newer", "writeQueueNums": 17}]).err
