"""What the rules of the grammar make: nodes, whose functions evaluate them. Mirrors Apache's expression classes.

A node knows what its value may be, so which comparison is done is decided here, once, and not for each message. In what
it compares with what, and how, it follows Apache's ComparisonExpression to the letter, oddities included:

* a property is a text. Compared with a number it is read as a number of that type: `a = 1` cannot be asked of a
  message whose `a` is `1.0` or `x` (the message is not wanted, whatever stands beside the comparison);
* two texts are compared by `<` and its like as doubles, as doubles are ordered by Java (-0.0 below 0.0, NaN above all);
* `a = b` is true when a message has neither; it is unknown when it lacks `a`, and false when it lacks `b`;
* a property that stands alone is never true;
* `CONTAINS` and its like, and their opposites, are false of what is missing and for the empty text;
* the bounds of BETWEEN are checked when they are plain numbers, and not where they have a sign.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final, Literal, TypeAlias

from rocketmq_ops.common.filter.comparing import Kind, Order, Value, between, equality, order
from rocketmq_ops.common.filter.errors import ExpressionError
from rocketmq_ops.common.filter.expression import Properties
from rocketmq_ops.common.filter.tokens import Token
from rocketmq_ops.common.javatypes import INT_MAX, LONG_MAX

#: How deep expressions may be nested: each level is a call in a call. Apache's parser ends where its stack does.
MOST_NESTED: Final = 250

Truth: TypeAlias = Callable[[Properties], bool | None]


class Node:
    """A part of an expression: the function that evaluates it, and what is known of it when it is parsed.

    `kind` is what its value is when it is not None. `is_constant`, `is_boolean` and `is_property` tell which of
    Apache's classes it would be; `constant` is the value of a number or of what is constant. `parts` are the operands
    of AND or OR.
    """

    __slots__ = ("constant", "depth", "evaluate", "is_boolean", "is_constant", "is_property", "joint", "kind", "parts")

    def __init__(self, kind: Kind, evaluate: Value, depth: int = 1) -> None:
        self.kind = kind
        self.evaluate = evaluate
        self.depth = depth
        self.constant: Any = None
        self.is_constant = self.is_boolean = self.is_property = False
        self.joint: Literal["", "AND", "OR"] = ""
        self.parts: list[Truth] = []


class Builder:
    """The aliases of `common/filter/sql92.lark`, a method each. They raise ExpressionError where Apache refuses."""

    def __init__(self, text: str) -> None:
        self._text = text
        #: The properties that the expression asks for.
        self.names: set[str] = set()

    # -- values

    def string(self, token: Token) -> Node:
        return _constant("text", _unquoted(token))

    def decimal(self, token: Token) -> Node:
        value = int(token.text.rstrip("lL")[:40])
        if value > LONG_MAX:
            raise self._wrong(token, f"the largest number is {LONG_MAX}")
        return _constant("int" if value <= INT_MAX else "long", value)

    def floating(self, token: Token) -> Node:
        value = float(token.text)
        if value == 0 or math.isinf(value):
            raise self._wrong(token, "a number with a point must lie between 4.9E-324 and 1.7976931348623157E308")
        return _constant("double", value)

    def true(self, token: Token) -> Node:
        return _boolean_constant(True)

    def false(self, token: Token) -> Node:
        return _boolean_constant(False)

    def null(self, token: Token) -> Node:
        return _boolean_constant(None)

    def name(self, token: Token) -> Node:
        name = token.text
        self.names.add(name)
        node = Node("text", lambda properties: properties.get(name))
        node.is_property = True
        return node

    def group(self, left: Token, inner: Node, right: Token) -> Node:
        return inner

    def first_string(self, token: Token) -> list[str]:
        return [_unquoted(token)]

    def next_string(self, strings: list[str], comma: Token, token: Token) -> list[str]:
        strings.append(_unquoted(token))
        return strings

    # -- signs and logic

    def plus(self, sign: Token, node: Node) -> Node:
        return node

    def minus(self, sign: Token, node: Node) -> Node:
        """The negative number; of anything else nothing."""
        if node.kind in ("int", "long", "double"):
            negative = _constant(node.kind, -node.constant)
            negative.is_constant = False
            return negative
        inner = node.evaluate

        def nothing(properties: Properties) -> None:
            inner(properties)

        return self._checked(sign, Node("nothing", nothing, node.depth + 1))

    def negation(self, word: Token, node: Node) -> Node:
        inner = self.boolean(node, word)
        return self._truth(word, _negated(inner.evaluate), inner)

    def boolean(self, node: Node, word: Token | None = None) -> Node:
        """The node where a condition is needed."""
        if node.is_boolean:
            return node
        if node.is_property:
            get = node.evaluate
            return _truth(lambda properties: None if get(properties) is None else False, node.depth + 1)
        position = 0 if word is None else word.position
        raise ExpressionError(self._text, position, "what stands here must be a condition, not a number or text")

    def either(self, left: Node, word: Token, right: Node) -> Node:
        return self._joined(word, "OR", left, right)

    def both(self, left: Node, word: Token, right: Node) -> Node:
        return self._joined(word, "AND", left, right)

    def _joined(self, word: Token, joint: Literal["AND", "OR"], left: Node, right: Node) -> Node:
        """Both conditions joined. A chain of the same word is one list: `a OR b OR c` is no deeper than `a OR b`.

        The list is the left side's own, which nothing else has: a long chain is not copied for each of its parts.
        """
        left, right = self.boolean(left, word), self.boolean(right, word)
        if left.joint == joint:
            parts, depth = left.parts, left.depth
        else:
            parts, depth = [left.evaluate], left.depth + 1
        parts.append(right.evaluate)
        node = _truth(_all_of(parts) if joint == "AND" else _any_of(parts), max(depth, right.depth + 1))
        node.joint, node.parts = joint, parts
        return self._checked(word, node)

    # -- comparisons

    def equal(self, left: Node, sign: Token, right: Node) -> Node:
        for node in (left, right):
            if node.is_constant and node.constant is None:
                raise self._wrong(sign, "NULL cannot be compared, write IS NULL or IS NOT NULL")
        if left.is_constant and left.is_boolean and right.is_constant and not right.is_boolean:
            raise self._wrong(sign, "TRUE and FALSE cannot be compared with a number or text")
        return self._truth(sign, equality(_side(left), _side(right)), left, right)

    def not_equal(self, left: Node, sign: Token, right: Node) -> Node:
        equal = self.equal(left, sign, right)
        return self._truth(sign, _negated(equal.evaluate), equal)

    def is_null(self, node: Node, word: Token, null: Token) -> Node:
        inner = node.evaluate
        return self._truth(word, lambda properties: inner(properties) is None, node)

    def is_not_null(self, node: Node, word: Token, negation: Token, null: Token) -> Node:
        inner = node.evaluate
        return self._truth(word, lambda properties: inner(properties) is not None, node)

    def greater(self, left: Node, sign: Token, right: Node) -> Node:
        return self._ordered(left, sign, right, ">")

    def greater_equal(self, left: Node, sign: Token, right: Node) -> Node:
        return self._ordered(left, sign, right, ">=")

    def less(self, left: Node, sign: Token, right: Node) -> Node:
        return self._ordered(left, sign, right, "<")

    def less_equal(self, left: Node, sign: Token, right: Node) -> Node:
        return self._ordered(left, sign, right, "<=")

    def _ordered(self, left: Node, sign: Token, right: Node, which: Order) -> Node:
        for node in (left, right):
            if node.is_boolean:
                raise self._wrong(sign, "conditions, TRUE, FALSE and NULL are compared by = and <> alone")
            if node.is_constant and node.kind == "text":
                raise self._wrong(sign, "texts are compared by = and <> alone")
        return self._truth(sign, order(_side(left), _side(right), which), left, right)

    def between(self, node: Node, word: Token, low: Node, and_: Token, high: Node) -> Node:
        least, most = self.greater_equal(node, word, low), self.less_equal(node, word, high)
        if low.is_constant and high.is_constant and order(_side(high), _side(low), "<")({}):
            raise self._wrong(word, f"the first bound is above the second, {low.constant} above {high.constant}")
        both = self.both(least, word, most)
        at_once = between(_side(node), _side(low), _side(high))
        if at_once is not None:
            both.evaluate, both.parts = at_once, [at_once]
        return both

    def not_between(self, node: Node, negation: Token, word: Token, low: Node, and_: Token, high: Node) -> Node:
        return self.either(self.less(node, word, low), word, self.greater(node, word, high))

    def one_of(self, node: Node, word: Token, left: Token, strings: list[str], right: Token) -> Node:
        return self._in(node, word, strings, among=True)

    def not_one_of(
        self, node: Node, negation: Token, word: Token, left: Token, strings: list[str], right: Token
    ) -> Node:
        return self._in(node, word, strings, among=False)

    def _in(self, node: Node, word: Token, strings: list[str], *, among: bool) -> Node:
        if not node.is_property:
            raise self._wrong(word, "only a property can be IN a list")
        get, wanted = node.evaluate, frozenset(strings)

        def one_of(properties: Properties) -> bool | None:
            value = get(properties)
            return None if value is None else (value in wanted) is among

        return self._truth(word, one_of, node)

    def contains(self, node: Node, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, lambda value, part: part in value, True)

    def not_contains(self, node: Node, negation: Token, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, lambda value, part: part in value, False)

    def starts_with(self, node: Node, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, str.startswith, True)

    def not_starts_with(self, node: Node, negation: Token, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, str.startswith, False)

    def ends_with(self, node: Node, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, str.endswith, True)

    def not_ends_with(self, node: Node, negation: Token, word: Token, text: Token) -> Node:
        return self._text_test(node, word, text, str.endswith, False)

    def _text_test(self, node: Node, word: Token, text: Token, test: Callable[[str, str], bool], wanted: bool) -> Node:
        part = _unquoted(text)
        if not part:
            return self._truth(word, lambda properties: False, node)
        get, is_text = node.evaluate, node.kind == "text"

        def tested(properties: Properties) -> bool:
            value = get(properties)
            return is_text and value is not None and test(value, part) is wanted

        return self._truth(word, tested, node)

    # -- what all share

    def _truth(self, word: Token, evaluate: Truth, *of: Node) -> Node:
        return self._checked(word, _truth(evaluate, max(node.depth for node in of) + 1))

    def _checked(self, word: Token, node: Node) -> Node:
        if node.depth > MOST_NESTED:
            raise self._wrong(word, f"nested more than {MOST_NESTED} levels deep")
        return node

    def _wrong(self, token: Token, what: str) -> ExpressionError:
        return ExpressionError(self._text, token.position, what)


def _constant(kind: Kind, value: Any) -> Node:
    node = Node(kind, lambda properties: value)
    node.is_constant, node.constant = True, value
    return node


def _boolean_constant(value: bool | None) -> Node:
    node = _constant("boolean", value)
    node.is_boolean = True
    return node


def _truth(evaluate: Truth, depth: int) -> Node:
    node = Node("boolean", evaluate, depth)
    node.is_boolean = True
    return node


def _side(node: Node) -> tuple[Kind, Value, Any]:
    return node.kind, node.evaluate, node.constant


def _unquoted(token: Token) -> str:
    return token.text[1:-1].replace("''", "'")


def _negated(inner: Truth) -> Truth:
    def negated(properties: Properties) -> bool | None:
        value = inner(properties)
        return None if value is None else not value

    return negated


def _all_of(parts: list[Truth]) -> Truth:
    def all_of(properties: Properties) -> bool | None:
        found: bool | None = True
        for part in parts:
            value = part(properties)
            if not value:
                if value is False:
                    return False
                found = None
        return found

    return all_of


def _any_of(parts: list[Truth]) -> Truth:
    def any_of(properties: Properties) -> bool | None:
        found: bool | None = False
        for part in parts:
            value = part(properties)
            if value:
                return True
            if value is None:
                found = None
        return found

    return any_of
