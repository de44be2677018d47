"""The certificates of a server: by which its handshakes are made, on all of its ports, and read again on change.

What Apache's FileWatchService and NettyRemotingServer.loadSslContext do. Other than there, a certificate that was
renewed with the key it had is read too, and what cannot be used is said and leaves the former in force. Connections
that are open stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Final

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.tls import server_context
from rocketmq_ops.remoting.tls_files import TlsFiles
from rocketmq_ops.remoting.tls_suites import TlsError, narrow
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

log = logging.getLogger(__name__)

#: How often files and handshakes are looked at.
WATCH_INTERVAL_MS: Final = 500


class ServerCertificates:
    """Raises TlsError when they cannot be used. `now`: whether one that has to be made is made at once."""

    def __init__(self, config: TlsSystemConfig, *, now: bool = False) -> None:
        #: By which handshakes are made; None until the certificate of the test mode is made.
        self.context: ssl.SSLContext | None = None
        self._config = config
        self._making: asyncio.Task[ssl.SSLContext | None] | None = None
        self._failures = LogRate()
        self._files: TlsFiles | None = None
        if not config.is_test_mode:
            self._files = TlsFiles([config.tlsServerCertPath, config.tlsServerKeyPath, config.tlsServerTrustCertPath])
            self.context = server_context(config)
        elif not now:
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

    def look(self) -> None:
        """Read certificates whose files have changed."""
        if self._files is None or not self._files.changed():
            return
        try:
            self.context = server_context(self._config)
        except TlsError as error:
            log.warning("certificates changed, the former ones stay in use: %s; %s", error, error.next_step)
            return
        log.info("certificates read again: %s; new connections get them", self._files)
