"""The open connections of a server or a client, and how all of them are closed in order."""

from __future__ import annotations

import asyncio

from rocketmq_ops.remoting.channel import Channel


class OpenChannels(set[Channel]):
    """Channels from when they are connected until they are lost; who has them adds and discards."""

    def __init__(self) -> None:
        super().__init__()
        self._empty: asyncio.Event | None = None

    def discard(self, channel: object, /) -> None:
        """Count one out."""
        super().discard(channel)
        if not self and self._empty is not None:
            self._empty.set()

    async def close(self, seconds: float) -> None:
        """Close them, and wait for it: for what was written to leave, and over TLS for the peer's word of its end.

        After so many seconds what is left is closed at once. A loop that ended before would leave sockets behind.
        """
        if not self:
            return
        self._empty = asyncio.Event()
        for channel in list(self):
            channel.close()
        try:
            await asyncio.wait_for(self._empty.wait(), seconds)
        except TimeoutError:
            for channel in list(self):
                channel.abort()
            await asyncio.sleep(0)
