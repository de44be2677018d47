"""The text format of Java property files: parse, emit, read, and change keys in place.

Here: the format alone (escapes, continuation lines, comments, Unicode escapes) as java.util.Properties reads it.
Not here: which keys exist and what their values mean (`config.py`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError, system_words

_BLANKS = " \t\f"
_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


class PropertiesError(RocketMQError):
    """A property file that cannot be read."""


class NoSuchPropertiesError(PropertiesError, NoSuchPathError):
    """The file is not there."""


class Property(msgspec.Struct):
    """One key of a property file. `line` counts from 1, 0 for a key that stands in no file."""

    key: str
    value: str
    line: int = 0

    @property
    def place(self) -> str:
        """Where it stands, as messages say it."""
        return f"line {self.line}" if self.line else "command line"


class Remark(msgspec.Struct):
    """Something about a line that Java's servers read otherwise than a reader expects. `line` counts from 1."""

    line: int
    kind: Literal["byte order mark", "repeated", "not ASCII"]
    key: str
    text: str


class PropertyFile(msgspec.Struct):
    """What a file says: each key once, with the value that counts, and what Java's brokers read otherwise."""

    properties: list[Property]
    remarks: list[Remark] = []

    @property
    def notes(self) -> list[str]:
        """The remarks as messages say them."""
        return [f"line {remark.line}: {remark.text}" for remark in self.remarks]


def parse_properties(text: str) -> dict[str, str]:
    """The keys and values of a property file; the last of a repeated key wins. Raises PropertiesError."""
    return {entry.key: entry.value for entry in _entries(text)}


def format_properties(properties: Mapping[str, str]) -> str:
    """`key=value` lines sorted by key, which `parse_properties` and Java read back.

    Equal to MixAll.properties2String wherever nothing needs an escape.
    """
    return "".join(f"{_escape_key(key)}={_escape_value(properties[key])}\n" for key in sorted(properties))


def parse_server_config(text: str) -> dict[str, str]:
    """The configuration that a server answered, sorted by key.

    Apache's servers write values as they are (MixAll.properties2String), ours as Java's Properties reads them. They
    differ in values with a backslash only: a line that is as `format_properties` writes it is read so.
    """
    pairs = (line.partition("=") for line in text.splitlines() if line.strip() and not line.startswith("#"))
    lines = {key.strip(): value.strip() for key, separator, value in sorted(pairs) if separator}
    return {key: _unescape_own(key, value) if "\\" in value else value for key, value in lines.items()}


def _unescape_own(key: str, value: str) -> str:
    line = f"{key}={value}\n"
    try:
        read = parse_properties(line)
    except PropertiesError:
        return value
    return read[key] if key in read and format_properties(read) == line else value


def read_property_file(path: str) -> PropertyFile:
    """Parse a file (UTF-8, else ISO-8859-1 as Java assumes). Raises PropertiesError naming the file."""
    raw = _read(path)
    text, encoding = _decode(path, raw)
    remarks: list[Remark] = []
    found: dict[str, Property] = {}
    try:
        for entry in _entries(text):
            line = entry.first + 1
            if entry.first == 0 and raw.startswith(codecs.BOM_UTF8):
                text_of_mark = f"Apache's servers do not see '{entry.key}' behind the file's byte order mark"
                remarks.append(Remark(line, "byte order mark", entry.key, text_of_mark))
            earlier = found.pop(entry.key, None)
            if earlier is not None and earlier.value != entry.value:
                replaced = f"'{entry.key}' again, this value replaces that of {earlier.place}"
                remarks.append(Remark(line, "repeated", entry.key, replaced))
            if encoding == "utf-8" and not entry.text.isascii():
                beyond = (
                    f"'{entry.key}' has characters beyond ASCII, which Apache's servers read as ISO-8859-1: "
                    "write them as \\uXXXX"
                )
                remarks.append(Remark(line, "not ASCII", entry.key, beyond))
            found[entry.key] = Property(entry.key, entry.value, line)
    except PropertiesError as error:
        raise PropertiesError(f"{path}: {error}", error.next_step) from None
    return PropertyFile(list(found.values()), remarks)


def read_text(path: str) -> str:
    """A file's text. Raises PropertiesError with the cause and the next step."""
    return _decode(path, _read(path))[0]


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise NoSuchPropertiesError(f"no such file: {path}", "check the path") from None
    except IsADirectoryError:
        raise PropertiesError(f"{path} is a directory", "give a property file") from None
    except OSError as error:
        raise PropertiesError(f"cannot read {path}: {system_words(error)}", "check its permissions") from None


