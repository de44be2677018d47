"""DataVersion: by which name servers, slaves and tools see whether a broker's configuration changed."""

from __future__ import annotations

import time

import msgspec


class DataVersion(msgspec.Struct, rename="camel"):
    """`state_version` of the controller epoch, `timestamp` in ms of the last change, `counter` of changes."""

    state_version: int = 0
    timestamp: int = 0
    counter: int = 0

    @classmethod
    def fresh(cls) -> DataVersion:
        """A version of nothing changed yet, stamped now."""
        return cls(timestamp=time.time_ns() // 1_000_000)

    def next_version(self, state_version: int = 0) -> None:
        """Mark a change (DataVersion.nextVersion)."""
        self.timestamp = time.time_ns() // 1_000_000
        self.state_version = state_version
        self.counter += 1
