"""What the prober finds, as events of the dashboard."""

from __future__ import annotations

from pathlib import Path

from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, Run
from rocketmq_ops.housekeeping.probe import pulling
from rocketmq_ops.housekeeping.probe.turns import Turns
from rocketmq_ops.tui.model.details.probe import figure_section, finding_section
from rocketmq_ops.tui.model.probed import Probed
from rocketmq_ops.tui.model.table import Health

MINUTE = 60_000
START = 1_700_000_000_000


def finding(target: str) -> Finding:
    return Finding(id="probe.disk", severity=Severity.CRITICAL, target=target, evidence="is full", remedy="make room")


def test_what_comes_and_goes_is_an_event_once(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    probed = Probed(path)
    assert probed.look(START) == [], "there is no history yet"
    with History.open(path) as history:
        for minute, findings in enumerate(([], [finding("a")], [finding("a"), finding("b")], [finding("b")])):
            history.append(Run(time_ms=START + minute * MINUTE))
            found.keep(history, START + minute * MINUTE, findings)
    said = [(e.time_ms, e.target, e.text, e.health) for e in probed.look(START + 3 * MINUTE)]
    assert said == [
        (START + 3 * MINUTE, "a", "probe.disk is not found any more", Health.OK),
        (START + 2 * MINUTE, "b", "is full", Health.CRITICAL),
        (START + MINUTE, "a", "is full", Health.CRITICAL),
    ]
    assert probed.look(START + 3 * MINUTE) == []
    with History.open(path) as history:
        found.keep(history, START + 4 * MINUTE, [finding(f"new-{n}") for n in range(9)])
    events = probed.look(START + 4 * MINUTE)
    assert len(events) == 7
    assert (events[0].target, events[0].text) == ("4", "findings more have come or gone")


def test_the_screen_has_the_last_findings_with_their_age(tmp_path: Path) -> None:
    path = tmp_path / "h.sqlite"
    with History.open(path) as history:
        assert finding_section(history).note.startswith("the runs until now have kept no findings")
        history.append(Run(time_ms=START))
        found.keep(history, START, [finding("a")])
        section = finding_section(history)
        assert section.table is not None
        assert [row.cells[:4] for row in section.table.rows] == [("critical", START, "probe.disk", "a")]
        assert section.health is Health.CRITICAL


def test_what_a_run_keeps_for_the_next_one_is_no_figure(tmp_path: Path) -> None:
    with History.open(tmp_path / "h.sqlite") as history:
        turns = Turns(history)
        turns.sample("groups", ["a", "b", "c"], 2)
        kept = [*turns.figures(), *pulling.figures({("group", "topic broker:0"): 7})]
        history.append(Run(time_ms=START, figures=[Figure("probe.roundTrip", "broker", 5), *kept]))
        section = figure_section(history)
        assert section.table is not None
        assert [row.cells[:2] for row in section.table.rows] == [("roundTrip", "broker")]
