"""Parsing of option values: Java booleans, numbers, permissions, timestamps, attribute changes. Raises ValueError."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from rocketmq_ops.common.clock import now_ms

_TIME = r"(\d{4}-\d\d-\d\d)[#T ](\d\d:\d\d:\d\d)(?:[:.,](\d{1,3}))?"


def boolean(text: str) -> bool:
    """`true` or `false`, in any case. Java reads anything else as false; here it is an error."""
    lowered = text.strip().lower()
    if lowered not in ("true", "false"):
        raise ValueError(f"invalid value '{text}': expected true or false")
    return lowered == "true"


def timestamp(text: str, also: str = "") -> int:
    """Milliseconds since the epoch from `now`, a number from 0 on, or local time `yyyy-MM-dd#HH:mm:ss:SSS`."""
    text = text.strip()
    if text == "now":
        return now_ms()
    if re.fullmatch(r"\d+", text, re.ASCII):
        return _within_long(text)
    match = re.fullmatch(_TIME, text)
    if match is None:
        forms = f"{also}now, milliseconds since 1970, or yyyy-MM-dd#HH:mm:ss:SSS"
        raise ValueError(f"invalid time '{text}': expected {forms}")
    try:
        moment = datetime.fromisoformat(f"{match[1]} {match[2]}")
    except ValueError as error:
        raise ValueError(f"invalid time '{text}': {error}") from error
    return int(moment.timestamp()) * 1000 + int((match[3] or "0").ljust(3, "0"))


def moment(text: str) -> int:
    """As `timestamp`, and `HH:mm` or `HH:mm:ss`: the last time that the local clock showed it."""
    match = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?", text.strip(), re.ASCII)
    if match is None:
        return timestamp(text, "HH:mm, ")
    now = datetime.fromtimestamp(now_ms() // 1000)
    then = now.replace(hour=int(match[1]), minute=int(match[2]), second=int(match[3] or 0))
    if then > now:
        then -= timedelta(days=1)
    return int(then.timestamp()) * 1000


def timestamp_or_end(text: str) -> int:
    """As `timestamp`, and -1, which stands for the end of a queue. Brokers do not agree on other negative times."""
    return -1 if text.strip() == "-1" else timestamp(text, "-1 (the end), ")


def addresses(text: str) -> tuple[str, ...]:
    """Addresses HOST:PORT, separated by `;` as Apache's tool takes them."""
    from rocketmq_ops.common.addresses import AddressError, parse_address

    found = tuple(dict.fromkeys(part for part in (piece.strip() for piece in text.split(";")) if part))
    try:
        for address in found:
            parse_address(address)
    except AddressError as error:
        raise ValueError(error.cause) from None
    if not found:
        raise ValueError(f"invalid addresses '{text}': expected HOST:PORT, several separated by ';'")
    return found


def permission(text: str) -> int:
    """2 (W), 4 (R) or 6 (RW); the letters are accepted too."""
    named = {"W": 2, "R": 4, "RW": 6, "WR": 6}.get(text.strip().upper())
    value = named if named is not None else (int(text) if text.strip().isdecimal() else -1)
    if not 0 <= value < 8:
        raise ValueError(f"invalid permission '{text}': expected 2 (W), 4 (R) or 6 (RW)")
    return value


def positive(text: str) -> int:
    """A whole number above 0."""
    value = integer(text)
    if value <= 0:
        raise ValueError(f"invalid number '{text}': expected one above 0")
    return value


def address_pairs(text: str) -> dict[str, str]:
    """`HOST:PORT=HOST:PORT` pairs, separated by ';', ',' or blanks."""
    from rocketmq_ops.common.addresses import AddressError, address_map

    try:
        return address_map(text)
    except AddressError as error:
        raise ValueError(f"{error.cause}: expected HOST:PORT=HOST:PORT") from None


def path(text: str) -> str:
    """A path. `~` is replaced by shells, at the beginning of a word only: here it would be a folder of that name."""
    if text.startswith("~"):
        raise ValueError(f"invalid path '{text}': expected one written out in full")
    return text


def absolute(text: str) -> str:
    """A path from the root."""
    if not text.startswith("/"):
        raise ValueError(f"invalid path '{text}': expected one from the root, such as /data/rocketmq/store")
    return text


def port(text: str) -> int:
    """A TCP port; 0 stands for any free one."""
    value = integer(text)
    if not 0 <= value <= 65535:
        raise ValueError(f"invalid port '{text}': expected a number from 0 to 65535")
    return value


def up_to(most: int) -> Any:
    """A parser of whole numbers from 1 to `most`."""

    def parse(text: str) -> int:
        value = integer(text)
        if not 1 <= value <= most:
            raise ValueError(f"invalid number '{text}': expected one from 1 to {most}")
        return value

    return parse


def natural(text: str) -> int:
    """A whole number, 0 or above."""
    value = integer(text)
    if value < 0:
        raise ValueError(f"invalid number '{text}': expected 0 or above")
    return value


def integer(text: str) -> int:
    """A whole number in Java's long range."""
    if not re.fullmatch(r"[+-]?\d+", text.strip(), re.ASCII):
        raise ValueError(f"invalid number '{text}': expected a whole number")
    return _within_long(text.strip())


