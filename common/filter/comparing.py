"""Comparisons of two sides whose kinds are known: what compares them is chosen once. Mirrors ComparisonExpression.

A side is its kind, the function that gives its value, and its value if it is constant. Numbers always are: texts are
all that a message brings.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from rocketmq_ops.common.filter.errors import EvaluationError
from rocketmq_ops.common.filter.expression import Properties
from rocketmq_ops.common.javatypes import parse_double, parse_int, parse_long

#: What a value is when it is not None: Java's String, Integer, Long, Double, Boolean; "nothing" is always None.
Kind: TypeAlias = Literal["text", "int", "long", "double", "boolean", "nothing"]
Value: TypeAlias = Callable[[Properties], Any]
Side: TypeAlias = tuple[Kind, Value, Any]
Order: TypeAlias = Literal["<", "<=", ">", ">="]
Comparison: TypeAlias = Callable[[Properties], bool | None]

_TESTS: Final[dict[Order, Callable[[Any, Any], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TURNED: Final[dict[Order, Order]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
#: A text of fewer digits is within an int, and needs no closer look.
_SURELY_INT: Final = 10


def equality(left: Side, right: Side) -> Comparison:
    """`left = right`: unknown without a left value, false without a right one, true without both."""
    (left_kind, first, _), (right_kind, second, constant) = left, right
    if left_kind == "text" and right_kind in _READ:
        read = _READ[right_kind]

        def equals_number(properties: Properties) -> bool | None:
            value = first(properties)
            return None if value is None else bool(read(value) == constant)

        return equals_number
    if left_kind == right_kind == "text" and constant is not None:

        def equals_text(properties: Properties) -> bool | None:
            value = first(properties)
            return None if value is None else bool(value == constant)

        return equals_text
    same = _same(left, right)

    def equals(properties: Properties) -> bool | None:
        value, other = first(properties), second(properties)
        if value is None:
            return True if other is None else None
        return False if other is None else same(value, other)

    return equals


def _same(left: Side, right: Side) -> Callable[[Any, Any], bool]:
    """What compares two values that are there, by their kinds."""
    (kind, _, number), (other_kind, _, other_number) = left, right
    if kind == other_kind and kind in ("text", "boolean"):
        return operator.eq
    if kind in _READ and other_kind in _READ:
        answer = _compare_numbers(kind, number, other_kind, other_number) == 0
        return lambda value, other: answer
    if kind in _READ and other_kind == "text":
        read = _READ[kind]
        return lambda value, other: bool(read(other) == value)
    if kind == "text" and other_kind == "boolean":
        return lambda value, other: (value.lower() == "true") is other
    if kind == "boolean" and other_kind == "text":
        return _different_kinds
    return lambda value, other: False


def _different_kinds(value: bool, other: str) -> bool:
    raise EvaluationError(f"a condition cannot be compared with the text '{other[:20]}'")


def order(left: Side, right: Side, which: Order) -> Comparison:
    """`left < right` and its like: unknown when one of them is."""
    (left_kind, first, left_number), (right_kind, second, right_number) = left, right
    if left_kind == "text" and right_kind in _READ:
        return _with_number(first, right_kind, right_number, which)
    if left_kind in _READ and right_kind == "text":
        return _with_number(second, left_kind, left_number, _TURNED[which])
    test = _TESTS[which]
    if left_kind in _READ and right_kind in _READ:
        answer = test(_compare_numbers(left_kind, left_number, right_kind, right_number), 0)
        return lambda properties: answer

    def ordered(properties: Properties) -> bool | None:
        value = first(properties)
        if value is None:
            return None
        other = second(properties)
        return None if other is None else test(compare_doubles(parse_double(value), parse_double(other)), 0)

    return ordered


def _with_number(get: Value, kind: Kind, number: Any, which: Order) -> Comparison:
    """A text on the left, read as a number, and a number on the right."""
    test, read = _TESTS[which], _READ[kind]
    if kind == "double" and (number == 0 or which in (">", ">=")):  # zeros are of two kinds, and NaN is above all

        def double_ordered(properties: Properties) -> bool | None:
            value = get(properties)
            return None if value is None else test(compare_doubles(read(value), number), 0)

        return double_ordered
    if kind == "double":

        def plain_double_ordered(properties: Properties) -> bool | None:
            value = get(properties)
            if value is None:
                return None
            is_plain = value.isascii() and value.replace(".", "", 1).isdigit()  # as in `_read_double`, without a call
            return test(float(value) if is_plain else parse_double(value), number)

        return plain_double_ordered

    def ordered(properties: Properties) -> bool | None:
        value = get(properties)
        return None if value is None else test(read(value), number)

    return ordered


def between(side: Side, low: Side, high: Side) -> Comparison | None:
    """`text BETWEEN low AND high` for two numbers of one type, which reads the text once; None for other sides."""
    (kind, get, _), (low_kind, _, least), (high_kind, _, most) = side, low, high
    if kind != "text" or low_kind != high_kind or low_kind not in _READ or (low_kind == "double" and not least * most):
        return None
    read = _READ[low_kind]

    def is_between(properties: Properties) -> bool | None:
        value = get(properties)
        return None if value is None else least <= read(value) <= most

    return is_between


def compare_doubles(first: float, second: float) -> int:
    """Java's Double.compareTo, a number below, at or above 0: -0.0 lies below 0.0, NaN above all."""
    if first < second:
        return -1
    if first > second:
        return 1
    if first == second:
        return int(math.copysign(1, first) - math.copysign(1, second)) if first == 0 else 0
    return int(math.isnan(first)) - int(math.isnan(second))


def _compare_numbers(kind: Kind, number: Any, other_kind: Kind, other: Any) -> int:
    """As Java does: a double with another number as doubles, all else as whole numbers."""
    if "double" in (kind, other_kind):
        return compare_doubles(float(number), float(other))
    return int(number > other) - int(number < other)


def _read_int(text: str) -> int:
    return int(text) if len(text) < _SURELY_INT and text.isascii() and text.isdigit() else parse_int(text)


def _read_long(text: str) -> int:
    return int(text) if len(text) < _SURELY_INT and text.isascii() and text.isdigit() else parse_long(text)


def _read_double(text: str) -> float:
    if text.isascii() and text.replace(".", "", 1).isdigit():  # plain, as nearly all are
        return float(text)
    return parse_double(text)


_READ: Final[dict[Kind, Callable[[str], Any]]] = {"int": _read_int, "long": _read_long, "double": _read_double}
