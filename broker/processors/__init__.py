"""Request processors, one module per concern; each `install(controller)` registers its request codes."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: Every processor module of the broker.
MODULES = (
    "send_message",
    "pull_message",
    "query_message",
    "client_manage",
    "consumer_manage",
    "consumer_send_back",
    "end_transaction",
    "reply_message",
    "recall_message",
    "admin.topic",
    "admin.group",
    "admin.config",
    "admin.stats",
    "admin.offset",
    "admin.client",
    "admin.message",
    "admin.broker",
    "admin.ha",
    "admin.acl",
    "admin.auth",
    "query_assignment",
)


def install_all(controller: BrokerController) -> None:
    """Register the request codes of every module on the controller's server."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}").install(controller)
