"""The producers that are connected, by group, and the channel to ask for the state of a transaction.

Heartbeats fill the table; a closed connection, an unregistration or 120 s without a heartbeat empties it. Everybody may
call himself a producer of any group, and a client by any id: with access, who is asked about a message is who may send
to its topic, and who gets a client's replies is of the account that had its id first. No request handling here. Mirrors
org.apache.rocketmq.broker.client.ProducerManager, which asks and gives whoever came.
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.broker.client.client_channel import ACCOUNT, ClientChannelInfo
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.remoting.channel import Channel

CHANNEL_EXPIRED_TIMEOUT_MS = 120_000
#: How long it stands who of a group may send to a topic (ms), and for how many groups and topics that is noted.
_ASKED_MS, _MOST_ASKED = 1000, 1000


class ProducerManager:
    """`table`: group -> channel -> ClientChannelInfo. `clock` returns ms and is never set."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.table: dict[str, dict[Channel, ClientChannelInfo]] = {}
        #: Whether the account of a connection may send to a topic; None without access, where everybody may.
        self.may_send: Callable[[Channel, str], bool] | None = None
        self._next_channel = 0
        #: Group and topic -> when it was looked at (ms of the clock), and who of the group may send to the topic.
        self._asked: Bounded[tuple[str, str], tuple[int, list[Channel]]] = Bounded(_MOST_ASKED)
        #: Client id -> its connections, in the order in which they came -> in how many groups they are.
        self._of_clients: dict[str, dict[Channel, int]] = {}

    def register(self, group: str, info: ClientChannelInfo) -> None:
        """Add the channel to the group, or renew it."""
        channels = self.table.setdefault(group, {})
        found = channels.get(info.channel)
        if found is None:
            channels[info.channel] = info
            self._asked.clear()
            of_client = self._of_clients.setdefault(info.client_id, {})
            of_client[info.channel] = of_client.get(info.channel, 0) + 1
        else:
            found.renew(info)

    def unregister(self, group: str, channel: Channel) -> None:
        """Remove the channel from the group; a group without a channel is removed."""
        channels = self.table.get(group, {})
        left = channels.pop(channel, None)
        if left is None:
            return
        self._asked.clear()
        if not channels:
            del self.table[group]
        of_client = self._of_clients[left.client_id]
        of_client[channel] -= 1
        if not of_client[channel]:
            del of_client[channel]
        if not of_client:
            del self._of_clients[left.client_id]

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
        """An open channel of the group, in turn, of those that may send to the topic; None when there is none.

        One whose producer reads nothing only where no other one does.
        """
        channels, unread = self._channels_to_ask(group, topic), None
        for _ in channels:
            self._next_channel += 1
            channel = channels[self._next_channel % len(channels)]
            if channel.closed:
                continue
            if channel.is_drained:
                return channel
            unread = channel
        return unread

    def _channels_to_ask(self, group: str, topic: str) -> list[Channel]:
        """Those of the group that may send to the topic, as of a second ago at most: a round asks about many messages,
        and thousands may call themselves producers of the group."""
        may_send, now = self.may_send, self._clock()
        known = self._asked.get((group, topic))
        if known is None or now - known[0] >= _ASKED_MS:
            channels = [each for each in self.table.get(group, {}) if may_send is None or may_send(each, topic)]
            known = self._asked[group, topic] = now, channels
        return known[1]

    def find_channel(self, client_id: str) -> Channel | None:
        """The open channel of the producer with this client id, in whatever group; None when it is not connected.

        Of several the one that came last: a client that has connected again may have left one that is cut off.
        """
        channels = [channel for channel in self._of_clients.get(client_id, ()) if not channel.closed]
        of_first = [each for each in channels if each.attrs.get(ACCOUNT) == channels[0].attrs.get(ACCOUNT)]
        return of_first[-1] if of_first else None
