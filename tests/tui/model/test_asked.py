"""What screens were told, kept with the moments."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.history.runs import Run
from rocketmq_ops.remoting.bodies import ProducerTableInfo
from rocketmq_ops.tui.model import asked
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.asked import Asked, told
from rocketmq_ops.tui.model.details import doctor, probe
from rocketmq_ops.tui.model.details.detail import Asking, Section, steady, table_of
from rocketmq_ops.tui.model.members import Members
from rocketmq_ops.tui.model.table import Below, Column, Row
from tests.tui import fakes
from tests.tui.model.cluster import START, Cluster, run

MINUTE = 60_000


def section(*cells: str | float | None, key: str = "r") -> Section:
    columns = tuple(Column(key=f"c{at}", title=f"C{at}") for at in range(len(cells)))
    return table_of(columns, [Row(key=key, cells=cells)])


def test_an_answer_is_kept_as_it_was_with_its_time_to_the_minute() -> None:
    kept = Asked()
    kept.put("group/g/clients", section("a", 1, 2.5, None, Below(7)), START + 30_000)
    again = dict(kept.texts)
    kept.put("group/g/clients", section("a", 1, 2.5, None, Below(7)), START + 50_000)
    assert kept.texts == again, "what is as it was is not written again"
    found_then = told(kept.texts, "group/g/clients")
    assert found_then is not None
    assert found_then.asked_ms == START
    assert [column.key for column in found_then.table.columns] == ["c0", "c1", "c2", "c3", "c4"]
    assert [(row.key, row.cells) for row in found_then.table.rows] == [("r", ("a", 1, 2.5, None, 7))]
    assert told(kept.texts, "group/other/clients") is None


def test_a_row_that_was_known_before_the_rest_is_kept_as_that() -> None:
    """It stands behind a `~` when it is looked at later, too."""
    kept = Asked()
    table = section("a").table
    assert table is not None
    old = msgspec.structs.replace(table.rows[0], key="old", stale_since=START - 90_000)
    kept.put("p", table_of(table.columns, [*table.rows, old]), START)
    found_then = told(kept.texts, "p")
    assert found_then is not None
    assert [row.stale_since for row in found_then.table.rows] == [None, START - 2 * MINUTE]


def test_what_is_kept_is_bounded_in_number_and_size() -> None:
    kept = Asked()
    for number in range(asked.MOST + 3):
        kept.put(f"{number}", section("a"), START)
    kept.put("4", section("b"), START)
    assert len(kept.texts) == asked.MOST
    assert {"0", "1", "2"}.isdisjoint(kept.texts)
    kept.put("5", section("x" * asked.MOST_UNPACKED), START)
    large = told(kept.texts, "5")
    assert large is not None
    assert (large.too_large, large.asked_ms) == (True, START), "what was before it is not what was told last"
    assert not large.table.rows
    kept.put("new", section("c"), START)
    kept.put("newer", section("c"), START)
    assert "4" in kept.texts, "it was asked last"
    assert "3" not in kept.texts


def test_moments_have_what_was_told_until_then_also_those_of_the_ring(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    async def test() -> None:
        cluster = Cluster(1)
        cluster.group("g", 100, 100)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(2 * MINUTE)
            model.keep("broker/a/producers", section("first"))
            await cluster.clock.advance(3 * MINUTE)
            model.keep("broker/a/producers", section("second"))
            await cluster.clock.advance(5 * MINUTE)

            def said(then: object) -> list[object]:
                answer = told(then.asked, "broker/a/producers")  # type: ignore[attr-defined]
                return [] if answer is None else [row.cells[0] for row in answer.table.rows]

            assert said(model.moment()) == ["second"]
            was: list[object] = []
            for ms in (2 * MINUTE, 6 * MINUTE, 8 * MINUTE):
                for _ in range(2):  # the first time it is read
                    found_then = model.before(ms, said)
                    while model.busy:  # noqa: ASYNC110
                        await asyncio.sleep(0.001)
                was.append(found_then)
            assert was == [["second"], ["first"], []]

    run(test)


def test_who_has_gone_is_known_where_all_groups_and_brokers_were_asked() -> None:
    members = Members()
    members.told("b:1", "g", None, START)
    assert not members.whole(["g"], ["a", "b"])
    members.told_producers("a", ProducerTableInfo(data={}), START)
    members.tells_of_none("b")
    assert members.whole(["g"], ["a", "b"])
    assert not members.whole(["g", "h"], ["a", "b"])


def test_rows_are_called_after_what_they_are_about_and_not_where_they_stand() -> None:
    assert steady(["a", "b", "a", "a"]) == ["a", "b", "a 2", "a 3"]
    one, other = (Finding(id="disk", severity=Severity.WARNING, target=t, evidence="", remedy="") for t in "ab")
    before = doctor.finding_section([one, other], 1, START).table
    after = doctor.finding_section([other], 1, START).table
    assert before is not None
    assert after is not None
    assert {row.key for row in before.rows} - {row.key for row in after.rows} == {"disk a"}


def test_findings_of_the_prober_are_compared_with_those_of_its_history(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    admin = MQAdmin(["10.0.0.9:9876"])
    asking = Asking(admin=admin, model=fakes.FakeModel(fakes.moment()), address=Address("probe"))
    part = probe.parts(asking)[0]
    assert part.then is not None
    assert part.whole
    path = history_file(admin.name_servers)
    with History.open(path) as history:
        for minute, target in ((0, "first"), (10, "second")):
            history.append(Run(time_ms=START + minute * MINUTE))
            finding = Finding(id="disk", severity=Severity.WARNING, target=target, evidence="", remedy="")
            found.keep(history, START + minute * MINUTE, [finding])

    def targets(time_ms: int) -> list[object]:
        assert part.then is not None
        section = part.then(fakes.moment(time_ms))
        assert section is not None
        return [] if section.table is None else [row.cells[3] for row in section.table.rows]

    assert targets(START + 20 * MINUTE) == ["second"]
    assert targets(START + 5 * MINUTE) == ["first"]
    assert targets(START - MINUTE) == []
    path.write_bytes(b"no database" * 1000)
    assert part.then(fakes.moment(START)) is None, "the screen says what is wrong with it"
