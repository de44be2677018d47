"""Facts above the rows of a screen of one thing."""

from __future__ import annotations

from rocketmq_ops.tui.model.details.detail import Fact
from rocketmq_ops.tui.model.overview import CELLS
from rocketmq_ops.tui.model.table import Kind
from rocketmq_ops.tui.screens.facts import with_past
from tests.tui.fakes import NOW_MS, FakeModel, moment


def test_a_fact_of_which_there_is_a_series_has_it_behind_it_where_any_of_it_is_known() -> None:
    model = FakeModel(moment())
    model.lines["topic.in_rate", "orders"] = [(NOW_MS - at * 10_000, float(at)) for at in range(60, -1, -1)]
    facts = (Fact("Messages", 5, Kind.COUNT), Fact("In", 1.5, Kind.RATE), Fact("Out", 0.5, Kind.RATE))
    lines = {"In": "topic.in_rate", "Out": "topic.out_rate"}
    found = with_past(facts, lines, model, "orders")
    assert [fact.name for fact in found] == ["Messages", "In", "10 min", "Out"]
    assert len(str(found[2].value)) == CELLS
    assert with_past(facts, lines, model, "others") == [*facts]
