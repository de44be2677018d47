"""The asyncio client of the remoting protocol: one connection an address.

A lost connection fails what waits on it at once; the next request connects again. Requests that peers send us are
served by handlers registered here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.channel import WRITE_HIGH_WATER_BYTES, Channel
from rocketmq_ops.remoting.client_settings import ClientSettings
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.connecting import Connector
from rocketmq_ops.remoting.errors import FrameError, RemotingConnectError, RemotingTimeoutError
from rocketmq_ops.remoting.frame_codec import MAX_FRAME_BYTES
from rocketmq_ops.remoting.memory_bound import MemoryBound
from rocketmq_ops.remoting.open_channels import OpenChannels
from rocketmq_ops.remoting.request_handlers import RequestHandlers

if TYPE_CHECKING:
    from rocketmq_ops.remoting.config import NettyClientConfig  # of servers, which have one

log = logging.getLogger(__name__)

#: How long `close` waits for peers to take what was written to them, and over TLS for their word of the end.
CLOSE_TIMEOUT_SECONDS: Final = 1.0


class RemotingClient:
    """Requests to any number of addresses. Use it within one event loop, and `close` it."""

    def __init__(
        self,
        config: NettyClientConfig | ClientSettings | None = None,
        *,
        max_frame: int = MAX_FRAME_BYTES,
        connector: Connector | None = None,
    ) -> None:
        self.config = config or ClientSettings()
        self.max_frame = max_frame
        #: For requests that peers send us.
        self.handlers = RequestHandlers()
        self.serve, self.register = self.handlers.serve, self.handlers.register
        self.memory = MemoryBound()
        self.refused_frames = 0
        self._channels: dict[str, Channel] = {}
        self._connecting: dict[str, asyncio.Task[Channel]] = {}
        #: Those that are being closed, and are not in use any more, among them.
        self._open_channels = OpenChannels()
        self._connector = connector or Connector()
        #: The context of a connection that is made now, None for a plain one.
        self.tls_context = self._connector.context
        self._jobs = PeriodicJobs()
        self._closed = False

    async def __aenter__(self) -> RemotingClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # --- requests -------------------------------------------------------------------------------------------------

    async def invoke(self, addr: str, cmd: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        """Send a request and wait for its answer, connecting first when need be; `timeout_ms` covers both.

        Raises RemotingConnectError, RemotingSendError, RemotingTimeoutError.
        """
        channel = self._channels.get(addr)
        if channel is None or channel.closed:
            loop = asyncio.get_running_loop()
            start = loop.time()
            channel = await self._connect(addr, timeout_ms)
            timeout_ms = max(timeout_ms - int((loop.time() - start) * 1000), 1)
        future = channel.submit(cmd, timeout_ms)
        reads = channel.reads
        try:
            return await future
        except RemotingTimeoutError as error:
            # A peer that sent nothing at all meanwhile is taken for dead; one that answers others is only slow.
            if self.config.clientCloseSocketIfTimeout and channel.reads == reads:
                channel.abort(str(error))
            raise

    def submit(self, addr: str, cmd: RemotingCommand, timeout_ms: int = 3000) -> asyncio.Future[RemotingCommand]:
        """Send a request without waiting; the future of its answer. Requests of one loop turn leave in one write."""
        channel = self._channels.get(addr)
        if channel is not None and not channel.closed:
            return channel.submit(cmd, timeout_ms)
        return run_later(self.invoke(addr, cmd, timeout_ms), f"request {cmd.code}")

    async def invoke_oneway(self, addr: str, cmd: RemotingCommand, timeout_ms: int = 3000) -> None:
        """Send a request that gets no answer. Raises RemotingConnectError."""
        channel = self._channels.get(addr)
        if channel is None or channel.closed:
            channel = await self._connect(addr, timeout_ms)
        channel.send_oneway(cmd)

    # --- connections ----------------------------------------------------------------------------------------------

    def channel(self, addr: str) -> Channel | None:
        """The open connection to an address, if there is one."""
        channel = self._channels.get(addr)
        return None if channel is None or channel.closed else channel

    def peer_certificate(self, addr: str) -> bytes | None:
        """The certificate (DER) that a server gave for the connection that is open to it; None without TLS."""
        channel = self.channel(addr)
        return None if channel is None else channel.peer_certificate

    async def _connect(self, addr: str, timeout_ms: int) -> Channel:
        """The channel to `addr`; several callers share one attempt."""
        if self._closed:
            raise RemotingConnectError(f"cannot connect to {addr}: the client is closed", address=addr)
        task = self._connecting.get(addr)
        if task is None:
            task = run_later(self._open(addr), f"connect {addr}")
            self._connecting[addr] = task
            task.add_done_callback(lambda done: self._connected(addr, done))
        done, _ = await asyncio.wait({task}, timeout=timeout_ms / 1000)
        if not done:
            raise RemotingConnectError(f"cannot connect to {addr}: no answer within {timeout_ms} ms", address=addr)
        if task.cancelled():
            raise RemotingConnectError(f"cannot connect to {addr}: the client is closed", address=addr)
        return task.result()

    def _connected(self, addr: str, task: asyncio.Task[Channel]) -> None:
        self._connecting.pop(addr, None)
        if not task.cancelled():
            task.exception()  # retrieved: the caller may have stopped waiting

    async def _open(self, addr: str) -> Channel:
        loop = asyncio.get_running_loop()
        channel = await self._connector.open(
            addr, self.config.connectTimeoutMillis, lambda: Channel(self, loop, self.max_frame)
        )
        channel.attrs["address"] = addr
        self._channels[addr] = channel
        if not self._jobs:
            self._jobs.every("sweep", lambda: self.config.clientChannelMaxIdleTimeSeconds * 250, self._sweep_idle)
        return channel

    async def close(self) -> None:
        """Close every connection; what waits for an answer fails."""
        self._closed = True
        self._jobs.stop()
        connecting = list(self._connecting.values())
        for task in connecting:
            task.cancel()
        self._channels.clear()
        await asyncio.gather(self._open_channels.close(CLOSE_TIMEOUT_SECONDS), *connecting, return_exceptions=True)
        if connecting:
            await asyncio.sleep(0)  # for a handshake that was cut short, whose socket is closed in the next turn

    # --- what channels report ---------------------------------------------------------------------------------------

    def channel_opened(self, channel: Channel) -> bool:
        """Count it in, and set the socket's buffers; refused once the client is closed."""
        if self._closed:
            return False
        self._open_channels.add(channel)
        channel.set_buffers(
            WRITE_HIGH_WATER_BYTES, None, self.config.clientSocketSndBufSize, self.config.clientSocketRcvBufSize
        )
        return True

    def channel_closed(self, channel: Channel, cause: Exception | None) -> None:
        """Forget the connection; the next request makes a new one."""
        self._open_channels.discard(channel)
        address: Any = channel.attrs.get("address")
        if self._channels.get(address) is channel:
            del self._channels[address]

    def frame_refused(self, channel: Channel, error: FrameError) -> None:
        """One line and a counter; the channel closes itself."""
        self.refused_frames += 1
        log.warning("connection to %s closed: %s", channel.remote, error)

    def _sweep_idle(self) -> None:
        """Close connections on which nothing moved for clientChannelMaxIdleTimeSeconds."""
        now = asyncio.get_running_loop().time()
        for channel in list(self._channels.values()):
            if channel.active or len(channel.responses):
                channel.active = False
                channel.idle_since = now
            elif now - channel.idle_since >= self.config.clientChannelMaxIdleTimeSeconds:
                channel.close()
