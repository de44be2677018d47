"""Standard input as commands read it. One that the caller has closed (`<&-`), or that is not text, is said to be so."""

from __future__ import annotations

import sys
from typing import BinaryIO

from rocketmq_ops.mqadmin.errors import usage


def is_terminal() -> bool:
    """Whether somebody types there."""
    return sys.stdin is not None and sys.stdin.isatty()


def raw() -> BinaryIO:
    """Its bytes. Raises CommandError when it is closed."""
    if sys.stdin is None:
        raise usage("standard input is closed", "send a file or a pipe to it, or name a file")
    return sys.stdin.buffer


def line() -> str:
    """The next line without blanks around it; "" at the end. Raises CommandError when it is closed, or not UTF-8."""
    try:
        return raw().readline().decode("utf-8").strip()
    except UnicodeDecodeError:
        raise usage("standard input is not UTF-8 text", "send it as UTF-8") from None
