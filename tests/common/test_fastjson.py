"""fastjson's dialect: what Apache's brokers wrote reads and writes back to the same bytes; broken text is refused."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.fastjson import MAX_DEPTH, FastjsonError, ObjectKey, deeper_than, dumps, loads
from tests.golden_data import STORES, unpack_store

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(-(1 << 31), 1 << 31), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.mark.parametrize("name", STORES)
def test_config_files_of_apache_are_written_byte_for_byte(name: str, tmp_path: Path) -> None:
    files = sorted((unpack_store(name, tmp_path) / "config").glob("*.json"))
    assert len(files) >= 5
    for file in files:
        data = file.read_bytes()
        again = dumps(loads(data), pretty=True)
        if name == "5.5.0-clean":  # fastjson2 breaks the lines of tables with numbers as keys
            assert b"".join(again.split()) == b"".join(data.split()), file.name
        else:
            assert again == data, file.name


@given(VALUES)
def test_round_trip(value: object) -> None:
    assert loads(dumps(value)) == value
    assert loads(dumps(value, pretty=True)) == value


@given(VALUES)
def test_standard_json_is_understood(value: object) -> None:
    assert loads(json.dumps(value)) == json.loads(json.dumps(value))


@given(st.text('{}[],:"\\0a1-.e \n', max_size=40) | st.binary(max_size=40))
def test_any_text_is_read_or_refused(data: str | bytes) -> None:
    try:
        loads(data)
    except FastjsonError as error:
        assert error.position >= 0


def test_numbers_and_objects_as_keys() -> None:
    assert loads(b'{0:"127.0.0.1:10911",-1:2}') == {0: "127.0.0.1:10911", -1: 2}
    text = b'{{"brokerName":"a","queueId":0,"topic":"T"}:{"brokerOffset":5}}'
    key = ObjectKey(brokerName="a", queueId=0, topic="T")
    assert loads(text) == {key: {"brokerOffset": 5}}
    assert dumps(loads(text)) == text


def test_structs_as_keys_and_values() -> None:
    class Queue(msgspec.Struct, frozen=True, rename="camel"):
        queue_id: int

    assert dumps({Queue(1): Queue(2)}) == b'{{"queueId":1}:{"queueId":2}}'


@pytest.mark.parametrize(
    "text", ["", "  ", "{", '{"a"', '{"a":', '{"a":1', "[1,", "[1 2]", "{a:b}", '"abc', "1 2", "{[1]:2}", "[" * 5000]
)
def test_broken_text_is_refused(text: str) -> None:
    with pytest.raises(FastjsonError, match="broken JSON at character"):
        loads(text)


@pytest.mark.parametrize("opening, closing", [("[", "]"), ('{"a":', "}"), ("{1:", "}"), ("[{'a':", "}]")])
def test_nesting_has_a_limit_whatever_the_interpreter_allows(opening: str, closing: str) -> None:
    """Text of the standard and of the dialect alike."""
    levels = MAX_DEPTH // len(closing)
    loads(opening * levels + "1" + closing * levels)
    for more in (1, 1000, 100_000):
        with pytest.raises(FastjsonError, match=f"nested deeper than {MAX_DEPTH}"):
            loads(opening * (levels + more) + "1" + closing * (levels + more))


def test_brackets_in_strings_are_no_nesting() -> None:
    value = ["[" * 200, 'a"[\\"' * 200, {"{" * 200 + "\\": "]}"}] * 40
    assert loads(json.dumps(value)) == value


def depth(value: object) -> int:
    """Objects and arrays inside one another."""
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(
    st.recursive(
        st.text('[]{}\\"a', max_size=6),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}\\"a', max_size=4), inner, max_size=3),
        max_leaves=30,
    )
)
def test_depth_is_counted_exactly(value: object) -> None:
    text = json.dumps(value)
    assert not deeper_than(depth(value), text)
    assert depth(value) == 0 or deeper_than(depth(value) - 1, text)


def test_a_number_of_a_million_digits_is_refused_at_once() -> None:
    with pytest.raises(FastjsonError):
        loads("{1:" + "9" * 1_000_000 + "}")
