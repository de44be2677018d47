"""Who is connected: which group is asked next at which broker, and what was answered.

A consumer is connected to every broker that has queues of its topics, so any of them knows its group: but not one that
was started anew, or could not be reached for a while, until the consumer has found it again, which takes a minute
(5.3.3 `MQClientInstance`: routes and heartbeats, each every 30 s). So where one lacks clients that there were, another
is asked before they are taken for gone; where none of these has been there for long enough, they are in doubt until one
has. Groups that are behind are asked again soon, all others in turn, each broker a
few a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from zlib import crc32

import msgspec

from rocketmq_ops.common.addresses import address_key
from rocketmq_ops.housekeeping.unsaved import Subscribed
from rocketmq_ops.remoting.bodies import Connection, ConsumerConnection, ProducerInfo, ProducerTableInfo
from rocketmq_ops.remoting.versions import version_text
from rocketmq_ops.tui.model.moment import ClientSeen

#: How soon a group is asked again that is behind, and any other, ms.
BEHIND_MS: Final = 15_000
OTHERS_MS: Final = 120_000
#: For how long a broker has to have been there until clients have found it, ms.
FOUND_MS: Final = 60_000
#: What was told of that so long ago holds, ms: no broker stops, starts and answers within it.
_AGE_HOLDS_MS: Final = 1_000

#: A group: its name, whether it is behind, and the names of the brokers that have queues of it.
Placed = tuple[str, bool, list[str]]


class _Asked(msgspec.Struct):
    """What a group was asked for when, and the broker that told it, or most of it."""

    asked_ms: int
    clients: list[ClientSeen]
    subscribed: Subscribed
    address: str


class _Doubted(msgspec.Struct):
    """What a broker told, in which clients are missing, and the address of the one that is asked for them."""

    told: _Asked
    other: str


class Members:
    """The clients of groups, as they were told."""

    def __init__(self) -> None:
        self._groups: dict[str, _Asked] = {}
        #: Groups that could not be asked for them yet, and when that was tried (ms).
        self._tried: dict[str, int] = {}
        #: How many clients groups had that were not asked for them yet, as a dashboard before this one was told.
        self._before: dict[str, int] = {}
        self._producers: dict[str, list[ClientSeen]] = {}
        #: Address -> groups that are asked there, those that are behind first.
        self._places: dict[str, list[tuple[str, int]]] = {}
        #: The other broker of a group that has more than one.
        self._others: dict[str, str] = {}
        self._behind: set[str] = set()
        self._doubted: dict[str, _Doubted] = {}
        #: Groups whose clients no broker knows that has been there for long enough to know them.
        self._in_doubt: set[str] = set()
        #: By address since when brokers have been there, and when that was told (ms since 1970).
        self._there: dict[str, tuple[int, int]] = {}

    def there_since(self, address: str, since_ms: int, now_ms: int) -> None:
        """A broker has told since when it runs, or answers again (ms since 1970)."""
        before, _ = self._there.get(address, (since_ms, now_ms))
        self._there[address] = max(before, since_ms), now_ms

    def place(self, groups: Iterable[Placed], addresses: Mapping[str, str]) -> None:
        """Say which groups there are. `addresses` are of the brokers that answer, by their names."""
        self._places = {address: [] for address in addresses.values()}
        self._others, self._behind = {}, set()
        there = set()
        for name, behind, brokers in groups:
            there.add(name)
            if behind:
                self._behind.add(name)
            at = [addresses[broker] for broker in brokers if broker in addresses] or sorted(addresses.values())
            if at:
                chosen = crc32(name.encode()) % len(at)
                self._places[at[chosen]].append((name, BEHIND_MS if behind else OTHERS_MS))
                if len(at) > 1:
                    self._others[name] = at[(chosen + 1) % len(at)]
        for places in self._places.values():
            places.sort(key=lambda place: place[1])
        for gone in self._groups.keys() - there:
            del self._groups[gone]
        for times in (self._tried, self._before):
            for gone in times.keys() - there:
                del times[gone]
        self._in_doubt &= there
        for name, doubted in list(self._doubted.items()):
            if name not in there or doubted.other not in self._places:
                del self._doubted[name]

    def go_on(self, counts: Mapping[str, int]) -> None:
        """So many clients groups had a moment ago."""
        self._before = {**counts}

    def next(self, address: str, now_ms: int) -> str | None:
        """The group to ask now at a broker; None while it is nobody's turn."""
        here = [name for name, doubted in self._doubted.items() if doubted.other == address]
        missed = next((name for name in here if self.count(name)), None)
        if missed is not None:
            return missed
        best: str | None = None
        best_due = now_ms
        for name, period in self._places.get(address, ()):
            asked = self._groups.get(name)
            tried = self._tried.get(name) if asked is None else asked.asked_ms
            if tried is None:
                return name  # before those that nobody is known of
            due = tried + (BEHIND_MS if name in self._in_doubt else period)
            if due <= best_due:
                best, best_due = name, due
        return here[0] if here else best

    def age_matters(self, address: str, group: str, connected: ConsumerConnection | None, now_ms: int) -> bool:
        """Whether clients are missing in an answer that counts unless the broker was started anew since it told since
        when it runs."""
        _, told_ms = self._there.get(address, (0, now_ms))
        if now_ms - told_ms <= _AGE_HOLDS_MS or not self._found(address, now_ms):
            return False
        return self._lacks(group, _asked(address, group, connected, now_ms))

    def told(self, address: str, group: str, connected: ConsumerConnection | None, now_ms: int) -> None:
        """A broker answered who is connected; None: nobody. Where clients are missing, or nobody is there of a group
        that is behind, it counts once another broker was asked, and so do the clients that this one tells of; unless
        clients may not have found either yet."""
        told = _asked(address, group, connected, now_ms)
        doubted = self._doubted.pop(group, None)
        if doubted is not None:
            self._heard(group, _together(doubted.told, told), (doubted.told.address, address), now_ms)
        elif (other := self._others.get(group, address)) != address and self._lacks(group, told):
            self._doubted[group] = _Doubted(told, other)
            self._tried_at(group, now_ms)
        else:
            self._heard(group, told, (address,), now_ms)

    def _heard(self, group: str, told: _Asked, by: Iterable[str], now_ms: int) -> None:
        """All was heard that is there to be heard: it counts unless clients are missing, and no broker of these has
        been there for long enough to know of them."""
        if self._lacks(group, told) and not any(self._found(address, now_ms) for address in by):
            self._in_doubt.add(group)
            self._tried_at(group, now_ms)
            return
        self._in_doubt.discard(group)
        self._groups[group] = told
        self._tried.pop(group, None)

    def _found(self, address: str, now_ms: int) -> bool:
        """Whether clients have had the time to find a broker; so it is where that is not known."""
        since = self._there.get(address)
        return since is None or now_ms - since[0] >= FOUND_MS

    def _lacks(self, group: str, told: _Asked) -> bool:
        """Whether some are not there that were, or nobody is of whom it matters."""
        asked, clients = self._groups.get(group), told.clients
        if asked is None:
            return len(clients) < self._before.get(group, 1 if group in self._behind else 0)
        return not {each.client_id for each in asked.clients} <= {each.client_id for each in clients}

    def not_told(self, group: str, now_ms: int) -> None:
        """It could not be asked: others have their turn first, and what was known of it stays, or what a broker told
        just before."""
        doubted = self._doubted.pop(group, None)
        if doubted is not None:
            self._heard(group, doubted.told, (doubted.told.address,), now_ms)
        else:
            self._tried_at(group, now_ms)

    def _tried_at(self, group: str, now_ms: int) -> None:
        known = self._groups.get(group)
        if known is not None:
            known.asked_ms = now_ms
        else:
            self._tried[group] = now_ms

    def told_producers(self, address: str, table: ProducerTableInfo, now_ms: int) -> None:
        """A broker told of all producers that it sees."""
        self._producers[address] = [
            _seen(each, each.remote_ip, group, now_ms, producer=True)
            for group, producers in table.data.items()
            for each in producers
        ]

    def forget(self, address: str) -> None:
        """A broker is not asked any more."""
        self._producers.pop(address, None)
        self._there.pop(address, None)

    def tells_of_none(self, address: str) -> None:
        """A broker does not tell of producers: Apache's before 5.0 cannot."""
        self._producers[address] = []

    def whole(self, groups: Iterable[str], addresses: Iterable[str]) -> bool:
        """Whether of all these groups the clients are known, and of all these brokers the producers."""
        told = self._groups.keys() - self._in_doubt
        return all(map(told.__contains__, groups)) and all(map(self._producers.__contains__, addresses))

    def count(self, group: str) -> int | None:
        """How many clients a group has; None when it was not asked yet, or is in doubt."""
        if group in self._in_doubt:
            return None
        asked = self._groups.get(group)
        return self._before.get(group) if asked is None else len({client.client_id for client in asked.clients})

    def subscribed(self, group: str) -> Subscribed:
        """What its clients subscribe to, as far as that is known."""
        asked = self._groups.get(group)
        return Subscribed() if asked is None else asked.subscribed

    def of_group(self, group: str) -> list[ClientSeen]:
        """The clients of a group, as far as they are known."""
        asked = self._groups.get(group)
        return [] if asked is None else asked.clients

    def place_of(self, group: str) -> str | None:
        """The broker that has told of its clients, else the one that is asked; None while there is none."""
        asked = self._groups.get(group)
        if asked is not None and asked.address in self._places:
            return asked.address
        places = self._places.items()
        return next((address for address, names in places if any(name == group for name, _ in names)), None)

    def clients(self) -> dict[str, ClientSeen]:
        """All that are known, with all their groups; a client's producer has an entry of its own."""
        found: dict[str, ClientSeen] = {}
        every = [asked.clients for asked in self._groups.values()]
        for clients in (*every, *self._producers.values()):
            for client in clients:
                key = f"{client.client_id} producer" if client.producer else client.client_id
                old = found.get(key)
                if old is None:
                    found[key] = client
                elif client.groups[0] not in old.groups:
                    groups = tuple(sorted((*old.groups, client.groups[0])))
                    found[key] = msgspec.structs.replace(old, groups=groups, seen_ms=max(old.seen_ms, client.seen_ms))
        return dict(sorted(found.items(), key=lambda item: (item[0], address_key(item[1].address))))


def _seen(
    told: Connection | ProducerInfo, address: str, group: str, now_ms: int, *, producer: bool = False
) -> ClientSeen:
    """A client of a group as a broker tells of it."""
    return ClientSeen(
        client_id=told.client_id,
        address=address,
        language=told.language,
        version=version_text(told.version),
        groups=(group,),
        producer=producer,
        seen_ms=now_ms,
    )


def _asked(address: str, group: str, connected: ConsumerConnection | None, now_ms: int) -> _Asked:
    """What a broker answered."""
    found = [] if connected is None else connected.connection_set
    clients = [_seen(each, each.client_addr, group, now_ms) for each in found]
    return _Asked(now_ms, clients, Subscribed.of(connected), address)


def _together(one: _Asked, other: _Asked) -> _Asked:
    """What two brokers told of a group."""
    most, least = sorted((one, other), key=lambda asked: len(asked.clients), reverse=True)
    ids = {client.client_id for client in most.clients}
    clients = [*most.clients, *(client for client in least.clients if client.client_id not in ids)]
    return _Asked(other.asked_ms, clients, most.subscribed if most.clients else other.subscribed, most.address)
