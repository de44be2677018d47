"""NamesrvController: one name server; wires tables, KV configuration and server together, and scans for dead brokers.

No request handling (`processors/`). Name servers do not know each other. Mirrors NamesrvController of 5.3.3.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.configuration import Configuration
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.state_files import StateFileWriter
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.kv_config_manager import KvConfigManager
from rocketmq_ops.namesrv.processors import install_all
from rocketmq_ops.namesrv.processors.name_server_config import START_ONLY
from rocketmq_ops.namesrv.route_info_manager import MinBrokerIdChange, RouteInfoManager
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.server import RemotingServer
from rocketmq_ops.remoting.tls_system_config import TlsSystemConfig

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.address_server import AddressServer
    from rocketmq_ops.remoting.http_page import HttpPage

log = logging.getLogger(__name__)


class NamesrvController:
    """One name server. `extra` are keys of the property file that no class has; they are shown with the others.

    `clock` gives ms and is never set (Apache's goes by the wall clock: one that is set forward loses every route).
    """

    def __init__(
        self,
        config: NamesrvConfig,
        server_config: NettyServerConfig,
        *,
        tls_config: TlsSystemConfig | None = None,
        extra: Mapping[str, str] | None = None,
        clock: Callable[[], int] = steady_ms,
    ) -> None:
        self.config = config
        self.server_config = server_config
        self.configuration = Configuration([config, server_config], extra, start_only=START_ONLY)
        self.clock = clock
        self.routes = RouteInfoManager(config, clock)
        self.files = StateFileWriter()
        self.kv_config = KvConfigManager(config, self.files)
        self.tls_config = tls_config or TlsSystemConfig()
        self.server = RemotingServer(server_config, self.tls_config)
        #: Where clients read the addresses, once it is started; None when that is not wanted.
        self.address_server: AddressServer | None = None
        #: The page for Prometheus, where there is one.
        self.metrics: HttpPage | None = None
        self._started_at = clock()
        self._jobs = PeriodicJobs()
        self._notifications = Tasks()

    @property
    def address(self) -> str:
        """`bindAddress:port` with the port that is really bound."""
        return format_address(self.server_config.bindAddress, self.server.port)

    def uptime_ms(self) -> int:
        """ms since the start."""
        return self.clock() - self._started_at

    async def start(self) -> None:
        """Load the KV configuration and listen. Raises CorruptDataError, RemotingConnectError."""
        self.kv_config.load()
        install_all(self)
        self.server.on_close(self._channel_closed)
        self.routes.on_min_broker_id_changed = self._min_broker_id_changed
        await self.server.start()
        try:
            await self._open_pages()
        except BaseException:
            await self.stop()
            raise
        self._started_at = self.clock()
        self._jobs.every("scan", lambda: self.config.scanNotActiveBrokerInterval, self.routes.scan_not_active)

    async def _open_pages(self) -> None:
        """Listen for HTTP where it is asked for."""
        if self.config.addressServerPort:
            from rocketmq_ops.namesrv.address_server import AddressServer

            address_server = AddressServer(self)
            await address_server.start()
            self.address_server = address_server
        if self.config.metricsExporterType == "PROM":
            from rocketmq_ops.namesrv.metrics import NamesrvMetrics

            metrics = NamesrvMetrics(self)
            await metrics.start()
            self.metrics = metrics

    async def stop(self) -> None:
        """Stop listening and close every connection."""
        self._jobs.stop()
        await self._notifications.stop()
        for page in (self.address_server, self.metrics):
            if page is not None:
                await page.stop()
        await self.server.stop()
        await self.files.wait()

    def _channel_closed(self, channel: Channel) -> None:
        self.routes.channel_closed(channel)

    def _min_broker_id_changed(self, change: MinBrokerIdChange) -> None:
        self._notifications.start(self._notify(change), "notify-min-broker-id")

    async def _notify(self, change: MinBrokerIdChange) -> None:
        # Rarely needed (acting masters only), so neither is imported nor kept open for every name server.
        from rocketmq_ops.remoting.client import RemotingClient
        from rocketmq_ops.remoting.headers import NotifyMinBrokerIdChangeRequestHeader

        header = NotifyMinBrokerIdChangeRequestHeader(
            min_broker_id=change.min_broker_id,
            min_broker_addr=change.min_broker_addr,
            offline_broker_addr=change.offline_broker_addr,
            ha_broker_addr=change.ha_broker_addr,
        )
        log.info("lowest broker id is now %d, notifying %s", change.min_broker_id, change.targets)
        connector = self.tls_config.connector() if self.tls_config.uses_tls else None
        async with RemotingClient(connector=connector) as client:
            for address in change.targets:
                request = RemotingCommand.of(header)
                try:
                    await client.invoke_oneway(address, request, timeout_ms=300)
                except RemotingError as error:
                    log.warning("%s", error)
