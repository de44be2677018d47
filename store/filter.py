"""Filters that `MessageStore.get_message` applies while it walks a queue.

What lives here: the `MessageFilter` protocol (mirrors Apache's MessageFilter) and the filter on tags.
What does not: parsing of subscriptions and SQL (the broker's).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from rocketmq_ops.common.java_hash import tags_hash


class MessageFilter(Protocol):
    """A filter in two stages: on the tag hash in the consumequeue unit, then on the whole record."""

    @property
    def tag_codes(self) -> frozenset[int] | None:
        """Signed 32-bit tag hashes to let through; None lets every unit through."""

    @property
    def checks_record(self) -> bool:
        """True when `matches_record` has to be asked."""

    def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
        """True when the whole record at [start, end) is wanted."""


class TagFilter:
    """Lets through the messages with one of the tags, by hash alone as Apache's broker does."""

    __slots__ = ("tag_codes",)
    checks_record = False

    def __init__(self, tag_codes: Iterable[int]) -> None:
        self.tag_codes: frozenset[int] | None = frozenset(tag_codes)

    @classmethod
    def of(cls, tags: Iterable[str]) -> TagFilter:
        """The filter for some tags, given as text."""
        return cls(tags_hash(tag) for tag in tags)

    def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
        return True
