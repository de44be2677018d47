"""One connection of a slave to its master: frames of the commitlog come in, offsets go out.

What lives here: the protocol. What does not: connecting (`ha_client.py`). Mirrors DefaultHAClient.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from rocketmq_ops.broker.ha.wire import FRAME_HEAD, MAX_FRAME_BYTES, REPORT
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.remoting.connecting import reason_of
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.log.replica_appender import ReplicaError

if TYPE_CHECKING:
    from rocketmq_ops.broker.ha.ha_client import HAClient
    from rocketmq_ops.store.message_store import MessageStore

_CHECK_MS = 500
#: Who gets so much at a time is catching up.
_MUCH_BYTES = 128 * 1024
#: What to do where a master will have nothing of a slave.
LOOK_AT_TLS = "look at the tls.client.* keys of this slave, and at the master's log"
_IF_TLS_ALONE = "the master's log says why; where it takes TLS alone, set tls.ha.enable=true at this slave"


class HAFeed(asyncio.Protocol):
    """`closed` ends with the connection: with an exception where something was wrong with what came."""

    def __init__(self, client: HAClient, address: str, store: MessageStore, config: MessageStoreConfig) -> None:
        assert store.replica is not None
        self.address = address
        self._client = client
        self._store = store
        self._config = config
        self._replica = store.replica
        self._loop = asyncio.get_running_loop()
        self.closed: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._is_secured = False
        #: Whether the master has said anything.
        self._heard = False
        self._jobs = PeriodicJobs()
        #: The beginning of a frame's head.
        self._head = b""
        #: Bytes of the frame that are still to come.
        self._left = 0
        self._reported = 0
        self._last_read = self._last_write = self._loop.time()

    # -- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass
        self._is_secured = transport.get_extra_info("ssl_object") is not None
        self._write_report(self._replica.max_offset)
        self._jobs.every("heartbeat", lambda: _CHECK_MS, self._check)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._jobs.stop()
        if not self.closed.done():
            why = f": {reason_of(exc) if isinstance(exc, OSError) else exc}" if exc else ""
            error = RocketMQError(f"the master at {self.address} has closed the connection{why}")
            if not self._heard:
                error.next_step = LOOK_AT_TLS if self._is_secured else _IF_TLS_ALONE
            self.closed.set_exception(error)

    def close(self) -> None:
        """End the connection."""
        if not self.closed.done():
            self.closed.set_result(None)
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: Exception) -> None:
        if not self.closed.done():
            self.closed.set_exception(error)
        if self._transport is not None:
            self._transport.abort()

    def _check(self) -> None:
        """Send a heartbeat when it is due; end the connection to a master that is silent."""
        now = self._loop.time()
        if (now - self._last_read) * 1000 > self._config.haHousekeepingInterval:
            self._fail(RocketMQError(f"the master at {self.address} was silent for {now - self._last_read:.0f} s"))
            return
        if (now - self._last_write) * 1000 > self._config.haSendHeartbeatInterval:
            self._write_report(self._reported)

    # -- what comes

    def data_received(self, data: bytes) -> None:
        if self.closed.done():
            return
        self._heard = True
        self._last_read = self._loop.time()
        self._client.read(len(data))
        if len(data) >= _MUCH_BYTES:
            self._store.expect_load()
        before = self._replica.max_offset
        try:
            self._take(data)
        except (RocketMQError, OSError) as error:
            self._fail(error)
            return
        end = self._replica.max_offset
        if end > before:
            self._report(end)

    def _take(self, data: bytes) -> None:
        """Append what the frames hold, at once: most frames are small, and each append looks for whole records.

        Raises ReplicaError, OSError."""
        if self._head:
            data, self._head = self._head + data, b""
        parts: list[memoryview] = []
        try:
            self._take_apart(memoryview(data), parts)
        finally:
            if parts:
                self._replica.append(parts)

    def _take_apart(self, view: memoryview, parts: list[memoryview]) -> None:
        """Add to `parts` what of the commitlog came. Raises ReplicaError."""
        at = taken = 0
        while True:
            if self._left:
                part = view[at : at + self._left]
                if not part:
                    return
                parts.append(part)
                self._left -= len(part)
                at += len(part)
                taken += len(part)
                if self._left:
                    return
            if len(view) - at < FRAME_HEAD.size:
                self._head = bytes(view[at:])
                return
            offset, size = FRAME_HEAD.unpack_from(view, at)
            at += FRAME_HEAD.size
            self._expect(offset, size, self._replica.max_offset + taken)
            self._left = size

    def _expect(self, offset: int, size: int, have: int) -> None:
        """Look at a frame's head; `have` is the offset of the byte that is needed next. Raises ReplicaError."""
        if not 0 <= size <= MAX_FRAME_BYTES or offset < 0:
            raise ReplicaError(
                f"{self.address} does not speak the protocol of replication",
                "set haMasterAddress to the master's brokerIP2 and haListenPort",
            )
        if have and offset != have:
            raise ReplicaError(
                f"the master sends its commitlog from {offset} on, and this slave needs it from {have} on",
                "stop this slave, move its store away and start it empty, if the master has the messages to keep",
            )
        if not have and offset and size:
            self._replica.start_at(offset)

    # -- reports

    def _report(self, end: int) -> None:
        """Report that all below `end` is here, under SYNC_FLUSH when it is on the disk."""
        if self._store.flush.is_awaited:
            self._store.when_flushed(end, lambda ok: self._write_report(end) if ok else None)
        else:
            self._write_report(end)

    def _write_report(self, offset: int) -> None:
        if self._transport is None or offset < self._reported:
            return
        self._reported = offset
        self._transport.write(REPORT.pack(offset))
        self._last_write = self._loop.time()
        self._client.wrote()
