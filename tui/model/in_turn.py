"""Asks for one thing after the other, each server beside all else: the clients of a group, the rate of a topic, where
its queues end, its route. Whose turn it is, what is known says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.client.admin.brokers.stats import TOPIC_PUT_NUMS, counted
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.servers import runtime_info
from rocketmq_ops.client.api.stats import stats_data
from rocketmq_ops.client.api.topics import topic_stats
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.periods import ENDS, MEMBERS, PUTS, ROUTES, Question

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.tui.model.clock import Clock


class InTurn:
    """Each method asks one server until it is cancelled, whatever is wished meanwhile.

    `failed` is called when a server has not told; `period` says how often a question is asked, ms.
    """

    def __init__(
        self,
        admin: MQAdmin,
        clock: Clock,
        known: Known,
        failed: Callable[[str, Question, Exception], None],
        period: Callable[[Question], int],
    ) -> None:
        self._admin = admin
        self._clock = clock
        self._known = known
        self._failed = failed
        self._period = period

    async def members(self, address: str) -> None:
        """Ask a broker for the clients of one group after the other."""
        members = self._known.members
        while True:
            group = None if self._known.silent(address) else members.next(address, self._clock.now_ms())
            if group is not None:
                try:
                    connected = await self._admin.clients.consumers_at(address, group)
                    if members.age_matters(address, group, connected, self._clock.now_ms()):
                        await self._sleep(self._period(MEMBERS))
                        await self._age(address)
                except Exception as error:
                    members.not_told(group, self._clock.now_ms())
                    self._failed(address, MEMBERS, error)
                else:
                    members.told(address, group, connected, self._clock.now_ms())
                    self._known.failures.pop((address, MEMBERS.name), None)
            await self._sleep(self._period(MEMBERS) if group is not None else 2 * self._period(MEMBERS))

    async def _age(self, address: str) -> None:
        """Ask a broker for its figures, which tell since when it runs. It may have been started anew since it was."""
        try:
            figures = await runtime_info(self._admin.session, address)
        except Exception:  # what it told before holds; that it fails is seen elsewhere
            return
        self._known.runtime(address, figures, self._clock.now_ms())

    async def puts(self, address: str) -> None:
        """Ask a broker for the rate of one topic after the other, of those that no group consumes."""
        known = self._known
        while True:
            topic = None
            if not known.silent(address) and address in known.to_ask_for_groups():
                own = {name for broker in known.brokers.values() for name in (broker.broker_name, broker.cluster)}
                topic = known.puts.next(address, known.topics.get(address, ()), own, self._clock.now_ms())
            if topic is not None:
                try:
                    data = await stats_data(self._admin.session, address, TOPIC_PUT_NUMS, topic)
                    rate = counted(data).tps
                except Exception:  # its rate is not known; that it fails is seen elsewhere
                    rate = None
                known.puts.told(address, topic, rate)
            await self._sleep(self._period(PUTS) if topic is not None else 5 * self._period(PUTS))

    async def ends(self, address: str) -> None:
        """Ask a broker where the queues of one topic end after the other, of those that groups have committed nothing
        of."""
        ends = self._known.ends
        while True:
            topic = None if self._known.silent(address) else ends.next(address, self._clock.now_ms())
            if topic is not None:
                try:
                    told = await topic_stats(self._admin.session, address, topic)
                    found = {queue.queue_id: each.max_offset for queue, each in told.offset_table.items()}
                except Exception:  # they are not known; that it fails is seen elsewhere
                    found = None
                ends.told(address, topic, found)
            await self._sleep(self._period(ENDS))

    async def routes(self, address: str) -> None:
        """Ask a name server for the route of one topic after the other, while a broker has never told of its groups."""
        routes = self._known.routes
        while True:
            topic = None if self._known.name_server(address).outdated else routes.next(address, self._clock.now_ms())
            if topic is not None:
                try:
                    route = await topic_route_of(self._admin.session, address, topic)
                except Exception:  # what it told before stays; that it fails is seen elsewhere
                    route = None
                else:
                    queues = [] if route is None else route.queue_datas
                    routes.told(address, topic, {each.broker_name for each in queues})
            await self._sleep(self._period(ROUTES) if topic is not None else 10 * self._period(ROUTES))

    async def _sleep(self, ms: int) -> None:
        await self._clock.wait(asyncio.Event(), ms)
