"""What producers and consumers of one client share: connections, routes, heartbeats and the periodic work.

Mirrors MQClientInstance. Requests that brokers send to clients are answered in `client_processor`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol, TypeVar
from weakref import WeakSet

from rocketmq_ops.client.api import members
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.consumer.subscription import TAG
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.namespace import Namespace, NamespaceHook
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.requests import Replies
from rocketmq_ops.client.route import RouteTable
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.periodic import guarded, repeat
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.bodies.heartbeat import ConsumerData, HeartbeatData, ProducerData, SubscriptionData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers.transaction import CheckTransactionStateRequestHeader

log = logging.getLogger(__name__)


class ProducerMember(Protocol):
    """What the instance needs of a producer."""

    def topics(self) -> set[str]:
        """Topics whose routes are to be kept fresh."""

    def check_transaction(self, address: str, message: MessageExt, header: CheckTransactionStateRequestHeader) -> None:
        """Take a broker's question about a half message; the answer goes to the broker later."""


class ConsumerMember(Protocol):
    """What the instance needs of a consumer."""

    def topics(self) -> set[str]:
        """Topics whose routes are to be kept fresh."""

    def heartbeat_data(self) -> ConsumerData:
        """This consumer's part of the heartbeat."""

    async def rebalance(self) -> bool:
        """Take the queues that are this client's now; False when it is to be tried again soon."""

    async def persist_offsets(self) -> None:
        """Save consumed offsets."""


M = TypeVar("M", ProducerMember, ConsumerMember)


