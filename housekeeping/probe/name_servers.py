"""Every name server alone: whether it answers, and whether they agree on brokers, topics and routes."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.servers import cluster_info_of
from rocketmq_ops.client.api.topics import topic_config, topic_names_of
from rocketmq_ops.common.errors import RocketMQError, some_of
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.housekeeping.findings import Finding, Severity
from rocketmq_ops.housekeeping.probe.names import is_probers

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.remoting.bodies import ClusterInfo, TopicRouteData

#: What differs is looked at again after this time: a broker registers with one name server after the other.
SETTLE_MS: Final = 1500
#: Names in one finding.
_MOST_NAMED: Final = 5


class Seen(msgspec.Struct):
    """What one name server knows: brokers as (cluster, name, id, address), topics, and how long its answer took, ms."""

    brokers: frozenset[tuple[str, str, int, str]]
    topics: frozenset[str]
    millis: float


class NameServers(msgspec.Struct):
    """All of them; `seen` has those that answered."""

    seen: dict[str, Seen]
    errors: dict[str, RocketMQError]

    def brokers(self, cluster: str | None) -> list[BrokerAddress]:
        """The brokers that any of them lists, of one cluster or all, sorted."""
        known = {broker[:3]: broker[3] for seen in self.seen.values() for broker in sorted(seen.brokers)}
        return [
            BrokerAddress(address, name, broker_id, of)
            for (of, name, broker_id), address in sorted(known.items())
            if cluster in (None, of)
        ]

    @property
    def topics(self) -> list[str]:
        """The topics that any of them knows, sorted."""
        return sorted(set[str]().union(*(seen.topics for seen in self.seen.values())))


async def look(admin: MQAdmin) -> NameServers:
    """Ask each. None of them need answer."""

    async def one(address: str) -> Seen:
        begun = time.perf_counter()
        info = await cluster_info_of(admin.session, address)
        millis = (time.perf_counter() - begun) * 1000
        topics = await topic_names_of(admin.session, address)
        return Seen(_brokers(info), frozenset(topic for topic in topics if not is_probers(topic)), millis)

    fan = await admin.each_namesrv(one)
    return NameServers(fan.answers, fan.errors)


def _brokers(info: ClusterInfo) -> frozenset[tuple[str, str, int, str]]:
    return frozenset(
        (data.cluster, name, int(broker_id), address)
        for name, data in info.broker_addr_table.items()
        for broker_id, address in data.broker_addrs.items()
    )


async def judge(admin: MQAdmin, first: NameServers, sample: list[str]) -> list[Finding]:
    """What is wrong: name servers that do not answer, and what they do not agree on, also after a moment."""
    findings = [_down(address, error) for address, error in first.errors.items()]
    if len(first.seen) < 2:
        return findings
    names = list(first.seen)
    different = _differences(first)
    routes = await _routes(admin, names, sample)
    unlike = [topic for topic in sample if _unlike(routes, topic)]
    if different or unlike:
        await asyncio.sleep(SETTLE_MS / 1000)
        again = await look(admin)
        again.seen = {name: again.seen[name] for name in names if name in again.seen}
        different = _differences(again) if len(again.seen) > 1 else []
        routes = await _routes(admin, list(again.seen), unlike)
        different += [_route_difference(topic, differing) for topic in unlike if (differing := _unlike(routes, topic))]
    return findings + different


def _down(address: str, error: RocketMQError) -> Finding:
    return Finding(
        id="probe.name-server-down",
        severity=Severity.CRITICAL,
        target=address,
        evidence=error.cause,
        remedy="start it, or take it out of the name servers of clients and brokers",
    )


def _differences(found: NameServers) -> list[Finding]:
    """Brokers and topics that one name server lacks and another has."""
    findings = []
    every_broker = frozenset[tuple[str, str, int, str]]().union(*(seen.brokers for seen in found.seen.values()))
    every_topic = frozenset[str]().union(*(seen.topics for seen in found.seen.values()))
    for address, seen in found.seen.items():
        for broker in sorted(every_broker - seen.brokers):
            cluster, name, broker_id, at = broker
            knowing = ", ".join(other for other, view in found.seen.items() if broker in view.brokers)
            findings.append(
                Finding(
                    id="probe.name-servers-disagree",
                    severity=Severity.CRITICAL,
                    target=address,
                    evidence=f"it does not list {cluster}/{name} {broker_id} at {at}, which {knowing} lists",
                    remedy=f"`mqadmin getBrokerConfig -b {at}`: its namesrvAddr has to name {address}",
                )
            )
        # Topics of a broker that is missing are missing with it: that is said once.
        lacking = sorted(every_topic - seen.topics) if every_broker == seen.brokers else []
        if lacking:
            findings.append(
                Finding(
                    id="probe.name-servers-disagree",
                    severity=Severity.WARNING,
                    target=address,
                    evidence=f"it lacks {plural(len(lacking), 'topic', 'topics')} that others have: "
                    f"{some_of(lacking, _MOST_NAMED)}",
                    remedy=f"`mqadmin topicRoute -t {lacking[0]} -n {address}`; a broker registers all of its topics "
                    "again within 30 s",
                )
            )
    return findings


async def _routes(
    admin: MQAdmin, name_servers: list[str], topics: list[str]
) -> dict[tuple[str, str], frozenset[str] | None]:
    """(name server, topic) -> the parts of its route; None where there is none. What fails is left out."""

    async def one(place: tuple[str, str]) -> frozenset[str] | None:
        route = await topic_route_of(admin.session, *place)
        return None if route is None else _parts(route)

    fan = await admin.fan_out([(name, topic) for topic in topics for name in name_servers], one)
    return fan.answers


def _parts(route: TopicRouteData) -> frozenset[str]:
    queues = (
        f"{q.broker_name} {q.read_queue_nums} read {q.write_queue_nums} write queues, permission {q.perm}"
        for q in route.queue_datas
    )
    brokers = (
        f"{data.broker_name} {broker_id} {address}"
        for data in route.broker_datas
        for broker_id, address in data.broker_addrs.items()
    )
    return frozenset([*queues, *brokers])


def _unlike(routes: dict[tuple[str, str], frozenset[str] | None], topic: str) -> dict[str, frozenset[str]]:
    """The route of a topic at each name server that has one, where they differ."""
    found = {name: parts for (name, of), parts in routes.items() if of == topic and parts is not None}
    return found if len(set(found.values())) > 1 else {}


def _route_difference(topic: str, differing: dict[str, frozenset[str]]) -> Finding:
    common = frozenset.intersection(*differing.values())
    told = "; ".join(
        f"{name}: {some_of(sorted(parts - common), _MOST_NAMED) or 'nothing'}" for name, parts in differing.items()
    )
    return Finding(
        id="probe.routes-differ",
        severity=Severity.WARNING,
        target=topic,
        evidence=f"its route is not the same at all name servers: {told}",
        remedy=f"`mqadmin topicRoute -t {topic} -n NAME_SERVER` at each; was write permission wiped at one of them?",
    )


async def unwritable(admin: MQAdmin, name_servers: list[str], broker_name: str, address: str) -> list[Finding]:
    """Whether name servers have lost a broker's write permission: producers then send nothing to it.

    Seen on the topic that every broker has under its own name, by the permission that the broker gives it. Raises
    RocketMQError when that cannot be asked.
    """
    config = await topic_config(admin.session, address, broker_name)
    if config is None or not config.perm & PERM_WRITE:
        return []

    async def one(name_server: str) -> int | None:
        route = await topic_route_of(admin.session, name_server, broker_name)
        return next((q.perm for q in route.queue_datas if q.broker_name == broker_name), None) if route else None

    fan = await admin.fan_out(name_servers, one)
    wiped = [name for name, perm in fan.answers.items() if perm is not None and not perm & PERM_WRITE]
    if not wiped:
        return []
    return [
        Finding(
            id="probe.write-permission-wiped",
            severity=Severity.CRITICAL,
            target=broker_name,
            evidence=f"{', '.join(wiped)} route no sends to it, while the broker itself would take them: its write "
            "permission was wiped",
            remedy=f"`mqadmin addWritePerm -b {broker_name}`, unless it is to be emptied",
        )
    ]
