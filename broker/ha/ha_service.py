"""Replication of one broker: it listens on `haListenPort` for slaves, and as a slave it has a client.

What lives here: the listener, the list of slaves, and what is said about them. What does not: one slave's connection
(`ha_connection.py`), who waits for slaves (`group_transfer.py`), the slave's side (`ha_client.py`). Without a slave
nothing is done and little is loaded. Mirrors DefaultHAService.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.ha.group_transfer import GroupTransfer
from rocketmq_ops.common.addresses import Networks
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.remoting.bodies import HAClientRuntimeInfo, HAConnectionRuntimeInfo, HARuntimeInfo
from rocketmq_ops.remoting.errors import RemotingBindError
from rocketmq_ops.remoting.listening import Listeners, bound_socket

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.ha.ha_client import HAClient
    from rocketmq_ops.broker.ha.ha_connection import HAConnection

log = logging.getLogger(__name__)

#: Slaves at once; each costs memory and a share of the network, and nobody has so many.
MAX_SLAVES = 64
_CHECK_INTERVAL_MS = 1000
#: A slave that is refused comes again every few seconds; the log says so once in this time.
_REFUSAL_INTERVAL_MS = 60_000


class HAService:
    """Owned by the controller. All on the loop's thread."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.config = controller.store_config
        self.commit_log = controller.store.commit_log
        self.clock = controller.clock
        #: Where the commitlog ended when this broker was started, -1 before.
        self.first_offset = -1
        #: Of a slave: what it shows as the master's flushed offset, as somebody has set it.
        self.master_flush_offset = 0
        #: The slaves that are connected, and who is connected and has said nothing yet.
        self.connections: list[HAConnection] = []
        self._newcomers: dict[HAConnection, None] = {}
        self._tls = controller.server.secure_port(
            "tls.ha.mode",
            controller.tls_config.ha_mode,
            "set tls.ha.enable=true at that slave; one of Apache's has no TLS, and needs tls.ha.mode=permissive here",
        )
        #: What a slave's connections to its master are made with; None without TLS.
        self.client_tls = (
            controller.tls_config.client_tls()
            if controller.is_slave and controller.tls_config.replicates_with_tls
            else None
        )
        #: The slave's side, of a slave that has started.
        self.client: HAClient | None = None
        self.transfers = GroupTransfer(
            self.config, self, acting_master=lambda: controller.config.enableSlaveActingMaster
        )
        self.when_replicated = self.transfers.when_replicated
        self._listeners = Listeners()
        self._jobs = PeriodicJobs()
        self._wake_scheduled = False
        self._refusals: dict[str, LogRate] = Bounded(MAX_SLAVES)
        self._allowed = Networks(self.config.haAllowedAddresses)
        #: The highest offset that any slave had, however long ago.
        self._best = -1

    # -- life

    async def start(self) -> None:
        """Listen; a slave begins to replicate.

        The port that the configuration leaves to the broker, and any port of an ASYNC_MASTER, which may never have a
        slave, is another free one when it is taken; name servers and slaves hear of it by the registration.
        Raises RemotingBindError."""
        controller = self._controller
        self.first_offset = self.commit_log.max_offset
        host, given = controller.server_config.bindAddress, self.config.haListenPort
        port = given or controller.server_config.listenPort + 1
        try:
            socket = bound_socket(host, port)
        except RemotingBindError as error:
            if given and self.config.brokerRole != "ASYNC_MASTER":
                raise RemotingBindError(
                    f"haListenPort: {error}", "free the port, or set another haListenPort", address=error.address
                ) from None
            socket = bound_socket(host, 0)
            if given:
                log.warning("%s; slaves are listened for on port %d instead", error, socket.getsockname()[1])
        self.config.haListenPort = socket.getsockname()[1]
        await self._listeners.listen(socket, self._accept)
        if controller.is_slave:
            from rocketmq_ops.broker.ha.ha_client import HAClient

            self.client = HAClient(controller)
            self.client.start()

    async def drain(self) -> None:
        """Let those be answered who wait for slaves; none waits longer than slaveTimeout."""
        await self.transfers.drain()

    async def stop(self) -> None:
        """Stop replicating and listening, close every connection."""
        if self.client is not None:
            await self.client.stop()
        self._jobs.stop()
        await self._listeners.stop()
        for connection in [*self.connections, *self._newcomers]:
            connection.transfer()
            connection.close()
        self.transfers.stop()

    def _accept(self) -> asyncio.Protocol:
        from rocketmq_ops.broker.ha.ha_connection import FirstBytes, HAConnection

        connection = HAConnection(self)
        return connection if self._tls is None else FirstBytes(self._tls, connection)

    # -- the slaves that are connected

    def connected(self, connection: HAConnection) -> None:
        """A connection was made; from elsewhere than haAllowedAddresses it is refused. It takes no slave's place before
        it has said something, which over TLS it can once it has given the certificate that it may have to."""
        if self._listeners.are_stopped:
            connection.abort()
            return
        if not self._is_allowed(connection):
            return
        if len(self._newcomers) >= MAX_SLAVES:  # a slave speaks up soon
            longest = next(iter(self._newcomers))
            del self._newcomers[longest]
            longest.abort()
        self._newcomers[connection] = None
        if not self._jobs:
            self._jobs.every("slaves", lambda: _CHECK_INTERVAL_MS, self._check)

    def begun(self, connection: HAConnection) -> None:
        """A connection has said its first word; more than MAX_SLAVES are refused."""
        self._newcomers.pop(connection, None)
        if len(self.connections) >= MAX_SLAVES:
            self.refuse(connection.remote, f"{MAX_SLAVES} slaves are connected already")
            connection.close()
            return
        self.connections.append(connection)
        log.info("slave %s has connected%s", connection.remote, ", over TLS" if connection.is_secured else "")

    def disconnected(self, connection: HAConnection, error: Exception | None) -> None:
        """A connection has ended."""
        self._newcomers.pop(connection, None)
        if connection in self.connections:
            self.connections.remove(connection)
            log.info("slave %s is gone%s", connection.remote, f": {error}" if error else "")
        if not self.connections and not self._newcomers:
            self._jobs.stop()

    def _is_allowed(self, connection: HAConnection) -> bool:
        """Whether a slave may be served; if not, its connection is closed. The key may change at any time."""
        text = self.config.haAllowedAddresses
        if text != self._allowed.text:
            self._allowed = Networks(text)
        if not self._allowed or connection.host in self._allowed:
            return True
        self.refuse(connection.remote, "its address is not one of haAllowedAddresses")
        connection.close()
        return False

    def _check(self) -> None:
        for connection in [*self.connections, *self._newcomers]:
            if self._is_allowed(connection):
                connection.check()

    def reported(self, connection: HAConnection) -> None:
        """A slave has said what it needs next."""
        self._best = max(self._best, connection.ack_offset)
        self.transfers.reported()

    def refuse(self, address: str, why: str) -> None:
        """Say why a slave gets nothing; it comes again every few seconds, so not each time."""
        host = address.rpartition(":")[0]
        rate = self._refusals.get(host)
        if rate is None:
            rate = self._refusals[host] = LogRate(_REFUSAL_INTERVAL_MS)
        if rate.due(self.clock()):
            log.error("slave %s is not served: %s", address, why)

    # -- what is known of them

    def acked(self, count: int) -> int:
        """The offset below which `count` slaves have everything, -1 when there are not so many."""
        if count == 1:
            return self._best
        offsets = sorted((connection.ack_offset for connection in self.connections), reverse=True)
        return offsets[count - 1] if len(offsets) >= count else -1

    def _is_in_sync(self, connection: HAConnection) -> bool:
        gap = min(self.config.haMaxGapNotInSync, self.config.haSlaveFallbehindMax)
        return connection.ack_offset >= 0 and self.commit_log.max_offset - connection.ack_offset < gap

    def in_sync(self) -> int:
        """How many slaves lack less than haMaxGapNotInSync."""
        return sum(map(self._is_in_sync, self.connections))

    def wake(self) -> None:
        """Send to the slaves what there is, once after this turn of the loop."""
        if not self._wake_scheduled:
            self._wake_scheduled = True
            asyncio.get_running_loop().call_soon(self._transfer)

    def _transfer(self) -> None:
        self._wake_scheduled = False
        for connection in list(self.connections):
            connection.transfer()

    def runtime_info(self) -> HARuntimeInfo:
        """The answer to GET_BROKER_HA_STATUS (DefaultHAService.getRuntimeInfo)."""
        end = self.commit_log.max_offset
        if self.client is not None:
            return HARuntimeInfo(
                master=False,
                ha_client_runtime_info=HAClientRuntimeInfo(
                    master_addr=self._controller.master.ha_address,
                    max_offset=end,
                    master_flush_offset=self.master_flush_offset,
                    last_read_timestamp=self.client.last_read_ms,
                    last_write_timestamp=self.client.last_write_ms,
                    transferred_byte_in_second=self.client.bytes_in_second,
                ),
            )
        connections = [
            HAConnectionRuntimeInfo(
                addr=connection.remote,
                slave_ack_offset=connection.ack_offset,
                diff=end - connection.ack_offset,
                in_sync=self._is_in_sync(connection),
                transferred_byte_in_second=connection.bytes_in_second,
                transfer_from_where=connection.transfer_from,
            )
            for connection in self.connections
        ]
        return HARuntimeInfo(
            master=True,
            master_commit_log_max_offset=end,
            in_sync_slave_nums=sum(info.in_sync for info in connections),
            ha_connection_info=connections,
        )
