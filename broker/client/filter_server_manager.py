"""The filter servers of 4.x that stand beside this broker: which are there, each by the connection that announced it.

A filter server announces itself every 10 s. A closed connection or 30 s without an announcement forgets it; what is
left goes to the name servers with each registration. Apache's 4.9.7 and 5.3.3 do not keep them any more.
Mirrors org.apache.rocketmq.broker.filtersrv.FilterServerManager of 4.x, without the starting of such servers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from rocketmq_ops.remoting.channel import Channel

log = logging.getLogger(__name__)

MAX_IDLE_TIME_MS = 30_000


class FilterServer:
    """One filter server. `seen_ms` is the time of its last announcement."""

    __slots__ = ("address", "seen_ms")

    def __init__(self, address: str, seen_ms: int) -> None:
        self.address = address
        self.seen_ms = seen_ms


class FilterServerManager:
    """`table`: channel -> FilterServer. `clock` returns ms and is never set."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self.table: dict[Channel, FilterServer] = {}

    def register(self, channel: Channel, address: str) -> None:
        """Add the filter server of a connection, or renew it; the address it came with first stays."""
        found = self.table.get(channel)
        if found is None:
            self.table[channel] = FilterServer(address, self._clock())
            log.info("new filter server %s", address)
        else:
            found.seen_ms = self._clock()

    def close_channel(self, channel: Channel) -> None:
        """Forget the filter server of a closed connection."""
        gone = self.table.pop(channel, None)
        if gone is not None:
            log.warning("the connection of filter server %s is closed", gone.address)

    def scan_inactive(self) -> None:
        """Drop and close the connections that announced nothing for 30 s."""
        deadline = self._clock() - MAX_IDLE_TIME_MS
        for channel, server in list(self.table.items()):
            if server.seen_ms < deadline:
                del self.table[channel]
                log.info("filter server %s has not announced itself for 30 s", server.address)
                channel.close()

    def addresses(self) -> list[str]:
        """What a registration tells the name servers."""
        return [server.address for server in self.table.values()]
