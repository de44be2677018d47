"""The bound on the bytes that all connections of a server hold together: frames that are not whole, requests that wait,
and unsent answers.

Each connection has its own bounds (`channel.py`): it is read no more while much is unsent, and dropped when far more
is. Ten thousand of them, each within its own, would still take more memory than there is; so the sum has a bound too,
and those that hold most are dropped before it is reached.

What is held now is at most what was held at the last look, and all that came since. So what comes is taken from the
room that the last look left, whether it stays or not (`Channel.took`, and the same in place where time counts); when
that is used up the connections are looked at. What has left by then is known at that look only. There is one a second
besides (with ten thousand connections every five), for the figures.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.log_rate import LogRate

if TYPE_CHECKING:
    from rocketmq_ops.remoting.channel import Channel

log = logging.getLogger(__name__)

CHECK_INTERVAL_MS: Final = 1_000
#: A look at so many connections takes some ms; at more it comes the more seldom.
_MANY: Final = 2_000
#: From this part of the bound on connections are dropped: so that there is room after each look, and looks are few.
_FROM: Final = 0.9
#: Down to this part of the bound they are, so that not each look has to drop one.
_DOWN_TO: Final = 0.8


def _unbounded() -> int:
    return sys.maxsize


class MemoryBound:
    """The sum over the connections of one server, and the `limit` on it in bytes; a client's have none."""

    __slots__ = ("_channels", "_limit", "_lines", "dropped", "held_bytes", "room")

    def __init__(self, channels: Iterable[Channel] = (), limit: Callable[[], int] = _unbounded) -> None:
        self._channels = channels
        self._limit = limit
        self._lines = LogRate()
        #: Bytes that may come until the next look is due, which is when it is negative.
        self.room = 0
        #: Bytes that all held at the last look.
        self.held_bytes = 0
        #: Connections that were dropped since the start.
        self.dropped = 0

    @staticmethod
    def interval_ms(connections: int) -> int:
        """ms until the next look, if there is none before."""
        return CHECK_INTERVAL_MS * max(1, -(-connections // _MANY))

    def look(self) -> None:
        """Drop the connections that hold most while all hold nearly as much as they may."""
        limit = self._limit()
        total = sum([each.held_bytes() for each in self._channels])
        if total > limit * _FROM:
            total = self._drop(total, limit)
        self.held_bytes = total
        self.room = limit - total

    def _drop(self, total: int, limit: int) -> int:
        held = [(each.held_bytes(), each) for each in self._channels]
        held.sort(key=lambda item: item[0], reverse=True)
        before, dropped = total, 0
        for size, channel in held:
            if total <= limit * _DOWN_TO:
                break
            total -= size
            dropped += 1
            channel.abort()
        self.dropped += dropped
        if self._lines.due(steady_ms()):
            log.warning(
                "connections held %d bytes together, nearly maxBufferedBytes=%d: the %d that held most were "
                "dropped, the first of %s", before, limit, dropped, held[0][1].remote,
            )  # fmt: skip
        return total
