"""The text form of changes to attributes, `+name=value,-name` (Apache's AttributeParser).

A change is an entry of a dict whose key is the name with its sign: `+name` -> value, `-name` -> ''. Which attributes
exist is the broker's matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping


def split_attributes(text: str) -> Iterator[tuple[str, str | None]]:
    """The (key, value) of each change as written, unchecked; the value is None where there is no `=`."""
    for piece in text.split(","):
        key, equals, value = piece.partition("=")
        yield key, value if equals else None


def join_attributes(changes: Mapping[str, str]) -> str:
    """The text of changes; the value of one that removes does not count."""
    return ",".join(f"{key}={value}" if key[0] == "+" else key for key, value in changes.items())
