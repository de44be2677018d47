"""The JSON dialect of Apache's brokers (fastjson): reading it, and writing it where Apache does.

Beside standard JSON it has unquoted numbers as keys (`{0:"127.0.0.1:10911"}`) and whole objects as keys
(`{{"queueId":0}:{...}}`). Typed headers and bodies live in `remoting/`; this module knows no schema.
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import Any

import msgspec

from rocketmq_ops.common.errors import CorruptDataError

#: Objects and arrays inside one another that a value may have: what walks values recurses. RocketMQ's have five.
MAX_DEPTH = 100

#: Compiled when first used: standard JSON needs none of it.
_TOKEN = r"""[ \t\r\n\ufeff]*(?:
      (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)[LSBFD]?
    | (?P<punctuation>[{}\[\],:])
    | (?P<word>[A-Za-z_$][A-Za-z0-9_$]*)
    )"""
_WORDS: dict[str, Any] = {"true": True, "false": False, "null": None, "NaN": None}
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_IS_OPENING = bytes(byte in b"{[" for byte in range(256))
_NO_SIGNS = bytes(byte for byte in range(256) if byte not in b'{[]}"')
_STEP = (-1, 1)


class FastjsonError(CorruptDataError):
    """Text that is JSON in neither the standard nor fastjson's dialect; `position` is in characters."""

    def __init__(self, position: int, detail: str) -> None:
        super().__init__(f"broken JSON at character {position}: {detail}")
        self.position = position


class Text(str):
    """JSON that is written out already, for a `pretty` document; it must be indented for where it stands."""

    __slots__ = ()


