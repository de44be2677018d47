"""Success is what reads back: routes, permissions and order configuration on each name server."""

from __future__ import annotations

from typing import Any

import pytest

from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster

ORDER = "ORDER_TOPIC_CONFIG"


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C2"), name_servers=2)
    for broker in cluster.brokers.values():
        for topic in ("T", "U"):
            broker.add_topic(topic)
    return cluster


class TestWritePermission:
    @staticmethod
    def run(cluster: FakeCluster, cli: Cli, *line: str) -> Ran:
        return cli(cluster.transport, *line, "-b", "broker-a", "-n", cluster.namesrv, "--output", "json")

    @staticmethod
    def states(ran: Ran) -> list[tuple[str, int]]:
        return [(count["state"], count["topics"]) for count in ran.json["data"]["counts"]]

    def test_it_is_read_back_on_each_name_server(self, cluster: FakeCluster, cli: Cli) -> None:
        ran = self.run(cluster, cli, "wipeWritePerm")
        assert (ran.code, self.states(ran)) == (0, [("done", 2), ("done", 2)])
        assert {key[1]: perm for key, perm in cluster.permissions.items()} == {"broker-a": 4}
        again = self.run(cluster, cli, "wipeWritePerm")
        assert (again.code, again.json["status"], self.states(again)) == (0, "unchanged", [("unchanged", 0)] * 2)
        assert cluster.transport.codes().count(Code.WIPE_WRITE_PERM_OF_BROKER) == 2
        back = self.run(cluster, cli, "addWritePerm")
        assert (back.code, self.states(back)) == (0, [("done", 2), ("done", 2)])

    def test_a_plan_counts_what_would_change(self, cluster: FakeCluster, cli: Cli) -> None:
        cluster.permissions[cluster.name_servers[0], "broker-a", "T"] = 4
        ran = self.run(cluster, cli, "wipeWritePerm", "--plan")
        assert self.states(ran) == [("planned", 1), ("planned", 2)]
        assert Code.WIPE_WRITE_PERM_OF_BROKER not in cluster.transport.codes()

    @pytest.mark.parametrize("command", ["wipeWritePerm", "addWritePerm"])
    def test_a_count_without_effect_is_no_success(self, cluster: FakeCluster, cli: Cli, command: str) -> None:
        cluster.ignores = {Code.WIPE_WRITE_PERM_OF_BROKER, Code.ADD_WRITE_PERM_OF_BROKER}
        if command == "addWritePerm":
            for address in cluster.name_servers:
                cluster.permissions[address, "broker-a", "U"] = 4
        ran = self.run(cluster, cli, command)
        assert (ran.code, ran.json["status"]) == (ExitCode.NO_EFFECT, "no_effect")
        assert {state for state, _ in self.states(ran)} == {"no_effect"}
        assert [error["target"] for error in ran.json["errors"]] == cluster.name_servers

    def test_topics_that_stay_are_named(self, cluster: FakeCluster, cli: Cli) -> None:
        second = cluster.name_servers[1]
        wipe = cluster.transport.handlers[second, int(Code.WIPE_WRITE_PERM_OF_BROKER)]

        def and_registers_anew(c: Any) -> Any:
            answer = wipe(c)
            del cluster.permissions[second, "broker-a", "U"]
            return answer

        cluster.transport.on(second, Code.WIPE_WRITE_PERM_OF_BROKER, and_registers_anew)
        ran = self.run(cluster, cli, "wipeWritePerm")
        assert (ran.code, self.states(ran)) == (ExitCode.PARTIAL, [("done", 2), ("partial", 2)])
        assert [count["notTaken"] for count in ran.json["data"]["counts"]] == [[], ["U"]]

    def test_one_that_cannot_be_read_back_is_unverified(self, cluster: FakeCluster, cli: Cli) -> None:
        second = cluster.name_servers[1]
        wipe = cluster.transport.handlers[second, int(Code.WIPE_WRITE_PERM_OF_BROKER)]

        def and_stops(c: Any) -> Any:
            answer = wipe(c)
            cluster.stop(second)
            return answer

        cluster.transport.on(second, Code.WIPE_WRITE_PERM_OF_BROKER, and_stops)
        ran = self.run(cluster, cli, "wipeWritePerm")
        assert (ran.code, [state for state, _ in self.states(ran)]) == (ExitCode.PARTIAL, ["done", "unverified"])

    def test_one_that_is_down_is_a_failure(self, cluster: FakeCluster, cli: Cli) -> None:
        cluster.stop(cluster.name_servers[1])
        ran = self.run(cluster, cli, "wipeWritePerm")
        assert (ran.code, self.states(ran)) == (ExitCode.PARTIAL, [("done", 2)])
        assert [error["target"] for error in ran.json["errors"]] == [cluster.name_servers[1]]


def changes(ran: Ran, kind: str) -> list[tuple[str, str]]:
    return [(c["target"], c["state"]) for c in ran.json["data"]["changes"] if c["kind"] == kind]


def test_a_route_that_stays_is_no_success(cluster: FakeCluster, cli: Cli) -> None:
    cluster.ignores = {Code.DELETE_TOPIC_IN_NAMESRV}
    broker = cluster["broker-a"]
    cluster.transport.on(broker.address, Code.DELETE_TOPIC_IN_BROKER, lambda c: c.reply())
    line = ("deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "--output", "json")
    ran = cli(cluster.transport, *line)
    assert ran.code == ExitCode.NO_EFFECT
    assert changes(ran, "route") == [(address, "no_effect") for address in cluster.name_servers]
    cluster.ignores = set()
    cluster.transport.on(broker.address, Code.DELETE_TOPIC_IN_BROKER, broker.delete_topic)
    ran = cli(cluster.transport, *line)
    assert (ran.code, changes(ran, "route")) == (0, [(address, "done") for address in cluster.name_servers])
    assert [b.name for b in cluster.holders("T")] == ["broker-b"], "the route of the other cluster stays"


def test_the_order_configuration_is_read_back_on_each_name_server(cluster: FakeCluster, cli: Cli) -> None:
    first, second = cluster.name_servers
    cluster.transport.on(second, Code.PUT_KV_CONFIG, lambda c: c.reply())
    line = ("updateTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-o", "true", "--output", "json")
    ran = cli(cluster.transport, *line)
    assert ran.code == ExitCode.PARTIAL
    assert changes(ran, "orderConf") == [(first, "done"), (second, "no_effect")]
    assert cluster.kv[first] == {(ORDER, "T"): "broker-a:2"}
    assert [error["target"] for error in ran.json["errors"]] == [second]


def test_update_order_conf_without_effect(cluster: FakeCluster, cli: Cli) -> None:
    cluster.ignores = {Code.PUT_KV_CONFIG}
    line = ("updateOrderConf", "-n", cluster.namesrv, "-m", "put", "-t", "T", "-v", "broker-a:4", "--output", "json")
    ran = cli(cluster.transport, *line)
    assert (ran.code, ran.json["status"]) == (ExitCode.NO_EFFECT, "no_effect")
    assert [change["state"] for change in ran.json["data"]["changes"]] == ["no_effect"] * 2
