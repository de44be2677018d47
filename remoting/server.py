"""The asyncio server of the remoting protocol: listeners, the table of channels, idle and connection limits.

Handlers are registered on it by the name server's and the broker's processors; frames and commands are handled in
`channel` and `request_handlers`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.remoting.channel import WRITE_HIGH_WATER_BYTES, Channel
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import FrameError
from rocketmq_ops.remoting.frame_codec import MAX_FRAME_BYTES
from rocketmq_ops.remoting.handshake_handler import HandshakeHandler
from rocketmq_ops.remoting.listening import Listeners, bound_socket
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.open_channels import OpenChannels
from rocketmq_ops.remoting.request_handlers import RequestHandlers
from rocketmq_ops.remoting.server_certificates import WATCH_INTERVAL_MS, ServerCertificates
from rocketmq_ops.remoting.server_tls import ServerTls

log = logging.getLogger(__name__)

#: Default limit of open connections; more are refused with one log line and a counter. See `connection_limit`.
MAX_CONNECTIONS: Final = 10_000

#: How long `stop` waits for peers to take what was written to them.
STOP_TIMEOUT_SECONDS: Final = 3.0

if TYPE_CHECKING:
    from rocketmq_ops.remoting.request_handlers import Handler
    from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

ChannelCallback = Callable[[Channel], None]


def connection_limit() -> int:
    """MAX_CONNECTIONS, or half of the open files that the process may have: a store needs descriptors too.

    Without it, connections beyond the system's limit would be dropped silently, and files could not be opened.
    """
    import resource  # here, so that clients work where it does not exist

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MAX_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MAX_CONNECTIONS, soft // 2))


class RemotingServer:
    """Serves registered request codes on any number of addresses, with TLS as `tls_config` says. Raises TlsError."""

    def __init__(
        self,
        config: NettyServerConfig,
        tls_config: TlsSystemConfig | None = None,
        *,
        max_connections: int | None = None,
        max_frame: int = MAX_FRAME_BYTES,
    ) -> None:
        self.config = config
        self._certificates: ServerCertificates | None = None
        self._secured: list[ServerTls] = []
        #: None where no connection may be over TLS.
        self.tls: ServerTls | None = None
        if tls_config is not None and set(tls_config.modes) != {"disabled"}:
            self._certificates = ServerCertificates(tls_config, now="enforcing" in tls_config.modes)
            self.tls = self.secure_port("tls.server.mode", tls_config.tlsMode)
        self.write_high_water = config.writeBufferHighWaterMark or WRITE_HIGH_WATER_BYTES
        self.write_low_water = config.writeBufferLowWaterMark or None
        self.max_connections = connection_limit() if max_connections is None else max_connections
        self.max_frame = max_frame
        self.handlers = RequestHandlers()
        self.serve, self.register = self.handlers.serve, self.handlers.register
        #: What makes a connection; another class than Channel watches it (`observed_channel.py`).
        self.new_channel: Callable[[RemotingServer, asyncio.AbstractEventLoop, int], Channel] = Channel
        self.channels = OpenChannels()
        #: (host, bound port) of each listener, in the order they were added.
        self.addresses: list[tuple[str, int]] = []
        self.refused_connections = 0
        self.refused_frames = 0
        self.idle_closed = 0
        self.memory = MemoryBound(self.channels, lambda: config.maxBufferedBytes)
        self._listeners = Listeners()
        self._wanted: list[tuple[str, int]] = []
        self._on_connect: list[ChannelCallback] = []
        self._on_close: list[ChannelCallback] = []
        self._on_idle: list[ChannelCallback] = []
        self._on_exception: list[ChannelCallback] = []
        self._jobs = PeriodicJobs()
        self._loop: asyncio.AbstractEventLoop | None = None

    # --- set-up ---------------------------------------------------------------------------------------------------

    @property
    def default_handler(self) -> Handler[None] | None:
        """Serves unregistered codes; without it they are answered REQUEST_CODE_NOT_SUPPORTED."""
        return self.handlers.default_handler

    @default_handler.setter
    def default_handler(self, handler: Handler[None] | None) -> None:
        self.handlers.default_handler = handler

    @property
    def before_request(self) -> Callable[[Channel, RemotingCommand], RemotingCommand | None] | None:
        """Asked before each handler; an answer from it is sent instead (draining at stop, for instance)."""
        return self.handlers.before

    @before_request.setter
    def before_request(self, hook: Callable[[Channel, RemotingCommand], RemotingCommand | None] | None) -> None:
        self.handlers.before = hook

    def on_connect(self, callback: ChannelCallback) -> None:
        """Call back with every new channel."""
        self._on_connect.append(callback)

    def on_close(self, callback: ChannelCallback) -> None:
        """Call back with every channel that is closed, for whatever reason."""
        self._on_close.append(callback)

    def on_idle(self, callback: ChannelCallback) -> None:
        """Call back with every channel that is about to be closed because nothing moved on it."""
        self._on_idle.append(callback)

    def on_exception(self, callback: ChannelCallback) -> None:
        """Call back with every channel that was lost by an error of the connection, or sent no frames."""
        self._on_exception.append(callback)

    def secure_port(self, key: str, mode: str, remedy: str = "") -> ServerTls | None:
        """TLS of another port of this server, with its certificates, in a `mode` that is set by `key`; None if none.

        `remedy`: what one has to do who is refused because he comes without."""
        if mode != "enforcing" and self.tls is not None and self.tls.enforced:
            log.warning(
                "tls.server.mode=enforcing is not for all ports: %s=%s takes connections without TLS, and %s=enforcing "
                "refuses them there too", key, mode, key,
            )  # fmt: skip
        if self._certificates is None or mode == "disabled":
            return None
        tls = ServerTls(self._certificates, enforced=mode == "enforcing", key=key, remedy=remedy)
        self._secured.append(tls)
        return tls

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Listen on `bindAddress:listenPort` and what `add_listener` was given. Raises RemotingBindError."""
        self._loop = asyncio.get_running_loop()
        for host, port in [(self.config.bindAddress, self.config.listenPort), *self._wanted]:
            await self._listen(host, port)
        self._jobs.every("memory", lambda: self.memory.interval_ms(len(self.channels)), self.memory.look)
        if self._certificates is not None:
            self._jobs.every("tls", lambda: WATCH_INTERVAL_MS, self._watch_tls)
        self._jobs.every("sweep", lambda: max(self.config.serverChannelMaxIdleTimeSeconds * 125, 50), self._sweep_idle)

    def add_listener(self, host: str, port: int) -> None:
        """Listen on one more address from `start` on. Port 0 is any free one; see `addresses`."""
        self._wanted.append((host, port))

    @property
    def port(self) -> int:
        """The bound port of the first listener."""
        return self.addresses[0][1]

    async def _listen(self, host: str, port: int) -> None:
        backlog = self.config.serverSocketBacklog
        await self._listeners.listen(bound_socket(host, port), self._protocol, backlog=backlog)
        self.addresses.append((host, self._listeners.ports[-1]))

    def _protocol(self) -> asyncio.Protocol:
        """What a new connection's bytes are given to."""
        assert self._loop is not None
        channel = self.new_channel(self, self._loop, self.max_frame)
        return channel if self.tls is None else HandshakeHandler(self.tls, channel)

    def _watch_tls(self) -> None:
        assert self._certificates is not None
        self._certificates.look()
        for tls in self._secured:
            tls.watch()

    async def stop(self) -> None:
        """Stop listening, let queued answers leave, close every channel."""
        self._jobs.stop()
        await self._listeners.stop()
        await self.channels.close(STOP_TIMEOUT_SECONDS)

    def waiting_channels(self) -> int:
        """Connections with requests that were read and wait for their turn."""
        return sum(channel.is_waiting for channel in self.channels)

    # --- what channels report ---------------------------------------------------------------------------------------

    def channel_opened(self, channel: Channel) -> bool:
        """Count the connection in, or refuse it when there are too many."""
        if self._listeners.are_stopped:
            return False
        if len(self.channels) >= self.max_connections:
            self.refused_connections += 1
            log.warning("connection from %s refused: %d are open, the limit", channel.remote, len(self.channels))
            return False
        self.channels.add(channel)
        channel.set_buffers(
            self.write_high_water,
            self.write_low_water,
            self.config.serverSocketSndBufSize,
            self.config.serverSocketRcvBufSize,
        )
        for callback in self._on_connect:
            callback(channel)
        return True

    def channel_closed(self, channel: Channel, cause: Exception | None) -> None:
        """Count it out and call the registered callbacks."""
        if channel not in self.channels:
            return
        self.channels.discard(channel)
        if cause is not None:
            self._call(self._on_exception, channel)
        self._call(self._on_close, channel)

    def _call(self, callbacks: list[ChannelCallback], channel: Channel) -> None:
        for callback in callbacks:
            try:
                callback(channel)
            except Exception:
                log.exception("closing of %s: a callback failed", channel.remote)

    def frame_refused(self, channel: Channel, error: FrameError) -> None:
        """One line and a counter; the channel closes itself."""
        self.refused_frames += 1
        log.warning("connection from %s closed: %s", channel.remote, error)
        self._call(self._on_exception, channel)

    # --- idle connections -----------------------------------------------------------------------------------------

    def _sweep_idle(self) -> None:
        """Close channels on which nothing moved for serverChannelMaxIdleTimeSeconds."""
        assert self._loop is not None
        now = self._loop.time()
        limit = self.config.serverChannelMaxIdleTimeSeconds
        for channel in list(self.channels):
            if channel.active:
                channel.active = False
                channel.idle_since = now
            elif now - channel.idle_since >= limit:
                self.idle_closed += 1
                self._call(self._on_idle, channel)
                log.info("connection from %s closed: idle for %d s", channel.remote, limit)
                channel.abort()
