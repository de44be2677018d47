"""Undoing each kind of change against a name server and a broker of our own: what was is there again, or is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.entries import records
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.pytest_plugin import RocketMQBroker, rocketmq_server
from tests.mqadmin.conftest import Ran

Run = Callable[..., Ran]
C = ("-c", "DefaultCluster")


@pytest.fixture(scope="module")
def server() -> Iterator[RocketMQBroker]:
    with rocketmq_server() as server:
        yield server


@pytest.fixture(autouse=True)
def _journal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def run(server: RocketMQBroker, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command on the server; all but `undo`, which knows it, are given its name server."""

    def call(*words: str, code: int = 0) -> Ran:
        capsys.readouterr()
        where = () if words[0] in ("undo", "history") else ("-n", server.namesrv)
        got = mqadmin.run([*words, *where, "--output", "json"])
        captured = capsys.readouterr()
        assert got == code, captured.err
        return Ran(got, captured.out, captured.err)

    return call


def newest() -> str:
    return str(max(records(JournalFile())))


def undo_newest(run: Run, code: int = 0) -> Any:
    """The result of undoing the newest change, which is planned first."""
    change = newest()
    planned = run("undo", change, "--plan", code=code)
    assert newest() == change, "a plan is no change"
    done = run("undo", change, code=code)
    if code == 0:
        assert {c["state"] for c in planned.json["data"]["changes"]} <= {"planned", "unchanged"}
        assert {c["state"] for c in done.json["data"]["changes"]} <= {"done", "unchanged"}
    return done.json


def topic(run: Run, server: RocketMQBroker, name: str) -> dict[str, Any] | None:
    from rocketmq_ops.client.admin import MQAdmin

    async def read() -> Any:
        async with MQAdmin([server.namesrv]) as admin:
            return await admin.topics.config_at(server.broker, name)

    import asyncio

    import msgspec

    found = asyncio.run(read())
    return None if found is None else msgspec.to_builtins(found)


def offsets(run: Run, group: str, name: str) -> dict[int, int | None]:
    found = run("consumerProgress", "-g", group, "-t", name).json["data"]["group"]["queues"]
    return {queue["queueId"]: queue["consumerOffset"] for queue in found}


def consumed(run: Run, name: str, group: str, messages: int = 3) -> None:
    """A topic of two queues with messages in the first, which a group has consumed."""
    run("updateTopic", *C, "-t", name, "-r", "2", "-w", "2")
    run("updateSubGroup", *C, "-g", group)
    for _ in range(messages):
        run("sendMessage", "-t", name, "-p", "x", "-b", "broker-a", "-i", "0")
    run("skipAccumulatedMessage", "-g", group, "-t", name)


def test_a_deleted_topic_comes_back(run: Run, server: RocketMQBroker) -> None:
    consumed(run, "Deleted", "GDeleted")
    run("updateTopic", *C, "-t", "Deleted", "-p", "4", "-a", "+message.type=FIFO")
    before = topic(run, server, "Deleted")
    run("deleteTopic", *C, "-t", "Deleted")
    assert topic(run, server, "Deleted") is None
    saved = run("history", newest()).json["data"]["changes"][0]["started"]["saved"]
    assert saved == [{"target": server.broker, "group": "GDeleted", "topic": "Deleted", "offsets": {"0": 3, "1": 0}}]
    done = undo_newest(run)
    assert topic(run, server, "Deleted") == before
    assert any("messages of topic Deleted" in note for note in done["notes"])
    assert any("was at 3 of queue 0" in note and "is set to 0" in note for note in done["notes"])
    assert offsets(run, "GDeleted", "Deleted") == {0: 0, 1: 0}


def test_an_updated_topic_is_as_before(run: Run, server: RocketMQBroker) -> None:
    run("updateTopic", *C, "-t", "Updated", "-r", "4", "-w", "4")
    before = topic(run, server, "Updated")
    run("updateTopic", *C, "-t", "Updated", "-r", "6", "-w", "6", "-p", "4", "-a", "+message.type=FIFO")
    undo_newest(run)
    assert topic(run, server, "Updated") == before
    again = run("undo", newest())  # undoing can be undone
    assert again.json["status"] == "ok"
    now = topic(run, server, "Updated")
    assert now is not None and (now["readQueueNums"], now["perm"]) == (6, 4)


