"""The producers that are connected, by group, and the channel to ask for the state of a transaction.

Heartbeats fill the table; a closed connection, an unregistration or 120 s without a heartbeat empties it.
No request handling here. Mirrors org.apache.rocketmq.broker.client.ProducerManager.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
from rocketmq_ops.remoting.channel import Channel

CHANNEL_EXPIRED_TIMEOUT_MS = 120_000


class ProducerManager:
    """`table`: group -> channel -> ClientChannelInfo. `clock` returns ms and is never set."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.table: dict[str, dict[Channel, ClientChannelInfo]] = {}
        self._next_channel = 0

    def register(self, group: str, info: ClientChannelInfo) -> None:
        """Add the channel to the group, or renew it."""
        channels = self.table.setdefault(group, {})
        found = channels.get(info.channel)
        if found is None:
            channels[info.channel] = info
        else:
            found.renew(info)

    def unregister(self, group: str, channel: Channel) -> None:
        """Remove the channel from the group; a group without a channel is removed."""
        channels = self.table.get(group)
        if channels is not None and channels.pop(channel, None) is not None and not channels:
            del self.table[group]

    def close_channel(self, channel: Channel) -> None:
        """Forget a closed connection in every group."""
        for group in [group for group, channels in self.table.items() if channel in channels]:
            self.unregister(group, channel)

    def scan_inactive(self) -> None:
        """Drop and close the connections that sent no heartbeat for 120 s."""
        deadline = self._clock() - CHANNEL_EXPIRED_TIMEOUT_MS
        for group, channels in list(self.table.items()):
            for info in [info for info in channels.values() if info.seen_ms < deadline]:
                self.unregister(group, info.channel)
                info.channel.close()

    def available_channel(self, group: str) -> Channel | None:
        """An open channel of the group, in turn; None when there is none."""
        channels = [channel for channel in self.table.get(group, {}) if not channel.closed]
        if not channels:
            return None
        self._next_channel += 1
        return channels[self._next_channel % len(channels)]

    def find_channel(self, client_id: str) -> Channel | None:
        """The open channel of the producer with this client id, in whatever group; None when it is not connected."""
        for channels in self.table.values():
            for channel, info in channels.items():
                if info.client_id == client_id and not channel.closed:
                    return channel
        return None
