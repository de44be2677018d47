"""What is wrong with an expression, and with a message that one is applied to."""

from __future__ import annotations


class ExpressionError(ValueError):
    """A text is not an SQL92 expression; `position` is where in it, counted from 0."""

    def __init__(self, text: str, position: int, what: str) -> None:
        rest = " ".join(text[position:].split())
        where = f"at '{rest[:30]}' (character {position + 1})" if rest else "at its end"
        super().__init__(f"invalid SQL92 expression {where}: {what}")
        self.position = position


class EvaluationError(ValueError):
    """An expression cannot be applied to a message, as it compares values of different kinds."""
