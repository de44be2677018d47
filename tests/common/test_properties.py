"""The property file format, as java.util.Properties reads and writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.properties import (
    PropertiesError,
    change_properties,
    format_properties,
    parse_properties,
    read_properties_file,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("# comment\n! other\n\n  \nk=v", {"k": "v"}),
        ("k=v\r\nl:w\rm x", {"k": "v", "l": "w", "m": "x"}),
        ("  key  =  value with spaces  \n", {"key": "value with spaces  "}),
        ("k = = v", {"k": "= v"}),
        ("lone\nempty=\n", {"lone": "", "empty": ""}),
        ("=v", {"": "v"}),
        ("list=a,\\\n     b,\\\r\n\tc\nnext=1", {"list": "a,b,c", "next": "1"}),
        ("k=ends with two \\\\\nl=1", {"k": "ends with two \\", "l": "1"}),
        ("# no continuation \\\nk=v", {"k": "v"}),
        ("k=open\\", {"k": "open"}),
        ("a\\=b\\:c\\ d=1", {"a=b:c d": "1"}),
        ("k=\\t\\n\\r\\f\\q\\\\", {"k": "\t\n\r\fq\\"}),
        ("k=\\u4e2d\\u6587\\ud83d\\ude00", {"k": "\u4e2d\u6587\U0001f600"}),
        ("k=1\nk=2", {"k": "2"}),
        ("k=a\u2028b\x0cc\n", {"k": "a\u2028b\x0cc"}),
    ],
)
def test_parse(text, expected):
    assert parse_properties(text) == expected


@pytest.mark.parametrize("text", ["k=\\u12", "k=\\u12zz", "a=1\nk=\\u"])
def test_a_malformed_unicode_escape_names_its_line(text):
    with pytest.raises(PropertiesError, match=f"line {text.count(chr(10)) + 1}"):
        parse_properties(text)


def test_format_equals_apaches_where_nothing_needs_an_escape():
    assert format_properties({"b": "1;2:3=4 x", "a": "true"}) == "a=true\nb=1;2:3=4 x\n"


@given(
    st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_what_is_formatted_is_parsed_back(properties):
    assert parse_properties(format_properties(properties)) == properties


@given(st.text(st.sampled_from("ab=: \t\\\n\r#!u0")))
def test_any_text_is_parsed_or_refused(text):
    try:
        parse_properties(text)
    except PropertiesError:
        return


def test_change_keeps_comments_order_and_other_keys():
    text = "# my broker\nbrokerName = a\n\nlist=1,\\\n  2\n! end\nbrokerName=again\nlast=x"
    changed = change_properties(text, {"list": "3", "brokerName": "b", "added": "y"})
    assert changed == "# my broker\nbrokerName=b\n\nlist=3\n! end\nlast=x\nadded=y\n"
    assert change_properties("", {"k": "v"}) == "k=v\n"


def test_files(tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes(b"\xef\xbb\xbfk=\xe4\xb8\xad")
    assert read_properties_file(str(path)) == {"k": "中"}
    path.write_bytes(b"k=\xe4")
    assert read_properties_file(str(path)) == {"k": "ä"}
    path.write_text("x=1\nk=\\u1")
    with pytest.raises(PropertiesError, match=r"a\.properties: line 2"):
        read_properties_file(str(path))
    for bad, cause in ((tmp_path / "none", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(PropertiesError, match=cause) as caught:
            read_properties_file(str(bad))
        assert caught.value.next_step
