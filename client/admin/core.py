"""`MQAdmin`: one admin session over a remoting client. Calls live in one module per concern, loaded when first used.

Mirrors what DefaultMQAdminExt offers, with typed results that tell empty, failed, partial and unknown apart.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, TypeVar

from ...common.errors import failure_of
from ...remoting.command import RemotingCommand
from ..errors import error_of
from .fanout import DEFAULT_CONCURRENCY, FanOut, ToFailure, fan_out

if TYPE_CHECKING:
    from types import TracebackType

    from .acl import AclSigner
    from .client import ClientAdmin
    from .cluster import ClusterAdmin
    from .config import ConfigAdmin
    from .group import GroupAdmin
    from .kv import KvAdmin
    from .message import MessageAdmin
    from .offset import OffsetAdmin
    from .topic import TopicAdmin

K = TypeVar("K")
T = TypeVar("T")

SUCCESS = 0
DEFAULT_TIMEOUT_MS = 5000


class Transport(Protocol):
    """What MQAdmin needs of a remoting client."""

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = ...) -> RemotingCommand:
        """The answer of one server."""

    async def close(self) -> None:
        """Close all connections."""


class MQAdmin:
    """Admin calls to the cluster behind `name_servers` (`host:port` each).

    Use it as an async context manager. `timeout_ms` is of each request; `concurrency` bounds every fan-out.
    `failure_of` makes the failures that results list. `transport` replaces the remoting client, for tests.
    """

    def __init__(
        self,
        name_servers: Sequence[str],
        timeout_ms: int = DEFAULT_TIMEOUT_MS,
        *,
        access_key: str | None = None,
        secret_key: str | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        failure_of: ToFailure = failure_of,
        transport: Transport | None = None,
    ) -> None:
        self.name_servers = list(name_servers)
        self.timeout_ms = timeout_ms
        self.concurrency = concurrency
        self.failure_of = failure_of
        self._transport = transport
        self._preferred = 0
        self._signer: AclSigner | None = None
        if access_key is not None and secret_key is not None:
            from .acl import AclSigner

            self._signer = AclSigner(access_key, secret_key)

    async def __aenter__(self) -> MQAdmin:
        if self._transport is None:
            from ...remoting.client import RemotingClient

            self._transport = RemotingClient()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            await self._transport.close()

    @cached_property
    def topics(self) -> TopicAdmin:
        """Topics: list, route, status, configuration, delete."""
        from .topic import TopicAdmin

        return TopicAdmin(self)

    @cached_property
    def groups(self) -> GroupAdmin:
        """Consumer groups: configuration, progress, delete."""
        from .group import GroupAdmin

        return GroupAdmin(self)

    @cached_property
    def cluster(self) -> ClusterAdmin:
        """Clusters and brokers: addresses and runtime figures."""
        from .cluster import ClusterAdmin

        return ClusterAdmin(self)

    @cached_property
    def offsets(self) -> OffsetAdmin:
        """Queue and consumer offsets: reading and resetting."""
        from .offset import OffsetAdmin

        return OffsetAdmin(self)

    @cached_property
    def messages(self) -> MessageAdmin:
        """Messages: by id, key, offset; scanning and sending."""
        from .message import MessageAdmin

        return MessageAdmin(self)

    @cached_property
    def configs(self) -> ConfigAdmin:
        """Configuration of brokers and name servers, and write permission on the latter."""
        from .config import ConfigAdmin

        return ConfigAdmin(self)

    @cached_property
    def kv(self) -> KvAdmin:
        """The KV configuration of the name servers."""
        from .kv import KvAdmin

        return KvAdmin(self)

    @cached_property
    def clients(self) -> ClientAdmin:
        """Online clients: connections, running information, pushing a message to one."""
        from .client import ClientAdmin

        return ClientAdmin(self)

    async def call(
        self,
        address: str,
        request: RemotingCommand,
        *,
        timeout_ms: int | None = None,
        accept: tuple[int, ...] = (SUCCESS,),
    ) -> RemotingCommand:
        """Send `request` to one server. Raises BrokerError unless the answer's code is in `accept`."""
        if self._transport is None:
            raise RuntimeError("MQAdmin is used outside its context")
        if self._signer is not None:
            self._signer.sign(request)
        answer = await self._transport.invoke(address, request, timeout_ms or self.timeout_ms)
        if answer.code not in accept:
            raise error_of(answer, address, request)
        return answer

    async def ask_namesrv(
        self, make: Callable[[], RemotingCommand], *, accept: tuple[int, ...] = (SUCCESS,)
    ) -> RemotingCommand:
        """The answer of the first name server that can be reached, beginning with the last that answered.

        A name server that answers with an error code is not passed over: only those that do not answer are.
        """
        from ...remoting.errors import NoNameServerError, RemotingError

        if not self.name_servers:
            raise NoNameServerError("no name server is given")
        causes = {}
        count = len(self.name_servers)
        for step in range(count):
            index = (self._preferred + step) % count
            address = self.name_servers[index]
            try:
                answer = await self.call(address, make(), accept=accept)
            except RemotingError as error:
                causes[address] = error
                continue
            self._preferred = index
            return answer
        from ..errors import AllFailedError

        raise AllFailedError("asking the name servers", dict(causes))

    async def each_namesrv(self, call: Callable[[str], Awaitable[T]]) -> FanOut[str, T]:
        """`call` for every name server."""
        return await self.fan_out(self.name_servers, call)

    async def fan_out(self, targets: Iterable[K], call: Callable[[K], Awaitable[T]]) -> FanOut[K, T]:
        """`call` for every target with this session's bound."""
        return await fan_out(targets, call, self.concurrency, self.failure_of)
