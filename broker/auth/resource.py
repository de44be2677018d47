"""What an entry of an ACL is about: a cluster, topics or groups, by name, by the beginning of the name, or all of them.

Mirrors Resource, ResourceType and ResourcePattern.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple

ANY: Final = "Any"
CLUSTER: Final = "Cluster"
TOPIC: Final = "Topic"
GROUP: Final = "Group"
#: The names by which entries are written, in any case.
_TYPES: Final = {name.lower(): name for name in ("Unknown", ANY, CLUSTER, "Namespace", TOPIC, GROUP)}


class Pattern(IntEnum):
    """How a name is meant, the nearest first."""

    LITERAL = 0
    PREFIXED = 1
    ANY = 2


class Resource(NamedTuple):
    """`name`: None with Pattern.ANY."""

    type: str
    name: str | None
    pattern: Pattern = Pattern.LITERAL

    @classmethod
    def parse(cls, key: str | None) -> Resource | None:
        """From `*`, `Topic:*`, `Topic:orders*` or `Topic:orders`; None for what is none of them."""
        if key is None or not key.strip():
            return None
        if key == "*":
            return cls(ANY, None, Pattern.ANY)
        kind, _, name = key.partition(":")
        known = _TYPES.get(kind.lower())
        if known is None:
            return None
        if name == "*":
            return cls(known, None, Pattern.ANY)
        if name.endswith("*"):
            return cls(known, name.partition("*")[0], Pattern.PREFIXED)
        return cls(known, name)

    def __str__(self) -> str:
        if self.type == ANY:
            return "*"
        return f"{self.type}:{self.name or ''}{'' if self.pattern is Pattern.LITERAL else '*'}"

    def covers(self, kind: str, name: str | None) -> bool:
        """Whether a single resource is meant; None is one without a name, which only an entry for all of them means."""
        if self.type == ANY:
            return True
        if self.type != kind:
            return False
        if self.pattern is Pattern.ANY:
            return True
        if name is None or self.name is None:
            return False
        return name.startswith(self.name) if self.pattern is Pattern.PREFIXED else name == self.name
