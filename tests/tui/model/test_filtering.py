"""The filter looks at what is shown."""

from __future__ import annotations

import pytest

from rocketmq_ops.tui.model.filtering import Contents, filtered
from rocketmq_ops.tui.model.shown import Arrangement, Arranger
from rocketmq_ops.tui.model.table import NOTHING, Below, Column, Kind, Row, Table
from tests.tui.fakes import NOW_MS, FakeLanguage

COLUMNS = (
    Column(key="topic", title="Topic"),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="lag", title="Lag", kind=Kind.COUNT),
    Column(key="disk", title="Disk", kind=Kind.BYTES),
    Column(key="last", title="Last", kind=Kind.MOMENT),
)
ROWS = [
    Row(key="a", cells=("orders", "ok", 1_234, 5 << 20, NOW_MS)),
    Row(key="b", cells=("orders-retry", "stalled", 7, 0, NOW_MS - 1)),
    Row(key="c", cells=("stock", None, None, None, NOTHING)),
]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("ORD", "ab"),
        ("ord !retry", "a"),
        ("ord 7", "b"),
        ("", "abc"),
        ("none", ""),
        ("1,2", "a"),
        ("5.00", "a"),
        ("1234", ""),
        ("!7", "ac"),
        # The time of a row is shown as an age.
        ("0000", ""),
        (str(NOW_MS)[:6], ""),
        # Units are of every row: words without a digit are looked for in texts.
        ("mib", ""),
        ("stalled", "b"),
    ],
)
def test_it_has_every_word_in_what_is_shown_and_those_with_a_mark_not(text: str, left: str) -> None:
    assert "".join(ROWS[at].key for at in filtered(range(len(ROWS)), text, Contents(ROWS, COLUMNS))) == left


def test_states_are_found_in_the_language_of_the_reader_and_in_english() -> None:
    language = FakeLanguage("en")
    arranger = Arranger(Table(columns=COLUMNS, rows=ROWS), language)
    chinese = FakeLanguage("zh").tr("stalled")
    assert chinese != "stalled"

    def left(text: str) -> list[str]:
        return [row.key for row in arranger.arranged(Arrangement(filter=text)).rows]

    assert left(chinese) == []
    language.switch()
    assert left(chinese) == ["b"]
    assert left("stalled") == ["b"]


@pytest.mark.parametrize("first", [0, 1], ids=["less first", "figure first"])
def test_what_is_below_a_figure_is_not_that_figure(first: int) -> None:
    columns = (Column(key="waits", title="Waits", kind=Kind.SPAN),)
    rows = [Row(key="below", cells=(Below(7_000),)), Row(key="just", cells=(7_000,))]
    contents = Contents([rows[first], rows[1 - first]], columns)
    contents.fill()
    assert contents.figures([first, 1 - first]) == ["<7s", "7s"]


def test_what_the_filter_looks_at_is_written_between_pauses() -> None:
    paused: list[int] = []
    rows = [Row(key=f"k{number}", cells=(f"t{number}", "ok", number, 0, NOW_MS)) for number in range(1000)]
    contents = Contents(rows, COLUMNS)
    contents.fill(lambda: paused.append(1))
    assert len(paused) >= 5
    assert [rows[at].key for at in filtered(range(len(rows)), "t99 !t998 9", contents)] == [
        "k99",
        *(f"k99{n}" for n in range(10) if n != 8),
    ]
