"""What the broker remembers of one client on one connection; shared by the producer and the consumer tables.

No table lives here. Mirrors org.apache.rocketmq.broker.client.ClientChannelInfo.
"""

from __future__ import annotations

from typing import Final

from rocketmq_ops.remoting.channel import Channel

#: Under this name a connection's `attrs` have the account or user whose signature it has shown last, where access is
#: checked and no white list lets its address in.
ACCOUNT: Final = "account"


class ClientChannelInfo:
    """A client's connection. `last_update_timestamp` is the time of its last heartbeat in ms since the epoch, which is
    shown; `seen_ms` the same by a clock that nobody sets, by which it expires.
    """

    __slots__ = ("channel", "client_id", "language", "last_update_timestamp", "seen_ms", "version")

    def __init__(
        self, channel: Channel, client_id: str, language: int | str, version: int, *, now_ms: int, seen_ms: int
    ) -> None:
        self.channel = channel
        self.client_id = client_id
        self.language = language
        self.version = version
        self.last_update_timestamp = now_ms
        self.seen_ms = seen_ms

    def renew(self, heartbeat: ClientChannelInfo) -> None:
        """Take the times of a later heartbeat."""
        self.last_update_timestamp, self.seen_ms = heartbeat.last_update_timestamp, heartbeat.seen_ms
