"""Apache's mqadmin and ours with the same arguments on one cluster of two brokers: the rows of `differential/rows.py`.

The rows of a version run in order, each first by Apache's, then by ours: some go on with what one before has made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Driver
from tests.interop.differential.reading import Answer
from tests.interop.differential.rows import ROWS
from tests.interop.differential.table import SAME, Row
from tests.interop.differential.two_brokers import JAVA, OURS, TwoBrokers
from tests.interop.toolchain import VERSIONS

CASES = [
    pytest.param(version, row, id=f"{version}-{row.line}")
    for version in VERSIONS
    for row in ROWS
    if version in row.versions
]


@pytest.fixture(scope="module")
def clusters(scratch: Path, drivers: Callable[[str], Driver]) -> Iterator[Callable[[str], TwoBrokers]]:
    """The cluster of a version; one is up at a time."""
    running: dict[str, TwoBrokers] = {}

    def get(version: str) -> TwoBrokers:
        if version not in running:
            for other in list(running):
                running.pop(other).kill()
            running[version] = TwoBrokers(version, scratch / f"two-{version}", drivers(version))
        return running[version]

    yield get
    for cluster in running.values():
        cluster.kill()


def both(two: TwoBrokers, row: Row) -> tuple[Answer, Answer]:
    start = prepared(two, row, JAVA)
    text = two.java(row.line)
    end = two.state()
    theirs = Answer(text, None, 0, two.changed(start, end))
    undo(two, row, JAVA)
    start = prepared(two, row, OURS) if row.before or row.undo else end
    ran = two.ours(row.line)
    document = json.loads(ran.out) if ran.out.startswith("{") else {"status": "failed", "data": None, "errors": []}
    mine = Answer(ran.err, document, ran.code, two.changed(start, two.state()))
    undo(two, row, OURS)
    return theirs, mine


def prepared(two: TwoBrokers, row: Row, side: str) -> Any:
    if row.before:
        two.ours(row.before, side)
    return two.state()


def undo(two: TwoBrokers, row: Row, side: str) -> None:
    if row.undo:
        ran = two.ours(row.undo, side)
        assert ran.code == 0, ran


def holds(stated: Any, facts: Any) -> bool:
    return bool(stated(facts)) if callable(stated) else bool(facts == stated)


@pytest.mark.parametrize(("version", "row"), CASES)
def test_the_verdict_holds(clusters: Callable[[str], TwoBrokers], version: str, row: Row) -> None:
    java, ours = both(clusters(version), row)
    assert "Traceback" not in ours.text
    if ours.code:
        assert ours.text.startswith(f"mqadmin {row.command}: "), ours
        assert "\n  next: " in ours.text or ": note: " in ours.text, ours
    theirs, mine = row.java(java), row.ours(ours)
    if row.verdict == SAME:
        assert mine == theirs, (java.text, ours.document)
    else:
        assert mine != theirs or java.effect != ours.effect, f"no difference: {mine}"
        assert holds(row.theirs, theirs), (theirs, java.text)
        assert holds(row.mine, mine), (mine, ours.document)
    if not row.effects_differ:
        assert ours.effect == java.effect
    if row.changes:
        assert ours.effect, "the command changed nothing"
    else:
        assert ours.effect == {}
