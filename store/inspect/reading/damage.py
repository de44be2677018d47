"""Ranges of the commitlog that hold no readable records."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass


@dataclass(slots=True)
class Damage:
    """A range of the commitlog that holds no readable records: offsets, and the reason (a finding's id)."""

    start: int
    end: int
    kind: str


def damage_of(damages: list[Damage], offset: int) -> Damage | None:
    """The damaged range that an offset lies in; `damages` are sorted by their start and do not overlap."""
    at = bisect_right(damages, offset, key=lambda d: d.start) - 1
    return damages[at] if at >= 0 and offset < damages[at].end else None
