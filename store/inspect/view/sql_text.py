"""Just enough understanding of an SQL query to read less of a store: its tables, and the WHERE clause of a simple
SELECT.

Whatever is not understood is left alone; then more is read, never less.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)|(?P<string>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\]|[A-Za-z_][\w$]*)
    |(?P<number>\d+(?:\.\d+)?)|(?P<op><=|>=|<>|!=|==|\|\||->>|->|[-+*/%(),.;<>=&|~?:@])""",
    re.VERBOSE | re.DOTALL,
)
_AFTER_WHERE = frozenset({"group", "having", "window", "order", "limit"})
_UNSAFE = frozenset(
    {
        "union",
        "intersect",
        "except",
        "join",
        "with",
        "values",
        "random",
        "randomblob",
        "over",
        "exists",
        "natural",
        "case",
    }
)


class Token(NamedTuple):
    """One word of a query: what it is, its text in lower case (names and operators), and where it stands."""

    kind: str
    text: str
    start: int
    end: int


class Query(NamedTuple):
    """What is understood: `where` is the text of the WHERE clause of a plain SELECT over one table, else None; `bounds`
    are column -> (low, high) that every wanted row must satisfy (both included); `equal` are column -> text."""

    where: str | None
    bounds: dict[str, tuple[int, int]]
    equal: dict[str, str]
    stop_after: int | None


def tokens(sql: str) -> list[Token]:
    """The words of a query without blanks and comments; the list ends with a token `?` where the text is not SQL."""
    found: list[Token] = []
    at = 0
    while at < len(sql):
        match = _TOKEN.match(sql, at)
        if match is None:
            return [*found, Token("?", sql[at], at, at + 1)]
        kind = match.lastgroup or "?"
        if kind != "space":
            text = match[0]
            if kind == "name" and text[0] in '"`[':
                text = text[1:-1]
            found.append(Token(kind, text if kind == "string" else text.lower(), match.start(), match.end()))
        at = match.end()
    return found


def understand(sql: str, table: str) -> Query:
    """What is understood of a query over `table`."""
    nothing = Query(None, {}, {}, None)
    words = tokens(sql)
    while words and words[-1].text == ";":
        words.pop()
    if not words or words[0].text != "select" or any(w.kind == "?" or w.text == "?" for w in words):
        return nothing
    names = [w.text for w in words if w.kind == "name"]
    if names.count("select") != 1 or _UNSAFE & set(names) or names.count("from") != 1:
        return nothing
    at = next(i for i, w in enumerate(words) if w.kind == "name" and w.text == "from")
    if at + 1 >= len(words) or words[at + 1].text != table.lower():
        return nothing
    rest = words[at + 2 :]
    if rest and rest[0].text == "as":
        return nothing
    if not rest:
        return Query(None, {}, {}, None)
    if rest[0].text == "limit":
        return Query(None, {}, {}, _limit(words[: at + 1], rest))
    if rest[0].text != "where":
        return nothing
    depth, end = 0, len(rest)
    for i, word in enumerate(rest[1:], 1):
        depth += {"(": 1, ")": -1}.get(word.text, 0) if word.kind == "op" else 0
        if depth == 0 and word.kind == "name" and word.text in _AFTER_WHERE:
            end = i
            break
    clause = rest[1:end]
    if not clause:
        return nothing
    where = sql[clause[0].start : clause[-1].end]
    bounds, equal = _conjuncts(clause)
    return Query(where, bounds, equal, _limit(words[: at + 1], rest[end:]))


def _limit(head: list[Token], tail: list[Token]) -> int | None:
    """After how many rows reading may stop: only where the rows come as they are read."""
    plain = not any(w.text in ("(", "distinct") for w in head)
    if plain and len(tail) == 2 and tail[0].text == "limit" and tail[1].kind == "number" and tail[1].text.isdigit():
        return int(tail[1].text)
    return None


def _conjuncts(clause: list[Token]) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    """The conditions `column op constant` that are joined by AND at the top."""
    parts: list[list[Token]] = [[]]
    depth, between = 0, False
    for word in clause:
        depth += {"(": 1, ")": -1}.get(word.text, 0) if word.kind == "op" else 0
        if depth == 0 and word.kind == "name":
            if word.text == "or":
                return {}, {}
            if word.text == "between":
                between = True
            elif word.text == "and":
                if not between:
                    parts.append([])
                    continue
                between = False
        parts[-1].append(word)
    bounds: dict[str, tuple[int, int]] = {}
    equal: dict[str, str] = {}
    for part in parts:
        _condition(part, bounds, equal)
    return bounds, equal


def _condition(part: list[Token], bounds: dict[str, tuple[int, int]], equal: dict[str, str]) -> None:
    texts = [w.text for w in part]
    if not part or part[0].kind != "name":
        return
    column = texts[0]
    low, high = bounds.get(column, (-(1 << 63), (1 << 63) - 1))
    if len(part) == 3 and part[2].kind == "number" and texts[2].isdigit():
        value = int(texts[2])
        ranges = {
            "=": (value, value), "==": (value, value), ">": (value + 1, high), ">=": (value, high),
            "<": (low, value - 1), "<=": (low, value),
        }  # fmt: skip
        if texts[1] in ranges:
            first, last = ranges[texts[1]]
            bounds[column] = (max(low, first), min(high, last))
    elif len(part) == 5 and texts[1] == "between" and texts[3] == "and" and texts[2].isdigit() and texts[4].isdigit():
        bounds[column] = (max(low, int(texts[2])), min(high, int(texts[4])))
    elif len(part) == 3 and texts[1] in ("=", "==") and part[2].kind == "string":
        equal[column] = texts[2][1:-1].replace("''", "'")
