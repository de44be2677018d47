"""Has connections timed and sends measured, for the metrics page; without it nothing of this is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.metrics.broker_metrics_manager import BrokerMetricsManager
from rocketmq_ops.broker.metrics.meters import BrokerMeters
from rocketmq_ops.remoting.timed_channel import TimedChannel

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def bind(controller: BrokerController) -> BrokerMetricsManager:
    """The page, which is not open yet. Raises ConfigError when the package prometheus-client is missing."""
    meters = controller.meters = BrokerMeters()
    page = BrokerMetricsManager(controller, meters)
    observer = controller.rpc_observer
    controller.server.new_channel = lambda owner, loop, frame: TimedChannel(owner, loop, frame, observer, meters)
    return page
