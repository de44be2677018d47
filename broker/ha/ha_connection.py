"""One slave's connection, on the master: it reports what it needs next, and gets the commitlog from there on.

What lives here: one connection. What does not: the list of them and who waits for reports (`ha_service.py`), the
slave's side (`ha_client.py`). Mirrors DefaultHAConnection.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, cast

from rocketmq_ops.broker.ha.flow_monitor import FlowMonitor
from rocketmq_ops.broker.ha.wire import FRAME_HEAD, MAX_FRAME_BYTES, REPORT, TLS_WANTED
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.remoting.handshake_handler import HANDSHAKE_MAGIC_CODE, HandshakeHandler
from rocketmq_ops.remoting.no_delay import send_at_once
from rocketmq_ops.remoting.securable import CountedConnection

if TYPE_CHECKING:
    from rocketmq_ops.broker.ha.ha_service import HAService

log = logging.getLogger(__name__)

#: Bytes sent in one turn of the loop at most, and that may wait for the socket: others have their turn in between.
_TURN_BYTES = 1024 * 1024
#: ms between two looks for new data: after data the first, then twice as many each time, up to Apache's 100.
#: Under SYNC_MASTER each message wakes the connection anyway.
_FIRST_LOOK_MS, _LAST_LOOK_MS = 5.0, 100.0

_BEGINNINGS_OF_TLS = (HANDSHAKE_MAGIC_CODE, TLS_WANTED[0])


class FirstBytes(HandshakeHandler):
    """The first bytes of a connection to a master that may be over TLS: a slave of ours asks before (`wire.py`)."""

    def data_received(self, data: bytes) -> None:
        if data == TLS_WANTED and self._raw is not None:
            self._raw.write(TLS_WANTED)
        else:
            super().data_received(data)


class HAConnection(CountedConnection):
    """A slave. Offsets are bytes of the commitlog."""

    def __init__(self, service: HAService) -> None:
        super().__init__()
        self._service = service
        self._config = service.config
        self._log = service.commit_log
        self._loop = asyncio.get_running_loop()
        self._partial = b""
        #: Whether it has said anything yet, and so counts as a slave.
        self._is_counted = False
        self._paused = False
        self._jobs = PeriodicJobs()
        self._look_ms = _FIRST_LOOK_MS
        self._flow = FlowMonitor(service.config, service.clock)
        self._last_read = self._last_write = self._loop.time()
        #: What the slave reported last, -1 before its first report.
        self.ack_offset = -1
        #: Where the next frame begins.
        self.transfer_from = -1

    @property
    def bytes_in_second(self) -> int:
        """Bytes sent in the last whole second."""
        return self._flow.bytes_in_second

    # -- the connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        cast(asyncio.Transport, transport).set_write_buffer_limits(high=_TURN_BYTES)  # uvloop's is no subclass
        send_at_once(transport)
        self._service.connected(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._jobs.stop()
        self._service.disconnected(self, exc)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self.transfer()

    def close(self) -> None:
        """End the connection, what was written leaves."""
        if self._transport is not None:
            self._transport.close()

    def check(self) -> None:
        """End the connection of a slave that was silent for haHousekeepingInterval."""
        silent = self._loop.time() - self._last_read
        if silent * 1000 > self._config.haHousekeepingInterval and self._transport is not None:
            log.warning("slave %s was silent for %d s, its connection is closed", self.remote, silent)
            self.abort()

    # -- reports

    def data_received(self, data: bytes) -> None:
        self._last_read = self._loop.time()
        if not self._is_counted:
            self._is_counted = True
            if data[0] in _BEGINNINGS_OF_TLS:
                self._refuse("it wants TLS, and tls.ha.mode is disabled here. Set it to permissive or enforcing")
                return
            self._service.begun(self)
            if self.closed:  # what a slave reports that is not served counts for nothing
                return
        data = self._partial + data
        whole = len(data) - len(data) % REPORT.size
        self._partial = data[whole:]
        if not whole or self._transport is None:
            return
        (offset,) = REPORT.unpack_from(data, whole - REPORT.size)
        if self.transfer_from < 0:
            self._begin(REPORT.unpack_from(data, 0)[0])
        if self.transfer_from < 0:
            return
        if offset > self.transfer_from:
            self._refuse(f"it reports {offset} and was sent the commitlog up to {self.transfer_from} only")
            return
        self.ack_offset = offset
        self._service.reported(self)

    def _begin(self, wanted: int) -> None:
        """The first report: begin there, or for an empty slave with the last file of the commitlog."""
        end = self._log.max_offset
        if not 0 <= wanted <= end:
            self._refuse(
                f"it has the commitlog up to {wanted}, and this master has it up to {end} only: it followed another "
                "master, or this one has lost its last messages. Nothing was sent to it. Look which of the two has the "
                "messages to keep, before the other one's store is moved away and it is started empty"
            )
            return
        start = wanted or max(0, end - end % self._log.file_queue.file_size, self._log.min_offset)
        if start < self._log.min_offset:
            self._refuse(
                f"it has the commitlog up to {wanted}, and this master only from {self._log.min_offset} on, as older "
                "files are deleted. Move the slave's store away and start it empty"
            )
            return
        self.transfer_from = start
        log.info("slave %s has the commitlog up to %d, is sent it from %d on", self.remote, wanted, start)
        self.transfer()
        self._jobs.every("look for new data", lambda: self._look_ms, self._look)

    def _refuse(self, why: str) -> None:
        self._service.refuse(self.remote, why)
        self.close()

    # -- frames

    def transfer(self) -> None:
        """Send what there is, as far as the socket takes it."""
        transport = self._transport
        if transport is None or self._paused or self.transfer_from < 0 or transport.is_closing():
            return
        try:
            sent = self._send(transport)
        except OSError as error:
            self._refuse(f"the commitlog cannot be read at {self.transfer_from}: {error}")
            return
        now = self._loop.time()
        if sent:
            self._flow.add(sent)
            self._last_write = now
            self._look_ms = _FIRST_LOOK_MS
            if sent >= _TURN_BYTES:
                self._loop.call_soon(self.transfer)
        elif (now - self._last_write) * 1000 > self._config.haSendHeartbeatInterval:
            transport.write(FRAME_HEAD.pack(self.transfer_from, 0))
            self._last_write = now

    def _look(self) -> None:
        self.transfer()
        self._look_ms = min(2 * self._look_ms, _LAST_LOOK_MS)

    def _send(self, transport: asyncio.Transport) -> int:
        """One turn's frames; how many bytes of the commitlog they have. Raises OSError."""
        want = self._flow.allowed(_TURN_BYTES)
        data = self._log.data_from(self.transfer_from, want) if want else b""
        if not data:
            if self.transfer_from < self._log.min_offset:
                self._refuse(f"what it needs next, {self.transfer_from}, was deleted: it is too far behind")
            return 0
        most, view = min(self._config.haTransferBatchSize, MAX_FRAME_BYTES), memoryview(data)
        pieces: list[bytes | memoryview] = []
        for at in range(0, len(data), most):
            piece = view[at : at + most]
            pieces += (FRAME_HEAD.pack(self.transfer_from + at, len(piece)), piece)
        self.transfer_from += len(data)
        # Not `writelines`, see `Channel.connection_made`.
        transport.write(b"".join(pieces))
        return len(data)
