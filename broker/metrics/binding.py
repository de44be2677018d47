"""Has sends and answers measured, for the metrics page; without it nothing of this is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.metrics.broker_metrics_manager import BrokerMetricsManager
from rocketmq_ops.broker.metrics.meters import BrokerMeters

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def bind(controller: BrokerController) -> BrokerMetricsManager:
    """The page, which is not open yet. Raises ConfigError when the package prometheus-client is missing."""
    meters = controller.meters = BrokerMeters()
    return BrokerMetricsManager(controller, meters)
