"""Puts the gate before the broker's requests, for the kinds of access that are switched on."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.access.facts import Facts
from rocketmq_ops.broker.access.gate import AccessGate, Check
from rocketmq_ops.broker.access.signatures import Signatures
from rocketmq_ops.remoting.channel import Channel

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


def bind(controller: BrokerController) -> None:
    """Read the accounts, and have them checked from the first request on. Raises RocketMQError."""
    signatures = Signatures(lambda: time.monotonic_ns() // 1_000_000)
    checks: list[Check] = []
    may_send: list[Callable[[Channel, str], bool]] = []
    if controller.config.aclEnable:
        from rocketmq_ops.broker.acl.plain_permission_manager import open_accounts

        accounts = controller.accounts = open_accounts(controller.config.rocketmqHome, signatures)
        facts = Facts(controller)
        checks.append(lambda channel, request: accounts.check(channel, request, facts))
        may_send.append(accounts.may_send)
    if controller.auth_config.authenticationEnabled:
        from rocketmq_ops.broker.auth.auth_evaluator import AuthEvaluator

        controller.auth = AuthEvaluator(controller, signatures)
        controller.auth.load()
        checks.append(controller.auth.check)
        may_send.append(controller.auth.may_send)
    controller.producers.may_send = lambda channel, topic: all(may(channel, topic) for may in may_send)
    controller.server.before_request = AccessGate(checks).before
