"""The consumers that are connected: by group their channels and subscriptions, and who is notified when that changes.

Heartbeats fill the table; a closed connection, an unregistration or a missing heartbeat (`channelExpiredTimeout`)
empties it. Consumers that pull without a heartbeat leave their subscription in a second table ("compensation"), which
only administration reads. No request handling here.
Mirrors org.apache.rocketmq.broker.client.ConsumerManager and ConsumerGroupInfo.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
from rocketmq_ops.remoting.bodies import SubscriptionData
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CLUSTERING, CONSUME_PASSIVELY
from rocketmq_ops.remoting.channel import Channel

#: After so many ms a subscription of a pull without a heartbeat is noted anew.
NOTE_AGAIN_MS = 60_000

#: Called with the group and its channels when the members or topics of a group changed.
GroupListener = Callable[[str, list[Channel]], None]


class ConsumerGroupInfo:
    """One consumer group: its connections and its subscriptions by topic."""

    __slots__ = (
        "channels",
        "consume_from_where",
        "consume_type",
        "group_name",
        "message_model",
        "seen",
        "subscriptions",
    )

    def __init__(
        self,
        group_name: str,
        consume_type: str | None = None,
        message_model: str | None = None,
        consume_from_where: str | None = None,
    ) -> None:
        self.group_name = group_name
        self.consume_type = consume_type
        self.message_model = message_model
        self.consume_from_where = consume_from_where
        self.channels: dict[Channel, ClientChannelInfo] = {}
        self.subscriptions: dict[str, SubscriptionData] = {}
        #: By topic, when a subscription of those that send no heartbeat was noted; ms of the manager's clock.
        self.seen: dict[str, int] = {}

    @property
    def client_ids(self) -> list[str]:
        return [info.client_id for info in self.channels.values()]

    def find_channel(self, client_id: str) -> ClientChannelInfo | None:
        """The connection of a client, by its id; of several the one that came last, as the others may be cut off."""
        return next((info for info in reversed(self.channels.values()) if info.client_id == client_id), None)

    def update_channel(self, info: ClientChannelInfo) -> bool:
        """Add or renew a connection; True when it is new."""
        old = self.channels.get(info.channel)
        if old is None or old.client_id != info.client_id:
            self.channels[info.channel] = info
        else:
            old.renew(info)
        return old is None

    def update_subscriptions(self, subscriptions: Iterable[SubscriptionData]) -> bool:
        """Replace a client's subscriptions; True when a topic was added or removed.

        A newer `sub_version` replaces the expression of a known topic without counting as a change.
        """
        updated = False
        topics = set()
        for sub in subscriptions:
            topics.add(sub.topic)
            old = self.subscriptions.get(sub.topic)
            updated = updated or old is None
            if old is None or sub.sub_version > old.sub_version:
                self.subscriptions[sub.topic] = sub
        for topic in [topic for topic in self.subscriptions if topic not in topics]:
            del self.subscriptions[topic]
            updated = True
        return updated


class ConsumerManager:
    """`table`: group -> ConsumerGroupInfo. `clock` returns ms and is never set.

    `on_change` notifies the members of a group, `on_gone` hears of a group whose last consumer is gone.
    """

    def __init__(
        self,
        clock: Callable[[], int],
        on_change: GroupListener,
        on_gone: Callable[[str], None] = lambda group: None,
    ) -> None:
        self._clock = clock
        self._on_change = on_change
        self._on_gone = on_gone
        self.table: dict[str, ConsumerGroupInfo] = {}
        self.compensation: dict[str, ConsumerGroupInfo] = {}

    def get(self, group: str) -> ConsumerGroupInfo | None:
        return self.table.get(group)

    def find_channel(self, group: str, client_id: str) -> ClientChannelInfo | None:
        info = self.table.get(group)
        return None if info is None else info.find_channel(client_id)

    def find_subscription(self, group: str, topic: str, compensate: bool = True) -> SubscriptionData | None:
        """The group's subscription of a topic; that of a pull without heartbeat too, unless the caller excludes it."""
        for table in (self.table, self.compensation) if compensate else (self.table,):
            info = table.get(group)
            if info is not None and topic in info.subscriptions:
                return info.subscriptions[topic]
        return None

    def topic_consumed_by(self, topic: str) -> list[str]:
        """The groups with a connected consumer that subscribes the topic."""
        return [group for group, info in self.table.items() if topic in info.subscriptions]

    def register(
        self,
        group: str,
        client: ClientChannelInfo,
        consume_type: str | None,
        message_model: str | None,
        consume_from_where: str | None,
        subscriptions: Iterable[SubscriptionData] | None,
        notify: bool,
    ) -> bool:
        """Add or renew a consumer; `subscriptions` None leaves them (heartbeat V2 without subscriptions).

        True when a connection is new or a topic was added or removed; the group's members are then notified, if
        `notify`.
        """
        info = self.table.get(group)
        if info is None:
            info = self.table[group] = ConsumerGroupInfo(group)
        info.consume_type = consume_type
        info.message_model = message_model
        info.consume_from_where = consume_from_where
        changed = info.update_channel(client)
        if subscriptions is not None and info.update_subscriptions(subscriptions):
            changed = True
        if changed and notify and message_model != BROADCASTING:
            self._on_change(group, list(info.channels))
        return changed

    def unregister(self, group: str, channel: Channel, notify: bool = True) -> None:
        """Remove a consumer's connection; the remaining members are notified, if `notify`."""
        info = self.table.get(group)
        if info is None or info.channels.pop(channel, None) is None:
            return
        if not info.channels:
            del self.table[group]
            self._on_gone(group)
        elif notify and info.message_model != BROADCASTING:
            self._on_change(group, list(info.channels))

    def close_channel(self, channel: Channel) -> None:
        """Forget a closed connection in every group."""
        for group in [group for group, info in self.table.items() if channel in info.channels]:
            self.unregister(group, channel)

    def scan_inactive(self, channel_expired_ms: int, subscription_expired_ms: int) -> None:
        """Drop and close connections without a heartbeat, forget old subscriptions of those that never send one."""
        now = self._clock()
        for group, info in list(self.table.items()):
            for client in list(info.channels.values()):
                if now - client.seen_ms > channel_expired_ms:
                    self.unregister(group, client.channel)
                    client.channel.close()
        for group, info in list(self.compensation.items()):
            for topic, seen in list(info.seen.items()):
                if now - seen > subscription_expired_ms:
                    del info.subscriptions[topic], info.seen[topic]
            if not info.subscriptions:
                del self.compensation[group]

    def compensate(self, group: str, topic: str, sub_string: str, subscription: Callable[[], SubscriptionData]) -> None:
        """Note the subscription of a consumer that pulls without a heartbeat, anew when it is another or a minute old.

        `sub_string` is its expression, `subscription` makes all of it.
        """
        info = self.compensation.get(group)
        if info is None:
            info = self.compensation[group] = ConsumerGroupInfo(group, CONSUME_PASSIVELY, CLUSTERING)
        known, now = info.subscriptions.get(topic), self._clock()
        if known is None or known.sub_string != sub_string or now - info.seen[topic] > NOTE_AGAIN_MS:
            info.subscriptions[topic], info.seen[topic] = subscription(), now
