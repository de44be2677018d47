"""Single properties out of a stored record are those that the whole parse gives."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.message import MessageExt, StoredProperties, string_to_properties
from rocketmq_ops.common.message_codec import (
    encode_record,
    read_record,
    record_properties,
    stored_properties_at,
    stored_properties_text,
)
from tests.common.test_message_codec import messages

#: Texts with many separators, names that are ends of others, and empty names and values.
TEXTS = st.text(alphabet="ab\x01\x02", max_size=24)


@given(TEXTS)
def test_a_property_is_what_the_whole_parse_says(text: str) -> None:
    whole, single = string_to_properties(text), StoredProperties(text)
    for name in {"", "a", "b", "ab", "ba", "aa", *whole}:
        assert single.get(name) == whole.get(name)


@given(messages())
def test_the_text_of_a_record_is_what_the_whole_reader_finds(message: MessageExt) -> None:
    record = encode_record(message)
    view = read_record(record)
    text = stored_properties_text(record)
    assert view is not None and text is not None
    assert string_to_properties(text) == record_properties(record, view)
    # Anywhere in a buffer, behind other records and in front of others.
    assert stored_properties_at(b"xyz" + record + record, 3, 3 + len(record)) == 3 + view.properties_at


@given(messages(), st.data())
def test_a_record_that_is_cut_has_none(message: MessageExt, data: st.DataObject) -> None:
    record = encode_record(message)
    length = data.draw(st.integers(0, len(record) - 1))
    assert stored_properties_text(memoryview(record)[:length]) is None
    assert stored_properties_at(record, 0, length) == -1
