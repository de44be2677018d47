"""The known names that a mistyped one is most like, for messages."""

from __future__ import annotations

from collections.abc import Iterable


def nearest_names(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> list[str]:
    """At most so many of the known names, the most similar first, in whatever case; `cutoff` from 0 to 1 (the same)."""
    import difflib  # only for a message: not loaded in a start without mistakes

    by_lower = {name.lower(): name for name in known}
    return [by_lower[name] for name in difflib.get_close_matches(word.lower(), by_lower, n=most, cutoff=cutoff)]


def nearest_name(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name most similar to `word`, or None when none is similar."""
    return next(iter(nearest_names(word, known, cutoff=cutoff)), None)
