"""What a change leaves in the journal, and what happens when nothing can be left there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.client.admin.changes import ChangingResult
from rocketmq_ops.mqadmin import registry
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.journal.file import JournalFile
from rocketmq_ops.remoting.codes import RequestCode as Code
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.test_declarations import declaration


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of the journal of one test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("ROCKETMQ_OPS_JOURNAL", raising=False)
    return tmp_path / "state"


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in ("broker-a", "broker-b"):
        cluster[broker].add_topic("T", 4)
    return cluster


def lines() -> list[dict[str, Any]]:
    return [line.content or {} for line in JournalFile().lines()]


def test_a_change_stands_there_with_its_result(cluster: FakeCluster, cli: Cli) -> None:
    line = ("updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4")
    assert cli(cluster.transport, *line).code == 0
    started, ended = lines()
    assert (started["entry"], started["command"], started["arguments"]) == ("change", line[0], list(line[1:]))
    assert started["nameServers"] == [cluster.namesrv]
    assert started["user"] and started["host"] and started["time"].endswith("Z")
    targets = {cluster["broker-a"].address, cluster["broker-b"].address}
    assert {change["target"] for change in started["changes"]} == targets
    for change in started["changes"]:
        assert change["fields"] == [{"name": "perm", "before": 6, "after": 4}]
    assert (ended["entry"], ended["change"], ended["status"], ended["exitCode"]) == ("result", 1, "ok", 0)
    assert {change["state"] for change in ended["changes"]} == {"done"}
    assert not JournalFile().verify().broken


def test_it_stands_there_before_anything_is_sent(cluster: FakeCluster, cli: Cli) -> None:
    seen: list[int] = []
    broker = cluster["broker-a"]

    def deleting(c: Any) -> Any:
        seen.append(len(lines()))
        return broker.delete_topic(c)

    cluster.transport.on(broker.address, Code.DELETE_TOPIC_IN_BROKER, deleting)
    assert cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T").code == 0
    assert seen == [1]


def test_offsets_that_cannot_be_saved_are_said(cluster: FakeCluster, cli: Cli) -> None:
    broker = cluster["broker-a"]
    cluster.transport.on(broker.address, Code.GET_ALL_CONSUMER_OFFSET, lambda c: c.reply(1, "broken"))
    cluster["broker-b"].committed["G", "T", 3] = 7
    ran = cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T")
    assert f"the offsets of {broker.address} could not be saved: " in ran.err
    started = lines()[0]
    assert [failure["target"] for failure in started["unsaved"]] == [broker.address]
    saved = {"target": cluster["broker-b"].address, "group": "G", "topic": "T", "offsets": {"3": 7}}
    assert started["saved"] == [saved]


@pytest.mark.parametrize(
    "line",
    [
        ("updateTopicPerm", "-c", "C1", "-t", "T", "-p", "4", "--plan"),
        ("updateTopicPerm", "-c", "C1", "-t", "T", "-p", "6"),
        ("updateTopicPerm", "-c", "C1", "-t", "Nothing", "-p", "6"),
        ("updateOrderConf", "-t", "T", "-m", "get"),
        ("topicRoute", "-t", "T"),
    ],
    ids=["plan", "so already", "not found", "shows only", "no change"],
)
def test_what_changes_nothing_leaves_nothing(cluster: FakeCluster, cli: Cli, line: tuple[str, ...]) -> None:
    cli(cluster.transport, *line, "-n", cluster.namesrv)
    assert lines() == []


def test_a_change_that_failed_says_why(cluster: FakeCluster, cli: Cli) -> None:
    for name in ("broker-a", "broker-b"):
        cluster.transport.on(
            cluster[name].address, Code.UPDATE_AND_CREATE_TOPIC, lambda c: c.reply(16, "no permission")
        )
    ran = cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4")
    assert ran.code == ExitCode.REFUSED
    _, ended = lines()
    assert (ended["status"], ended["exitCode"]) == ("failed", ExitCode.REFUSED)
    assert "no permission" in ended["failures"][0]["cause"]


@pytest.mark.parametrize(
    ("key", "value"),
    [("secretKey", "opensesame"), ("initAuthenticationUser", '{"username":"a","password":"opensesame"}')],
)
def test_secrets_are_not_there(cluster: FakeCluster, cli: Cli, state: Path, key: str, value: str) -> None:
    cluster["broker-a"].config[key] = value.replace("opensesame", "formerly")
    address = cluster["broker-a"].address
    assert cli(cluster.transport, "updateBrokerConfig", "-b", address, "-k", key, "-v", value).code == 0
    assert cluster["broker-a"].config[key] == value
    text = JournalFile().path.read_text()
    assert "opensesame" not in text and "formerly" not in text
    assert lines()[0]["arguments"] == ["-b", address, "-k", key, "-v", "(hidden)"]
    assert lines()[0]["changes"][0]["fields"] == [{"name": key, "before": "(hidden)", "after": "(hidden)"}]


class TestWithoutAJournal:
    @pytest.fixture(autouse=True)
    def _no_folder(self, state: Path) -> None:
        state.write_text("a file where the folder should be")

    def test_a_dangerous_change_is_refused(self, cluster: FakeCluster, cli: Cli) -> None:
        ran = cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T")
        assert ran.code == ExitCode.FAILED
        assert "nothing was changed: cannot write the journal" in ran.err
        assert "ROCKETMQ_OPS_JOURNAL=off" in ran.err
        assert "T" in cluster["broker-a"].topics
        assert Code.DELETE_TOPIC_IN_BROKER not in cluster.transport.codes()

    def test_another_is_made_with_a_note(self, cluster: FakeCluster, cli: Cli) -> None:
        line = ("updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", "4", "--output", "json")
        ran = cli(cluster.transport, *line)
        assert ran.code == 0
        assert any("the change is not in the journal" in note for note in ran.json["notes"])
        assert cluster["broker-a"].topics["T"]["perm"] == 4

    def test_off_says_so(self, cluster: FakeCluster, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ROCKETMQ_OPS_JOURNAL", "off")
        ran = cli(cluster.transport, "deleteTopic", "-n", cluster.namesrv, "-c", "C1", "-t", "T")
        assert ran.code == 0
        assert "ROCKETMQ_OPS_JOURNAL=off: the change is not in the journal" in ran.err
        assert "T" not in cluster["broker-a"].topics


def test_history_lists_shows_and_verifies(cluster: FakeCluster, cli: Cli) -> None:
    for perm in ("4", "6"):
        cli(cluster.transport, "updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p", perm)
    listed = cli(cluster.transport, "history", "--output", "json")
    assert [change["id"] for change in listed.json["data"]["changes"]] == [1, 2]
    newest = cli(cluster.transport, "history", "--limit", "1")
    assert "-p 6" in newest.out and "-p 4" not in newest.out and "1 older" in newest.err
    shown = cli(cluster.transport, "history", "2")
    assert "mqadmin updateTopicPerm" in shown.out and "perm: 4 -> 6" in shown.out
    assert cli(cluster.transport, "history", "3").code == ExitCode.NOT_FOUND
    assert cli(cluster.transport, "history", "--verify").code == 0
    path = JournalFile().path
    path.write_bytes(path.read_bytes().replace(b'"perm","before":6', b'"perm","before":2', 1))
    verified = cli(cluster.transport, "history", "--verify", "--output", "json")
    assert verified.code == ExitCode.FAILED
    assert [error["target"] for error in verified.json["errors"]] == ["line 1", "line 2"]


def test_a_journal_whose_changes_had_the_numbers_of_their_lines_is_read(cluster: FakeCluster, cli: Cli) -> None:
    line = ("updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p")
    cli(cluster.transport, *line, "4")
    started, ended = lines()
    former = [{key: value for key, value in started.items() if key not in ("id", "line", "previous", "hash")}]
    former += [{key: value for key, value in ended.items() if key not in ("line", "previous", "hash")}]
    JournalFile().path.unlink()
    journal = JournalFile()
    journal.append(former[0])
    journal.append(former[1])
    journal.append({**former[0], "undoOf": 1})
    journal.append({**former[1], "change": 3})
    assert cli(cluster.transport, *line, "6").code == 0
    shown = cli(cluster.transport, "history", "--output", "json").json["data"]["changes"]
    assert [(c["id"], c["result"]["status"], c["undoneBy"]) for c in shown] == [
        (1, "ok", [3]),
        (3, "ok", []),
        (4, "ok", []),
    ]


def test_a_torn_line_is_named(cluster: FakeCluster, cli: Cli) -> None:
    line = ("updateTopicPerm", "-n", cluster.namesrv, "-c", "C1", "-t", "T", "-p")
    cli(cluster.transport, *line, "4")
    path = JournalFile().path
    path.write_bytes(path.read_bytes()[:-20])
    cli(cluster.transport, *line, "6")
    ran = cli(cluster.transport, "history", "--verify", "--output", "json")
    assert (ran.code, ran.json["data"]["verdict"]["torn"]) == (ExitCode.PARTIAL, [2])
    states = {
        c["id"]: c["result"] for c in cli(cluster.transport, "history", "--output", "json").json["data"]["changes"]
    }
    assert states[1] is None and states[2]["status"] == "ok"
    assert "unfinished" in cli(cluster.transport, "history").out


def test_a_line_of_another_version_is_passed_over(cluster: FakeCluster, cli: Cli) -> None:
    JournalFile().append({"entry": "somethingNew"})
    ran = cli(cluster.transport, "history")
    assert ran.code == 0 and "lines 1 of" in ran.err
    assert json.loads(cli(cluster.transport, "history", "--output", "json").out)["status"] == "empty"


def test_every_command_that_changes_a_cluster_is_recorded() -> None:
    """Those that are not send messages, or have a server write what it holds into files of its own."""
    changing = {entry.name for entry in registry.ENTRIES if declaration(entry).changes} - OF_THE_HOST
    assert {name for name in changing if not declaration(registry.BY_NAME[name]).recorded} == {
        "checkMsgSendRT",
        "clusterRT",
        "exportPopRecord",
        "queryMsgById",
        "queryMsgByUniqueKey",
        "rocksDBConfigToJson",
        "sendMsgStatus",
        "triggerLiteDispatch",
    }


def test_what_is_recorded_has_the_changes_that_the_journal_keeps() -> None:
    recorded = [declaration(entry) for entry in registry.ENTRIES if declaration(entry).recorded]
    assert len(recorded) > 40
    assert [each.result for each in recorded if not issubclass(each.result, ChangingResult)] == []


#: They change files of this machine, of which they keep a record of their own.
OF_THE_HOST = {"os apply", "os undo"}
#: The commands that change something and ask nobody, and why: what each replaces can be set again or does no harm.
HARMLESS = {
    **dict.fromkeys(
        ("updateTopic", "updateTopicList", "updateTopicPerm", "updateOrderConf"), "undo has the old values"
    ),
    **dict.fromkeys(("updateSubGroup", "updateSubGroupList", "setConsumeMode"), "undo has the old values"),
    **dict.fromkeys(("updateBrokerConfig", "updateNamesrvConfig", "updateControllerConfig"), "undo has the old values"),
    **dict.fromkeys(("updateColdDataFlowCtrGroupConfig", "removeColdDataFlowCtrGroupConfig"), "undo has the old value"),
    **dict.fromkeys(("updateKvConfig", "addWritePerm", "createUser", "updateUser"), "undo has the old values"),
    **dict.fromkeys(
        ("createAcl", "updateAcl", "copyAcl"), "only entries of the given resources; the plan shows the old"
    ),
    "copyUser": "only the given users of the target, which the source keeps",
    "updateAclConfig": "only the settings that are given",
    "addBroker": "it starts a broker",
    "setCommitLogReadAheadMode": "how files are read, not what",
    "switchTimerEngine": "no timer message is lost",
    "triggerLiteDispatch": "no offset moves",
    **dict.fromkeys(("checkMsgSendRT", "clusterRT", "sendMsgStatus"), "it sends messages"),
    **dict.fromkeys(("queryMsgById", "queryMsgByUniqueKey"), "with a client it is handed a message once more"),
    **dict.fromkeys(("exportPopRecord", "rocksDBConfigToJson"), "a broker writes files of its own"),
}


def test_every_command_that_changes_something_is_dangerous_or_has_a_reason_not_to_be() -> None:
    changing = {entry.name for entry in registry.ENTRIES if declaration(entry).changes}
    dangerous = {entry.name for entry in registry.ENTRIES if declaration(entry).dangerous}
    assert dangerous <= changing
    assert changing - dangerous == set(HARMLESS), (
        "decide: declare what it touches as dangerous, or give the reason here"
    )


def test_the_page_names_the_commands_that_ask() -> None:
    page = (Path(__file__).parents[3] / "docs" / "changes.md").read_text()
    listed = page.partition("On a terminal these commands")[2].partition("Anything else")[0]
    dangerous = {entry.name for entry in registry.ENTRIES if declaration(entry).dangerous}
    assert set(re.findall(r"`([\w ]+)`", listed)) - {"all"} == dangerous


def test_what_is_dangerous_is_recorded_and_names_what_it_touches() -> None:
    for entry in registry.ENTRIES:
        declared = declaration(entry)
        assert set(declared.dangerous) <= set(declared.options()), entry.name
        assert declared.recorded or not declared.dangerous or entry.name in OF_THE_HOST, entry.name
