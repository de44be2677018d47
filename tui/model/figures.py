"""Writes values as people read them: figures with their units, spans, shares, what is unknown, and how they changed."""

from __future__ import annotations

import time
from typing import Final

from rocketmq_ops.common.spans import human_span
from rocketmq_ops.tui.model.table import Below, Health, Kind, OrMore, Value

#: What is not known; nothing that is known is written so.
UNKNOWN: Final = "?"
#: Stands before what is not of the moment that is shown.
STALE: Final = "~"
#: A sign for each health, so that it needs no colour. None of them is of a width that depends on the terminal.
SIGNS: Final = {Health.OK: "✓", Health.INFO: "i", Health.UNKNOWN: "?", Health.WARNING: "!", Health.CRITICAL: "✗"}
#: Cells that a figure of each kind takes at most; texts have no width of their own.
WIDTHS: Final = {
    Kind.COUNT: 11,
    Kind.RATE: 9,
    Kind.BYTES: 9,
    Kind.SPAN: 7,
    Kind.MOMENT: 7,
    Kind.SHARE: 6,
}
#: What is worth comparing: an age differs at each moment.
COMPARED: Final = frozenset(WIDTHS) - {Kind.MOMENT}
_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
_BINARY: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
#: Counts up to here are written in full.
_IN_FULL: Final = 1_000_000_000


def figure(value: Value, kind: Kind, now_ms: int) -> str:
    """A value as it stands in a cell. A moment is written as its age at `now_ms`."""
    if value is None:
        return UNKNOWN
    if isinstance(value, str):
        return value
    if isinstance(value, Below):
        return f"<{figure(int(value), kind, now_ms)}"
    if isinstance(value, OrMore):
        return _or_more(value, kind, now_ms)
    match kind:
        case Kind.COUNT:
            return count(value)
        case Kind.RATE:
            return f"{_short(value)}/s"
        case Kind.BYTES:
            return _scaled(value, 1024, _BINARY, " ")
        case Kind.SPAN:
            return human_span(round(value))
        case Kind.MOMENT:
            age = max(now_ms - round(value), 0) // 1000 * 1000
            return human_span(age) if age else "0s"
        case Kind.SHARE:
            return f"{_share(value * 100)} %"
        case _:
            return f"{value:g}" if isinstance(value, float) else str(value)


def _or_more(value: OrMore, kind: Kind, now_ms: int) -> str:
    """A count can be just so much; with its sign it has no more room than without."""
    if kind is not Kind.COUNT:
        return f">{figure(int(value), kind, now_ms)}"
    text = count(value)
    return "≥" + (text if len(text) < WIDTHS[kind] else _scaled(value, 1000, _PREFIXES, ""))


def time_of_day(time_ms: int) -> str:
    """When it was, in the zone of the reader."""
    return time.strftime("%H:%M:%S", time.localtime(time_ms / 1000))


def minute_of_day(time_ms: int) -> str:
    """The same without seconds, where there is little room."""
    return time_of_day(time_ms)[:5]


def count(value: float) -> str:
    """A number of things: in full up to a thousand million, then with a prefix."""
    if abs(value) < _IN_FULL:
        return f"{round(value):,}"
    return _scaled(value, 1000, _PREFIXES, "")


def change(value: float | None, kind: Kind) -> str:
    """By how much a value has changed, with its sign; `=` for nothing, and nothing where it is not known."""
    if value is None:
        return ""
    if value == 0:
        return "="
    sign = "+" if value > 0 else "-"
    size = abs(value)
    if kind in (Kind.MOMENT, Kind.SPAN):
        return sign + human_span(round(size))
    written = figure(size, kind, 0)
    return f"<{sign}{written[1:]}" if written.startswith("<") else sign + written


def _short(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) < 0.05:
        return "<0.1"
    if abs(value) < 9.95:
        return f"{value:.1f}"
    return f"{round(value):,}" if abs(value) < 99_999.5 else _scaled(value, 1000, _PREFIXES, "")


def _share(percent: float) -> str:
    if percent == 0 or abs(percent) >= 9.95:
        return f"{percent:.0f}"
    return f"{percent:.1f}"


def _scaled(value: float, base: int, prefixes: tuple[str, ...], blank: str) -> str:
    """A number with the prefix that leaves three digits of it."""
    at = 0
    while abs(value) >= base * 0.9995 and at < len(prefixes) - 1:
        value /= base
        at += 1
    digits = 0 if at == 0 or abs(value) >= 99.95 else 1 if abs(value) >= 9.995 else 2
    return f"{value:.{digits}f}{blank}{prefixes[at]}"
