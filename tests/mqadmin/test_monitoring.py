"""startMonitoring and its rounds: what is behind, what is wrong, what was moved; and how it ends."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.messages.message_results import MessageView, ScanReport, ScanRequest
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.repeating import repeat
from tests.mqadmin.conftest import Cli, Ran
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_consumer_status import running
from tests.mqadmin.test_group_commands import online


class Watched:
    """A broker with the groups Behind (offline), Wrong (whose clients hold too few queues) and Fine."""

    def __init__(self, cli: Cli) -> None:
        self._cli = cli
        self.cluster = FakeCluster(("broker-a", "C1"))
        self.broker = self.cluster["broker-a"]
        self.broker.add_topic("T", 2)
        self.broker.ends = {("T", 0): 10, ("T", 1): 20}
        for group in ("Behind", "Wrong", "Fine", "Nothing"):
            self.broker.add_topic(f"%RETRY%{group}", 1)
        self.broker.committed = {
            ("Behind", "T", 0): 4, ("Behind", "T", 1): 11, ("Wrong", "T", 0): 10, ("Fine", "T", 0): 10,
        }  # fmt: skip
        self.broker.delays = {("Behind", "T", 0): 5000, ("Behind", "T", 1): 90_000}
        self.broker.consumers = {"Wrong": online("w@1"), "Fine": online("f@1")}
        self.broker.running = {"w@1": running(("broker-a", 0)), "f@1": running(("broker-a", 0), ("broker-a", 1))}

    def __call__(self, *options: str, output: str = "json") -> Ran:
        line = ("startMonitoring", "-n", self.cluster.namesrv, "--output", output, *options)
        return self._cli(self.cluster.transport, *line)


@pytest.fixture
def watched(cli: Cli) -> Watched:
    return Watched(cli)


def test_a_round(watched: Watched) -> None:
    ran = watched("--rounds", "1")
    data = ran.json["data"]
    assert (ran.code, data["round"], data["groups"]) == (0, 1, 4)
    assert [(t["group"], t["online"], t["lag"], t["maxQueueLag"], t["lagMillis"]) for t in data["topics"]] == [
        ("Behind", False, 15, 9, 90_000), ("Fine", True, 0, 0, 0), ("Wrong", True, 0, 0, 0),
    ]  # fmt: skip
    found = [(p["group"], p["problem"]["kind"], p["problem"]["queueId"]) for p in data["problems"]]
    assert found == [("Wrong", "unassigned", 1)]
    text = watched("--rounds", "1", output="table").out
    assert "Behind" in text
    assert "1m30s" in text
    assert "[NOTIFY] group Wrong: broker-a queue 1 of topic T: no client of the group has it" in text
    assert "Fine" not in text


def test_clients_and_brokers_that_do_not_answer_are_named(watched: Watched) -> None:
    del watched.broker.running["w@1"]
    ran = watched("--rounds", "1")
    assert ran.code == ExitCode.PARTIAL
    assert [failure["target"] for failure in ran.json["errors"]] == ["Wrong, client w@1 (10.2.0.1:5000)"]
    watched.cluster.stop(watched.broker.address)
    ran = watched("--rounds", "1")
    assert (ran.code, ran.json["data"]["topics"]) == (ExitCode.PARTIAL, [])
    assert [failure["target"] for failure in ran.json["errors"]] == ["Behind", "Fine", "Nothing", "Wrong"]


def documents(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between rounds, which are not made."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(repeat.asyncio, "sleep", sleep)
    return pauses


def test_rounds_go_on_when_nothing_can_be_reached(
    watched: Watched, monkeypatch: pytest.MonkeyPatch, no_waiting: list[float]
) -> None:
    look = MQAdmin.monitor_round

    async def failing(admin: MQAdmin, number: int, since: int) -> Any:
        if number == 2:
            raise NotFoundError("the name servers are gone")
        return await look(admin, number, since)

    monkeypatch.setattr(MQAdmin, "monitor_round", failing)
    ran = watched("--rounds", "3", "--interval", "7", output="jsonl")
    rounds = documents(ran.out)
    assert [(r["round"], r["groups"], len(r["failures"])) for r in rounds] == [(1, 4, 0), (2, 0, 1), (3, 4, 0)]
    assert ran.code == 0
    assert len(no_waiting) == 2
    assert all(0 < pause <= 7 for pause in no_waiting)


def test_the_first_round_fails_where_nothing_can_be_reached(watched: Watched) -> None:
    watched.cluster.stop(watched.cluster.name_servers[0])
    assert watched("--rounds", "3").code == ExitCode.CANNOT_CONNECT


def test_sigterm_ends_it_with_the_code_of_the_last_round(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    del watched.broker.running["w@1"]
    emitted: list[int] = []
    emit = repeat.Run.emit

    def told(run: repeat.Run, outcome: Any) -> None:
        emit(run, outcome)
        emitted.append(1)
        if len(emitted) == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(repeat.Run, "emit", told)
    ran = watched("--interval", "3600", output="jsonl")
    assert (ran.code, len(documents(ran.out))) == (ExitCode.PARTIAL, 1)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert ran.err.count("client w@1") == 1, "said once"


def event(**more: Any) -> str:
    body = {
        "consumerGroup": "G", "messageQueue": {"topic": "T", "brokerName": "b", "queueId": 3}, "offsetRequest": 5,
        "offsetNew": 9, **more,
    }  # fmt: skip
    return json.dumps(body)


def test_offsets_that_brokers_moved(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    from rocketmq_ops.client.admin.messages.message import MessageAdmin

    def message(body: str) -> MessageView:
        fields = dict.fromkeys(MessageView.__struct_fields__, 0)
        return MessageView(**{**fields, "body": body, "offset_msg_id": "ID", "store_timestamp": 77})  # type: ignore[arg-type]

    asked: list[ScanRequest] = []

    async def scan(_admin: MessageAdmin, wanted: ScanRequest, _keep: Any) -> ScanReport:
        asked.append(wanted)
        return ScanReport([], [message(body) for body in (event(), "no event", event(offsetNew="x"))])

    monkeypatch.setattr(MessageAdmin, "scan", scan)
    ran = watched("--rounds", "1")
    assert [(w.topic, w.begin_timestamp is not None) for w in asked] == [("OFFSET_MOVED_EVENT", True)]
    assert ran.json["data"]["moved"] == [
        {
            "group": "G", "topic": "T", "brokerName": "b", "queueId": 3, "requestedOffset": 5, "newOffset": 9,
            "timestamp": 77,
        }
    ]  # fmt: skip
    assert (ran.code, len(ran.json["errors"])) == (ExitCode.PARTIAL, 2)
    assert "has no offset 5 any more: it goes on at 9" in watched("--rounds", "1", output="table").out
