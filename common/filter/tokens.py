"""The words of an SQL92 expression, as Apache's scanner finds them: the longest first, reserved ones in any case."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from rocketmq_ops.common.filter.errors import ExpressionError

#: The token behind the last one.
END: Final = "$END"

_WORDS: Final = frozenset(
    ("AND", "BETWEEN", "CONTAINS", "ENDSWITH", "FALSE", "IN", "IS", "NOT", "NULL", "OR", "STARTSWITH", "TRUE")
)
_SIGNS: Final = {
    "<>": "NOT_EQUAL", ">=": "GREATER_EQUAL", "<=": "LESS_EQUAL", "=": "EQUAL", ">": "GREATER", "<": "LESS",
    "(": "LEFT", ")": "RIGHT", ",": "COMMA", "+": "PLUS", "-": "MINUS",
}  # fmt: skip
#: A comment of one line needs the end of that line, as in Apache's grammar: without it `--` is two signs.
_BLANKS: Final = r"[ \t\n\r\f]|/\*[^*]*\*+(?:[^*/][^*]*\*+)*/"
_SKIPPED: Final = re.compile(rf"(?:{_BLANKS}|--[^\r\n]*[\r\n])*")
#: Behind the last end of a line, which is not to be looked for again at each `--`.
_SKIPPED_AT_THE_END: Final = re.compile(rf"(?:{_BLANKS})*")
_TOKEN: Final = re.compile(
    r"(?P<FLOAT>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)"
    r"|(?P<DECIMAL>0|[1-9][0-9]*[lL]?)"
    r"|(?P<STRING>'(?:[^']|'')*')"
    r"|(?P<NAME>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<SIGN><>|>=|<=|[=><(),+-])"
)


class Token(NamedTuple):
    """A word or sign: its kind, as the grammar names it, its text, and where it begins."""

    kind: str
    text: str
    position: int


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a text, and END. Raises ExpressionError when what is no token is reached."""
    at = 0
    last_line = max(text.rfind("\n"), text.rfind("\r"))
    while True:
        skipped = (_SKIPPED if at <= last_line else _SKIPPED_AT_THE_END).match(text, at)
        at = skipped.end() if skipped is not None else at
        if at == len(text):
            yield Token(END, "", at)
            return
        found = _TOKEN.match(text, at)
        if found is None:
            raise ExpressionError(text, at, _why_none(text, at))
        kind, image = found.lastgroup or "", found[0]
        if kind == "NAME" and (word := image.upper()) in _WORDS:
            kind = word
        elif kind == "SIGN":
            kind = _SIGNS[image]
        yield Token(kind, image, at)
        at = found.end()


def _why_none(text: str, at: int) -> str:
    if text[at] == "'":
        return "a string that does not end; close it with ' (and write ' within it twice)"
    if text[at] == '"':
        return "strings stand between single quotes"
    if text.startswith("/*", at):
        return "a comment that does not end"
    return "expected a property (letters, digits, _ and $), a value, an operator or a parenthesis"
