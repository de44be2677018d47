"""Conditions on messages: properties, what a message is, values in a JSON body.

    tags = 'A' and amount > 5 and body.user.name ~ '^J' and not (keys is null)

A name is a property, one of `FIELDS`, `body` (the text), or `body.a.0.b` (a value in a JSON body). Comparisons are
`=`, `<>` (or `!=`), `<`, `<=`, `>`, `>=`, `~` (a regular expression that is searched), `in (…)`, `is null` and
`is not null`. As in SQL, what is null (a property that is not there) meets no comparison.

Behind `sql92:` stands an SQL92 expression on the properties, which selects what it selects for a consumer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rocketmq_ops.common.message import MessageExt

Condition = Callable[["MessageExt"], bool]
_Value = Callable[["MessageExt"], Any]

#: Names that are not properties.
FIELDS: Final[dict[str, _Value]] = {
    "msgId": lambda message: message.msg_id,
    "tags": lambda message: message.tags,
    "keys": lambda message: " ".join(message.keys) or None,
    "queueId": lambda message: message.queue_id,
    "queueOffset": lambda message: message.queue_offset,
    "bornTimestamp": lambda message: message.born_timestamp,
    "storeTimestamp": lambda message: message.store_timestamp,
    "reconsumeTimes": lambda message: message.reconsume_times,
    "bodyLength": lambda message: len(message.body),
}
_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>-?\d+(?:\.\d+)?)(?![\w.])|(?P<op><>|!=|<=|>=|[=<>~(),])"
    r"|(?P<name>[\w.%$-]+))"
)
_DEPTH = 50
#: Stands before an expression in SQL92.
SQL92: Final = re.compile(r"\s*sql92:", re.IGNORECASE)


def condition(text: str) -> Condition:
    """The condition that a text says. Raises ValueError, saying where it is wrong."""
    if prefix := SQL92.match(text):
        return _sql92(text[prefix.end() :].strip())
    parser = _Parser(text)
    found = parser.any_of(0)
    parser.end()
    return found


def _sql92(text: str) -> Condition:
    from rocketmq_ops.common.filter.parser import parse  # most conditions are not in SQL92

    expression = parse(text)
    if expression.ignored_from is not None:
        raise ValueError(
            f"invalid SQL92 expression: it ends before '{text[expression.ignored_from :][:30]}', "
            "and brokers would ignore the rest"
        )
    matches = expression.matches
    return lambda message: matches(message.properties)


class _Parser:
    """Recursive descent: or, and, not, comparison."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[tuple[str, str, int]] = []
        at, end = 0, len(text.rstrip())
        while at < end:
            found = _TOKEN.match(text, at)
            if found is None:
                raise self._wrong(at)
            kind = found.lastgroup or ""
            self._tokens.append((kind, found[kind], found.start(kind)))
            at = found.end()
        self._at = 0

    def _wrong(self, at: int) -> ValueError:
        rest = self._text[at:].strip()
        where = f"at '{rest[:30]}'" if rest else "at its end"
        form = "expected conditions such as: tags = 'A' and amount > 5 and body.user ~ '^J'"
        return ValueError(f"invalid condition {where}: {form}")

    def _unexpected(self) -> ValueError:
        return self._wrong(self._tokens[self._at][2] if self._at < len(self._tokens) else len(self._text))

    def _take(self, *words: str) -> str | None:
        """The next token's text in lower case if it is one of these words or signs."""
        if self._at < len(self._tokens):
            kind, text, _ = self._tokens[self._at]
            if kind in ("op", "name") and text.lower() in words:
                self._at += 1
                return text.lower()
        return None

    def _need(self, *words: str) -> str:
        found = self._take(*words)
        if found is None:
            raise self._unexpected()
        return found

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens) or not self._tokens:
            raise self._unexpected()

    def any_of(self, depth: int) -> Condition:
        """Conditions joined by `or`."""
        if depth > _DEPTH:
            raise ValueError(f"invalid condition: more than {_DEPTH} parentheses within each other")
        parts = [self._all_of(depth)]
        while self._take("or"):
            parts.append(self._all_of(depth))
        return parts[0] if len(parts) == 1 else lambda message: any(part(message) for part in parts)

    def _all_of(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self._take("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else lambda message: all(part(message) for part in parts)

    def _one(self, depth: int) -> Condition:
        if self._take("not"):
            negated = self._one(depth + 1)
            return lambda message: not negated(message)
        if self._take("("):
            inner = self.any_of(depth + 1)
            self._need(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Condition:
        value = self._named()
        if self._take("is"):
            negated = self._take("not") is not None
            self._need("null")
            return lambda message: (value(message) is None) is not negated
        if self._take("in"):
            self._need("(")
            wanted = [self._literal()]
            while self._take(","):
                wanted.append(self._literal())
            self._need(")")
            return lambda message: any(_compare("=", value(message), one) for one in wanted)
        sign = self._need("=", "<>", "!=", "<", "<=", ">", ">=", "~")
        at = self._at
        literal = self._literal()
        if sign == "~":
            try:
                pattern = re.compile(str(literal))
            except re.error as error:
                raise ValueError(f"invalid regular expression '{literal}': {error}") from None
            return lambda message: (found := value(message)) is not None and bool(pattern.search(_text(found)))
        if isinstance(literal, bool) and sign not in ("=", "<>", "!="):
            raise self._wrong(self._tokens[at][2])
        return lambda message: _compare(sign, value(message), literal)

    def _named(self) -> _Value:
        if self._at >= len(self._tokens) or self._tokens[self._at][0] != "name":
            raise self._unexpected()
        name = self._tokens[self._at][1]
        self._at += 1
        if name == "body":
            return lambda message: message.body.decode("utf-8", "replace")
        if name.startswith("body."):
            steps = name.split(".")[1:]
            return lambda message: _within(message.body, steps)
        if name in FIELDS:
            return FIELDS[name]
        return lambda message: message.properties.get(name)

    def _literal(self) -> Any:
        if self._at >= len(self._tokens):
            raise self._unexpected()
        kind, text, _ = self._tokens[self._at]
        if kind == "text":
            value: Any = text[1:-1].replace("''", "'")
        elif kind == "number":
            value = float(text) if "." in text else int(text)
        elif text.lower() in ("true", "false"):
            value = text.lower() == "true"
        else:
            raise self._unexpected()
        self._at += 1
        return value


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _compare(sign: str, value: Any, literal: Any) -> bool:
    """Compare as the literal's type: properties are texts, and `amount > 5` means their numbers."""
    if value is None:
        return False
    if isinstance(literal, bool):
        value = {"true": True, "false": False}.get(_text(value).lower())
        if value is None:
            return False
    elif isinstance(literal, str):
        value = _text(value)
    elif isinstance(value, bool):
        return False
    elif not isinstance(value, (int, float)):
        try:
            value = int(value)
        except (TypeError, ValueError):
            try:
                value = float(value)
            except (TypeError, ValueError):
                return False
    if sign in ("=", "<>", "!="):
        return bool((value == literal) is (sign == "="))
    if sign == "<":
        return bool(value < literal)
    if sign == "<=":
        return bool(value <= literal)
    return bool(value > literal if sign == ">" else value >= literal)


def _within(body: bytes, steps: list[str]) -> Any:
    """The value in a JSON body at a path of names and places in arrays; None where there is none."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for step in steps:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value
