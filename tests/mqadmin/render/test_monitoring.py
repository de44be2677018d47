"""A run of the prober as lines, as a Nagios plugin's output, and in Prometheus' text format."""

from __future__ import annotations

import re

import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.probe.expectations import Expectations
from rocketmq_ops.housekeeping.probe.report import BrokerTrip, ProbeReport, Stage, StageBar, measure
from rocketmq_ops.housekeeping.probe.turns import Part
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.mqadmin.exit_codes import PluginCode
from rocketmq_ops.mqadmin.render.monitoring import nagios_text, probe_outcome, prometheus_text
from rocketmq_ops.mqadmin.render.output import table_text


def report(*findings: Finding, failures: list[Failure] | None = None, lost: int | None = 0) -> ProbeReport:
    wanted = Expectations()
    trip = BrokerTrip(
        broker="a",
        cluster="C",
        address="h:1",
        topic="T",
        sent=2,
        stored=2,
        received=2,
        send_ms=[1.5],
        delivery_ms=[2.0],
    )
    made = ProbeReport(
        timestamp=1_700_000_000_000,
        brokers=[trip],
        measures=[
            measure(wanted, "sendTime", "a", 1.5),
            measure(wanted, "replicationGap", "a#1", 2e9 if findings else 0),
            measure(wanted, "lost", "a", lost),
        ],
        findings=list(findings),
        failures=failures or [],
    )
    made.conclude(12)
    return made


DOWN = Finding(
    id="probe.broker-down", severity=Severity.CRITICAL, target="b", evidence='cannot connect | "x"', remedy="start it"
)


def test_all_is_well() -> None:
    outcome = probe_outcome(report(), "table")
    assert outcome.exit is PluginCode.OK
    assert table_text(outcome).startswith("OK: 2 of 2 messages received through 1 brokers in 12 ms\n")


def test_what_is_wrong_comes_first_with_what_to_do() -> None:
    outcome = probe_outcome(report(DOWN), "text")
    text = table_text(outcome)
    assert outcome.exit is PluginCode.CRITICAL
    assert text.startswith('CRITICAL: b: cannot connect | "x" (and 1 more)\n')
    assert "CRITICAL probe.broker-down b: cannot connect" in text and "\n  next: start it\n" in text
    assert re.search(r"CRITICAL +a#1 +replicationGap +2000000000.0 +bytes", text)


def test_what_was_not_asked_for_of_all_is_said() -> None:
    made = report()
    made.parts = [Part("routes", 100, 1000), Part("groups", 100, 1950), Part("groups", 0, 7)]
    text = table_text(probe_outcome(made, "text"))
    assert "the routes of 100 of 1000 topics were compared, the others are in the next runs: all of them in 10" in text
    told = "of 1950 groups of which nothing is known to wait 100 were asked who is connected"
    assert f"{told}, the others are in the next runs: all of them in 20\n" in text
    assert "in 10" not in table_text(probe_outcome(report(), "text"))


def test_what_people_read_is_in_their_language_and_what_monitoring_reads_is_not() -> None:
    evidence = "the slowest message took 9 ms to its answer and 3 ms more to arrive: most to be stored; the broker "
    evidence += "reports: 0 bytes not dispatched, page cache locked for 4 ms, send queue 0; its host: dirty 0 bytes"
    late = Finding(
        id="probe.late", severity=Severity.WARNING, target="b", evidence=evidence, remedy="look at the broker's log"
    )
    english = nagios_text(report(late)), prometheus_text(report(late))
    try:
        lang.begin(["--lang", "zh"], {})
        text = table_text(probe_outcome(report(late), "table"))
        assert (nagios_text(report(late)), prometheus_text(report(late))) == english
    finally:
        lang.begin([], {})
    lines = text.splitlines()
    assert lines[0] == "严重: a#1: replicationGap 为 2e+09 字节，应不超过 1e+09 字节（以及另外 1 个）"
    assert lines[-2:] == [
        "警告 probe.late b: 最慢的消息 9 ms 后得到应答，又过 3 ms 才到达：大部分时间用于等待存储；Broker 报告：0 字节未派发，"
        "页缓存已锁定 4 ms，发送队列 0；其主机：脏页 0 字节",
        "  下一步: 查看该 Broker 的日志",
    ]


@pytest.mark.parametrize(
    ("made", "code"),
    [
        (report(failures=[Failure("h:1", "no answer")]), PluginCode.UNKNOWN),
        (report(lost=None), PluginCode.UNKNOWN),
        (report(lost=1), PluginCode.CRITICAL),
        (report(DOWN, failures=[Failure("h:1", "no answer")]), PluginCode.CRITICAL),
    ],
    ids=["not asked", "not known", "lost", "the worst counts"],
)
def test_codes(made: ProbeReport, code: PluginCode) -> None:
    assert probe_outcome(made, "nagios").exit is code
    assert nagios_text(made).startswith(f"ROCKETMQ {code.name}: ")


def test_as_a_nagios_plugin() -> None:
    first, *more = nagios_text(report(DOWN)).splitlines()
    status, _, data = first.rpartition(" | ")
    assert status.startswith("ROCKETMQ CRITICAL: b: cannot connect")
    assert data == (
        "'a sendTime'=1.5ms;500;3000;0 'a#1 replicationGap'=2000000000B;64000000;1000000000;0 'a lost'=0;;0;0"
    )
    assert first.count("|") == 1, "what is behind the first bar is performance data"
    assert [line for line in more if line.startswith("b: ")] and not any("|" in line for line in more)


def test_for_prometheus() -> None:
    text = prometheus_text(report(DOWN))
    lines = text.splitlines()
    assert "rocketmq_probe_severity 2" in lines
    assert 'rocketmq_probe_send_time_ms{target="a"} 1.5' in lines
    assert 'rocketmq_probe_finding{id="probe.broker-down",target="b"} 2' in lines
    assert 'rocketmq_probe_messages{cluster="C",broker="a",state="received"} 2' in lines
    sample = re.compile(r'[a-z_]+(\{[a-z]+="(?:[^"\\]|\\.)*"(,[a-z]+="(?:[^"\\]|\\.)*")*\})? -?[0-9.e+]+')
    families = [line.split()[2] for line in lines if line.startswith("# TYPE ")]
    assert len(families) == len(set(families))
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line), line


def test_a_bar_shows_where_the_time_went() -> None:
    made = report()
    stages = [Stage("network", 1.0), Stage("append", 2.0), Stage("wake", 0.001), Stage("answer", 0.0)]
    made.brokers[0].stages = StageBar(queue_id=0, queue_offset=3, total_ms=3.001, noted_by_broker=True, stages=stages)
    text = table_text(probe_outcome(made, "text"))
    [bar] = re.findall(r"\|(.*)\|", text)
    assert (bar.count("1"), bar.count("2"), bar.count("3"), len(bar)) == (23, 48, 1, 72) and "4" not in bar
    assert "STAGES a: the slowest message took 3.00 ms to arrive\n" in text
    assert "1 network 1.00 ms, 2 append 2.00 ms, 3 wake 0.00 ms, 4 answer 0.00 ms" in text
    made.brokers[0].stages = None
    assert "STAGES" not in table_text(probe_outcome(made, "text"))
