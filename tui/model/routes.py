"""On which brokers topics have queues, by the route tables of the name servers: asked for while a broker has never told
of its groups, of one topic at a time, to know which groups cannot have anything there."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

import msgspec

#: A route is asked for again no sooner than this, ms.
AGAIN_MS: Final = 60_000


class _Route(msgspec.Struct, frozen=True):
    """The route of a topic: the brokers with queues of it, and those that the name server knew, and that have none."""

    on: frozenset[str]
    not_on: frozenset[str]


class _Table:
    """What one name server told."""

    def __init__(self, wanted: Iterable[str]) -> None:
        #: The brokers that it has ever listed, and those that it lists now with a master.
        self.ever: frozenset[str] = frozenset()
        self.masters: frozenset[str] = frozenset()
        self.routes: dict[str, _Route] = {}
        #: Routes that were told since it has listed its brokers last.
        self.newer: dict[str, frozenset[str]] = {}
        #: When each topic was asked for last, ms, the latest last; and the topics in turn.
        self.asked: dict[str, int] = {}
        self.turn = deque(wanted)


class Routes:
    """Brokers by their names, name servers by their addresses."""

    def __init__(self) -> None:
        #: The topics that are asked for.
        self._wanted: dict[str, None] = {}
        self._tables: dict[str, _Table] = {}

    def want(self, topics: Iterable[str]) -> None:
        """Ask for these from now on, those first that were not asked for yet, and forget all others."""
        self._wanted = dict.fromkeys(topics)
        for table in self._tables.values():
            for held in (table.routes, table.newer, table.asked):
                for gone in held.keys() - self._wanted.keys():
                    del held[gone]
            table.turn = deque(topic for topic in self._wanted if topic not in table.asked)
            table.turn.extend(table.asked)

    def next(self, address: str, now_ms: int) -> str | None:
        """Whose turn it is at a name server: the topic that was asked for longest ago; None while that is not long."""
        table = self._table(address)
        if not table.turn or now_ms - table.asked.get(table.turn[0], now_ms - AGAIN_MS) < AGAIN_MS:
            return None
        topic = table.turn.popleft()
        table.turn.append(topic)
        table.asked.pop(topic, None)
        table.asked[topic] = now_ms
        return topic

    def told(self, address: str, topic: str, on: Iterable[str]) -> None:
        """The brokers with queues of a topic; none where it has no route."""
        table, found = self._table(address), frozenset(on)
        table.newer[topic] = found
        old = table.routes.get(topic)
        if old is not None and found & old.not_on:
            table.routes[topic] = _Route(found, old.not_on - found)

    def listed(self, address: str, names: Iterable[str], masters: Iterable[str]) -> None:
        """A name server listed its brokers, and those of them that have a master.

        With a broker that it has not heard of for a while it forgets its queues, and those that a slave alone tells of
        it does not take (5.3.3 `RouteInfoManager`). So a route without a broker says that there are none if it was
        listed with its master before and after that; what it said of one stays when it is not listed any more.
        """
        table, now = self._table(address), frozenset(masters)
        both = table.masters & now
        table.ever |= frozenset(names)
        table.masters = now
        for topic, on in table.newer.items():
            old = table.routes.get(topic)
            before = frozenset[str]() if old is None else old.not_on - now
            table.routes[topic] = _Route(on, (both | before) - on)
        table.newer.clear()

    def without(self, topics: Iterable[str], names: Iterable[str]) -> frozenset[str]:
        """Those of the brokers that have no queue of any of these topics, as each name server says that ever listed
        them."""
        found = set(names)
        tables = list(self._tables.values())  # this is asked in another thread
        lists = {name: [table for table in tables if name in table.ever] for name in found}
        found = {name for name in found if lists[name]}
        for topic in topics:
            if not found:
                break
            found = {name for name in found if all(_not_on(table, topic, name) for table in lists[name])}
        return frozenset(found)

    def _table(self, address: str) -> _Table:
        table = self._tables.get(address)
        if table is None:
            table = self._tables[address] = _Table(self._wanted)
        return table


def _not_on(table: _Table, topic: str, name: str) -> bool:
    route = table.routes.get(topic)
    return route is not None and name in route.not_on
