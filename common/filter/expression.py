"""An SQL92 expression that is ready to be asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Properties(Protocol):
    """What an expression asks of a message; a dict will do."""

    def get(self, name: str, /) -> str | None:
        """The value of a property, None without one."""


class Expression:
    """What `parse` makes of a text. Asking takes less than a microsecond for a simple one; it keeps no state."""

    __slots__ = ("evaluate", "ignored_from", "names", "text")

    def __init__(
        self,
        text: str,
        evaluate: Callable[[Properties], bool | None],
        ignored_from: int | None = None,
        names: frozenset[str] = frozenset(),
    ) -> None:
        self.text = text
        #: True, False or None (unknown) for the properties of a message. Raises ValueError where they do not compare.
        self.evaluate = evaluate
        #: Where in the text begins what is ignored behind the expression; None when all of it counts.
        self.ignored_from = ignored_from
        #: The properties that are asked for: messages in which these are equal have the same answer.
        self.names = names

    def matches(self, properties: Properties) -> bool:
        """Whether a message with these properties is wanted: what is unknown or cannot be compared is not."""
        try:
            return self.evaluate(properties) is True
        except ValueError:
            return False

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"
