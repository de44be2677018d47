"""From a text to an SQL92 expression: follows the parse table. Mirrors SelectorParser.

As Apache's parser it is done when an expression is whole, whatever follows: `a = 1 b` means `a = 1`. What is ignored so
is said by `Expression.ignored_from`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from rocketmq_ops.common.filter.builder import Builder
from rocketmq_ops.common.filter.errors import ExpressionError
from rocketmq_ops.common.filter.expression import Expression
from rocketmq_ops.common.filter.parse_table import END_STATE, RULES, STATES
from rocketmq_ops.common.filter.tokens import END, Token, tokens

#: How what may stand somewhere is named in an error; other tokens are reserved words and stand for themselves.
_NAMES: Final = {
    "EQUAL": "=", "NOT_EQUAL": "<>", "GREATER": ">", "GREATER_EQUAL": ">=", "LESS": "<", "LESS_EQUAL": "<=",
    "LEFT": "(", "RIGHT": ")", "COMMA": ",", "STRING": "a string such as 'a'",
}  # fmt: skip
#: Where these may stand, so may other values, signs and parentheses.
_OPERAND: Final = "NAME"


#: Characters that an expression may have: a broker parses it in the turn of its loop in which it comes.
LONGEST: Final = 65_536
#: Longer ones are not kept, so that what is kept is little.
_LONGEST_KEPT: Final = 4_096


def parse(text: str) -> Expression:
    """The expression that a text says. Raises ExpressionError."""
    if len(text) <= _LONGEST_KEPT:
        return _kept(text)
    if len(text) > LONGEST:
        raise ExpressionError(text, LONGEST, f"an expression has {LONGEST} characters at most")
    return _parsed(text)


@lru_cache(maxsize=100)  # as many as Apache's PARSE_CACHE
def _kept(text: str) -> Expression:
    return _parsed(text)


def _parsed(text: str) -> Expression:
    builder = Builder(text)
    following = tokens(text)
    token = next(following)
    kind, ignored_from = token.kind, None
    states: list[int] = [0]
    values: list[Any] = []
    while True:
        state = states[-1]
        if kind == END and state == END_STATE:
            return Expression(text, builder.boolean(values[-1]).evaluate, ignored_from, frozenset(builder.names))
        step = STATES[state].get(kind)
        if step is None:
            if kind == END:
                raise _unexpected(text, state, token)
            kind, ignored_from = END, token.position
        elif step >= 0:
            states.append(step)
            values.append(token)
            token = next(following)
            kind = token.kind
        else:
            name, count, method = RULES[~step]
            parts = values[-count:]
            del states[-count:], values[-count:]
            values.append(getattr(builder, method)(*parts) if method else parts[0])
            states.append(STATES[states[-1]][name])


def _unexpected(text: str, state: int, token: Token) -> ExpressionError:
    expected = [name for name in STATES[state] if name.isupper() and name != END]
    if _OPERAND in expected:
        words = "a property, a value or ("
    else:
        words = ", ".join(_NAMES.get(name, name) for name in expected)
    return ExpressionError(text, token.position, f"expected {words}")