class ObjectKey(dict[str, Any]):
    """An object that stands as a key of another object; hashable, and not to be changed."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(_encode(dict(sorted(self.items()))))


def loads(data: bytes | bytearray | memoryview | str) -> Any:
    """The value of a JSON text. Standard JSON takes the fast way. Raises FastjsonError."""
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    else:
        check_depth(data)
        return value
    try:
        text = data if isinstance(data, str) else str(data, "utf-8")
    except UnicodeDecodeError as error:
        raise FastjsonError(error.start, "not UTF-8") from None
    return _Parser(text).parse()


def deeper_than(depth: int, data: bytes | bytearray | memoryview | str) -> bool:
    """True when objects and arrays of a standard JSON text nest deeper than `depth`; for text that was decoded.

    msgspec refuses what nests deeper than its interpreter recurses, which is about 1,000 levels in Python 3.11 and
    10,000 in 3.13. A limit of ours has to be looked at besides.
    """
    raw = data.encode("utf-8", "replace") if isinstance(data, str) else bytes(data)
    if raw.count(b"{") + raw.count(b"[") <= depth:
        return False
    # Brackets in strings do not count. In JSON, a backslash and what it escapes are in strings only. Nearly all that is
    # left between two quotes is nothing, or one bracket: objects that Python has anyway.
    signs = raw.replace(rb"\\", b"").replace(rb"\"", b"").translate(None, _NO_SIGNS)
    outside = b"".join(signs.split(b'"')[::2])
    return max(accumulate(map(_STEP.__getitem__, outside.translate(_IS_OPENING))), default=0) > depth


def check_depth(data: bytes | bytearray | memoryview | str) -> None:
    """Refuse standard JSON that nests deeper than MAX_DEPTH. Raises FastjsonError."""
    if deeper_than(MAX_DEPTH, data):
        raise FastjsonError(0, f"nested deeper than {MAX_DEPTH}")


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._kind = ""
        self._token = ""
        self._start = 0
        self._match = re.compile(_TOKEN, re.VERBOSE | re.DOTALL).match

    def parse(self) -> Any:
        self._next()
        value = self._value(0)
        if self._text[self._at :].strip(" \t\r\n\0"):
            raise FastjsonError(self._at, "text after the value")
        return value

    def _next(self) -> None:
        match = self._match(self._text, self._at)
        if match is None:
            rest = self._text[self._at :].strip()
            raise FastjsonError(self._at, "unexpected character" if rest else "end of text")
        self._kind = match.lastgroup or ""
        self._token = match.group(self._kind)
        self._start = match.start(self._kind)
        self._at = match.end()

    def _value(self, depth: int) -> Any:
        if self._kind == "string":
            return self._string()
        if self._kind == "number":
            return float(self._token) if any(c in ".eE" for c in self._token) else self._integer()
        if self._kind == "word":
            if self._token in _WORDS:
                return _WORDS[self._token]
            raise FastjsonError(self._start, f"unexpected word {self._token[:20]!r}")
        if self._token in "{[" and depth >= MAX_DEPTH:
            raise FastjsonError(self._start, f"nested deeper than {MAX_DEPTH}")
        if self._token == "{":
            return self._object(depth)
        if self._token == "[":
            return self._array(depth)
        raise FastjsonError(self._start, f"unexpected {self._token!r}")

    def _integer(self) -> int:
        if len(self._token) > 40:
            raise FastjsonError(self._start, "a number of more than 40 digits")
        return int(self._token)

    def _string(self) -> str:
        token = self._token
        if "\\" not in token:
            return token[1:-1]
        if token[0] == "'":
            token = '"' + token[1:-1].replace("\\'", "'").replace('"', '\\"') + '"'
        try:
            value = _decode(token.replace("\n", "\\n").replace("\t", "\\t"))
        except msgspec.DecodeError as error:
            raise FastjsonError(self._start, str(error)) from None
        if not isinstance(value, str):
            raise FastjsonError(self._start, "not a string")
        return value

    def _object(self, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        self._next()
        while self._token != "}" or self._kind != "punctuation":
            key = self._token if self._kind == "word" else self._value(depth + 1)
            if isinstance(key, dict):
                key = ObjectKey(key)
            elif isinstance(key, list):
                raise FastjsonError(self._start, "an array as a key")
            self._next()
            if self._token != ":" or self._kind != "punctuation":
                raise FastjsonError(self._start, "a key without ':'")
            self._next()
            result[key] = self._value(depth + 1)
            self._comma("}")
        return result

    def _array(self, depth: int) -> list[Any]:
        result: list[Any] = []
        self._next()
        while self._token != "]" or self._kind != "punctuation":
            result.append(self._value(depth + 1))
            self._comma("]")
        return result

    def _comma(self, closing: str) -> None:
        self._next()
        if self._kind != "punctuation" or self._token not in (",", closing):
            raise FastjsonError(self._start, f"expected ',' or '{closing}'")
        if self._token == ",":
            self._next()


def dumps(value: Any, *, pretty: bool = False) -> bytes:
    """The text of a value as fastjson writes it, numbers as keys unquoted; `pretty` indents as in config files.

    Structs are written by their wire names without fields that are None, tuples and sets as arrays.
    """
    plain = _plain(value)
    if not pretty and _standard(plain):
        return _encode(plain)
    parts: list[str] = []
    _write(plain, parts, 0 if pretty else -1)
    return "".join(parts).encode()


def indented(value: Any, depth: int) -> str:
    """The text of a value of builtin types as it stands `depth` levels deep in a pretty document."""
    parts: list[str] = []
    _write(value, parts, depth)
    return "".join(parts)


def _plain(value: Any) -> Any:
    """`value` with structs as dicts by wire name; their None fields are left out, as fastjson does."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        return {wire: _plain(item) for wire, name in names if (item := getattr(value, name)) is not None}
    if isinstance(value, dict):
        return {
            ObjectKey(_plain(key)) if isinstance(key, msgspec.Struct | dict) else key: _plain(item)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return value


def _standard(value: Any) -> bool:
    """True when standard JSON says the same: no key but strings."""
    if isinstance(value, dict):
        return all(isinstance(k, str) for k in value) and all(_standard(v) for v in value.values())
    if isinstance(value, list):
        return all(_standard(v) for v in value)
    return True


def _write(value: Any, parts: list[str], depth: int) -> None:
    """Append the text of `value`; a depth below 0 means without line breaks."""
    if isinstance(value, dict):
        _write_object(value, parts, depth)
    elif isinstance(value, list):
        parts.append("[")
        for i, item in enumerate(value):
            if i:
                parts.append(",")
            _write(item, parts, depth + 1 if depth >= 0 else -1)
        parts.append("]")
    elif isinstance(value, Text):
        parts.append(value)
    else:
        parts.append(_encode(value).decode())


def _write_object(value: dict[Any, Any], parts: list[str], depth: int) -> None:
    pretty = depth >= 0
    inner = depth + 1 if pretty else -1
    parts.append("{")
    for i, (key, item) in enumerate(value.items()):
        if i:
            parts.append(",")
        if isinstance(key, str):
            if pretty:
                parts.append("\n" + "\t" * inner)
            parts.append(_encode(key).decode())
        elif isinstance(key, int) and not isinstance(key, bool):
            parts.append(str(key))
        else:
            _write(key, parts, -1)
        parts.append(":")
        _write(item, parts, inner)
    if pretty and value:
        parts.append("\n" + "\t" * depth)
    parts.append("}")
