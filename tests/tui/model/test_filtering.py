"""The filter looks at what is shown."""

from __future__ import annotations

import pytest

from rocketmq_ops.tui.model.filtering import Contents, filtered
from rocketmq_ops.tui.model.shown import Arrangement, Arranger
from rocketmq_ops.tui.model.table import NOTHING, Column, Kind, Row, Table
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
    assert "".join(row.key for row in filtered(ROWS, text, Contents(COLUMNS))) == left


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
