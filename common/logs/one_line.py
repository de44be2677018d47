"""Each record on one line of its own, whatever names and texts of clients are in it: nobody may write lines of our log.

What would end the line, or steer a terminal, is shown as Python writes it (`\\n`, `\\x1b`).
"""

from __future__ import annotations

import logging


def on_one_line(text: str) -> str:
    """A text without control characters and the like."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


class OneLineFormatter(logging.Formatter):
    """logging's own, of which a record is one line; of an error with its trace behind it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        """The line."""
        return on_one_line(super().formatMessage(record))
