"""Puts the watched processors in the place of the others, for the kinds of hooks that there are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.hooks.registered import RegisteredHooks, load
from rocketmq_ops.broker.hooks.watched import (
    RpcWatch,
    WatchedPulls,
    WatchedReplies,
    WatchedSendBacks,
    WatchedSends,
)
from rocketmq_ops.broker.processors.consumer_send_back import ConsumerSendBackProcessor
from rocketmq_ops.broker.processors.pull_message import PullMessageProcessor
from rocketmq_ops.broker.processors.reply_message import ReplyMessageProcessor
from rocketmq_ops.broker.processors.send_message import SendMessageProcessor

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


def bind(controller: BrokerController) -> RegisteredHooks:
    """Load the hooks that `brokerHooks` names, and bind them with those of the program. Raises ConfigError."""
    found = RegisteredHooks([*controller.hooks, *load(controller.config.brokerHooks)], controller.clock)
    for hook in dict.fromkeys([*found.send, *found.consume, *found.rpc]):
        log.info("the hook %s is in use", type(hook).__name__)
    if found.send or found.rpc:
        controller.watch(SendMessageProcessor, WatchedSends)
        controller.watches_answers = True
    if found.send:
        controller.watch(ReplyMessageProcessor, WatchedReplies)
    if found.consume:
        controller.watch(PullMessageProcessor, WatchedPulls)
        controller.watch(ConsumerSendBackProcessor, WatchedSendBacks)
    if found.rpc:
        controller.rpc_observer = RpcWatch(found)
    return found
