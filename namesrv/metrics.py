"""The metrics of a name server; Apache's has none, so their names are this product's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.remoting.http_page import http_tls
from rocketmq_ops.remoting.metrics_page import Figures, MetricsPage, labels_of

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController


class NamesrvMetrics(MetricsPage):
    """The page of one name server."""

    def __init__(self, controller: NamesrvController) -> None:
        """Raises ConfigError when the package prometheus-client is missing."""
        config = controller.config
        common = labels_of(config.metricsLabel) | {"node_type": "namesrv"}
        tls = http_tls(controller.server, controller.tls_config)
        super().__init__(config.metricsPromExporterHost, config.metricsPromExporterPort, common, tls)
        self._controller = controller

    async def gather(self) -> list[Figures]:
        """All figures as they are now."""
        controller, routes = self._controller, self._controller.routes
        brokers = Figures("rocketmq_namesrv_brokers", "gauge", "Brokers that are registered, by cluster")
        masters = {name: len(data.broker_addrs) for name, data in routes.brokers.items()}
        for cluster, names in routes.clusters.items():
            brokers.add(sum(masters.get(name, 0) for name in names), cluster=cluster)
        topics = Figures("rocketmq_namesrv_topics", "gauge", "Topics that have a route")
        topics.add(len(routes.topic_queues))
        channels = Figures("rocketmq_ops_connections", "gauge", "Open connections")
        channels.add(len(controller.server.channels))
        refused = Figures("rocketmq_ops_refused_connections_total", "counter", "Connections beyond the limit")
        refused.add(controller.server.refused_connections)
        uptime = Figures("rocketmq_namesrv_uptime_milliseconds", "gauge", "Time since the start")
        uptime.add(controller.uptime_ms())
        return [brokers, topics, channels, refused, uptime]
