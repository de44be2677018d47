"""The broker as a whole: runtime information, timers, and cleaning on demand.

The table of runtime information is made in `broker/stats/runtime_info.py`. Mirrors parts of AdminBrokerProcessor.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.stats.runtime_info import runtime_info
from rocketmq_ops.common.stage_times import STAGES_OF_TOPIC, stage_keys
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


class BrokerAdminProcessor:
    """Handlers of the codes that concern the whole broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def runtime_info(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """28: the table that `brokerStatus` and `clusterList` show; with the times of a topic's messages if asked."""
        controller = self._controller
        table = runtime_info(controller)
        topic = request.ext_fields.get(STAGES_OF_TOPIC)
        if topic is not None:
            controller.stages.clock_reads(channel)
            table |= stage_keys(controller.stages.take(topic), controller.store_config.flushDiskType)
        return request.reply(body=KVTable(table=table).encode())

    def clean_expired(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """306 and 329: delete what has expired now, not only at `deleteWhen`."""
        log.warning("cleaning of expired files asked for by %s", channel.remote)
        cleaning = self._controller.store.cleaning

        async def cleaned() -> RemotingCommand:
            cleaning.delete_manually()
            await cleaning.round(pauses=False)
            return request.reply()

        return answer_later(channel, request, cleaned())

    def timer_checkpoint(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """60: how far this broker's timers are, for its slaves."""
        timers = self._controller.timers
        if not timers.is_enabled:
            return request.reply(ResponseCode.SYSTEM_ERROR, "The checkpoint is null")
        return request.reply(body=timers.encoded_checkpoint())

    def timer_metrics(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """61: how many messages of each topic wait, for its slaves."""
        timers = self._controller.timers
        if not timers.is_enabled:
            return request.reply(ResponseCode.SYSTEM_ERROR, "The timer message store is null")
        return request.reply(body=timers.metrics.encode())


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = BrokerAdminProcessor(controller)
    register = controller.server.register
    register(RequestCode.GET_BROKER_RUNTIME_INFO, None, admin.runtime_info)
    register(RequestCode.CLEAN_EXPIRED_CONSUMEQUEUE, None, admin.clean_expired)
    register(RequestCode.DELETE_EXPIRED_COMMITLOG, None, admin.clean_expired)
    register(RequestCode.TRIGGER_DELETE_FILES, None, admin.clean_expired)
    register(RequestCode.GET_TIMER_CHECK_POINT, None, admin.timer_checkpoint)
    register(RequestCode.GET_TIMER_METRICS, None, admin.timer_metrics)
