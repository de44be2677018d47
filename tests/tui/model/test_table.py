"""Sorting, filtering and comparing rows."""

from rocketmq_ops.tui.model.table import NOTHING, Health, Row, changes, ordered


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
