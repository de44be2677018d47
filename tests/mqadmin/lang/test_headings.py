"""Every heading of a table has Chinese, or is the same in both languages."""

from __future__ import annotations

import re

import pytest

from tests.mqadmin.lang import tables
from tests.mqadmin.lang.test_texts import CATALOGUE, entries

#: Names of things, units and abbreviations, which Chinese operators write as they are.
SAME = {
    "#Topic", "#TOPIC", "TOPIC", "Lite Topic", "#Broker", "Broker", "#Broker Id", "#BID", "#Name Server", "TAG",
    "#ID", "#Id", "#Epoch", "#TPS", "#TTL", "#MiB", "#R2", "#", "#P50 MS", "#P90 MS", "#P99 MS", "#P99.9 MS", "#MB/S",
}  # fmt: skip


@pytest.fixture(scope="module")
def headings() -> dict[str, str]:
    """Heading -> where it stands."""
    made = {heading: table.place for table in tables.tables() for heading in table.headings}
    return tables.added_headings() | made


def test_every_heading_has_chinese(headings: dict[str, str]) -> None:
    known = {key for path in CATALOGUE.glob("*.json") for key in entries(path.stem)}
    assert {heading: place for heading, place in headings.items() if heading not in SAME | known} == {}


def test_what_is_the_same_is_a_heading(headings: dict[str, str]) -> None:
    assert SAME - headings.keys() == set()
    assert SAME & entries("headings").keys() == set()


def test_headings_in_chinese_have_blanks_around_latin() -> None:
    glued = re.compile("[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]")
    for heading, chinese in entries("headings").items():
        assert chinese != heading, "the same belongs into SAME"
        assert not glued.search(chinese), heading
        assert heading.startswith("#") == chinese.startswith("#"), heading


def test_tables_are_found() -> None:
    found = {table.place.split(":")[0] for table in tables.tables()}
    assert {
        "mqadmin/commands/history.py",
        "mqadmin/commands/store/store_stats.py",
        "mqadmin/render/affected.py",
    } <= found
