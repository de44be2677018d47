"""Commands of Apache's mqadmin (4.9.7, 5.3.3 and 5.5.0) that are not in this version, and what serves instead."""

from __future__ import annotations

_NAMES = """
remappingStaticTopic
updateStaticTopic
"""
_BY_LOWER = {name.lower(): name for name in _NAMES.split()}

#: Name -> a command of this version that does the like, where there is one.
INSTEAD: dict[str, str] = {}


def find(word: str) -> str | None:
    """Apache's name of a command that is not here, in whatever case it was typed; None for any other word."""
    return _BY_LOWER.get(word.lower())
