"""The known names that a mistyped one is most like, for messages."""

from __future__ import annotations

from collections.abc import Iterable


def nearest_names(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> list[str]:
    """At most so many of the known names, the most similar first, in whatever case; `cutoff` from 0 to 1 (the same).

    A name of the same letters in another order comes first: difflib takes `otpic` for `toTopic`, not for `topic`.
    """
    import difflib  # only for a message: not loaded in a start without mistakes

    by_lower = {name.lower(): name for name in known}
    mistyped = word.lower()
    swapped = [name for name in by_lower if sorted(name) == sorted(mistyped)]
    others = [name for name in by_lower if name not in swapped]
    more = most - len(swapped)
    close = difflib.get_close_matches(mistyped, others, n=more, cutoff=cutoff) if more > 0 else []
    return [by_lower[name] for name in [*swapped, *close][:most]]


def nearest_name(word: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name most similar to `word`, or None when none is similar."""
    return next(iter(nearest_names(word, known, cutoff=cutoff)), None)
