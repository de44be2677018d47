"""What the broker remembers of one client on one connection; shared by the producer and the consumer tables.

No table lives here. Mirrors org.apache.rocketmq.broker.client.ClientChannelInfo.
"""

from __future__ import annotations

from rocketmq_ops.remoting.channel import Channel


class ClientChannelInfo:
    """A client's connection. `last_update_timestamp` is the time of its last heartbeat in ms."""

    __slots__ = ("channel", "client_id", "language", "last_update_timestamp", "version")

    def __init__(self, channel: Channel, client_id: str, language: int | str, version: int, now_ms: int) -> None:
        self.channel = channel
        self.client_id = client_id
        self.language = language
        self.version = version
        self.last_update_timestamp = now_ms
