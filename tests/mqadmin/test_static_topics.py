"""updateStaticTopic and remappingStaticTopic: what is sent in which order, what is saved, and what a failure leaves."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.fastjson import dumps, loads
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster


@pytest.fixture(autouse=True)
def saved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where mappings are saved."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


class Static:
    """Brokers that hold static topics; `sent` are the names of those that were given one."""

    def __init__(self, *names: str) -> None:
        self.cluster = FakeCluster(*((name, "C1") for name in names))
        self.held: dict[str, dict[str, Any]] = {}
        self.ends: dict[str, int] = {}
        self.sent: list[str] = []
        self.failing: set[str] = set()
        for broker in self.cluster.brokers.values():
            on = self.cluster.transport.on
            on(broker.address, Code.GET_TOPIC_CONFIG, lambda c, name=broker.name: self.get(c, name))
            on(broker.address, Code.UPDATE_AND_CREATE_STATIC_TOPIC, lambda c, name=broker.name: self.put(c, name))
            on(broker.address, Code.GET_TOPIC_STATS_INFO, lambda c, broker=broker: self.stats(c, broker))

    def get(self, c: RemotingCommand, name: str) -> RemotingCommand:
        if name not in self.held:
            return c.reply(ResponseCode.TOPIC_NOT_EXIST, "No topic in this broker.")
        return c.reply(body=dumps(self.held[name]))

    def put(self, c: RemotingCommand, name: str) -> RemotingCommand:
        if name in self.failing:
            return c.reply(ResponseCode.SYSTEM_ERROR, "Can't accept data with small epoch")
        self.sent.append(name)
        numbers = {key: int(c.ext_fields[key]) for key in ("readQueueNums", "writeQueueNums", "perm")}
        self.held[name] = {"topicName": c.ext_fields["topic"], "mappingDetail": loads(c.body_bytes), **numbers}
        return c.reply()

    def stats(self, c: RemotingCommand, broker: FakeBroker) -> RemotingCommand:
        count = self.held[broker.name]["writeQueueNums"]
        end = self.ends.get(broker.name, 0)
        table = {broker.queue_key("S", queue): {"minOffset": 0, "maxOffset": end} for queue in range(count)}
        return c.reply(body=dumps({"offsetTable": table}))

    def run(self, cli: Cli, command: str, *words: str) -> Any:
        to = (self.cluster.transport, command, "-n", self.cluster.namesrv, "-t", "S", "--output", "json")
        return cli(*to, *words)


def test_a_moved_queue_goes_on_behind_its_old_end(cli: Cli) -> None:
    static = Static("broker-a", "broker-b")
    made = static.run(cli, "updateStaticTopic", "-b", "broker-a", "-qn", "2")
    assert (made.code, static.sent) == (0, ["broker-a", "broker-b"])
    assert static.held["broker-b"]["mappingDetail"]["totalQueues"] == 2
    static.sent.clear()
    static.ends["broker-a"] = 12_345
    moved = static.run(cli, "remappingStaticTopic", "-b", "broker-b")
    assert moved.code == 0, moved.err
    # The new leader is ready, then the old one takes no more, then the new one gets its offsets.
    assert static.sent == ["broker-b", "broker-a", "broker-b"]
    items = static.held["broker-b"]["mappingDetail"]["hostedQueues"]
    assert {items[queue][-1]["logicOffset"] for queue in items} == {20_000}
    assert [change["state"] for change in moved.json["data"]["changes"]] == ["done", "done"]
    static.sent.clear()
    again = static.run(cli, "remappingStaticTopic", "-c", "C1", "--plan")
    assert (again.json["status"], static.sent) == ("planned", [])
    assert again.json["data"]["beforeFile"] is None


def test_the_saved_mapping_can_be_applied_again(cli: Cli, saved: Path) -> None:
    static = Static("broker-a", "broker-b")
    static.failing = {"broker-b"}
    ran = static.run(cli, "updateStaticTopic", "-c", "C1", "-qn", "2")
    assert (ran.code, ran.json["status"]) == (5, "partial")
    assert [change["state"] for change in ran.json["data"]["changes"]] == ["done", "no_effect"]
    assert "apply the saved mapping again" in ran.err
    static.failing.clear()
    file = ran.json["data"]["afterFile"]
    assert json.loads(Path(file).read_text())["brokerConfigMap"].keys() == {"broker-a", "broker-b"}
    # What half of the brokers have is not taken as it is.
    half = static.run(cli, "updateStaticTopic", "-c", "C1", "-qn", "3")
    assert (half.code, "no broker leads queue 1" in half.err) == (1, True)
    again = static.run(cli, "updateStaticTopic", "-c", "C1", "-qn", "2", "-mf", file, "-fr", "true")
    assert (again.code, again.json["data"]["afterFile"]) == (0, None)
    assert {name: held["writeQueueNums"] for name, held in static.held.items()} == {"broker-a": 1, "broker-b": 1}
    other = (
        static.cluster.transport,
        "updateStaticTopic",
        "-n",
        static.cluster.namesrv,
        "-t",
        "X",
        "-c",
        "C1",
        "-qn",
        "2",
    )
    assert cli(*other, "-mf", file).code == 2
    assert cli(*other, "-mf", str(saved / "none")).code == 4
    (saved / "text").write_text("x")
    assert cli(*other, "-mf", str(saved / "text")).code == 2


def test_a_broker_without_static_topics_is_named(cli: Cli) -> None:
    static = Static("broker-a")
    static.cluster.transport.on(
        static.cluster["broker-a"].address,
        Code.GET_TOPIC_CONFIG,
        lambda c: c.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, "request type 351 not supported"),
    )
    ran = static.run(cli, "updateStaticTopic", "-c", "C1", "-qn", "2")
    assert ran.code == 14
    assert "static topics" in ran.err and "since 5.0.0" in ran.err


def test_what_was_saved_goes_when_nothing_was_changed(cli: Cli, saved: Path) -> None:
    static = Static("broker-a", "broker-b")
    static.failing = {"broker-a"}
    ran = static.run(cli, "updateStaticTopic", "-c", "C1", "-qn", "2")
    assert (ran.code, ran.json["data"], static.sent) == (1, None, [])
    assert list(saved.glob("rocketmq-*")) == []
