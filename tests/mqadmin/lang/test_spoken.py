"""What commands say in Chinese, and what stays as it is for programs."""

from __future__ import annotations

import os
import pty
from collections.abc import Iterator

import pytest

from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.mqadmin import confirm, lang
from rocketmq_ops.mqadmin.commands.topic import delete_topic
from rocketmq_ops.mqadmin.declare import declaration_of
from rocketmq_ops.mqadmin.render.findings import finding_blocks
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.output import Rows, render, table_text
from rocketmq_ops.mqadmin.repeating.watch import screen
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.replay import FakeTransport


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    lang.begin([], {})


@pytest.fixture
def cluster() -> FakeCluster:
    cluster = FakeCluster()
    cluster["broker-a"].add_topic("Orders")
    return cluster


def test_a_cause_and_its_next_step(cli: Cli, cluster: FakeCluster) -> None:
    ran = cli(cluster.transport, "topicRoute", "-t", "Order", "-n", cluster.namesrv, "--lang", "zh")
    assert (ran.code, ran.out) == (4, "")
    assert ran.err == (
        "mqadmin topicRoute: 没有 topic 'Order' 的路由\n  下一步: 请检查其名称，或其 Broker 是否在运行：见 `mqadmin topicList`\n"
    )


def test_a_cause_within_a_cause(cli: Cli) -> None:
    ran = cli(FakeTransport(), "topicList", "-n", "127.0.0.1:9", "--lang", "zh")
    assert ran.code == 3
    assert "请检查地址、该进程是否在那里监听，以及中间有没有防火墙" in ran.err
    assert "127.0.0.1:9" in ran.err


def test_headings_and_lines_of_a_table(cli: Cli, cluster: FakeCluster) -> None:
    ran = cli(cluster.transport, "topicRoute", "-t", "Orders", "-l", "-n", cluster.namesrv, "--lang", "zh")
    assert ran.code == 0
    assert ran.out.split()[:3] == ["#集群", "#Broker", "名"]
    rows = ran.out.splitlines()
    assert rows[1].startswith("C1     broker-a    {0=")


@pytest.mark.parametrize("form", ["json", "yaml", "csv", "name", "java"])
def test_documents_and_exit_codes_are_the_same(cli: Cli, cluster: FakeCluster, form: str) -> None:
    line = ("topicRoute", "-t", "Orders", "-l", "-n", cluster.namesrv, "--output", form)
    assert cli(cluster.transport, *line, "--lang", "zh") == cli(cluster.transport, *line, "--lang", "en")


def test_a_document_of_a_failure_is_english(cli: Cli, cluster: FakeCluster) -> None:
    ran = cli(cluster.transport, "topicRoute", "-t", "Order", "-n", cluster.namesrv, "--lang", "zh", "--output", "json")
    assert ran.json["errors"][0]["cause"] == "no route for topic 'Order'"
    assert "没有 topic 'Order' 的路由" in ran.err


def test_the_locale_alone_changes_no_result_that_a_script_reads(
    cli: Cli, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROCKETMQ_OPS_LANG")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert cli(cluster.transport, "topicRoute", "-t", "Orders", "-l", "-n", cluster.namesrv).out.startswith(
        "#ClusterName "
    )
    assert "没有 topic" in cli(cluster.transport, "topicRoute", "-t", "Order", "-n", cluster.namesrv).err


def test_an_unknown_cell_and_the_columns_that_do_not_fit() -> None:
    lang.begin(["--lang", "zh"], {})
    outcome = Outcome(data=Rows(""), blocks=[Table(["#Topic", "#Diff Total", "#Model"], [["T", None, "x"]])])
    assert table_text(outcome) == "#Topic  #堆积总量  #模式\nT       未知       x\n"
    assert table_text(outcome, width=20).splitlines()[-1] == "... 有 1 列在此放不下：#模式；--output wide 显示全部"
    assert render("x", outcome, "csv", Rows("")) == "path,csv,name\n,,\n"


def test_what_users_stored_is_not_translated() -> None:
    lang.begin(["--lang", "zh"], {})
    body = "Message Body:        nothing is there to clean"
    assert lang.tr(body.partition(": ")[2].strip()) != "nothing is there to clean"
    assert table_text(Outcome(data=Rows(""), blocks=[body])) == body + "\n"


def test_what_a_finding_says_and_advises() -> None:
    lang.begin(["--lang", "zh"], {})
    evidence, remedy = (
        "brokerPermission is 4: sends are refused",
        "start the slaves that are missing, or lower minInSyncReplicas",
    )
    found = Finding(id="busy.x", severity=Severity.CRITICAL, target="sends", evidence=evidence, remedy=remedy)
    lines = table_text(Outcome(data=Rows(""), blocks=finding_blocks([found]))).splitlines()
    assert lines[1].split() == ["严重", "busy.x", "sends", "brokerPermission", "为", "4：发送被拒绝"]
    assert [lines[4], lines[6]] == ["  busy.x: 启动缺少的从节点，或调小 minInSyncReplicas", "1 个严重"]


def test_what_a_finding_says_of_several_queues() -> None:
    lang.begin(["--lang", "zh"], {})
    evidence = "the offset 100 did not move in 60 s, 5 messages wait; no client that answered holds it"
    said = lang.tr(f"orders queue 3 at broker-a (and 2 more queues): {evidence}")
    assert said.startswith("orders 的队列 3（broker-a，另有 2 个队列）：位点 100 ")


def test_watch_says_what_does_not_fit() -> None:
    lang.begin(["--lang", "zh"], {})
    assert screen("", ["a", "b", "c"], 4, False).splitlines()[-1] == "... 还有 2 行在此放不下"


def test_the_question_before_a_dangerous_change(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = pty.openpty()
    with open(theirs) as terminal:
        monkeypatch.setattr("sys.stdin", terminal)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        monkeypatch.delenv(confirm.SWITCH, raising=False)
        os.write(ours, b"Orders\n")
        lang.begin(["--lang", "zh"], {})
        plan = ["would delete topic Orders on 10.0.0.1:10911"]
        confirm.require_consent(declaration_of(delete_topic), {"topic": "Orders"}, plan, yes=False)
    os.close(ours)
    assert capsys.readouterr().err == "将在 10.0.0.1:10911 上删除 Topic Orders\n输入 Orders 以执行： "