def _within_long(digits: str) -> int:
    if len(digits) > 20 or not -(1 << 63) <= int(digits) < 1 << 63:
        raise ValueError(f"invalid number '{digits}': it does not fit 64 bits")
    return int(digits)


def attributes(text: str) -> dict[str, str]:
    """`+a=b,+c=d,-e` as {"+a": "b", "+c": "d", "-e": ""} (Apache's AttributeParser)."""
    from rocketmq_ops.common.attributes import split_attributes

    result: dict[str, str] = {}
    for written, value in split_attributes(text):
        key, added = written.strip(), (value or "").strip()
        if not key and value is None:
            continue
        if len(key) < 2 or not ((key[0] == "+" and added) or (key[0] == "-" and value is None)):
            part = key if value is None else f"{key}={added}"
            raise ValueError(f"invalid attribute change '{part}': expected +name=value or -name")
        if key in result or f"{'-' if key[0] == '+' else '+'}{key[1:]}" in result:
            raise ValueError(f"attribute '{key[1:]}' is named twice")
        result[key] = added
    return result


def tag_expression(text: str) -> str:
    """`TagA || TagB`, `*` or nothing for every message."""
    from rocketmq_ops.common.tags import split_tags

    try:
        split_tags(text)
    except ValueError:
        raise ValueError(f"invalid tags '{text}': expected 'TagA || TagB', or '*' for all") from None
    return text


def charset(text: str) -> str:
    """A character set that Python knows, for example UTF-8 or GBK."""
    import codecs

    try:
        return codecs.lookup(text.strip()).name
    except LookupError:
        raise ValueError(f"unknown character set '{text}': expected a name such as UTF-8 or GBK") from None


def condition(text: str) -> Any:
    """The condition on messages that `--where` gives: a function from a message to whether it is met."""
    from rocketmq_ops.common.filter.conditions import condition as parsed  # most commands need none

    return parsed(text)


def decoder(text: str) -> Any:
    """The function that `--decode` names, which takes a body as bytes."""
    from rocketmq_ops.mqadmin.messages.bodies import decoder as found

    return found(text)


def properties(text: str) -> dict[str, str]:
    """`a=b,c=d`, or a JSON object of texts where values have commas, as properties of a message."""
    if text.startswith("{"):
        import msgspec

        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except (msgspec.DecodeError, UnicodeEncodeError) as error:
            raise ValueError(f"invalid properties: expected a JSON object of texts: {error}") from None
    found: dict[str, str] = {}
    for part in text.split(","):
        name, sign, value = part.partition("=")
        if not sign or not name.strip():
            raise ValueError(f"invalid property '{part}': expected NAME=VALUE, several separated by ','")
        if name.strip() in found:
            raise ValueError(f"property '{name.strip()}' is named twice")
        found[name.strip()] = value
    return found


def one_of(*words: str) -> Any:
    """A parser that takes one of some words, in any case of letters."""
    by_lower = {word.lower(): word for word in words}

    def parse(text: str) -> str:
        word = text.strip().lower()
        if word == "utf8" and "utf-8" in words:
            word = "utf-8"
        if word not in by_lower:
            from rocketmq_ops.common.nearest import nearest_name  # only for a message

            near = nearest_name(word, words)
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(f"'{text.strip()}' is not one of {', '.join(words)}{hint}")
        return by_lower[word]

    parse.words = words  # type: ignore[attr-defined]
    return parse


def names(text: str) -> list[str]:
    """Names separated by commas, each once."""
    found = [part.strip() for part in text.split(",") if part.strip()]
    twice = next((name for name in found if found.count(name) > 1), None)
    if not found or twice is not None:
        raise ValueError(f"invalid list '{text}': " + (f"'{twice}' is in it twice" if found else "it names nothing"))
    return found


def some_of(*words: str) -> Any:
    """A parser that takes some of the words, separated by commas, as a tuple."""
    single = one_of(*words)

    def parse(text: str) -> tuple[str, ...]:
        return tuple(single(part) for part in text.split(",") if part.strip())

    parse.words = words  # type: ignore[attr-defined]
    return parse


def human_time(milliseconds: int, separator: str = ",") -> str:
    """Local `yyyy-MM-dd HH:mm:ss,SSS`, as UtilAll.timeMillisToHumanString2 prints it."""
    moment = datetime.fromtimestamp(milliseconds // 1000)
    return f"{moment:%Y-%m-%d %H:%M:%S}{separator}{milliseconds % 1000:03d}"


#: Longer spans lead beyond what a calendar has.
_LONGEST_MS = 36500 * 86_400_000


def span(text: str) -> int:
    """Milliseconds of a time like `30m`, `2h` or `1d`."""
    match = re.fullmatch(r"([1-9][0-9]{0,8})(s|m|h|d)", text.strip(), re.ASCII)
    if match is None:
        raise ValueError(f"invalid time '{text}': expected a number with s, m, h or d, for example 2h")
    found = int(match[1]) * {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}[match[2]]
    if found > _LONGEST_MS:
        raise ValueError(f"invalid time '{text}': expected at most {_LONGEST_MS // 86_400_000}d")
    return found
