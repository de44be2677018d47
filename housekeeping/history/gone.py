"""Brokers that a history saw registered lately, and that no name server lists now: these forget one that is killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from rocketmq_ops.common.addresses import MASTER_ID

#: The figure of the history that says that a broker was registered, by its id; its target is that of `place_of`.
REGISTERED: Final = "probe.registered"
#: How long one is looked for, ms.
LATELY_MS: Final = 3_600_000
#: Place -> (ms, id) at each run that saw it registered, ascending.
Seen = Mapping[str, Sequence[tuple[int, float]]]


class Gone(NamedTuple):
    """One of them: when it was last seen (ms). `replaced`: it was the master, and another one is now."""

    name: str
    address: str
    last_ms: int
    master: bool
    replaced: bool


def place_of(cluster: str | None, name: str | None, address: str) -> str:
    """A broker as the history names it."""
    return f"{cluster}/{name} at {address}"


def gone(before: Seen, registered: Mapping[str, int], now_ms: int) -> Iterator[Gone]:
    """Who is missing of those that were seen `before`. `registered` are the places of now, with their ids.

    One that has the same name and id at an address of which nothing was known then has moved there.
    """
    # Place -> when it was seen first, and its id.
    known = {place: (now_ms, broker_id) for place, broker_id in registered.items()}
    known |= {place: (points[0][0], int(points[-1][1])) for place, points in before.items()}
    for place, points in sorted(before.items()):
        if place in registered:
            continue
        last_ms, broker_id = points[-1]
        full_name, _, address = place.partition(" at ")
        of_name = {other: seen for other, seen in known.items() if other.partition(" at ")[0] == full_name}
        if any(first_ms > last_ms and held == broker_id for first_ms, held in of_name.values()):
            continue
        master = broker_id == MASTER_ID
        replaced = master and MASTER_ID in (registered[other] for other in of_name if other in registered)
        yield Gone(full_name.partition("/")[2], address, last_ms, master, replaced)
