"""What the store commands share: their options' parsers, opening a store, and naming what is broken."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from rocketmq_ops.common.delay_levels import parse_delay_levels
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.mqadmin.lang import tr
from rocketmq_ops.mqadmin.values import human_time

if TYPE_CHECKING:
    from rocketmq_ops.store.inspect.reading.blocks import Broken
    from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

NO_LIMIT = 1 << 62
MAX_NAMED = 100


def offset_range(text: str) -> tuple[int, int]:
    """`A` (just that), `A:B` (B not included), `A:` or `:B` as a half-open range."""
    low, colon, high = text.partition(":")
    try:
        begin = int(low) if low.strip() else 0
        end = int(high) if high.strip() else (NO_LIMIT if colon else begin + 1)
    except ValueError:
        raise ValueError(f"invalid range '{text}': expected A, A:B, A: or :B") from None
    if begin < 0 or end < begin or not text.strip(": "):
        raise ValueError(f"invalid range '{text}': expected A, A:B, A: or :B with 0 <= A <= B")
    return begin, end


def pattern(text: str) -> re.Pattern[bytes]:
    """A regular expression over the bytes of bodies; text beyond ASCII is looked for as UTF-8."""
    try:
        return re.compile(text.encode(), re.DOTALL)
    except re.error as error:
        raise ValueError(f"invalid regular expression '{text}': {error}") from error


def delay_levels(text: str) -> list[int]:
    """The delays in ms of a messageDelayLevel, level 1 first."""
    try:
        return parse_delay_levels(text)
    except RocketMQError:
        raise ValueError(
            f"invalid messageDelayLevel '{text}': expected one as in the broker's file, '1s 5s 10s ... 2h'"
        ) from None


def open_store(directory: str, commitlog: str | None = None) -> StoreDirectory:
    """The store. Raises RocketMQError when the directory holds none."""
    from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

    return StoreDirectory(directory, commitlog)


def time_text(milliseconds: int | None) -> str:
    """Local time; `-` for none, and the number itself where a damaged record holds no possible time."""
    if not milliseconds:
        return "-"
    try:
        return human_time(milliseconds)
    except (ValueError, OverflowError, OSError):
        return f"({milliseconds})"


class BrokenList:
    """Names on stderr what is broken, as it is met, and keeps the count. The first MAX_NAMED are named."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._seen: set[tuple[int, str]] = set()
        self.count = 0
        self.problems: list[Failure] = []

    def __call__(self, broken: Broken) -> None:
        """Take note of one."""
        if (broken.offset, broken.reason) in self._seen:
            return
        self.count += 1
        if self.count > MAX_NAMED:
            return
        self._seen.add((broken.offset, broken.reason))
        cause = f"{broken.length} bytes at offset {broken.offset}: {broken.reason}: {broken.detail}"
        self.problems.append(Failure("", cause, "run `mqadmin store check` on the store"))
        sys.stdout.flush()
        sys.stderr.write(f"mqadmin {self._command}: {tr('broken')}: {tr(cause)}\n")

    def summary(self) -> list[str]:
        """Notes about what was met, for the end."""
        if not self.count:
            return []
        more = f" ({self.count - MAX_NAMED} more than named)" if self.count > MAX_NAMED else ""
        return [f"{self.count} broken records or ranges{more}: run `mqadmin store check`"]


def write_note(command: str, text: str) -> None:
    """A note for people on stderr."""
    sys.stdout.flush()
    sys.stderr.write(f"mqadmin {command}: {tr('note')}: {tr(text)}\n")
