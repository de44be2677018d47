"""Asks a live cluster for the facts that rules need: each kind once, a bounded number of requests at a time.

Every request has the session's timeout. A failed one is a fact too (`Missing`). Nothing is changed, and no message of
a business topic is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import TYPE_CHECKING, Final, TypeVar

from rocketmq_ops.client.admin.brokers.kv import ORDER_TOPIC_NAMESPACE
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.servers import cluster_info_of
from rocketmq_ops.client.api.topics import topic_stats
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.addresses import MASTER_ID, address_key
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_system_topic
from rocketmq_ops.housekeeping.doctor.facts import Ends, Facts, Later, Missing, Part, Route, Topic

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.fanout import FanOut
    from rocketmq_ops.client.admin.groups.consumer_status import ConsumerStatusReport
    from rocketmq_ops.remoting.bodies import ClusterInfo

K = TypeVar("K")
T = TypeVar("T")

#: Topics of a broker, and groups of the cluster, that are looked at one by one. Beyond that the rest is unknown.
MOST_TOPICS: Final = 2000
MOST_GROUPS: Final = 1000
#: Topics of each broker whose route every name server is asked for: what happens to a broker's routes happens to all.
_ROUTES_OF_EACH: Final = 3
#: System topics in which messages wait for something.
_LOOKED_AT: Final = (SCHEDULE_TOPIC, TRANS_HALF_TOPIC)
#: What a part of the snapshot is made from.
_FROM: Final = {
    Part.ENDS: (Part.TOPICS,),
    Part.ROUTES: (Part.TOPICS,),
    Part.ORDER: (Part.TOPICS,),
    Part.CLIENTS: (Part.GROUPS, Part.OFFSETS),
    Part.CERTIFICATES: (Part.RUNTIME,),
}


async def gather(admin: MQAdmin, parts: Collection[Part]) -> Facts:
    """The facts of these kinds. Raises AllFailedError when no name server answers."""
    wanted = {Part.NAME_SERVERS, *parts}
    wanted |= {source for part in wanted for source in _FROM.get(part, ())}
    facts = Facts(taken_at=now_ms(), asked=[part for part in Part if part in wanted])
    gathering = _Gathering(admin, facts)
    await gathering.name_servers()
    for part, learn in (
        (Part.RUNTIME, gathering.runtimes),
        (Part.CONFIG, gathering.configs),
        (Part.TOPICS, gathering.topics),
        (Part.GROUPS, gathering.groups),
        (Part.OFFSETS, gathering.offsets),
        (Part.ROUTES, gathering.routes),
        (Part.ORDER, gathering.order),
        (Part.ENDS, gathering.ends),
        (Part.CLIENTS, gathering.clients),
    ):
        if part in wanted:
            await learn()
    if Part.CERTIFICATES in wanted:
        gathering.certificates()
    return facts


async def gather_again(admin: MQAdmin, facts: Facts, seconds: int) -> Later:
    """What moves, once more: of the same brokers, topics and groups, as far as the facts have them."""
    again = Facts(
        taken_at=now_ms(), brokers=facts.brokers, topics=facts.topics, groups=facts.groups, offsets=facts.offsets
    )
    gathering = _Gathering(admin, again)
    for part, learn in (
        (Part.RUNTIME, gathering.runtimes),
        (Part.OFFSETS, gathering.offsets),
        (Part.ENDS, gathering.ends),
        (Part.CLIENTS, gathering.clients),
    ):
        if part in facts.asked:
            await learn()
    return Later(
        seconds=seconds,
        runtimes=again.runtimes,
        answered_at=again.answered_at,
        offsets=again.offsets,
        ends=again.ends,
        clients=again.clients,
        missing=again.missing,
    )


class _Gathering:
    """One run: asks, and fills in the facts."""

    def __init__(self, admin: MQAdmin, facts: Facts) -> None:
        self._admin = admin
        self._facts = facts

    async def _ask(self, part: Part, targets: Iterable[K], call: Callable[[K], Awaitable[T]]) -> dict[K, T]:
        """The answers; who failed is put down as missing."""
        return self._note(part, await self._admin.fan_out(targets, call))

    def _note(self, part: Part, fan: FanOut[K, T]) -> dict[K, T]:
        self._facts.missing += [Missing(part, failure.target, failure.cause) for failure in fan.failures]
        return fan.answers

    async def name_servers(self) -> None:
        """Which brokers each name server lists."""
        admin, facts = self._admin, self._facts
        fan = await admin.each_namesrv(lambda address: cluster_info_of(admin.session, address))
        fan.require_some("asking the name servers for their brokers")
        self._note(Part.NAME_SERVERS, fan)
        facts.name_servers = list(admin.name_servers)
        facts.listed = {address: _brokers(info) for address, info in fan.answers.items()}
        union = dict.fromkeys(broker for brokers in facts.listed.values() for broker in brokers)
        facts.brokers = sorted(
            union, key=lambda b: (b.cluster or "", b.broker_name or "", b.broker_id or 0, address_key(b.address))
        )

    def _addresses(self, *, masters: bool = False) -> list[str]:
        """The brokers; with `masters` only the masters, and where a name has none its lowest slave."""
        if not masters:
            return list(dict.fromkeys(broker.address for broker in self._facts.brokers))
        first: dict[tuple[str | None, str | None], str] = {}
        for broker in self._facts.brokers:
            if broker.broker_id == MASTER_ID:
                first[broker.cluster, broker.broker_name] = broker.address
            else:
                first.setdefault((broker.cluster, broker.broker_name), broker.address)
        return list(dict.fromkeys(first.values()))

    async def runtimes(self) -> None:
        """The figures of every broker, and when they came."""

        facts = self._facts

        async def one(address: str) -> dict[str, str]:
            facts.asked_at[address] = now_ms()
            figures = await self._admin.cluster.runtime(address)
            facts.answered_at[address] = now_ms()
            return figures

        facts.runtimes = await self._ask(Part.RUNTIME, self._addresses(), one)

    def certificates(self) -> None:
        """What servers gave when they were connected to, which they have been by now."""
        facts = self._facts
        for address in dict.fromkeys([*facts.listed, *facts.runtimes]):
            certificate = self._admin.session.certificate_of(address)
            if certificate is not None:
                from rocketmq_ops.remoting.certificates import valid_until_ms

                try:
                    facts.certificates[address] = valid_until_ms(certificate)
                except CorruptDataError as error:
                    facts.missing.append(Missing(Part.CERTIFICATES, address, error.cause))

    async def configs(self) -> None:
        """The configuration of every broker."""
        self._facts.configs = await self._ask(Part.CONFIG, self._addresses(), self._admin.configs.broker_config)

    async def topics(self) -> None:
        """The topics of every master."""
        found = await self._ask(Part.TOPICS, self._addresses(masters=True), self._admin.topics.configs_at)
        self._facts.topics = {
            address: {
                name: Topic(each.read_queue_nums, each.write_queue_nums, each.perm, each.order)
                for name, each in sorted(table.items())
            }
            for address, table in found.items()
        }

    async def groups(self) -> None:
        """The settings of every group on every master."""
        from rocketmq_ops.client.api.groups import group_configs

        session = self._admin.session
        self._facts.groups = await self._ask(
            Part.GROUPS, self._addresses(masters=True), lambda address: group_configs(session, address)
        )

    async def offsets(self) -> None:
        """What every broker has saved; slaves too, whose offsets a returned master can be compared with."""
        from rocketmq_ops.client.api.offsets import all_consumer_offsets

        session = self._admin.session
        self._facts.offsets = await self._ask(
            Part.OFFSETS, self._addresses(), lambda address: all_consumer_offsets(session, address)
        )

    async def routes(self) -> None:
        """What each name server answers for some topics of each broker."""
        topics = dict.fromkeys(
            name
            for table in self._facts.topics.values()
            for name in [name for name in table if not is_system_topic(name)][:_ROUTES_OF_EACH]
        )
        places = [(server, topic) for server in self._facts.listed for topic in topics]

        async def one(place: tuple[str, str]) -> Route:
            route = await topic_route_of(self._admin.session, place[0], place[1])
            perms = None if route is None else {queue.broker_name: queue.perm for queue in route.queue_datas}
            return Route(place[0], place[1], perms)

        self._facts.routes = list((await self._ask(Part.ROUTES, places, one)).values())

    async def order(self) -> None:
        """The order configuration of ordered topics."""
        topics = {name for table in self._facts.topics.values() for name, topic in table.items() if topic.order}

        async def one(topic: str) -> str | None:
            return await self._admin.kv.get(ORDER_TOPIC_NAMESPACE, topic)

        found = await self._ask(Part.ORDER, sorted(topics), one)
        self._facts.order = {topic: value for topic, value in found.items() if value}

    async def ends(self) -> None:
        """Begin and end of every queue of the masters' topics, and of delayed and half messages."""
        places: list[tuple[str, str]] = []
        for address, table in self._facts.topics.items():
            names = [name for name in table if not is_system_topic(name) or name in _LOOKED_AT]
            places += [(address, name) for name in names[:MOST_TOPICS]]
            if len(names) > MOST_TOPICS:
                self._facts.missing.append(
                    Missing(Part.ENDS, address, f"only the first {MOST_TOPICS} of {len(names)} topics are looked at")
                )

        async def one(place: tuple[str, str]) -> dict[int, Ends]:
            stats = await topic_stats(self._admin.session, *place)
            return {
                queue.queue_id: Ends(offsets.min_offset, offsets.max_offset, offsets.last_update_timestamp)
                for queue, offsets in stats.offset_table.items()
            }

        for (address, name), ends in (await self._ask(Part.ENDS, places, one)).items():
            self._facts.ends.setdefault(address, {})[name] = ends

    async def clients(self) -> None:
        """What the online clients of every group report; each is asked itself."""
        names = self._facts.user_groups()
        if len(names) > MOST_GROUPS:
            cause = f"only the first {MOST_GROUPS} of {len(names)} groups are looked at"
            self._facts.missing.append(Missing(Part.CLIENTS, "groups", cause))

        async def one(group: str) -> ConsumerStatusReport | None:
            try:
                return await self._admin.clients.status(group)
            except NotFoundError:
                return None

        self._facts.clients = await self._ask(Part.CLIENTS, names[:MOST_GROUPS], one)
        for group, report in self._facts.clients.items():
            for failure in report.failures if report is not None else ():
                self._facts.missing.append(Missing(Part.CLIENTS, f"{group}: {failure.target}", failure.cause))


def _brokers(info: ClusterInfo) -> list[BrokerAddress]:
    """The brokers of one name server, under each cluster that has their name."""
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress

    return [
        BrokerAddress(address, name, int(broker_id), cluster)
        for cluster, names in sorted(info.cluster_addr_table.items())
        for name in sorted(names)
        if (data := info.broker_addr_table.get(name)) is not None
        for broker_id, address in data.broker_addrs.items()
    ]
