"""Administration of replication: its state (907), where a master serves it (906), and the master's flushed
offset as somebody sets it (908).

Mirrors getBrokerHaStatus, updateBrokerHaInfo and resetMasterFlushOffset of AdminBrokerProcessor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    ExchangeHAInfoRequestHeader,
    ExchangeHAInfoResponseHeader,
    ResetMasterFlushOffsetHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class HAAdminProcessor:
    """Handlers of the codes of replication."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def ha_status(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """907: how far the slaves are, or this slave."""
        return request.reply(body=self._controller.ha.runtime_info().encode())

    def exchange(self, _channel: Channel, request: RemotingCommand, header: ExchangeHAInfoRequestHeader) -> Answer:
        """906: where this master serves replication.

        Apache's broker, as a slave, also takes another master's place from whoever sends it; here only name servers and
        `haMasterAddress` say where a slave replicates from."""
        controller = self._controller
        if header.master_ha_address is not None:
            remark = "where a slave replicates from is said by its name servers, or by haMasterAddress"
            return request.reply(ResponseCode.NO_PERMISSION, remark)
        if controller.is_slave:
            return request.reply(header=ExchangeHAInfoResponseHeader())
        answer = ExchangeHAInfoResponseHeader(
            master_ha_address=controller.ha_address,
            master_flush_offset=controller.ha.first_offset,
            master_address=controller.address,
        )
        return request.reply(header=answer)

    def reset_master_flush_offset(
        self, _channel: Channel, request: RemotingCommand, header: ResetMasterFlushOffsetHeader
    ) -> Answer:
        """908: what a slave shows as the master's flushed offset (bytes of the commitlog)."""
        if self._controller.is_slave:
            self._controller.ha.master_flush_offset = header.master_flush_offset
        return request.reply()


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = HAAdminProcessor(controller)
    server = controller.server
    server.register(RequestCode.GET_BROKER_HA_STATUS, None, admin.ha_status)
    server.serve(ExchangeHAInfoRequestHeader, admin.exchange)
    server.serve(ResetMasterFlushOffsetHeader, admin.reset_master_flush_offset)
