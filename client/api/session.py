"""What calls go through: connections, name servers, credentials, and how long to wait."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections.abc import Callable, Container, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.name_servers import NameServers

if TYPE_CHECKING:
    import ssl

    from rocketmq_ops.client.api.held_answers import HeldAnswers

log = logging.getLogger(__name__)

T = TypeVar("T")

SUCCESS: Final = frozenset({ResponseCode.SUCCESS})
#: Bodies from this size on take some 10 ms to decode.
_LARGE_BYTES: Final = 128 << 10


class Transport(Protocol):
    """What a session needs of a remoting client."""

    async def invoke(self, addr: str, command: RemotingCommand, timeout_ms: int = ...) -> RemotingCommand:
        """The answer of one server."""

    async def invoke_oneway(self, addr: str, command: RemotingCommand, timeout_ms: int = ...) -> None:
        """Send without waiting for an answer."""

    def peer_certificate(self, addr: str) -> bytes | None:
        """The certificate (DER) that a server gave for the connection that is open to it; None without TLS."""

    async def close(self) -> None:
        """Close all connections."""


class RequestHook(Protocol):
    """What a session needs of an RPCHook (`client/hooks/api.py`)."""

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        """Before a request is signed."""

    def do_after_response(self, remote_addr: str, request: RemotingCommand, response: RemotingCommand) -> None:
        """When it was answered."""


class Session:
    """Requests by this client. `timeout_ms` is of each request that is not given another; `sign` adds credentials.

    `hooks` see every request before it is signed, and every answer. `tls` is for address servers (`NameServers`).
    """

    def __init__(
        self,
        transport: Transport,
        name_servers: Sequence[str] = (),
        *,
        timeout_ms: int,
        sign: Callable[[RemotingCommand], None] | None = None,
        hooks: Sequence[RequestHook] = (),
        tls: Callable[[], ssl.SSLContext | None] = lambda: None,
    ) -> None:
        self.name_servers = NameServers(name_servers, tls)
        self.timeout_ms = timeout_ms
        self._transport = transport
        self._sign = sign
        self._hooks = tuple(hooks)
        self._held: HeldAnswers | None = None

    @cached_property
    def _decoding(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(1)

    async def decoded(self, decode: Callable[[bytes], T], body: bytes, pause: Pause = at_once) -> T:
        """What a body says: a large one is decoded in a thread, one at a time, since several at once would keep the
        loop from its turn. `pause` is called there before it is."""
        if len(body) < _LARGE_BYTES:
            return decode(body)

        def after_pause() -> T:
            pause()
            return decode(body)

        async with self._decoding:
            return await asyncio.to_thread(after_pause)

    def bound(self, most: int, waiting: Container[int]) -> None:
        """From now on have at most `most` requests at a server at a time, besides those of the codes `waiting`."""
        from rocketmq_ops.client.api.per_server import PerServer

        self._transport = PerServer(self._transport, most, waiting)

    @property
    def slow_timeout_ms(self) -> int:
        """The timeout of requests for which a server searches, or asks a client."""
        return self.timeout_ms * 3

    async def call(
        self,
        address: str,
        request: RemotingCommand,
        timeout_ms: int | None = None,
        *,
        accept: Container[int] = SUCCESS,
    ) -> RemotingCommand:
        """The answer of one server. Raises RemotingError, and BrokerError unless the answer's code is in `accept`."""
        for hook in self._hooks:
            hook.do_before_request(address, request)
        if self._sign is not None:
            self._sign(request)
        answer = await self._transport.invoke(address, request, timeout_ms or self.timeout_ms)
        if self._hooks:
            self._answered(address, request, answer)
        if answer.code not in accept:
            from rocketmq_ops.client.errors import error_of

            raise error_of(answer, address, request)
        return answer

    def _answered(self, address: str, request: RemotingCommand, answer: RemotingCommand) -> None:
        for hook in self._hooks:
            try:
                hook.do_after_response(address, request, answer)
            except Exception:
                log.exception("the hook %s failed for an answer, and is passed over", type(hook).__name__)

    def certificate_of(self, address: str) -> bytes | None:
        """The certificate (DER) that a server gave for the connection that is open to it; None without TLS."""
        return self._transport.peer_certificate(address)

    async def call_oneway(self, address: str, request: RemotingCommand) -> None:
        """Send without waiting for an answer. Raises RemotingConnectError."""
        for hook in self._hooks:
            hook.do_before_request(address, request)
        if self._sign is not None:
            self._sign(request)
        await self._transport.invoke_oneway(address, request, self.timeout_ms)

    async def ask_name_servers(self, request: RemotingCommand, *, accept: Container[int] = SUCCESS) -> RemotingCommand:
        """The answer of the first name server that can be reached; one that answers with an error is not passed over.

        Raises RemotingError (NoNameServerError, NameServersFailedError), BrokerError.
        """
        if self._held is not None:
            return await self._held.answer(request, lambda: self._ask_name_servers(request, accept))
        return await self._ask_name_servers(request, accept)

    async def _ask_name_servers(self, request: RemotingCommand, accept: Container[int]) -> RemotingCommand:
        return await self.name_servers.ask(lambda address: self.call(address, request, accept=accept))

    def holding(self, seconds: float) -> Session:
        """The same session, which asks name servers the same once in so many seconds. Close the one it is made of."""
        from rocketmq_ops.client.api.held_answers import HeldAnswers

        made = copy.copy(self)
        made._held = HeldAnswers(seconds)
        return made

    async def close(self) -> None:
        """Close all connections."""
        await self._transport.close()
