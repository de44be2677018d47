"""String.hashCode and its continued forms against the plain definition."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rocketmq_ops.common.java_hash import hash_onto, string_hash, unique_key_hash_onto
from rocketmq_ops.common.javatypes import parse_int, to_int32


def plain_hash(text: str, start: int = 0) -> int:
    value = start
    raw = text.encode("utf-16-be", "surrogatepass")
    for i in range(0, len(raw), 2):
        value = (value * 31 + (raw[i] << 8 | raw[i + 1])) & 0xFFFFFFFF
    return value & 0xFFFFFFFF


TEXTS = st.one_of(
    st.text(st.characters(), max_size=60),
    st.text("0123456789ABCDEF", max_size=60),
    st.text(st.characters(max_codepoint=127), max_size=60),
    st.text("ab#_ \u4e2d\U0001f600\ud800", min_size=500, max_size=1100),
)


@given(TEXTS, st.integers(-(1 << 31), (1 << 32) - 1))
@example("", -1)
@example("A" * 512, 7)
@example("7" * 513, 7)
@example("+1_0 ", 0)
def test_hashes_are_java_s(text: str, start: int) -> None:
    expected = plain_hash(text, start)
    assert hash_onto(text, start) == expected
    assert unique_key_hash_onto(text, start) == expected
    assert string_hash(text) == to_int32(plain_hash(text))


def test_known_values() -> None:
    assert string_hash("TagA") == 2598919
    assert string_hash("polygenelubricants") == -(1 << 31)
    assert string_hash("中文") == 646394


@pytest.mark.parametrize(
    ("text", "value"), [("1", 1), ("+1", 1), ("-1", -1), ("007", 7), ("2147483647", 2147483647), ("\u0661", 1)]
)
def test_parse_int(text: str, value: int) -> None:
    assert parse_int(text) == value


@pytest.mark.parametrize("text", ["", "1 ", " 1", "1_0", "x", "2147483648", "1.0", "+", "\U0001d7d9", "1" * 5000])
def test_parse_int_refuses_what_java_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="not an int"):
        parse_int(text)
