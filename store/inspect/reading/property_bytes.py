"""Properties of a record in their stored form, read without decoding them all.

Mirrors MessageDecoder.string2messageProperties: pieces without a name or a value are ignored, a value goes up to
the next 0x02 and may hold any other byte, and of several pieces of one name the last counts, as in a Java map.
"""

from __future__ import annotations

import re
from functools import cache


@cache
def finder(*names: bytes) -> re.Pattern[bytes]:
    """A pattern whose groups are name and value of each piece that has one of the names."""
    return re.compile(rb"(?:\A|\x02)(" + b"|".join(map(re.escape, names)) + rb")\x01([^\x02]+)")


def property_of(properties: bytes, name: bytes) -> bytes | None:
    """The value of a property, None without it."""
    found = finder(name).findall(properties)
    return found[-1][1] if found else None


def has_property(properties: bytes, name: bytes) -> bool:
    """True when the properties hold a value under this name."""
    return name in properties and finder(name).search(properties) is not None
