"""What a broker has only where its configuration asks for it: hooks, the metrics page, the check of access.

Without them nothing of these packages is loaded. Each `bind` there does the work.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


def bind_all(controller: BrokerController) -> None:
    """Bind what there is to be, before anything is loaded. Raises RocketMQError."""
    _bind_hooks(controller)
    _bind_metrics(controller)
    _bind_connections(controller)
    _bind_access(controller)


def _bind_hooks(controller: BrokerController) -> None:
    """Take over the hooks there are. Raises ConfigError."""
    if controller.config.brokerHooks or controller.hooks:
        from rocketmq_ops.broker.hooks.binding import bind

        controller.hooks_in_use = bind(controller)


def _bind_metrics(controller: BrokerController) -> None:
    """Have counted what the page for Prometheus shows, if there is one."""
    kind = controller.config.metricsExporterType
    if kind == "PROM":
        from rocketmq_ops.broker.metrics.binding import bind

        controller.metrics = bind(controller)
    elif kind != "DISABLE":
        log.warning(
            "metricsExporterType=%s has no effect: set it to PROM, and let Prometheus or an OpenTelemetry collector "
            "read the page",
            kind,
        )


def _bind_connections(controller: BrokerController) -> None:
    """Have new connections be of the class that hooks and the metrics page need; else they stay what they are."""
    observer, meters = controller.rpc_observer, controller.meters
    if meters is not None:
        from rocketmq_ops.remoting.timed_channel import TimedChannel

        controller.server.new_channel = lambda owner, loop, frame: TimedChannel(owner, loop, frame, observer, meters)
    elif controller.watches_answers:
        from rocketmq_ops.remoting.observed_channel import ObservedChannel

        controller.server.new_channel = lambda owner, loop, frame: ObservedChannel(owner, loop, frame, observer)


def _bind_access(controller: BrokerController) -> None:
    """Have requests checked if that is switched on. Raises RocketMQError."""
    if controller.config.aclEnable or controller.auth_config.authenticationEnabled:
        from rocketmq_ops.broker.access.binding import bind

        bind(controller)
