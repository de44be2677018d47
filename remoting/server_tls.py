"""TLS of one kind of port of a server: its mode, its handshakes, and who is refused.

What its certificates are, of all ports, is in `server_certificates.py`.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from time import perf_counter
from typing import Final

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.remoting.securable import Securable
from rocketmq_ops.remoting.server_certificates import ServerCertificates
from rocketmq_ops.remoting.ssl_handler import SslHandler
from rocketmq_ops.remoting.tls import reason_of

log = logging.getLogger(__name__)

#: How long a handshake may take (Netty's SslHandler).
HANDSHAKE_TIMEOUT_MS: Final = 10_000
#: How long handshakes are begun, about a ms each, until everybody else has had a turn: strangers begin any number.
TURN_SECONDS: Final = 0.005


class ServerTls:
    """`enforced`: whether who comes without TLS is refused; `key` is what the configuration calls that, and `remedy`
    what such a one has to do."""

    def __init__(
        self, certificates: ServerCertificates, *, enforced: bool, key: str = "tls.server.mode", remedy: str = ""
    ) -> None:
        self.enforced = enforced
        self._certificates = certificates
        self.made = certificates.made
        #: Handshakes that failed, and connections without TLS that were refused, since the start.
        self.failed_handshakes = 0
        self.refused_connections = 0
        self._asks = f"which {key}=enforcing asks for{f': {remedy}' if remedy else ''}"
        self._handshakes: dict[SslHandler, int] = {}
        #: Handshakes that wait for their turn, with the client's first bytes.
        self._waiting: deque[tuple[SslHandler, bytes]] = deque()
        #: Until when handshakes are begun in this turn of the loop, by `perf_counter`; 0 when none was.
        self._turn_ends = 0.0
        self._failures, self._refusals = LogRate(), LogRate()

    @property
    def context(self) -> ssl.SSLContext | None:
        """By which handshakes are made; None until the certificate of the test mode is made."""
        return self._certificates.context

    # --- connections ----------------------------------------------------------------------------------------------

    def refused_plain(self, peer: Securable) -> None:
        """Count a connection without TLS where it must have it, and say so."""
        self.refused_connections += 1
        if self._refusals.due(steady_ms()):
            log.warning(
                "connection from %s refused: it is not over TLS, %s%s",
                peer.remote, self._asks, _and_more(self._refusals),
            )  # fmt: skip

    def begin_handshake(self, handler: SslHandler, data: bytes) -> None:
        """Answer a client's first bytes, and give it its time: now, or when those before it have had their turn."""
        self._handshakes[handler] = steady_ms() + HANDSHAKE_TIMEOUT_MS
        if not self._turn_ends:
            self._turn_ends = perf_counter() + TURN_SECONDS
            asyncio.get_running_loop().call_soon(self._next_turn)
        elif self._waiting or perf_counter() >= self._turn_ends:
            handler.pause_reading()
            handler.peer.keep(len(data))
            self._waiting.append((handler, data))
            return
        handler.data_received(data)

    def _next_turn(self) -> None:
        """Go on with those that wait; whoever has no handshake to make has been served since the last turn."""
        self._turn_ends = 0.0
        if not self._waiting:
            return
        self._turn_ends = perf_counter() + TURN_SECONDS
        asyncio.get_running_loop().call_soon(self._next_turn)
        while self._waiting:
            handler, data = self._waiting.popleft()
            handler.peer.keep(-len(data))
            if not handler.is_closing():
                handler.resume_reading()
                handler.data_received(data)
            if perf_counter() >= self._turn_ends:
                return

    def handshake_ended(self, handler: SslHandler, error: Exception | None) -> None:
        """Count a failure, and say so."""
        self._handshakes.pop(handler, None)
        if error is None:
            return
        self.failed_handshakes += 1
        if self._failures.due(steady_ms()):
            why = reason_of(error) if isinstance(error, OSError) else str(error)
            log.warning(
                "TLS handshake of %s failed: %s%s", handler.peer.remote, why, _and_more(self._failures)
            )  # fmt: skip

    # --- what is looked at now and then ----------------------------------------------------------------------------

    def watch(self) -> None:
        """Cut handshakes that take too long."""
        now = steady_ms()
        late = [handler for handler, until in self._handshakes.items() if until <= now]
        for handler in late:
            handler.give_up(TimeoutError(f"it took more than {HANDSHAKE_TIMEOUT_MS} ms"))


def _and_more(lines: LogRate) -> str:
    return f" (and {lines.missed} more before)" if lines.missed else ""
