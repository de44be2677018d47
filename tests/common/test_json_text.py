"""JSON that is laid out anew says what it said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.json_text import laid_out

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_it_is_the_same_value_laid_out_as_pythons_does_it(value, indent, ascii_only):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    body = text.encode("utf-8", "surrogatepass")
    shown = laid_out(body)
    assert json.loads(shown) == value
    assert shown.count("\n") == json.dumps(value, indent=2).count("\n")
    assert all(char.isprintable() or char == "\n" or char.isspace() for char in shown)
    pythons = json.dumps(value, indent=2, ensure_ascii=False)
    if pythons.replace("\n", "").isprintable():
        assert shown == pythons
    assert "\n" not in laid_out(body, compact=True)
    assert json.loads(laid_out(body, compact=True)) == value


def test_numbers_and_keys_are_as_they_are_written():
    body = b'{"a": 12345678901234567.89, "b": [1.10, 1e400,NaN], "b": 2}'
    assert laid_out(body, compact=True) == '{"a":12345678901234567.89,"b":[1.10,1e400,NaN],"b":2}'
    assert laid_out(body).splitlines() == [
        "{",
        '  "a": 12345678901234567.89,',
        '  "b": [',
        "    1.10,",
        "    1e400,",
        "    NaN",
        "  ],",
        '  "b": 2',
        "}",
    ]


def test_characters_are_shown_but_for_those_that_cannot_be_printed():
    body = rb'"\u4e2d\u3000\u009b2J\u202e\u2028\ud800\u007f\n"'
    assert laid_out(body) == '"中\u3000\\u009b2J\\u202e\\u2028\\ud800\\u007f\\n"'


@pytest.mark.parametrize("body", [b"[1", b"[1]]", b"\xff", b"", pytest.param(b"[" * 100_000, id="deep")])
def test_what_is_none_is_refused(body):
    with pytest.raises((ValueError, RecursionError)):
        laid_out(body)
