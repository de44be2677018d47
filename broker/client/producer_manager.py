"""The producers that are connected, by group, and the channel to ask for the state of a transaction.

Heartbeats fill the table; a closed connection, an unregistration or 120 s without a heartbeat empties it. Everybody may
call himself a producer of any group, and a client by any id: with access, who is asked about a message is who may send
to its topic, and who gets a client's replies is of the account that had its id first. No request handling here. Mirrors
org.apache.rocketmq.broker.client.ProducerManager, which asks and gives whoever came.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.broker.client.client_channel import ACCOUNT, ClientChannelInfo
from rocketmq_ops.remoting.channel import Channel

CHANNEL_EXPIRED_TIMEOUT_MS = 120_000


class ProducerManager:
    """`table`: group -> channel -> ClientChannelInfo. `clock` returns ms and is never set."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.table: dict[str, dict[Channel, ClientChannelInfo]] = {}
        #: Whether the account of a connection may send to a topic; None without access, where everybody may.
        self.may_send: Callable[[Channel, str], bool] | None = None
        self._next_channel = 0
        #: Client id -> its connections, in the order in which they came.
        self._of_clients: dict[str, dict[Channel, None]] = {}

    def register(self, group: str, info: ClientChannelInfo) -> None:
        """Add the channel to the group, or renew it."""
        channels = self.table.setdefault(group, {})
        found = channels.get(info.channel)
        if found is None:
            channels[info.channel] = info
            self._of_clients.setdefault(info.client_id, {})[info.channel] = None
        else:
            found.renew(info)

    def unregister(self, group: str, channel: Channel) -> None:
        """Remove the channel from the group; a group without a channel is removed."""
        channels = self.table.get(group, {})
        left = channels.pop(channel, None)
        if left is None:
            return
        if not channels:
            del self.table[group]
        if not any(channel in others for others in self.table.values()):
            self._forget(left)

    def _forget(self, left: ClientChannelInfo) -> None:
        channels = self._of_clients.get(left.client_id, {})
        channels.pop(left.channel, None)
        if not channels:
            self._of_clients.pop(left.client_id, None)

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

    def available_channel(self, group: str, topic: str) -> Channel | None:
        """An open channel of the group, in turn, of those that may send to the topic; None when there is none."""
        channels = [channel for channel in self.table.get(group, {}) if not channel.closed]
        self._next_channel += 1
        for step in range(len(channels)):
            channel = channels[(self._next_channel + step) % len(channels)]
            if self.may_send is None or self.may_send(channel, topic):
                return channel
        return None

    def find_channel(self, client_id: str) -> Channel | None:
        """The open channel of the producer with this client id, in whatever group; None when it is not connected.

        Of several the one that came last: a client that has connected again may have left one that is cut off.
        """
        channels = [channel for channel in self._of_clients.get(client_id, ()) if not channel.closed]
        of_first = [each for each in channels if each.attrs.get(ACCOUNT) == channels[0].attrs.get(ACCOUNT)]
        return of_first[-1] if of_first else None
