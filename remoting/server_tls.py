"""TLS of one server: its mode, its certificates, which are read again when their files change, and its handshakes.

What Apache's FileWatchService and NettyRemotingServer.loadSslContext do. Other than there, a certificate that was
renewed with the key it had is read too, and what cannot be used is said and leaves the former in force. Connections
that are open stay as they are.
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
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.ssl_handler import SslHandler
from rocketmq_ops.remoting.tls import reason_of, server_context
from rocketmq_ops.remoting.tls_files import TlsFiles
from rocketmq_ops.remoting.tls_suites import TlsError, narrow
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

log = logging.getLogger(__name__)

#: How often files and handshakes are looked at.
WATCH_INTERVAL_MS: Final = 500
#: How long a handshake may take (Netty's SslHandler).
HANDSHAKE_TIMEOUT_MS: Final = 10_000
#: How long handshakes are begun, about a ms each, until everybody else has had a turn: strangers begin any number.
TURN_SECONDS: Final = 0.005


class ServerTls:
    """Raises TlsError when the certificates cannot be used."""

    def __init__(self, config: TlsSystemConfig) -> None:
        self.enforced = config.tlsMode == "enforcing"
        #: By which handshakes are made; None until the certificate of the test mode is made.
        self.context: ssl.SSLContext | None = None
        #: Handshakes that failed, and connections without TLS that were refused, since the start.
        self.failed_handshakes = 0
        self.refused_connections = 0
        self._config = config
        self._making: asyncio.Task[ssl.SSLContext | None] | None = None
        self._handshakes: dict[SslHandler, int] = {}
        #: Handshakes that wait for their turn, with the client's first bytes.
        self._waiting: deque[tuple[SslHandler, bytes]] = deque()
        #: Until when handshakes are begun in this turn of the loop, by `perf_counter`; 0 when none was.
        self._turn_ends = 0.0
        self._failures, self._refusals = LogRate(), LogRate()
        self._files: TlsFiles | None = None
        if not config.is_test_mode:
            self._files = TlsFiles([config.tlsServerCertPath, config.tlsServerKeyPath, config.tlsServerTrustCertPath])
            self.context = server_context(config)
        elif not self.enforced:
            self._narrowed(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))  # what cannot be used is said at the start
        else:
            from rocketmq_ops.remoting.self_signed import self_signed_context  # runs a command: for a trial only

            self.context = self._narrowed(self_signed_context())

    async def made(self) -> ssl.SSLContext | None:
        """The context, whose certificate is made now if there is none; None when that cannot be."""
        if self.context is None:
            if self._making is None:
                self._making = run_later(self._make(), "certificate")
            self.context = await self._making
            self._making = None
        return self.context

    async def _make(self) -> ssl.SSLContext | None:
        from rocketmq_ops.remoting.self_signed import self_signed_context

        try:
            context = self._narrowed(await asyncio.to_thread(self_signed_context))
        except TlsError as error:
            if self._failures.due(steady_ms()):
                log.warning("a connection with TLS is refused: %s; %s", error, error.next_step)
            return None
        log.info("a certificate was made for connections with TLS, which nobody can check (tls.test.mode.enable)")
        return context

    def _narrowed(self, context: ssl.SSLContext) -> ssl.SSLContext:
        narrow(context, self._config.tlsProtocols, self._config.tlsCiphers)
        return context

    # --- connections ----------------------------------------------------------------------------------------------

    def refused_plain(self, channel: Channel) -> None:
        """Count a connection without TLS where it must have it, and say so."""
        self.refused_connections += 1
        if self._refusals.due(steady_ms()):
            log.warning(
                "connection from %s refused: it is not over TLS, which tls.server.mode=enforcing asks for%s",
                channel.remote, _and_more(self._refusals),
            )  # fmt: skip

    def begin_handshake(self, handler: SslHandler, data: bytes) -> None:
        """Answer a client's first bytes, and give it its time: now, or when those before it have had their turn."""
        self._handshakes[handler] = steady_ms() + HANDSHAKE_TIMEOUT_MS
        if not self._turn_ends:
            self._turn_ends = perf_counter() + TURN_SECONDS
            asyncio.get_running_loop().call_soon(self._next_turn)
        elif self._waiting or perf_counter() >= self._turn_ends:
            handler.pause_reading()
            handler.channel.keep(len(data))
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
            handler.channel.keep(-len(data))
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
                "TLS handshake of %s failed: %s%s", handler.channel.remote, why, _and_more(self._failures)
            )  # fmt: skip

    # --- what is looked at now and then ----------------------------------------------------------------------------

    def watch(self) -> None:
        """Cut handshakes that take too long, and read certificates whose files have changed."""
        now = steady_ms()
        late = [handler for handler, until in self._handshakes.items() if until <= now]
        for handler in late:
            handler.give_up(TimeoutError(f"it took more than {HANDSHAKE_TIMEOUT_MS} ms"))
        if self._files is not None and self._files.changed():
            self._read_again()

    def _read_again(self) -> None:
        try:
            self.context = server_context(self._config)
        except TlsError as error:
            log.warning("certificates changed, the former ones stay in use: %s; %s", error, error.next_step)
            return
        log.info("certificates read again: %s; new connections get them", self._files)


def _and_more(lines: LogRate) -> str:
    return f" (and {lines.missed} more before)" if lines.missed else ""