class ClientInstance:
    """One client towards the cluster. `start` and `stop` it, or let the producer or consumer that made it do so."""

    def __init__(
        self, options: ClientOptions | None = None, *, remoting: RemotingClient | None = None, stable_id: bool = False
    ) -> None:
        self.options = options or ClientOptions()
        self.client_id = self.options.client_id(stable=stable_id)
        self.remoting = remoting or RemotingClient(connector=Connector(self.options.address_map, self.options.tls))
        self.namespace = Namespace(self.options.namespace_in_use())
        hooks = [*self.options.rpc_hooks]
        if self.options.namespace_v2:
            hooks.insert(0, NamespaceHook(self.options.namespace_v2))
        self.session = Session(
            self.remoting,
            timeout_ms=self.options.api_timeout_ms,
            sign=self.options.sign,
            hooks=hooks,
            tls=self.remoting.tls_context,
        )
        self.routes = RouteTable(self.session)
        self.producers: dict[str, ProducerMember] = {}
        self.consumers: dict[str, ConsumerMember] = {}
        self.replies = Replies()
        #: Members that were stopped: nothing of theirs runs any more, and nothing would if they started again.
        self._stopped: WeakSet[ProducerMember | ConsumerMember] = WeakSet()
        self._ended = False
        self._tasks = Tasks()
        self._users = 0
        self._rebalance_now = asyncio.Event()
        #: Whether each consumer had the queues of its share at the last rebalance.
        self._balanced = True
        self._heartbeat_now = asyncio.Event()
        self.routes.on_new_broker = self._heartbeat_now.set

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Count a user in; the first one starts the periodic work.

        Raises ClientError without a name server, and when the last user has left: the connections are closed for good.
        """
        if self._ended:
            raise ClientError(
                "this client has ended with its last producer or consumer, and does not start again",
                "make a new ClientInstance, and new producers and consumers with it",
            )
        name_servers = self.options.name_server_list()
        self._users += 1
        if self._users > 1:
            return
        self.session.name_servers.update(name_servers)
        from rocketmq_ops.client.client_processor import install

        install(self)
        options = self.options
        for name, interval_ms, work, at_once in (
            ("refreshing routes", options.poll_name_server_interval_ms, self._refresh_routes, None),
            ("saving offsets", options.persist_offset_interval_ms, self._persist_offsets, None),
            ("heartbeat", options.heartbeat_interval_ms, self.send_heartbeats, self._heartbeat_now),
            ("rebalance", self._rebalance_wait_ms, self._rebalance, self._rebalance_now),
        ):
            self._tasks.start(repeat(name, interval_ms, work, at_once=at_once), f"rocketmq {name}")

    async def stop(self) -> None:
        """Count a user out; the last one stops the periodic work and closes all connections."""
        if self._users == 0:
            return
        self._users -= 1
        if self._users:
            return
        self._ended = True
        await self._tasks.stop()
        await self.remoting.close()

    # --- members --------------------------------------------------------------------------------------------------

    async def start_producer(self, group: str, producer: ProducerMember) -> None:
        """Announce a producer group in heartbeats, and start.

        Raises ClientError when the group is there already, or the producer was stopped (serviceState, in Apache's).
        """
        await self._start_member(self.producers, "producer", group, producer)

    async def start_consumer(
        self, group: str, consumer: ConsumerMember, load_offsets: Callable[[], Awaitable[None]]
    ) -> None:
        """Read saved offsets, announce a consumer group in heartbeats, and start. Raises as `start_producer`."""
        await self._start_member(self.consumers, "consumer", group, consumer, load_offsets)

    async def _start_member(
        self,
        members: dict[str, M],
        kind: str,
        group: str,
        member: M,
        prepare: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        if member in self._stopped:
            raise ClientError(f"{kind} '{group}' was stopped, and does not start again", f"make a new {kind}")
        if group in members:
            raise ClientError(f"{kind} group '{group}' is started already", "use another group or another instance")
        members[group] = member
        try:
            if prepare is not None:
                await prepare()
            await self.start()
        except RocketMQError:
            members.pop(group, None)
            raise

    async def remove(self, *, producer_group: str | None = None, consumer_group: str | None = None) -> None:
        """Take a group out and announce that to every broker."""
        producer = self.producers.pop(producer_group, None) if producer_group is not None else None
        consumer = self.consumers.pop(consumer_group, None) if consumer_group is not None else None
        self._stopped.update(member for member in (producer, consumer) if member is not None)
        addresses = [a for a in self._broker_addresses(consumers=True) if self.remoting.channel(a) is not None]
        await asyncio.gather(*(self._unregister(address, producer_group, consumer_group) for address in addresses))

    async def _unregister(self, address: str, producer_group: str | None, consumer_group: str | None) -> None:
        try:
            await members.unregister(
                self.session,
                address,
                self.client_id,
                producer_group=producer_group,
                consumer_group=consumer_group,
            )
        except RocketMQError as error:
            log.debug("unregistering at %s failed: %s", address, error)

    # --- requests -------------------------------------------------------------------------------------------------

    async def consumer_ids(self, topic: str, group: str) -> list[str] | None:
        """Client ids of a group, sorted, as a broker of the topic knows them; None when it has no broker.

        One after another is asked, those first that a connection is open to: all know the group by its heartbeats.
        Raises what the last one raised, RemotingError or BrokerError, when none answers.
        """
        addresses = self.routes.broker_addresses(topic)
        if not addresses:
            await self.routes.refresh(topic)
            addresses = self.routes.broker_addresses(topic)
        failure: RocketMQError | None = None
        for address in sorted(addresses, key=lambda address: self.remoting.channel(address) is None):
            try:
                return await members.consumer_ids(self.session, address, group)
            except RocketMQError as error:
                failure = error
        if failure is not None:
            raise failure
        return None

    # --- heartbeats -----------------------------------------------------------------------------------------------

    async def send_heartbeats(self) -> None:
        """Announce to every broker which groups are here: producers to masters, consumers to slaves too."""
        if not self.producers and not self.consumers:
            return
        body = HeartbeatData(
            client_id=self.client_id,
            producer_data_set=[ProducerData(group_name=group) for group in self.producers],
            consumer_data_set=[consumer.heartbeat_data() for consumer in self.consumers.values()],
        ).encode()
        addresses = self._broker_addresses(consumers=bool(self.consumers))
        await asyncio.gather(*(self._send_heartbeat(address, body) for address in addresses))

    async def check_subscriptions(self, group: str, subscriptions: Iterable[SubscriptionData]) -> None:
        """Ask a broker of each topic that is not subscribed by tags whether it takes the subscription.

        Raises BrokerError when it does not. One that cannot be asked says so later, when it is pulled from.
        """
        for subscription in subscriptions:
            if subscription.expression_type in (TAG, ""):
                continue
            address = self.routes.random_broker(subscription.topic)
            if address is None:
                continue
            try:
                await members.check_client(self.session, address, self.client_id, group, subscription)
            except RemotingError as error:
                log.warning("the subscription of %s is not checked by %s: %s", subscription.topic, address, error)

    async def _send_heartbeat(self, address: str, body: bytes) -> None:
        try:
            await members.send_heartbeat(self.session, address, body)
        except RocketMQError as error:
            log.warning("heartbeat to %s failed: %s", address, error)
            self.routes.forget_broker(address)

    def _broker_addresses(self, *, consumers: bool) -> list[str]:
        return sorted(
            address
            for addresses in self.routes.brokers.values()
            for broker_id, address in addresses.items()
            if consumers or broker_id == MASTER_ID
        )

    # --- periodic work --------------------------------------------------------------------------------------------

    def rebalance_immediately(self) -> None:
        """Have all consumers look for their queues now."""
        self._rebalance_now.set()

    def _rebalance_wait_ms(self) -> int:
        """Until the next rebalance (RebalanceService.run)."""
        options = self.options
        waits = options.rebalance_interval_ms
        return waits if self._balanced else min(options.rebalance_again_ms, waits)

    async def _rebalance(self) -> None:
        work = [guarded("rebalance", consumer.rebalance) for consumer in self.consumers.values()]
        self._balanced = all(await asyncio.gather(*work))

    def heartbeat_immediately(self) -> None:
        """Announce to all brokers at once what is here now."""
        self._heartbeat_now.set()

    async def _refresh_routes(self) -> None:
        members: list[ProducerMember | ConsumerMember] = [*self.producers.values(), *self.consumers.values()]
        await self.routes.refresh_all({topic for member in members for topic in member.topics()})

    async def _persist_offsets(self) -> None:
        saving = [guarded("saving offsets", consumer.persist_offsets) for consumer in self.consumers.values()]
        await asyncio.gather(*saving)
