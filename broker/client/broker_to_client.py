"""Requests that the broker sends to its clients on their own connections.

Offset resets and client inspection are administration (`processors/admin/client.py`). Nothing here waits for an
answer. Mirrors org.apache.rocketmq.broker.client.net.Broker2Client and DefaultConsumerIdsChangeListener.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import CheckTransactionStateRequestHeader, NotifyConsumerIdsChangedRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class BrokerToClient:
    """Sends one-way requests to producers and consumers."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def notify_consumer_ids_changed(self, group: str, channels: list[Channel]) -> None:
        """Tell the members of a group to rebalance, unless `notifyConsumerIdsChangedEnable` is off."""
        if not self._controller.config.notifyConsumerIdsChangedEnable:
            return
        for channel in channels:
            if not channel.closed:
                header = NotifyConsumerIdsChangedRequestHeader(consumer_group=group)
                channel.send_oneway(RemotingCommand.of(header))

    def check_transaction_state(
        self, channel: Channel, header: CheckTransactionStateRequestHeader, record: bytes
    ) -> None:
        """Ask a producer how the transaction of a half message ended; `record` is the encoded message."""
        channel.send_oneway(RemotingCommand.of(header, record))
