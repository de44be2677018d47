"""The name server's request handlers, one module for each concern; `install_all` registers them all.

Each module has `install(controller)`. Handlers are plain functions that answer at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.namesrv.processors import broker_registration, client_route, name_server_config, topic_admin

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController

MODULES = (client_route, broker_registration, topic_admin, name_server_config)


def install_all(controller: NamesrvController) -> None:
    """Register every handler on the controller's server."""
    for module in MODULES:
        module.install(controller)
