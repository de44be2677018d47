"""`MQAdmin`: one admin session over a remoting client. Calls live in one module per concern, loaded when first used.

Mirrors what DefaultMQAdminExt offers, with typed results that tell empty, failed, partial and unknown apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from rocketmq_ops.client.admin.fanout import DEFAULT_CONCURRENCY, FanOut, Progress, ToFailure, fan_out
from rocketmq_ops.client.api.session import Session, Transport
from rocketmq_ops.common.errors import failure_of

if TYPE_CHECKING:
    from types import TracebackType

    from rocketmq_ops.client.admin.accounts.access import AccessAdmin
    from rocketmq_ops.client.admin.accounts.plain_acl import PlainAclAdmin
    from rocketmq_ops.client.admin.accounts.user import UserAdmin
    from rocketmq_ops.client.admin.brokers.cluster import ClusterAdmin
    from rocketmq_ops.client.admin.brokers.cold_data import ColdDataAdmin
    from rocketmq_ops.client.admin.brokers.config import ConfigAdmin
    from rocketmq_ops.client.admin.brokers.kv import KvAdmin
    from rocketmq_ops.client.admin.brokers.rocksdb import RocksDBAdmin
    from rocketmq_ops.client.admin.client import ClientAdmin
    from rocketmq_ops.client.admin.groups.group import GroupAdmin
    from rocketmq_ops.client.admin.groups.monitor import MonitorRound
    from rocketmq_ops.client.admin.lite import LiteAdmin
    from rocketmq_ops.client.admin.messages.message import MessageAdmin
    from rocketmq_ops.client.admin.offsets.offset import OffsetAdmin
    from rocketmq_ops.client.admin.replicas.container import ContainerAdmin
    from rocketmq_ops.client.admin.replicas.controller import ControllerAdmin
    from rocketmq_ops.client.admin.replicas.ha import HaAdmin
    from rocketmq_ops.client.admin.topics.topic import TopicAdmin

K = TypeVar("K")
T = TypeVar("T")

DEFAULT_TIMEOUT_MS = 5000


class MQAdmin:
    """Admin calls to the cluster behind `name_servers` (`host:port` each).

    Use it as an async context manager. `timeout_ms` is of each request; `concurrency` bounds every fan-out.
    `failure_of` makes the failures that results list. `address_map`: where to connect to (`host:port`) instead of
    an address that the cluster gives, as behind NAT. `tls`: "true", or the path of a file of `tls.client.*` properties.
    `transport` replaces the remoting client, for tests.
    """

    def __init__(
        self,
        name_servers: Sequence[str],
        timeout_ms: int = DEFAULT_TIMEOUT_MS,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        address_map: Mapping[str, str] | None = None,
        tls: str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        failure_of: ToFailure = failure_of,
        progress: Progress | None = None,
        transport: Transport | None = None,
    ) -> None:
        """`progress` hears how far the outermost fan-out is; those that it consists of are not reported."""
        self._progress = progress
        self.concurrency = concurrency
        self.failure_of = failure_of
        sign = None
        if access_key is not None and secret_key is not None:
            from rocketmq_ops.client.options import credentials

            sign = credentials(access_key, secret_key)
        from rocketmq_ops.remoting.connecting import Connector

        connector = Connector(address_map, tls)
        if transport is None:
            from rocketmq_ops.remoting.client import RemotingClient

            transport = RemotingClient(connector=connector)
        self.session = Session(transport, name_servers, timeout_ms=timeout_ms, sign=sign, tls=connector.context)

    @property
    def name_servers(self) -> list[str]:
        """The addresses of the name servers; those of an address server once one was asked."""
        return self.session.name_servers.addresses

    def holding(self, seconds: float) -> MQAdmin:
        """The same client, which asks name servers the same once in so many seconds. Close the one it is made of."""
        made = MQAdmin.__new__(MQAdmin)
        made._progress, made.concurrency, made.failure_of = self._progress, self.concurrency, self.failure_of
        made.session = self.session.holding(seconds)
        return made

    async def __aenter__(self) -> MQAdmin:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    @cached_property
    def topics(self) -> TopicAdmin:
        """Topics: list, route, status, configuration, delete."""
        from rocketmq_ops.client.admin.topics.topic import TopicAdmin

        return TopicAdmin(self)

    @cached_property
    def groups(self) -> GroupAdmin:
        """Consumer groups: configuration, progress, delete."""
        from rocketmq_ops.client.admin.groups.group import GroupAdmin

        return GroupAdmin(self)

    @cached_property
    def cluster(self) -> ClusterAdmin:
        """Clusters and brokers: addresses and runtime figures."""
        from rocketmq_ops.client.admin.brokers.cluster import ClusterAdmin

        return ClusterAdmin(self)

    @cached_property
    def offsets(self) -> OffsetAdmin:
        """Queue and consumer offsets: reading and resetting."""
        from rocketmq_ops.client.admin.offsets.offset import OffsetAdmin

        return OffsetAdmin(self)

    @cached_property
    def messages(self) -> MessageAdmin:
        """Messages: by id, key, offset; scanning and sending."""
        from rocketmq_ops.client.admin.messages.message import MessageAdmin

        return MessageAdmin(self)

    @cached_property
    def configs(self) -> ConfigAdmin:
        """Configuration of brokers and name servers, and write permission on the latter."""
        from rocketmq_ops.client.admin.brokers.config import ConfigAdmin

        return ConfigAdmin(self)

    @cached_property
    def kv(self) -> KvAdmin:
        """The KV configuration of the name servers."""
        from rocketmq_ops.client.admin.brokers.kv import KvAdmin

        return KvAdmin(self)

    @cached_property
    def rocksdb(self) -> RocksDBAdmin:
        """Brokers that keep data in RocksDB: check of consumequeues, exports."""
        from rocketmq_ops.client.admin.brokers.rocksdb import RocksDBAdmin

        return RocksDBAdmin(self)

    @cached_property
    def clients(self) -> ClientAdmin:
        """Online clients: connections, running information, pushing a message to one."""
        from rocketmq_ops.client.admin.client import ClientAdmin

        return ClientAdmin(self)

    @cached_property
    def ha(self) -> HaAdmin:
        """Replication: its state and the epochs of masters."""
        from rocketmq_ops.client.admin.replicas.ha import HaAdmin

        return HaAdmin(self)

    @cached_property
    def controllers(self) -> ControllerAdmin:
        """Controllers: metadata, sync state sets, configuration, elections."""
        from rocketmq_ops.client.admin.replicas.controller import ControllerAdmin

        return ControllerAdmin(self)

    @cached_property
    def containers(self) -> ContainerAdmin:
        """Broker containers: adding and removing brokers."""
        from rocketmq_ops.client.admin.replicas.container import ContainerAdmin

        return ContainerAdmin(self)

    @cached_property
    def cold_data(self) -> ColdDataAdmin:
        """Flow control of cold reads."""
        from rocketmq_ops.client.admin.brokers.cold_data import ColdDataAdmin

        return ColdDataAdmin(self)

    @cached_property
    def users(self) -> UserAdmin:
        """Users of 5.3 and later."""
        from rocketmq_ops.client.admin.accounts.user import UserAdmin

        return UserAdmin(self)

    @cached_property
    def acls(self) -> AccessAdmin:
        """ACLs of users, of 5.3 and later."""
        from rocketmq_ops.client.admin.accounts.access import AccessAdmin

        return AccessAdmin(self)

    async def monitor_round(self, number: int, since: int) -> MonitorRound:
        """One look at every consumer group; see `monitor.look`."""
        from rocketmq_ops.client.admin.groups.monitor import look

        return await look(self, number, since)

    @cached_property
    def plain_acls(self) -> PlainAclAdmin:
        """ACLs by access key, of brokers before 5.3.3."""
        from rocketmq_ops.client.admin.accounts.plain_acl import PlainAclAdmin

        return PlainAclAdmin(self)

    @cached_property
    def lite(self) -> LiteAdmin:
        """Lite topics of 5.5 and later."""
        from rocketmq_ops.client.admin.lite import LiteAdmin

        return LiteAdmin(self)

    async def each_namesrv(self, call: Callable[[str], Awaitable[T]]) -> FanOut[str, T]:
        """`call` for every name server. Raises AddressServerError when an address server does not give them."""
        await self.session.name_servers.ready()
        return await self.fan_out(self.name_servers, call)

    async def fan_out(
        self, targets: Iterable[K], call: Callable[[K], Awaitable[T]], lane: Callable[[K], object] | None = None
    ) -> FanOut[K, T]:
        """`call` for every target with this session's bound: of all calls, or of those to a server, its `lane`."""
        progress, self._progress = self._progress, None
        try:
            return await fan_out(targets, call, self.concurrency, self.failure_of, progress, lane)
        finally:
            if progress is not None:
                self._progress = progress
