"""How often a line of the log is repeated that a peer or a full disk can provoke at any rate."""

from __future__ import annotations

from typing import Final

LOG_INTERVAL_MS: Final = 10_000


class LogRate:
    """Lets one line through in each interval. `missed` counts those that were not due before the last one that was."""

    __slots__ = ("_interval_ms", "_silent", "_silent_until", "missed")

    def __init__(self, interval_ms: int = LOG_INTERVAL_MS) -> None:
        self._interval_ms = interval_ms
        self._silent_until: int | None = None
        self._silent = 0
        self.missed = 0

    def due(self, now_ms: int) -> bool:
        """True when a line may be written now; also when the clock has been set back behind the last one."""
        if self._silent_until is not None and 0 < self._silent_until - now_ms <= self._interval_ms:
            self._silent += 1
            return False
        self._silent_until = now_ms + self._interval_ms
        self.missed, self._silent = self._silent, 0
        return True
