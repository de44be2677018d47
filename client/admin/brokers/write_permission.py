"""The write permission of a broker's topics on the name servers: taken, given back, and read back from the routes.

Mirrors wipeWritePermOfBroker and addWritePermOfBroker. A name server answers with the number of topics that it went
through; whether their routes changed, only the routes show. Name servers are independent: each is looked at alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.changes import Change, ChangingResult, FieldChange, State
from rocketmq_ops.client.api import servers
from rocketmq_ops.client.api.route import topic_route_of
from rocketmq_ops.client.api.topics import topic_names_of
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.permission import PERM_WRITE

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.client.admin.core import MQAdmin


class PermissionCount(msgspec.Struct, rename="camel"):
    """How many topics of the broker one name server says it changed, or would change; 0 where all are so already.

    `state` is that of the change, by the routes; `not_taken`: topics whose route is as before.
    """

    name_server: str
    topics: int
    state: State = "planned"
    not_taken: list[str] = []


class PermissionReport(ChangingResult):
    """The result on every name server. `planned` means that nothing was sent; the counts are then what it would be.

    `give`: the permission is given back, not taken.
    """

    broker_name: str
    planned: bool
    counts: list[PermissionCount]
    failures: list[Failure] = []
    give: bool = False

    def as_changes(self) -> list[Change]:
        """One for each name server that has a topic of the broker."""
        field = FieldChange("writePermission", not self.give, self.give)
        return [
            Change(count.name_server, "writePermission", self.broker_name, "none", "unchanged")
            if count.state == "unchanged"
            else Change(
                count.name_server, "writePermission", self.broker_name, "set", count.state, [field], count.not_taken
            )
            for count in self.counts
            if count.topics or count.state != "no_effect"
        ]


async def set_write_permission(admin: MQAdmin, broker_name: str, *, give: bool, plan: bool) -> PermissionReport:
    """Take or give back the write permission of all topics of a broker, on every name server, and read it back.

    A name server where all topics are so already, or that has none of the broker, is sent nothing. Raises NotFoundError
    when no name server knows the broker, AllFailedError when none could be changed.
    """
    broker = await admin.cluster.by_name(broker_name)
    topics = await admin.each_namesrv(lambda address: _topics(admin, address, broker))
    before = await _writable(
        admin, broker_name, [(at, topic) for at, names in topics.answers.items() for topic in names]
    )
    before.errors |= topics.errors
    send = servers.add_write_permission if give else servers.wipe_write_permission
    moving = {
        address: [topic for topic, writable in before.of(address).items() if writable is not give]
        for address in admin.name_servers
    }

    async def one(address: str) -> PermissionCount:
        if address in before.errors:
            raise before.errors[address]
        if not moving[address]:
            return PermissionCount(address, 0, "unchanged" if before.of(address) else "no_effect")
        if plan:
            return PermissionCount(address, len(moving[address]))
        return PermissionCount(address, await send(admin.session, address, broker_name), "unverified")

    fan = await admin.each_namesrv(one)
    fan.require_some("changing the write permission")
    report = PermissionReport(broker_name, plan, list(fan.answers.values()), fan.failures, give)
    sent = [count for count in report.counts if count.state == "unverified"]
    places = [(count.name_server, topic) for count in sent for topic in moving[count.name_server]]
    after = await _writable(admin, broker_name, places)
    for count in sent:
        address = count.name_server
        if address not in after.errors:
            # A topic that has no route any more is not one that was left as it was.
            count.not_taken = [t for t in moving[address] if after.of(address).get(t, give) is not give]
            some = len(count.not_taken) < len(moving[address])
            count.state = "done" if not count.not_taken else "partial" if some else "no_effect"
    return report


async def _topics(admin: MQAdmin, address: str, broker: BrokerAddress) -> list[str]:
    """The topics of a name server; those of the broker where it lists none (enableAllTopicList=false)."""
    try:
        return await topic_names_of(admin.session, address)
    except BrokerError:
        return sorted(await admin.topics.configs_at(broker.address))


class _Routes:
    """Whether topics of a broker can be written to, by name server, and the name servers that failed."""

    def __init__(self, errors: dict[str, RocketMQError]) -> None:
        self.errors = errors
        self._found: dict[str, dict[str, bool]] = {}

    def add(self, address: str, topic: str, writable: bool) -> None:
        """What the route of a topic says."""
        self._found.setdefault(address, {})[topic] = writable

    def of(self, address: str) -> dict[str, bool]:
        """Topic -> whether it can be written to, of the topics with a route."""
        return self._found.get(address, {})


async def _writable(admin: MQAdmin, broker_name: str, places: Iterable[tuple[str, str]]) -> _Routes:
    """By the routes of each (name server, topic). A name server that does not answer is asked nothing more."""
    errors: dict[str, RocketMQError] = {}

    async def one(place: tuple[str, str]) -> bool | None:
        address, topic = place
        if address in errors:
            raise errors[address]
        try:
            route = await topic_route_of(admin.session, address, topic)
        except RocketMQError as error:
            errors[address] = error
            raise
        queues = [queue for queue in route.queue_datas if queue.broker_name == broker_name] if route is not None else []
        return bool(queues[0].perm & PERM_WRITE) if queues else None

    fan = await admin.fan_out(places, one)
    routes = _Routes(errors)
    for (address, topic), writable in fan.answers.items():
        if writable is not None:
            routes.add(address, topic, writable)
    return routes