def test_a_topic_that_was_created_is_not_deleted(run: Run) -> None:
    run("updateTopic", *C, "-t", "Created")
    failed = undo_newest(run, code=ExitCode.FAILED)
    assert "deleteTopic -t Created" in failed["errors"][0]["nextStep"]


def test_a_deleted_group_comes_back_with_its_offsets(run: Run) -> None:
    consumed(run, "OfGroup", "GGone")
    run("updateSubGroup", *C, "-g", "GGone", "-r", "3", "-q", "2")
    run("deleteSubGroup", *C, "-g", "GGone", "-r", "true")
    undo_newest(run)
    config = json.dumps(run("getConsumerConfig", "-g", "GGone").json["data"])
    assert '"retryMaxTimes": 3' in config and '"retryQueueNums": 2' in config
    assert offsets(run, "GGone", "OfGroup") == {0: 3, 1: 0}


def test_an_updated_group_is_as_before(run: Run) -> None:
    run("updateSubGroup", *C, "-g", "GUp")
    before = run("getConsumerConfig", "-g", "GUp").json["data"]
    run("updateSubGroup", *C, "-g", "GUp", "-r", "3", "-s", "false")
    undo_newest(run)
    assert run("getConsumerConfig", "-g", "GUp").json["data"] == before


def test_a_reset_is_taken_back(run: Run) -> None:
    consumed(run, "Reset", "GReset", messages=5)
    run("resetOffsetByTime", "-g", "GReset", "-t", "Reset", "-s", "0")
    assert offsets(run, "GReset", "Reset")[0] == 0
    undo_newest(run)
    assert offsets(run, "GReset", "Reset")[0] == 5


def test_offsets_that_were_none_cannot_be_taken_away(run: Run) -> None:
    consumed(run, "Cloned", "GFrom")
    run("updateSubGroup", *C, "-g", "GTo")
    run("cloneGroupOffset", "-s", "GFrom", "-d", "GTo", "-t", "Cloned")
    failed = undo_newest(run, code=ExitCode.FAILED)
    assert "had no offset" in failed["errors"][0]["cause"]


@pytest.mark.parametrize(
    ("line", "show"),
    [
        (("updateKvConfig", "-s", "N", "-k", "a/b", "-v", "new"), ("deleteKvConfig", "-s", "N", "-k", "a/b", "--plan")),
        (("deleteKvConfig", "-s", "N", "-k", "a/b"), ("deleteKvConfig", "-s", "N", "-k", "a/b", "--plan")),
        (("updateNamesrvConfig", "-k", "clusterTest", "-v", "true"), ("getNamesrvConfig",)),
        (("updateBrokerConfig", *C, "-k", "fileReservedTime", "-v", "33"), ("getBrokerConfig", *C)),
        (
            ("updateOrderConf", "-t", "OT", "-m", "put", "-v", "broker-a:9"),
            ("updateOrderConf", "-t", "OT", "-m", "get"),
        ),
        (("updateOrderConf", "-t", "OT", "-m", "delete"), ("updateOrderConf", "-t", "OT", "-m", "get")),
    ],
    ids=["kv set", "kv deleted", "name server", "broker", "order set", "order deleted"],
)
def test_settings_are_as_before(run: Run, line: tuple[str, ...], show: tuple[str, ...]) -> None:
    run("updateKvConfig", "-s", "N", "-k", "a/b", "-v", "old")
    run("updateOrderConf", "-t", "OT", "-m", "put", "-v", "broker-a:4")
    before = run(*show).json["data"]
    run(*line)
    assert newest_command() == line[0]
    undo_newest(run)
    assert run(*show).json["data"] == before


def newest_command() -> str:
    return records(JournalFile())[int(newest())].started.command


