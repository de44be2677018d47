"""Parsing of option values: Java booleans, numbers, permissions, timestamps, attribute changes. Raises ValueError."""

from __future__ import annotations

import re
import time
from datetime import datetime

_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[#T ](\d\d:\d\d:\d\d)(?:[:.,](\d{1,3}))?")


def boolean(text: str) -> bool:
    """`true` or `false`, in any case. Java reads anything else as false; here it is an error."""
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"'{text}' is neither true nor false")
    return lowered == "true"


def timestamp(text: str) -> int:
    """Milliseconds since the epoch from `now`, a number, or local time `yyyy-MM-dd#HH:mm:ss:SSS`."""
    text = text.strip()
    if text == "now":
        return int(time.time() * 1000)
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no time; give now, milliseconds, or yyyy-MM-dd#HH:mm:ss:SSS")
    try:
        moment = datetime.fromisoformat(f"{match[1]} {match[2]}")
    except ValueError as error:
        raise ValueError(f"'{text}' is no time: {error}") from error
    return int(moment.timestamp()) * 1000 + int((match[3] or "0").ljust(3, "0"))


def permission(text: str) -> int:
    """2 (W), 4 (R) or 6 (RW); the letters are accepted too."""
    named = {"W": 2, "R": 4, "RW": 6, "WR": 6}.get(text.strip().upper())
    value = named if named is not None else (int(text) if text.strip().isdigit() else -1)
    if not 0 <= value < 8:
        raise ValueError(f"'{text}' is no permission; give 2 (W), 4 (R) or 6 (RW)")
    return value


def positive(text: str) -> int:
    """A whole number above 0."""
    value = integer(text)
    if value <= 0:
        raise ValueError(f"'{text}' must be above 0")
    return value


def port(text: str) -> int:
    """A TCP port; 0 stands for any free one."""
    value = integer(text)
    if not 0 <= value <= 65535:
        raise ValueError(f"'{text}' is no port; give a number from 0 to 65535")
    return value


def natural(text: str) -> int:
    """A whole number, 0 or above."""
    value = integer(text)
    if value < 0:
        raise ValueError(f"'{text}' must not be below 0")
    return value


def integer(text: str) -> int:
    """A whole number in Java's long range."""
    try:
        value = int(text.strip())
    except ValueError:
        raise ValueError(f"'{text}' is not a whole number") from None
    if not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"'{text}' does not fit 64 bits")
    return value


def attributes(text: str) -> dict[str, str]:
    """`+a=b,+c=d,-e` as {"+a": "b", "+c": "d", "-e": ""} (Apache's AttributeParser)."""
    result: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, separator, value = part.partition("=")
        key = key.strip()
        if key[:1] == "+" and separator and len(key) > 1 and value.strip():
            added = value.strip()
        elif key[:1] == "-" and not separator and len(key) > 1:
            added = ""
        else:
            raise ValueError(f"'{part}' is no attribute change; give +name=value or -name")
        if key in result or f"{'-' if key[0] == '+' else '+'}{key[1:]}" in result:
            raise ValueError(f"attribute '{key[1:]}' is named twice")
        result[key] = added
    return result


def charset(text: str) -> str:
    """A character set that Python knows, for example UTF-8 or GBK."""
    import codecs

    try:
        return codecs.lookup(text.strip()).name
    except LookupError:
        raise ValueError(f"'{text}' is no known character set") from None


def human_time(milliseconds: int, separator: str = ",") -> str:
    """Local `yyyy-MM-dd HH:mm:ss,SSS`, as UtilAll.timeMillisToHumanString2 prints it."""
    moment = datetime.fromtimestamp(milliseconds // 1000)
    return f"{moment:%Y-%m-%d %H:%M:%S}{separator}{milliseconds % 1000:03d}"
