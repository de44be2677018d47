"""Figures as people read them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.tui.model.figures import UNKNOWN, WIDTHS, change, figure
from rocketmq_ops.tui.model.spark import spark
from rocketmq_ops.tui.model.table import Kind

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
    ],
)
def test_a_figure_has_its_unit(value: float | str, kind: Kind, written: str) -> None:
    assert figure(value, kind, NOW) == written


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
    assert spark(points, 10, NOW, 100) == "     ████▅"
    assert spark([], 5, NOW, 100) == "     "
    assert spark([(NOW, 0.0)], 2, NOW, 100) == " ▁"


def test_a_change_has_its_sign_also_where_it_is_too_small_to_be_written() -> None:
    assert [change(by, Kind.RATE) for by in (0.04, -0.04, 3.0, 0)] == ["<+0.1/s", "<-0.1/s", "+3.0/s", "="]