def _decode(path: str, raw: bytes) -> tuple[str, str]:
    """The text and its encoding. What is not UTF-8 is taken as Java takes every file: a byte is a character."""
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        # Java would read it byte by byte, know no key of it and start with nothing but defaults.
        kind = "UTF-16 text" if len(raw) % 2 == 0 else "not text"
        raise PropertiesError(f"{path} is {kind}: no key of it could be read", "save the file as UTF-8 or ASCII")
    try:
        return raw.removeprefix(codecs.BOM_UTF8).decode(), "utf-8"
    except UnicodeDecodeError:
        return raw.decode("latin-1"), "latin-1"


def change_properties(text: str, changes: Mapping[str, str]) -> str:
    """`text` with the values of `changes` set: known keys are replaced where they stand, new ones appended.

    Comments, order and all other keys stay as they are.
    """
    lines = _physical_lines(text)
    pending = dict(changes)
    out: list[str] = []
    done = 0
    for entry in _entries(text):
        key = entry.key
        if key not in changes:
            continue
        out.extend(lines[done : entry.first])
        if key in pending:
            out.append(f"{_escape_key(key)}={_escape_value(pending.pop(key))}\n")
        done = entry.after
    out.extend(lines[done:])
    if out and not out[-1].endswith(("\n", "\r")):
        out[-1] += "\n"
    return "".join(out) + format_properties(pending)


def _physical_lines(text: str) -> list[str]:
    # Not str.splitlines: Java ends a line at CR, LF or CRLF only, never at a form feed or a Unicode separator.
    lines: list[str] = []
    start = at = 0
    while at < len(text):
        if text[at] in "\r\n":
            at += 2 if text.startswith("\r\n", at) else 1
            lines.append(text[start:at])
            start = at
        else:
            at += 1
    if start < len(text):
        lines.append(text[start:])
    return lines


class _Entry(msgspec.Struct):
    """A key with its value, the indexes of its first physical line and of the one after its last, and its text."""

    key: str
    value: str
    first: int
    after: int
    text: str


def _entries(text: str) -> Iterator[_Entry]:
    lines = _physical_lines(text)
    at = 0
    while at < len(lines):
        first = at
        line = lines[at].rstrip("\r\n").lstrip(_BLANKS)
        at += 1
        if not line or line[0] in "#!":
            continue
        while _ends_in_escape(line):
            line = line[:-1]
            if at == len(lines):
                break
            line += lines[at].rstrip("\r\n").lstrip(_BLANKS)
            at += 1
        key, value = _split(line, first + 1)
        yield _Entry(key, value, first, at, line)


def _ends_in_escape(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _split(line: str, number: int) -> tuple[str, str]:
    at = 0
    while at < len(line) and line[at] not in "=:" + _BLANKS:
        at += 2 if line[at] == "\\" else 1
    rest = line[at:].lstrip(_BLANKS)
    if rest[:1] in ("=", ":"):
        rest = rest[1:].lstrip(_BLANKS)
    return _unescape(line[:at], number), _unescape(rest, number)


def _unescape(text: str, number: int) -> str:
    if "\\" not in text:
        return text
    out: list[str] = []
    at = 0
    while at < len(text):
        if text[at] != "\\":
            out.append(text[at])
            at += 1
            continue
        mark = text[at + 1 : at + 2]
        if mark == "u":
            digits = text[at + 2 : at + 6]
            try:
                if len(digits) != 4:
                    raise ValueError
                out.append(chr(int(digits, 16)))
            except ValueError:
                raise PropertiesError(
                    f"line {number}: malformed \\u escape '\\u{digits}'", "write \\u and four hexadecimal digits"
                ) from None
            at += 6
        else:
            out.append(_ESCAPES.get(mark, mark))
            at += 2
    joined = "".join(out)
    # Two escapes of a surrogate pair are one character.
    return joined.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escape_value(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return "\\" + escaped if escaped[:1] in (" ", "\t", "\f") else escaped


def _escape_key(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    for mark in "=: \t\f":
        escaped = escaped.replace(mark, "\\" + mark)
    return "\\" + escaped if escaped[:1] in ("#", "!") else escaped
