"""Clients of one group are asked in turn, so many in one look at most; what they said stays with when that was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.common.errors import Failure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, ConsumerStatusReport, Problem

#: What is wrong with a client by its own answer alone.
_OWN: Final = frozenset({"blocked", "not_locked", "unlock_failed"})


class Said(msgspec.Struct):
    """What a client said, and what is wrong with it; or why it did not. When it was asked (ms), and in which look."""

    status: ClientStatus
    problems: list[Problem]
    failure: Failure | None
    asked_ms: int
    look: int = 0

    @property
    def well(self) -> bool:
        """It answered, and nothing is wrong with it."""
        return not self.problems and self.failure is None


class ClientsInTurn:
    """The clients of a group: whose turn it is to be asked, and what each said when it was."""

    def __init__(self) -> None:
        #: By client, the one that said it longest ago first.
        self.said: dict[str, Said] = {}
        #: The clients in the order in which they have their turn.
        self._order: list[str] = []
        #: The number of the last look.
        self.look = 0

    def next(self, connected: Iterable[str], most: int, *, again: int = 0) -> list[str]:
        """Those that are asked now, of all that are connected: first those that were never asked. Up to `again` of them
        are such that were not well, before it is their turn."""
        self.look += 1
        there = set(connected)
        for gone in self.said.keys() - there:
            del self.said[gone]
        waiting = [name for name in self._order if name in there]
        order = [*sorted(there - set(waiting)), *waiting]
        if len(order) > most:
            unwell = [name for name, said in self.said.items() if not said.well][:again]
            order = [*unwell, *(name for name in order if name not in unwell)]
        turn = order[:most]
        self._order = order[most:] + turn
        return turn

    def told(self, name: str, said: Said) -> None:
        """It has been asked."""
        self.said.pop(name, None)
        said.look = self.look
        self.said[name] = said

    def forget(self, most: int) -> None:
        """Keep what so many said: those that are well go first, then who said it longest ago."""
        while len(self.said) > most:
            well = (name for name, said in self.said.items() if said.well)
            del self.said[next(well, next(iter(self.said)))]

    def older(self, name: str) -> int | None:
        """When a client was asked (ms) that has not been in the last look."""
        said = self.said.get(name)
        return None if said is None or said.look == self.look else said.asked_ms


async def status_in_turn(
    admin: MQAdmin, group: str, turns: ClientsInTurn, most: int, now_ms: int
) -> ConsumerStatusReport:
    """What the clients of a group say, of whom so many are asked now, half of them again those that were not well; of
    all others what they said before. One that was never asked has no `info`, and no failure."""
    from rocketmq_ops.client.admin.groups.consumer_status import differing

    asked: list[str] = []

    def chosen(names: Sequence[str]) -> Sequence[str]:
        asked.extend(turns.next(names, most, again=most // 2))
        return asked

    report = await admin.clients.status(group, chosen=chosen)
    clients = {client.client_id: client for client in reversed(report.clients)}  # of several with an id, the first
    failures = {failure.target: failure for failure in report.failures}
    problems: dict[str, list[Problem]] = {}
    for problem in report.problems:
        if problem.client_id is not None and problem.kind in _OWN:
            problems.setdefault(problem.client_id, []).append(problem)
    for name in asked:
        failure = failures.get(f"client {name} ({clients[name].client_addr})")
        turns.told(name, Said(clients[name], problems.get(name, []), failure, now_ms))
    if len(asked) == len(clients):
        return report
    for name, client in clients.items():
        said = turns.said.get(name)
        if said is not None and said.look != turns.look:
            client.info = said.status.info
            report.problems += said.problems
            report.failures += [said.failure] if said.failure is not None else []
    infos = {client.client_id: client.info for client in report.clients if client.info is not None}
    if len(infos) == len(clients):
        different = differing(infos)
        report.problems += different
        report.same_subscription = not different
    return report
