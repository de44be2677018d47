"""The base of this product's errors: each says its cause and what to do next."""

from __future__ import annotations


class RocketMQError(Exception):
    """An expected failure. `str(error)` names the cause; `next_step` says what the reader can do about it."""

    next_step: str = ""

    def __init__(self, cause: str, next_step: str = "") -> None:
        super().__init__(cause)
        if next_step:
            self.next_step = next_step


class CorruptDataError(RocketMQError):
    """Bytes that are not what their format demands (a record, a frame, a configuration file)."""


class NoSuchPathError(RocketMQError):
    """A file or directory that was named, and is not there or is something else."""
