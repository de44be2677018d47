"""Tables as people see them: columns stay aligned, whatever the width of their characters."""

from __future__ import annotations

import io
import sys

import pytest

from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.output import table_text, terminal_width, width_of
from rocketmq_ops.mqadmin.render.streaming import Stream
from tests.mqadmin.test_parsing import Nothing


def rendered(columns: list[str], *rows: list[Cell], width: int | None = None, wide: bool = False) -> list[str]:
    return table_text(Outcome(data=Nothing(), blocks=[Table(columns, list(rows))]), wide=wide, width=width).splitlines()


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


def test_columns_that_do_not_fit_are_dropped_from_the_last_one_on_and_named() -> None:
    table = (["#Topic", "#Lag", "#Last"], ["abcdefgh", 5, "x"])
    assert rendered(*table, width=21) == ["#Topic    #Lag  #Last", "abcdefgh     5  x"]
    assert rendered(*table, width=20) == [
        "#Topic    #Lag",
        "abcdefgh     5",
        "... 1 column does not fit here: #Last; --output wide shows all",
    ]
    assert rendered(*table, width=13)[2:] == ["... 2 columns do not fit here: #Lag, #Last; --output wide shows all"]


def test_a_name_is_never_cut_and_wide_drops_nothing() -> None:
    table = (["#Topic", "#Lag"], ["a" * 40, 5])
    assert rendered(*table, width=10)[:2] == ["#Topic", "a" * 40]
    assert rendered(*table, width=10, wide=True) == ["#Topic" + " " * 36 + "#Lag", "a" * 40 + "     5"]


def test_wide_characters_count_twice_when_it_is_to_fit() -> None:
    assert rendered(["#A", "#B"], ["订单", "x"], width=8) == ["#A    #B", "订单  x"]
    assert rendered(["#A", "#B"], ["订单", "x"], width=7)[:2] == ["#A", "订单"]


class Terminal(io.StringIO):
    """A stdout that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_width_of_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "33")
    assert terminal_width() is None, "a pipe has none"
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert terminal_width() == 33
    monkeypatch.setenv("COLUMNS", "wide")
    assert terminal_width() is None, "it has no size to ask for"


def test_streams_fit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "8")
    shown = {}
    for form in ("table", "wide"):
        monkeypatch.setattr(sys, "stdout", Terminal())
        stream = Stream("store sql", form, "rows", ["topic", "size"])
        stream.rows([{"topic": "T1", "size": 1}])
        stream.rows([{"topic": "T2", "size": 2}])
        stream.finish("ok", [], [])
        shown[form] = sys.stdout.getvalue().splitlines()  # type: ignore[attr-defined]
    assert shown["table"] == ["topic", "T1", "T2", "... 1 column does not fit here: size; --output wide shows all"]
    assert shown["wide"] == ["topic  size", "T1     1", "T2     2"]
