"""JSON laid out anew, with each value as it is written: a number that went through a float may come out as another."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_INDENT: Final = "  "


def laid_out(body: bytes, *, compact: bool = False) -> str:
    """The JSON, with a line for each value, or on one line without spaces. Strings have the characters that are escaped
    in them, but for those that cannot be printed. Raises ValueError and RecursionError where it is none."""
    json.loads(body)
    found, depth, before = [], 0, ""
    for token in _TOKEN.findall(body.decode(json.detect_encoding(body), "surrogatepass")):
        closing = token in ("}", "]")
        depth -= closing
        if not compact and (before in ("{", "[", ",")) != closing:
            found.append("\n" + _INDENT * depth)
        found.append(_string(token) if token[0] == '"' else token)
        if token == ":" and not compact:
            found.append(" ")
        depth += token in ("{", "[")
        before = token
    return "".join(found)


def _string(token: str) -> str:
    text = json.dumps(json.loads(token), ensure_ascii=False)
    return text if text.isprintable() else "".join(map(_shown, text))


def _shown(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) == "Zs":
        return char
    return json.dumps(char)[1:-1] if char > "\x7f" else f"\\u{ord(char):04x}"
