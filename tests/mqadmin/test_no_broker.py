"""A cluster without a broker: who could not ask anybody does not say that something does not exist."""

from __future__ import annotations

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster


@pytest.fixture
def cluster() -> FakeCluster:
    """A name server that has forgotten its brokers."""
    cluster = FakeCluster()
    cluster.brokers.clear()
    return cluster


@pytest.mark.parametrize(
    ("line", "of"),
    [
        ("getConsumerConfig -g G", "nobody could be asked about group 'G'"),
        ("consumerConnection -g G", "nobody could be asked about group 'G'"),
        ("consumerStatus -g G", "nobody could be asked about group 'G'"),
        ("cleanExpiredCQ", "nothing is there to clean"),
        ("cleanUnusedTopic", "nothing is there to clean"),
        ("deleteExpiredCommitLog", "nothing is there to clean"),
        ("deleteTopic -c C1 -t T", "nothing is known of cluster 'C1'"),
        ("updateTopic -c C1 -t T", "nothing is known of cluster 'C1'"),
        ("deleteSubGroup -c C1 -g G", "nothing is known of cluster 'C1'"),
        ("clusterList -c C1", "nothing is known of cluster 'C1'"),
        ("getUser -c C1 -u u", "nothing is known of cluster 'C1'"),
        ("remappingStaticTopic -c C1 -t T", "nobody could be asked about topic 'T'"),
    ],
)
def test_it_is_said_that_no_broker_is_registered(cluster: FakeCluster, cli: Cli, line: str, of: str) -> None:
    ran = cli(cluster.transport, *line.split(), "-n", cluster.namesrv)
    assert ran.code == ExitCode.CANNOT_CONNECT
    assert f"no broker is registered with the name servers: {of}" in ran.err
    assert "  next: start one, or correct its namesrvAddr: see `mqadmin clusterList`" in ran.err


@pytest.mark.parametrize("line", ["getConsumerConfig -g G", "consumerConnection -g G", "consumerProgress"])
def test_brokers_that_do_not_answer_are_no_answer(cli: Cli, line: str) -> None:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("%RETRY%G")
    cluster.stop(cluster["broker-a"].address)
    ran = cli(cluster.transport, *line.split(), "-n", cluster.namesrv)
    assert ran.code in (ExitCode.CANNOT_CONNECT, ExitCode.PARTIAL)
    assert "knows no consumer group" not in ran.err and "no broker has" not in ran.err


def test_a_listing_that_failed_does_not_say_that_there_is_no_group(cli: Cli) -> None:
    cluster = FakeCluster()
    cluster.stop(cluster["broker-a"].address)
    ran = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv)
    assert ran.code == ExitCode.PARTIAL
    assert "10.1.0.1:10911" in ran.err and "knows no consumer group" not in ran.err
