"""Online clients: who is connected, what a consumer is running, and handing one message to a consumer directly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.client.admin.topics.topic import broker_addresses
from rocketmq_ops.client.api import clients as api
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.addresses import address_key
from rocketmq_ops.common.errors import Failure, See
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.remoting.versions import version_text

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.client.admin.groups.consumer_status import Chosen, ConsumerStatusReport
    from rocketmq_ops.remoting.bodies import ConsumerConnection, ConsumerRunningInfo, ProducerConnection


class ClientConnection(msgspec.Struct, rename="camel"):
    """One connected client; `brokers` are those that have it, `addresses` its address as each of them sees it.

    Two clients that share an id are two: no broker can have more of them than there are. Which of their connections
    to different brokers belong together, no broker reports.
    """

    client_id: str
    client_addr: str
    language: str
    version: str
    brokers: list[str] = []
    addresses: list[str] = []


class Subscription(msgspec.Struct, rename="camel"):
    """What a group subscribes to."""

    topic: str
    sub_string: str
    expression_type: str | None = None


class ConsumerConnections(msgspec.Struct, rename="camel"):
    """The online consumers of a group, sorted by address."""

    group: str
    connections: list[ClientConnection]
    subscriptions: list[Subscription]
    consume_type: str | None
    message_model: str | None
    consume_from_where: str | None
    failures: list[Failure] = []


class ProducerConnections(msgspec.Struct, rename="camel"):
    """The online producers of a group."""

    group: str
    topic: str
    connections: list[ClientConnection]
    failures: list[Failure] = []


class BrokerProducer(msgspec.Struct, rename="camel"):
    """One producer that a broker sees; the time of its last heartbeat in ms."""

    group: str
    client_id: str
    client_addr: str
    language: str
    version: str
    last_update_timestamp: int


class BrokerProducers(msgspec.Struct, rename="camel"):
    """All producers that one broker sees, by group, client id and address."""

    broker_addr: str
    producers: list[BrokerProducer]


class DirectResult(msgspec.Struct, rename="camel"):
    """What a consumer answered when it was handed a message."""

    msg_id: str
    client_id: str
    consume_result: str | None
    remark: str | None
    spent_time_millis: int | None
    order: bool | None = None
    auto_commit: bool | None = None


class ClientAdmin:
    """Calls about online clients. Mirrors examineConsumerConnectionInfo and its relatives, asking every broker."""

    def __init__(self, admin: MQAdmin) -> None:
        self._admin = admin

    async def consumers_at(self, address: str, group: str) -> ConsumerConnection | None:
        """The group's consumers that one broker sees; None when none is online there."""
        return await api.consumer_connections(self._admin.session, address, group)

    async def group_brokers(self, group: str) -> list[str]:
        """The addresses of the brokers that know a group, by the route of its retry topic. Raises NotFoundError."""
        try:
            return broker_addresses(await self._admin.topics.route_data(retry_topic(group)))
        except NotFoundError:
            raise NotFoundError(
                f"the name servers know no retry topic of the consumer group '{group}'",
                "check its name; a group's retry topic comes with its first consumer",
                see=See("groups.listing"),
            ) from None

    async def _asked(self, group: str) -> list[str]:
        """One address for each broker, those of the route of the group's retry topic first.

        A consumer registers with the brokers of its topics. That route need not have all of them: a group without
        retry queues has none, and a retry topic is routed a moment after the group's first client came.
        """
        try:
            known = await self.group_brokers(group)
        except NotFoundError:
            known = []
        cluster = self._admin.cluster
        brokers = await (cluster.one_each() if known else cluster.one_of_each(f"group '{group}'"))
        return list(dict.fromkeys([*known, *(broker.address for broker in brokers)]))

    async def consumers(self, group: str, broker_addr: str | None = None) -> ConsumerConnections:
        """The online consumers on one broker or on all.

        Raises NotFoundError when none is online anywhere, NoBrokerError when no broker is registered.
        """
        addresses = [broker_addr] if broker_addr is not None else await self._asked(group)
        fan = await self._admin.fan_out(addresses, lambda address: self.consumers_at(address, group))
        fan.require_some(f"asking for consumers of {group}")
        found = {address: answer for address, answer in fan.answers.items() if answer is not None}
        connections = merged({address: answer.connection_set for address, answer in found.items()})
        if not connections and not fan.errors:
            raise NotFoundError(f"no consumer of group '{group}' is online", "start one, or check the group's name")
        subscriptions: dict[str, Subscription] = {}
        for answer in found.values():
            for topic, data in answer.subscription_table.items():
                subscriptions[topic] = Subscription(data.topic or topic, data.sub_string or "*", data.expression_type)
        first = next(iter(found.values()), None)
        return ConsumerConnections(
            group,
            connections,
            [subscriptions[topic] for topic in sorted(subscriptions)],
            first.consume_type if first else None,
            first.message_model if first else None,
            first.consume_from_where if first else None,
            fan.failures,
        )

    async def producers(self, group: str, topic: str) -> ProducerConnections:
        """The online producers of a group on the brokers of `topic`. Raises NotFoundError when there is none."""
        addresses = broker_addresses(await self._admin.topics.route_data(topic))

        async def one(address: str) -> ProducerConnection | None:
            return await api.producer_connections(self._admin.session, address, group)

        fan = await self._admin.fan_out(addresses, one)
        fan.require_some(f"asking for producers of {group}")
        connections = merged({a: answer.connection_set for a, answer in fan.answers.items() if answer is not None})
        if not connections and not fan.errors:
            raise NotFoundError(
                f"no producer of group '{group}' is online on the brokers of '{topic}'",
                "check both names; a producer registers with a broker when it first sends to it",
            )
        return ProducerConnections(group, topic, connections, fan.failures)

    async def producers_at(self, address: str) -> BrokerProducers:
        """The producers of every group that one broker sees, one row for each connection."""
        table = await api.all_producers(self._admin.session, address)
        found = [
            BrokerProducer(
                group,
                producer.client_id,
                producer.remote_ip,
                str(producer.language),
                version_text(producer.version),
                producer.last_update_timestamp,
            )
            for group, producers in table.data.items()
            for producer in producers or []
        ]
        return BrokerProducers(address, sorted(found, key=lambda p: (p.group, p.client_id, address_key(p.client_addr))))

    async def running_info(
        self, address: str, group: str, client_id: str, *, jstack: bool = False
    ) -> ConsumerRunningInfo:
        """What a consumer says of itself, asked through one broker; with `jstack` its threads too."""
        return await api.running_info(self._admin.session, address, group, client_id, jstack=jstack)

    async def status(
        self,
        group: str,
        *,
        client_id: str | None = None,
        broker_addr: str | None = None,
        jstack: bool = False,
        chosen: Chosen | None = None,
    ) -> ConsumerStatusReport:
        """What the group's clients are doing, and what is wrong among them; see `consumer_status.consumer_status`."""
        from rocketmq_ops.client.admin.groups.consumer_status import consumer_status

        return await consumer_status(
            self._admin, group, client_id=client_id, broker_addr=broker_addr, jstack=jstack, chosen=chosen
        )

    async def queue_owners(self, group: str) -> tuple[dict[tuple[str, str, int], str], list[Failure]]:
        """As `queue_holders`, with the address part of each client alone."""
        holders, failures = await self.queue_holders(group)
        return {queue: client.split("@")[0] for queue, client in holders.items()}, failures

    async def queue_holders(self, group: str) -> tuple[dict[tuple[str, str, int], str], list[Failure]]:
        """(topic, broker name, queue id) -> id of the client that consumes it, and who did not answer.

        What is unknown is absent. Raises NotFoundError when no client is online.
        """
        found = await self.consumers(group)
        holders: dict[tuple[str, str, int], str] = {}
        through = {c.client_id: c.brokers[0] for c in found.connections if c.brokers}
        fan = await self._admin.fan_out(through, lambda client: self.running_info(through[client], group, client))
        for client, info in fan.answers.items():
            for queue in info.mq_table or {}:
                holders[(queue.topic, queue.broker_name, queue.queue_id)] = client
        unanswered = [self._admin.failure_of(f"client {client}", error) for client, error in fan.errors.items()]
        return holders, [*found.failures, *unanswered]

    async def consume_directly(self, topic: str, group: str, client_id: str, msg_id: str, address: str) -> DirectResult:
        """Have one online consumer consume a message now, through the broker at `address` that holds it."""
        from rocketmq_ops.remoting.headers import ConsumeMessageDirectlyResultRequestHeader

        broker = await self._admin.cluster.by_address(address)
        header = ConsumeMessageDirectlyResultRequestHeader(
            consumer_group=group, client_id=client_id, msg_id=msg_id, broker_name=broker.broker_name, topic=topic
        )
        body = await api.consume_directly(self._admin.session, address, header)
        return DirectResult(
            msg_id,
            client_id,
            body.get("consumeResult"),
            body.get("remark"),
            body.get("spentTimeMills"),
            body.get("order"),
            body.get("autoCommit"),
        )


