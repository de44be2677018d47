"""Sorting, filtering and comparing rows."""

from rocketmq_ops.tui.model.shown import Arrangement, Arranger
from rocketmq_ops.tui.model.table import NOTHING, Health, OrMore, Row, Table, changes, ordered


def row(key, *cells, health=Health.OK):
    return Row(key=key, cells=cells, health=health)


def keys(rows):
    return [each.key for each in rows]


def test_what_is_unknown_comes_last_in_both_directions():
    rows = [row("a", None), row("b", 10), row("c", 9), row("d", 0)]
    assert keys(ordered(rows, 0)) == ["d", "c", "b", "a"]
    assert keys(ordered(rows, 0, descending=True)) == ["b", "c", "d", "a"]


def test_what_does_not_apply_comes_before_what_is_unknown():
    rows = [row("a", None), row("b", NOTHING), row("c", 9), row("d", 0)]
    assert keys(ordered(rows, 0)) == ["d", "c", "b", "a"]
    assert keys(ordered(rows, 0, descending=True)) == ["c", "d", "b", "a"]


def test_without_a_column_the_worst_come_first_and_the_rest_stays():
    rows = [row("a"), row("b", health=Health.CRITICAL), row("c"), row("d", health=Health.UNKNOWN)]
    assert keys(ordered(rows, None)) == ["b", "d", "a", "c"]


def test_changes_of_numbers_are_known_where_both_are():
    assert changes(row("a", "x", 5, None, 2.5), row("a", "x", 3, 4, 2.0)) == (None, 2, None, 0.5)
    assert changes(row("a", 5), None) == (None,)


def test_what_is_not_known_closely_is_sorted_by_the_figure_that_it_is_written_with():
    rows = [row("a", OrMore(5)), row("b", 7), row("c", None), row("d", OrMore(6)), row("e", 5)]
    assert keys(ordered(rows, 0)) == ["a", "e", "d", "b", "c"]
    assert keys(ordered(rows, 0, descending=True)) == ["b", "d", "a", "e", "c"]


def test_texts_and_figures_of_one_column_are_sorted_apart():
    rows = [row("a", "x"), row("b", 7), row("c", "B"), row("d", 1.5), row("e", NOTHING), row("f", None)]
    assert keys(ordered(rows, 0)) == ["d", "b", "c", "a", "e", "f"]


def test_the_place_of_a_row_is_found_by_its_key():
    table = Table(columns=(), rows=[row("a"), row("b")])
    shown = Arranger(table, in_order=True).arranged(Arrangement())
    assert [shown.place(key) for key in ("a", "b", "c")] == [0, 1, None]
