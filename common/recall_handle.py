"""The handle by which a message that waits for its time is recalled. Mirrors RecallMessageHandle.

What is sent with a time of delivery is answered with one; to whoever holds it it is an opaque text.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from rocketmq_ops.common.errors import CorruptDataError

_VERSION = "v1"


class RecallHandle(NamedTuple):
    """`timestamp`: ms, as text, of a moment in which the message waits; `message_id` is its unique key."""

    topic: str
    broker_name: str
    timestamp: str
    message_id: str

    @classmethod
    def of(cls, topic: str, broker_name: str, moment: int, message_id: str) -> RecallHandle:
        """The handle of a message that waits for a moment (ms)."""
        # A time within the moment: one at its beginning belongs to the moment before.
        return cls(topic, broker_name, str(moment + 1), message_id)

    def encode(self) -> str:
        """The text."""
        return base64.urlsafe_b64encode(" ".join((_VERSION, *self)).encode()).decode()

    @classmethod
    def decode(cls, text: str) -> RecallHandle:
        """The handle of a text. Raises CorruptDataError."""
        try:
            # Java's decoder takes a text without padding too, and nothing but its alphabet.
            padded = text.encode() + b"=" * (-len(text) % 4)
            items = base64.b64decode(padded, b"-_", validate=True).decode().split(" ")
        except (binascii.Error, ValueError):
            items = []
        if len(items) < 5 or items[0] != _VERSION:
            raise CorruptDataError("recall handle is invalid")
        return cls(*items[1:5])
