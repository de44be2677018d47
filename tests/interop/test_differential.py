"""Apache's mqadmin and ours with the same arguments on one cluster of two brokers: the rows of `differential/rows.py`.

The rows of a version run in order, each first by Apache's, then by ours: some go on with what one before has made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Driver, wait_until
from tests.interop.differential.reading import Answer
from tests.interop.differential.rows import ROWS
from tests.interop.differential.table import FIVE, SAME, USAGE, Row
from tests.interop.differential.two_brokers import JAVA, OURS, TwoBrokers
from tests.interop.ours import Ran
from tests.interop.toolchain import VERSIONS


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
    with nullcontext() if row.given is None else row.given(two):
        return _both(two, row)


def _both(two: TwoBrokers, row: Row) -> tuple[Answer, Answer]:
    start = prepared(two, row, JAVA)
    text = two.java(row.line)
    end = two.state()
    theirs = Answer(text, None, 0, two.changed(start, end), two.exports[JAVA])
    undo(two, row, JAVA)
    start = prepared(two, row, OURS) if row.before or row.undo else end
    ran = two.ours(f"{row.line} {row.extra}")
    document = json.loads(ran.out) if ran.out.startswith("{") else {"status": "failed", "data": None, "errors": []}
    mine = Answer(ran.err, document, ran.code, two.changed(start, two.state()), two.exports[OURS])
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


def the_verdict_holds(row: Row, two: TwoBrokers) -> None:
    java, ours = both(two, row)
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


def leads(ran: Ran) -> dict[str, str]:
    """Broker -> the LOGICAL:PHYSICAL queues that it leads after the change."""
    found = {}
    for change in ran.json["data"]["changes"]:
        assert change["state"] == "done", change
        found[change["target"]] = next((f["after"] for f in change["fields"] if f["name"] == "leads"), "unchanged")
    return found


def a_static_topic_goes_from_hand_to_hand(two: TwoBrokers) -> None:
    """Made, extended and moved by ours, used by Java's client, extended and moved back by Java's command."""
    made = two.ours("updateStaticTopic -b broker-a -t Static -qn 3")
    assert leads(made) == {"broker-a": "0:0, 1:1, 2:2", "broker-b": ""}
    assert json.loads(Path(made.json["data"]["afterFile"]).read_text())["topic"] == "Static"
    assert two.ours("updateStaticTopic -b broker-a -t Static -qn 3").code == USAGE
    grown = two.ours("updateStaticTopic -c {C} -t Static -qn 5")
    assert leads(grown) == {"broker-a": "unchanged", "broker-b": "3:0, 4:1"}
    wait_until(lambda: two.java("topicRoute -t Static").count('"totalQueues":5') == 2, "the route has both")
    messages = [{"topic": "Static", "body": str(i), "queue": i % 5} for i in range(10)]
    assert {result["queueId"] for result in two.ask("send", messages=messages, group="till")} == set(range(5))

    moved = two.ours("remappingStaticTopic -b broker-b -t Static")
    assert leads(moved) == {"broker-a": "", "broker-b": "0:2, 1:3, 2:4, 3:0, 4:1"}
    after = json.loads(Path(moved.json["data"]["afterFile"]).read_text())
    assert (after["type"], after["brokerToMapIn"], after["brokerToMapOut"]) == ("REMAPPING", ["broker-b"], ["broker-a"])
    assert two.ours("remappingStaticTopic -b broker-b -t Static").json["status"] == "unchanged"
    # Java's command finds what is there consistent: it extends it and moves it back.
    assert "The new mapping data is written" in two.java("updateStaticTopic -c {C} -t Static -qn 6")
    back = two.ours("remappingStaticTopic -c {C} -t Static").json
    assert {change["state"] for change in back["data"]["changes"]} <= {"done", "unchanged"}


def cases() -> Iterator[Any]:
    """By version, so that each cluster is up once: its rows, then what takes several steps."""
    for version in VERSIONS:
        for row in ROWS:
            if version in row.versions:
                yield pytest.param(version, partial(the_verdict_holds, row), id=f"{version}-{row.line}")
        if version in FIVE:
            yield pytest.param(version, a_static_topic_goes_from_hand_to_hand, id=f"{version}-a static topic")


@pytest.mark.parametrize(("version", "check"), list(cases()))
def test_beside_javas(clusters: Callable[[str], TwoBrokers], version: str, check: Callable[[TwoBrokers], None]) -> None:
    check(clusters(version))
