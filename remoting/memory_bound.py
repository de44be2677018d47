"""The bound on what all connections of a server hold together: bytes of frames that are not whole, and unsent answers.

Each connection has its own bounds (`channel.py`): it is read no more while much is unsent, and dropped when far more
is. Ten thousand of them, each within its own, would still take more memory than there is; so once a second the sum is
looked at (with ten thousand every five), and those that hold most are dropped while it is too much. Nothing is counted
while bytes come and go.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.log_rate import LogRate

if TYPE_CHECKING:
    from rocketmq_ops.remoting.channel import Channel

log = logging.getLogger(__name__)

CHECK_INTERVAL_MS: Final = 1_000
#: A look at so many connections takes some ms; at more it comes the more seldom.
_MANY: Final = 2_000
#: Down to this part of the bound connections are dropped, so that not each second one has to be.
_DOWN_TO: Final = 0.8


class MemoryBound:
    """The sum over the connections of one server."""

    def __init__(self) -> None:
        self._lines = LogRate()
        #: Bytes that all held at the last look.
        self.held_bytes = 0
        #: Connections that were dropped since the start.
        self.dropped = 0

    @staticmethod
    def interval_ms(connections: int) -> int:
        """ms until the next look."""
        return CHECK_INTERVAL_MS * max(1, -(-connections // _MANY))

    def check(self, channels: Iterable[Channel], limit: int) -> None:
        """Drop the connections that hold most while all hold more than `limit` bytes."""
        total = self.held_bytes = sum([each.held_bytes() for each in channels])
        if total <= limit:
            return
        held = [(each.held_bytes(), each) for each in channels]
        held.sort(key=lambda item: item[0], reverse=True)
        dropped = 0
        for size, channel in held:
            if total <= limit * _DOWN_TO:
                break
            total -= size
            dropped += 1
            channel.abort()
        self.dropped += dropped
        if self._lines.due(steady_ms()):
            log.warning(
                "connections held %d bytes together, more than maxBufferedBytes=%d: the %d that held most were "
                "dropped, the first of %s", self.held_bytes, limit, dropped, held[0][1].remote,
            )  # fmt: skip
        self.held_bytes = total
