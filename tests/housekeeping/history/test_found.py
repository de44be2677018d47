"""Findings in a history: kept when they change, found again with since when, bounded."""

from __future__ import annotations

from pathlib import Path

from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Run

MINUTE = 60_000
START = 1_700_000_000_000


def finding(target: str, evidence: str = "it is full") -> Finding:
    return Finding(id="probe.disk", severity=Severity.WARNING, target=target, evidence=evidence, remedy="make room")


def test_what_was_found_and_since_when(tmp_path: Path) -> None:
    a, b, worse = finding("a"), finding("b"), finding("a", "it is fuller")
    with History.open(tmp_path / "h.sqlite") as history:
        for minute, findings in enumerate(([], [a], [a], [worse, b], [b], [a, b])):
            history.append(Run(time_ms=START + minute * MINUTE, texts=None))
            found.keep(history, START + minute * MINUTE, findings)
        changes = found.found(history, START, START + 9 * MINUTE)
        assert [((at - START) // MINUTE, seen) for at, seen in changes] == [
            (0, []), (1, [a]), (3, [worse, b]), (4, [b]), (5, [a, b]),
        ]  # fmt: skip
        assert [(each, (begun - START) // MINUTE) for each, begun in found.since(changes)] == [(a, 5), (b, 3)]
        begun_before = found.found(history, START + 2 * MINUTE, START + 3 * MINUTE)
        assert [(at - START) // MINUTE for at, _ in begun_before] == [1, 3], "with what was in force at the beginning"
        assert found.found(history, START - 2, START - 1) == []


def test_findings_leave_other_texts_and_other_texts_leave_findings(tmp_path: Path) -> None:
    with History.open(tmp_path / "h.sqlite") as history:
        history.append(Run(time_ms=START, texts={"other": "1"}))
        found.keep(history, START, [finding("a")])
        assert history.texts_at(START)["other"] == "1"
        history.append(Run(time_ms=START + MINUTE))
        assert len(found.found(history, START + MINUTE, START + MINUTE)) == 1


def test_only_so_much_is_kept_of_a_run(tmp_path: Path) -> None:
    many = [finding(f"broker-{n}", "x" * 5000) for n in range(found.MOST + 50)]
    with History.open(tmp_path / "h.sqlite") as history:
        found.keep(history, START, many)
        ((_, kept),) = found.found(history, START, START)
    assert len(kept) == found.MOST
    assert {len(each.evidence) for each in kept} == {found.MOST_CHARACTERS}
