"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.tui.model.figures import UNKNOWN, WIDTHS, change, figure
from rocketmq_ops.tui.model.spark import spark
from rocketmq_ops.tui.model.table import Kind, OrMore, total

NOW = 1_767_268_800_000


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (0, Kind.COUNT, "0"),
        (1_234_567, Kind.COUNT, "1,234,567"),
        (12_345_678_901, Kind.COUNT, "12.3G"),
        (0, Kind.RATE, "0/s"),
        (0.04, Kind.RATE, "<0.1/s"),
        (3.44, Kind.RATE, "3.4/s"),
        (99_999, Kind.RATE, "99,999/s"),
        (1_500_000, Kind.RATE, "1.50M/s"),
        (0, Kind.BYTES, "0 B"),
        (1023, Kind.BYTES, "1023 B"),
        (1536, Kind.BYTES, "1.50 KiB"),
        (5 * 2**40, Kind.BYTES, "5.00 TiB"),
        (61_000, Kind.SPAN, "1m1s"),
        (NOW - 90_500, Kind.MOMENT, "1m30s"),
        (NOW + 5_000, Kind.MOMENT, "0s"),
        (0.5, Kind.SHARE, "50 %"),
        (0.034, Kind.SHARE, "3.4 %"),
        ("-", Kind.MOMENT, "-"),
        (OrMore(1_234), Kind.COUNT, "≥1,234"),
        (OrMore(123_456_789), Kind.COUNT, "≥123M"),
        (OrMore(61_000), Kind.SPAN, ">1m1s"),
    ],
)
def test_a_figure_has_its_unit(value: float | str, kind: Kind, written: str) -> None:
    assert figure(value, kind, NOW) == written


def test_a_sum_of_which_a_part_is_not_known_is_so_much_at_least() -> None:
    for parts, written in (
        ([1, 2], "3"), ([1, None], "≥1"), ([1, OrMore(5)], "≥6"), ([0, None], "?"), ([None], "?"), ([], "?")
    ):  # fmt: skip
        assert figure(total(parts), Kind.COUNT, NOW) == written


@pytest.mark.parametrize("kind", Kind)
def test_what_is_unknown_is_never_a_figure(kind: Kind) -> None:
    assert figure(None, kind, NOW) == UNKNOWN
    assert change(None, kind) == ""


@given(st.floats(0, 1e15, allow_nan=False), st.sampled_from([Kind.COUNT, Kind.RATE, Kind.BYTES]))
def test_a_figure_fits_its_column_and_is_zero_only_for_zero(value: float, kind: Kind) -> None:
    value = float(round(value)) if kind is not Kind.RATE else value
    written = figure(value, kind, NOW)
    assert len(written) <= WIDTHS[kind]
    assert (written in ("0", "0/s", "0 B")) == (value == 0)


@pytest.mark.parametrize(
    ("by", "kind", "written"),
    [(12, Kind.COUNT, "+12"), (-3.5, Kind.RATE, "-3.5/s"), (0, Kind.COUNT, "="), (-2048, Kind.BYTES, "-2.00 KiB")],
)
def test_a_change_has_its_sign(by: float, kind: Kind, written: str) -> None:
    assert change(by, kind) == written


def test_a_sparkline_keeps_peaks_and_leaves_what_is_unknown_blank() -> None:
    points = [(NOW - 50, 1.0), (NOW - 45, 8.0), (NOW - 5, 4.0)]
    often = range(NOW - 100, NOW + 1, 5)
    assert spark(points, often, 10, NOW, 100) == "     █   ▅"
    assert spark([], often, 5, NOW, 100) == "     "
    assert spark([(NOW, 0.0)], [NOW], 2, NOW, 100) == " ▁"


def test_of_what_is_not_told_any_more_the_next_cell_is_blank() -> None:
    often = range(NOW - 600, NOW + 1, 10)
    for known_until in range(NOW - 300, NOW - 240):
        points = [(at, 7.0) for at in often if at <= known_until]
        assert spark(points, often, 10, NOW, 600) == "█" * 6 + " " * 4
    assert spark([(at, 7.0) for at in often], often, 10, NOW, 600) == "█" * 10


@pytest.mark.parametrize("every", [60, 70, 100, 150, 300])
def test_where_looks_are_rarer_than_cells_a_value_stands_until_the_next_look(every: int) -> None:
    looks = range(NOW - 1200, NOW + 1, every)
    assert spark([(at, 7.0) for at in looks], looks, 10, NOW, 600) == "█" * 10
    died = [(at, 7.0) for at in looks if at < NOW - 500]
    last, next_look = died[-1][0] - (NOW - 600), died[-1][0] + every - (NOW - 600)
    line = spark(died, looks, 10, NOW, 600)
    assert line.rstrip() == "█" * len(line.rstrip())
    assert last // 60 < len(line.rstrip()) <= max(next_look // 60, last // 60 + 1)


def test_what_was_found_last_does_not_stand_while_nobody_looks() -> None:
    looks = [*range(NOW - 600, NOW - 400, 10), *range(NOW - 60, NOW + 1, 10)]
    assert spark([(at, 7.0) for at in looks], looks, 10, NOW, 600) == "████     █"


def test_a_change_has_its_sign_also_where_it_is_too_small_to_be_written() -> None:
    assert [change(by, Kind.RATE) for by in (0.04, -0.04, 3.0, 0)] == ["<+0.1/s", "<-0.1/s", "+3.0/s", "="]
