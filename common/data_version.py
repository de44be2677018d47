"""DataVersion: by which name servers, slaves and tools see whether a broker's configuration changed."""

from __future__ import annotations

import msgspec

from rocketmq_ops.common.clock import now_ms


class DataVersion(msgspec.Struct, rename="camel"):
    """`state_version` of the controller epoch, `timestamp` in ms of the last change, `counter` of changes."""

    state_version: int = 0
    timestamp: int = 0
    counter: int = 0

    @classmethod
    def fresh(cls) -> DataVersion:
        """A version of nothing changed yet, stamped now."""
        return cls(timestamp=now_ms())

    def next_version(self, state_version: int = 0) -> None:
        """Mark a change (DataVersion.nextVersion)."""
        self.timestamp = now_ms()
        self.state_version = state_version
        self.counter += 1
