"""Requests that a slave refuses, because its next look at its master would undo them.

Mirrors AdminBrokerProcessor.validateSlave, by which brokers of 4.9 refuse; those of 5.x accept and forget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.remoting.request_handlers import H, Handler

#: The answer of a processor that takes no requests (NettyRequestProcessor.rejectRequest): sends to a slave, and pulls
#: from one without `slaveReadEnable`.
REJECTED = (ResponseCode.SYSTEM_BUSY, "[REJECTREQUEST]system busy, start flow control for a while")

REMARK = "Can't modify topic or subscription group from slave broker, please execute it from master broker."


def masters_only(controller: BrokerController, handler: Handler[H]) -> Handler[H]:
    """`handler`, or on a slave one that refuses."""
    return _refuse if controller.is_slave else handler


def _refuse(_channel: Channel, request: RemotingCommand, _header: object) -> Answer:
    return request.reply(ResponseCode.SYSTEM_ERROR, REMARK)
