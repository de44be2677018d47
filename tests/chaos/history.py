"""What is known of a run: all that its checks go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.chaos.events import Event

Record = dict[str, Any]
#: What a store's file says of all offsets: by topic@group and queue.
Offsets = dict[str, dict[int, int]]

#: Seconds after a fault in which groups share out their queues anew: brokers register every 10 s, clients look every second.
#: Within them a second delivery and a lower offset are excused; a run goes on without faults until both are judged.
GRACE = 13.0


class Suffered(NamedTuple):
    """A fault as it happened; times as those of events."""

    begin: float
    end: float
    kind: str
    target: str


class Look(NamedTuple):
    """What a broker said of a group's offset in a queue."""

    t: float
    store: str
    topic_group: str
    queue: int
    offset: int


class Left(NamedTuple):
    """What the file of a broker that was killed or stopped said of all offsets when it was started again."""

    t: float
    store: str
    offsets: Offsets


class Told(NamedTuple):
    """A commit of an offset to a master, or with `read` what it says of it; `done`: it answered so."""

    begin: float
    end: float
    store: str
    offset: int
    read: bool
    done: bool = True


class History(NamedTuple):
    """All that is known of a run. `records`: by name of the store, in the order of its commitlog."""

    events: list[Event]
    suffered: list[Suffered]
    records: dict[str, list[Record]]
    looks: list[Look]
    #: Seconds between two writes of the offsets.
    offsets_kept_every: float
    slaves: bool
    #: What the stores' files say in the end, once all readers and then all servers ended in order: by store, topic@group, queue.
    kept: dict[str, Offsets]
    #: Clients that had ended before anybody asked them to.
    gone: tuple[str, ...] = ()
    #: What one client that no fault meets committed for a group of its own, and read back (`tests/chaos/witness.py`).
    told: Sequence[Told] = ()
    left: Sequence[Left] = ()
    #: Who was ended by SIGTERM, and with what status: servers by their names, clients by those of their lives.
    ended: tuple[tuple[str, int], ...] = ()


def broker_of(store: str) -> str:
    """`broker-a` of the stores `broker-a`, `broker-a-0` and `broker-a-1`."""
    return "-".join(store.split("-")[:2])


def is_slave(store: str) -> bool:
    return store.count("-") > 1 and not store.endswith("-0")


def masters(history: History) -> Iterator[tuple[str, list[Record]]]:
    for store, records in history.records.items():
        if not is_slave(store):
            yield broker_of(store), records


def steps(history: History) -> Iterator[tuple[Look, Look]]:
    """Each look with the furthest one of the time before it."""
    known: dict[tuple[str, str, int], list[Look]] = defaultdict(list)
    for look in history.looks:
        known[look.store, look.topic_group, look.queue].append(look)
    for looks in known.values():
        furthest = looks[0]
        for look in looks[1:]:
            yield furthest, look
            if look.offset >= furthest.offset or look.t > furthest.t + GRACE:
                furthest = look
