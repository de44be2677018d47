"""How a slave connects to its master's replication: plain, or with TLS, and then with TLS or not at all."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, cast

from rocketmq_ops.broker.ha.ha_feed import LOOK_AT_TLS, HAFeed
from rocketmq_ops.broker.ha.wire import TLS_WANTED
from rocketmq_ops.common.addresses import parse_address
from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.remoting.connecting import reason_of

if TYPE_CHECKING:
    from rocketmq_ops.remoting.client_tls import ClientTls

_CONNECT_TIMEOUT_S = 3.0
#: s for a handshake; a master that has to make its certificate takes a moment.
_HANDSHAKE_TIMEOUT_S = 10.0
_NO_TLS_THERE = (
    "one of Apache's has no TLS there: tls.ha.enable=false at this slave; one of ours has it with "
    "tls.ha.mode=permissive or enforcing"
)
#: Apache's would wait for more. The connection is closed by one that has no place for this slave, with TLS or without.
_CLOSED = (
    "the master's log says why: its haAllowedAddresses may leave out this slave's address, or it has no TLS there: "
    "tls.ha.mode=permissive or enforcing gives it"
)


async def connect(feed: HAFeed, address: str, tls: ClientTls | None) -> None:
    """Connect `feed` to a master's replication. Raises RocketMQError."""
    loop = asyncio.get_running_loop()
    host, port = parse_address(address)
    question = _Question()
    try:
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            transport, _ = await loop.create_connection(lambda: feed if tls is None else question, host, port)
    except TimeoutError:
        raise RocketMQError(f"no connection to the master's replication at {address} in time") from None
    except OSError as error:
        raise RocketMQError(f"cannot connect to the master's replication at {address}: {system_words(error)}") from None
    if tls is None:
        return
    try:
        await _secure(transport, question, feed, tls.context(), host)
    except BaseException as error:
        transport.abort()
        if isinstance(error, TimeoutError) or (isinstance(error, OSError) and not question.is_agreed):
            why, then = "it has not agreed to TLS", _CLOSED if question.is_lost else _NO_TLS_THERE
        elif isinstance(error, OSError):
            why, then = reason_of(error), LOOK_AT_TLS
        else:
            raise
        raise RocketMQError(f"no TLS with the master's replication at {address}: {why}", then) from None


async def _secure(
    transport: asyncio.Transport, question: _Question, feed: HAFeed, context: ssl.SSLContext, host: str
) -> None:
    """Have the connection go on over TLS. Raises OSError, TimeoutError."""
    async with asyncio.timeout(_CONNECT_TIMEOUT_S):
        await question.agreed
    secured = await asyncio.get_running_loop().start_tls(
        transport, question, context, server_hostname=host, ssl_handshake_timeout=_HANDSHAKE_TIMEOUT_S
    )
    if secured is None:  # as asyncio answers where the connection is lost meanwhile
        raise ConnectionResetError("the connection was closed")
    secured.set_protocol(feed)
    feed.connection_made(secured)


class _Question(asyncio.Protocol):
    """Asks for TLS before it is begun: see `wire.py`."""

    def __init__(self) -> None:
        self.agreed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        #: Whether the connection has ended without a word.
        self.is_lost = False

    @property
    def is_agreed(self) -> bool:
        """Whether the master has it."""
        return self.agreed.done() and not self.agreed.cancelled() and self.agreed.exception() is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(TLS_WANTED)

    def data_received(self, data: bytes) -> None:
        if self.agreed.done():
            return
        if data == TLS_WANTED:  # nothing may lie behind it that would be taken for what came over TLS
            self.agreed.set_result(None)
        else:
            self.agreed.set_exception(ConnectionAbortedError("it answers something else"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.agreed.done():
            self.is_lost = True
            self.agreed.set_exception(exc or ConnectionResetError("it has closed the connection"))
