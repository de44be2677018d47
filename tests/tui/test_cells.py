"""Texts in cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from rocketmq_ops.tui.widgets.cells import MARK, cut, fitted


def test_what_is_cut_ends_in_a_mark() -> None:
    assert cut("orders", 6) == "orders"
    assert cut("orders-consumer", 8) == "orders-…"
    assert cut("订单消费组", 6) == "订单…"
    assert cut("a\x1b[31m\nb", 20) == "a [31m b"


@given(st.text(), st.integers(1, 30), st.booleans())
def test_it_has_exactly_its_cells(text: str, width: int, right: bool) -> None:
    assert cell_len(fitted(text, width, right=right)) == width


@given(st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF), min_size=3))
def test_chinese_takes_two_cells(text: str) -> None:
    assert cut(text, 4) == text[:1] + MARK
