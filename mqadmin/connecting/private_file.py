"""Files that hold secrets: nobody else may read them, and what is wrong with one never shows a piece of it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from rocketmq_ops.common.errors import system_words
from rocketmq_ops.mqadmin.connecting.connection import ProfileError


def require_private(path: Path) -> None:
    """Raise ProfileError for a regular file that others than its owner may read or write."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ProfileError(f"cannot read {path}: {system_words(error)}", "create it or correct its path") from error
    if os.name == "posix" and stat.S_ISREG(mode) and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ProfileError(f"{path} holds a secret and others may read it", f"run: chmod 600 {path}")


def read_private(path: Path) -> str:
    """The text of a file that holds a secret. Raises ProfileError."""
    require_private(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"cannot read {path}: {reason(error)}", "correct the file or its path") from None


def reason(error: Exception) -> str:
    """What is wrong and in which line; never a piece of the file, which may hold a secret."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    if isinstance(error, UnicodeDecodeError):
        return f"it is not UTF-8 text (byte {error.start})"
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or "it is not YAML"
    return f"{problem}, line {mark.line + 1}" if mark is not None else str(problem)
