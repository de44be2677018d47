"""Tables as people see them: columns stay aligned, whatever the width of their characters."""

from __future__ import annotations

import pytest

from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.output import table_text, width_of
from tests.mqadmin.test_parsing import Nothing


def rendered(columns: list[str], *rows: list[Cell]) -> list[str]:
    return table_text(Outcome(data=Nothing(), blocks=[Table(columns, list(rows))])).splitlines()


def test_numbers_are_aligned_right_and_text_left() -> None:
    assert rendered(["#Topic", "#Lag", "#Last"], ["a", 5, "x"], ["bcdefghi", 12345, "1"]) == [
        "#Topic     #Lag  #Last",
        "a             5  x",
        "bcdefghi  12345  1",
    ]


def test_unknown_and_booleans_are_text() -> None:
    assert rendered(["#A", "#B"], [None, True], [1, False]) == ["#A       #B", "unknown  true", "1        false"]


def test_a_table_without_rows_is_its_headings() -> None:
    assert rendered(["#A", "#B"]) == ["#A  #B"]


def test_text_stays_as_it_is() -> None:
    assert rendered(["#A", "#B"], ["  in", "1e5"], ["007", "a | b"]) == ["#A    #B", "  in  1e5", "007   a | b"]


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("订单", 4),
        ("ｗｉｄｅ", 8),
        ("e\u0301te\u0301", 3),  # an accent that joins the letter before it
        ("한국어", 6),
        ("no\u200bspace", 7),
        ("🚀", 2),
    ],
)
def test_wide_and_joining_characters_keep_the_columns(text: str, width: int) -> None:
    assert width_of(text) == width
    lines = rendered(["#Topic", "#Next"], [text, "x"], ["plain", "y"])
    before = lines[1][: lines[1].rindex("x")]
    column = lines[0].index("#Next")
    if text.isprintable():
        assert width_of(before) == column == lines[2].index("y")
    else:  # shown as its number
        assert "\\x" in before
