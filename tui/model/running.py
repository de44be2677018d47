"""What clients say of themselves whose groups are not in order, whatever screen is open: who is stuck, and in what.

A few are asked at a time, in turn, through the broker that told of them; what they say is kept as their screens would.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Final, Protocol

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.clients_in_turn import ClientsInTurn, Said
from rocketmq_ops.tui.model.details import client as client_screen
from rocketmq_ops.tui.model.details.blocked import still_blocked
from rocketmq_ops.tui.model.details.group_clients import client_section, problem_section
from rocketmq_ops.tui.model.details.group_queues import held_section
from rocketmq_ops.tui.model.members import Members
from rocketmq_ops.tui.model.moment import ClientSeen, GroupSeen
from rocketmq_ops.tui.model.periods import RUNNING

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport
    from rocketmq_ops.remoting.bodies import ConsumerRunningInfo
    from rocketmq_ops.tui.model.details.detail import Section

#: Groups in one of these states are asked about.
NOT_IN_ORDER: Final = frozenset({LagState.SLOW, LagState.STALLED, LagState.STOPPED})
#: Of how many clients of a group what they said is known at the same time; and of how many of them, those with
#: problems, the screen is kept.
MOST_CLIENTS: Final = 64
_MOST_SCREENS: Final = 4
_MOST_TRIED: Final = 8

#: Through the broker at an address: what a client of a group says of itself.
Ask = Callable[[str, str, str], Awaitable["ConsumerRunningInfo"]]


class Keep(Protocol):
    """Keeps an answer under a name; `whole`: what is not among its rows is not there."""

    def __call__(self, name: str, section: Section, *, whole: bool) -> None: ...


class Running:
    """Whose turn it is, and what was said. `failure_of` names a client that did not answer."""

    def __init__(self, members: Members, ask: Ask, failure_of: Callable[[str, Exception], Failure], keep: Keep) -> None:
        self._members = members
        self._ask = ask
        self._failure_of = failure_of
        self._keep = keep
        #: Of groups that are not in order: what clients said, and who is asked next.
        self._clients: dict[str, ClientsInTurn] = {}
        #: When a group had its turn; and when any may have the next.
        self._turns: dict[str, int] = {}
        self._due_ms = 0

    async def look(self, groups: Iterable[GroupSeen], now_ms: int, *, but: Iterable[str] = ()) -> None:
        """Ask some clients of one group, if it is time. `but`: groups whose screen is looked at, which asks itself."""
        wrong = {each.group: each for each in groups if each.lag.state in NOT_IN_ORDER}
        for held in (self._clients, self._turns):
            for gone in held.keys() - wrong.keys():
                del held[gone]
        if now_ms < self._due_ms:
            return
        found = self._next(wrong.keys() - set(but))
        if found is None:
            return
        group, address = found
        self._turns[group], self._due_ms = now_ms, now_ms + RUNNING.period_ms
        await self._of_group(wrong[group], address, now_ms)

    def _next(self, names: Iterable[str]) -> tuple[str, str] | None:
        """The group whose turn it is, and the broker that is asked; to find one takes time, so that few are tried."""
        known = (name for name in names if self._members.count(name))
        for name in heapq.nsmallest(_MOST_TRIED, known, key=lambda name: (self._turns.get(name, 0), name)):
            address = self._members.place_of(name)
            if address is not None:
                return name, address
            self._turns[name] = self._turns.get(name, 0) + 1  # others first
        return None

    async def _of_group(self, seen: GroupSeen, address: str, now_ms: int) -> None:
        group = seen.group
        turns = self._clients.setdefault(group, ClientsInTurn())
        connected = {each.client_id: each for each in self._members.of_group(group)}
        turn = turns.next(connected, RUNNING.requests)
        answers = await asyncio.gather(*(self._of_client(address, seen, connected[name], now_ms) for name in turn))
        for name, said in zip(turn, answers, strict=True):
            turns.told(name, said)
        turns.forget(MOST_CLIENTS)
        self._keep_screens(group, turns, whole=turns.said.keys() == connected.keys())

    async def _of_client(self, address: str, group: GroupSeen, seen: ClientSeen, now_ms: int) -> Said:
        from rocketmq_ops.client.admin.groups.consumer_status import ClientStatus, queue_problems, running_info

        status = ClientStatus(
            client_id=seen.client_id,
            client_addr=seen.address,
            language=str(seen.language),
            version=seen.version,
            brokers=[address],
        )
        try:
            status.info = running_info(await self._ask(address, group.group, seen.client_id))
        except Exception as error:  # one that answers what cannot be read is no less named than one that does not
            failure = self._failure_of(f"client {seen.client_id}", error)
            return Said(status, [], failure, now_ms)
        return Said(status, still_blocked(queue_problems(seen.client_id, status.info, now_ms), group), None, now_ms)

    def _keep_screens(self, group: str, turns: ClientsInTurn, *, whole: bool) -> None:
        known = turns.said
        report = _report(group, known.values())
        name = Address("group", group)
        self._keep(f"{name}/clients", client_section(group, report, turns, RUNNING.requests), whole=whole)
        self._keep(f"{name}/problems", problem_section(group, report), whole=whole)
        self._keep(f"{name}/queues", held_section(report), whole=False)
        stuck = [said for said in known.values() if said.problems and said.status.info is not None]
        for said in stuck[:_MOST_SCREENS]:
            about = Address("client", said.status.client_id, ((client_screen.GROUP, group),))
            alone = _report(group, [said])
            self._keep(f"{about}/queues", client_screen.queue_section(alone, said.status), whole=True)
            self._keep(f"{about}/subscriptions", client_screen.subscription_section(said.status), whole=True)


def _report(group: str, said: Iterable[Said]) -> ConsumerStatusReport:
    from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport

    found = sorted(said, key=lambda each: each.status.client_id)
    types = [each.status.info.consume_type for each in found if each.status.info is not None]
    return ConsumerStatusReport(
        group,
        next(iter(types), None),
        None,
        [each.status for each in found],
        None,
        None,
        [problem for each in found for problem in each.problems],
        [each.failure for each in found if each.failure is not None],
    )
