"""The property file format, as java.util.Properties reads and writes it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.properties import (
    PropertiesError,
    Property,
    change_properties,
    format_properties,
    parse_properties,
    read_property_file,
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


def values(path) -> dict[str, str]:
    return {item.key: item.value for item in read_property_file(str(path)).properties}


def test_files(tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes(b"\xef\xbb\xbfk=\xe4\xb8\xad")
    assert values(path) == {"k": "中"}
    path.write_bytes(b"k=\xe4")
    assert values(path) == {"k": "ä"}
    path.write_text("x=1\nk=\\u1")
    with pytest.raises(PropertiesError, match=r"a\.properties: line 2"):
        read_property_file(str(path))
    for bad, cause in ((tmp_path / "none", "no such file"), (tmp_path, "is a directory")):
        with pytest.raises(PropertiesError, match=cause) as caught:
            read_property_file(str(bad))
        assert caught.value.next_step


def test_a_file_gives_each_key_once_with_its_line(tmp_path):
    path = tmp_path / "a.properties"
    path.write_text("# first\na=1\nb=x\\\n  y\n\na=2\nb = xy\n")
    file = read_property_file(str(path))
    assert file.properties == [Property("a", "2", 6), Property("b", "xy", 7)]
    assert file.notes == ["line 6: 'a' again, this value replaces that of line 2"]


@pytest.mark.parametrize(
    ("raw", "note"),
    [
        (b"\xef\xbb\xbfk=1\n", "line 1: Apache's servers do not see 'k' behind the file's byte order mark"),
        ("# é\nk=中\n".encode(), "line 2: 'k' has characters beyond ASCII, which Apache's servers read as ISO-8859-1"),
    ],
)
def test_what_java_reads_otherwise_is_noted(raw, note, tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes(raw)
    notes = read_property_file(str(path)).notes
    assert len(notes) == 1
    assert notes[0].startswith(note)


@pytest.mark.parametrize("raw", [b"\xef\xbb\xbf# comment\nk=1\n", b"k=\xe4\n", b"k=\\u4e2d\n"])
def test_what_java_reads_alike_is_not(raw, tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes(raw)
    assert read_property_file(str(path)).notes == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_is_refused(encoding, tmp_path):
    path = tmp_path / "a.properties"
    path.write_bytes("listenPort=1\n".encode(encoding))
    with pytest.raises(PropertiesError, match=r"a\.properties is UTF-16 text") as caught:
        read_property_file(str(path))
    assert "UTF-8" in caught.value.next_step