def test_write_permission_comes_back(run: Run) -> None:
    run("updateTopic", *C, "-t", "Written")
    run("wipeWritePerm", "-b", "broker-a")
    assert {b["perm"] for b in run("topicRoute", "-t", "Written").json["data"]["brokers"]} == {4}
    undo_newest(run)
    assert {b["perm"] for b in run("topicRoute", "-t", "Written").json["data"]["brokers"]} == {6}


def test_what_cannot_be_undone_says_why(run: Run) -> None:
    run("deleteExpiredCommitLog", *C)
    failed = undo_newest(run, code=ExitCode.FAILED)
    assert "files that the broker deleted are gone" in failed["errors"][0]["cause"]
    assert "backup" in failed["errors"][0]["nextStep"]
    run("undo", "999", code=ExitCode.NOT_FOUND)


def test_what_was_changed_since_is_said(run: Run) -> None:
    run("updateTopic", *C, "-t", "Since", "-p", "6")
    run("updateTopicPerm", *C, "-t", "Since", "-p", "4")
    change = newest()
    run("updateTopicPerm", *C, "-t", "Since", "-p", "2")
    planned = run("undo", change, "--plan")
    assert any("perm of topic Since" in note and "4 then, 2 now" in note for note in planned.json["notes"])


def test_an_interrupted_change_is_undone_as_far_as_it_got(run: Run, server: RocketMQBroker) -> None:
    run("updateTopic", *C, "-t", "Half", "-p", "6")
    run("updateTopicPerm", *C, "-t", "Half", "-p", "4")
    path = JournalFile().path
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    undo_newest(run)
    found = topic(run, server, "Half")
    assert found is not None and found["perm"] == 6


def failing(monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    """Has this call of the client end as if the server had refused it."""
    from rocketmq_ops.client.errors import BrokerError

    async def refuse(*_: object, **__: object) -> None:
        raise BrokerError(16, "no permission")

    monkeypatch.setattr(f"rocketmq_ops.client.{call}", refuse)


def test_undoing_a_deletion_that_failed_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above all it leaves the group where it is now."""
    consumed(run, "Kept", "GKept")
    with monkeypatch.context() as patched:
        failing(patched, "admin.topics.topic_change.delete_topic")
        run("deleteTopic", *C, "-t", "Kept", code=ExitCode.REFUSED)
    change = newest()
    run("sendMessage", "-t", "Kept", "-p", "x", "-b", "broker-a", "-i", "0")
    run("skipAccumulatedMessage", "-g", "GKept", "-t", "Kept")
    undone = run("undo", change).json
    assert undone["status"] == "unchanged" and offsets(run, "GKept", "Kept") == {0: 4, 1: 0}
    said = "\n".join(undone["notes"])
    assert (
        "topic Kept on " in said
        and f" is as it was before: change {change} failed (the server answered: no permission)" in said
    )
    assert "stay deleted" not in said


def test_undoing_a_creation_that_failed_has_nothing_to_bring_back(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        failing(patched, "admin.topics.topic_change.put_topic")
        run("updateTopic", *C, "-t", "Never", code=ExitCode.REFUSED)
    undone = undo_newest(run)
    assert undone["status"] == "unchanged" and "topic Never on " in undone["notes"][0]


def test_what_cannot_be_undone_of_a_change_that_failed_is_said_with_if(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        failing(patched, "api.servers.clean")
        run("deleteExpiredCommitLog", *C, code=ExitCode.REFUSED)
    failed = undo_newest(run, code=ExitCode.FAILED)
    assert (
        "may not have been made; if it was: the files that the broker deleted are gone" in failed["errors"][0]["cause"]
    )


def test_history_says_what_was_undone(run: Run) -> None:
    run("updateTopic", *C, "-t", "Told", "-p", "6")
    run("updateTopicPerm", *C, "-t", "Told", "-p", "4")
    change = newest()
    undo_newest(run)
    found = {c["id"]: c for c in run("history").json["data"]["changes"]}
    assert found[int(change)]["undoneBy"] == [int(newest())]
    assert found[int(newest())]["started"]["undoOf"] == int(change)
