"""Bytes a second of one connection of replication, and the limit on them (mirrors FlowMonitor)."""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.store.config import MessageStoreConfig

_SECOND_MS = 1000


class FlowMonitor:
    """Counts the bytes of each second. `clock`: ms, of any beginning."""

    __slots__ = ("_clock", "_config", "_count", "_last", "_second")

    def __init__(self, config: MessageStoreConfig, clock: Callable[[], int]) -> None:
        self._config = config
        self._clock = clock
        self._second = clock()
        self._count = 0
        self._last = 0

    def _turn(self) -> None:
        passed = self._clock() - self._second
        if passed >= _SECOND_MS or passed < 0:
            self._last = self._count if 0 <= passed < 2 * _SECOND_MS else 0
            self._second += passed - passed % _SECOND_MS
            self._count = 0

    def add(self, count: int) -> None:
        """So many bytes went over the connection."""
        self._turn()
        self._count += count

    @property
    def bytes_in_second(self) -> int:
        """Bytes of the last whole second."""
        self._turn()
        return self._last

    def allowed(self, wanted: int) -> int:
        """How many of so many bytes may go now: fewer under haFlowControlEnable, perhaps 0."""
        if not self._config.haFlowControlEnable:
            return wanted
        self._turn()
        return max(0, min(wanted, self._config.maxHaTransferByteInSecond - self._count))