def merged(by_broker: dict[str, Any]) -> list[ClientConnection]:
    """The clients behind the connections that brokers report, sorted by address.

    A client has one connection to each broker, so the n-th connection of an id and host on every broker is taken for
    the n-th client of that id.
    """
    clients: dict[tuple[str, str, int], ClientConnection] = {}
    for broker, connections in by_broker.items():
        seen: dict[tuple[str, str], int] = {}
        for connection in sorted(connections, key=lambda c: address_key(c.client_addr)):
            same = (connection.client_id, connection.client_addr.rpartition(":")[0])
            place = seen[same] = seen.get(same, -1) + 1
            known = clients.get((*same, place))
            if known is None:
                version = version_text(connection.version)
                known = clients[(*same, place)] = ClientConnection(
                    connection.client_id, connection.client_addr, str(connection.language), version
                )
            known.brokers.append(broker)
            known.addresses.append(connection.client_addr)
    return sorted(clients.values(), key=lambda c: (address_key(c.client_addr), c.client_id))


def shared_ids(connections: list[ClientConnection]) -> dict[str, int]:
    """The ids that more than one client has, and how many have each."""
    counts: dict[str, int] = {}
    for connection in connections:
        counts[connection.client_id] = counts.get(connection.client_id, 0) + 1
    return {client_id: count for client_id, count in counts.items() if count > 1}
