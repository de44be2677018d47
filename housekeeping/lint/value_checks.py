"""Checks of single values of a property file: the type of their key, plausible sizes, what servers make of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from rocketmq_ops.common.addresses import split_addresses
from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.common.properties import Property
from rocketmq_ops.housekeeping.lint.file import LineHit, Linted
from rocketmq_ops.housekeeping.lint.keys import Key
from rocketmq_ops.housekeeping.lint.sane import SANE, implausible

_TEXTS: Final = ("String",)
#: Enumerations of which upper and lower case do not count.
_ANY_CASE: Final = ("tls.server.need.client.auth",)
_WHOLE: Final = {"int": 31, "long": 63}
#: Names that a server registers under, or addresses that it announces: an empty one is taken as it is.
_NOT_EMPTY: Final = ("brokerName", "brokerClusterName", "brokerIP1", "brokerIP2", "storePathRootDir", "bindAddress")
#: What is meant as a comment behind a value: a `#` or `!` begins one at the begin of a line only.
_COMMENT: Final = re.compile(r"[ \t]+[#!][ \t#!]*\S.*|[ \t]+#\s*")


def _fits(key: Key, value: str) -> bool:
    if key.type in _WHOLE:
        bits = _WHOLE[key.type]
        return re.fullmatch(r"[+-]?\d{1,20}", value) is not None and -(1 << bits) <= int(value) < 1 << bits
    if key.type == "double":
        try:
            float(value)
        except ValueError:
            return False
    if key.type == "boolean":
        return value.lower() in ("true", "false")
    choices = key.type.split("|")
    return len(choices) == 1 or value in choices or (key.name in _ANY_CASE and value.lower() in choices)


def _before_comment(value: str) -> str | None:
    """What is left of a value without the comment behind it; None where there is none."""
    found = _COMMENT.search(value)
    return None if found is None else value[: found.start()]


def comment(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        meant = _before_comment(entry.value)
        if meant is not None and _fits(key, meant.strip()):
            evidence = f"{entry.key}={entry.value}: a comment behind a value is part of it"
            yield linted.hit(entry, evidence, f"write {entry.key}={meant.strip()}, and the comment on its own line")


def name_servers(linted: Linted) -> Iterator[LineHit]:
    entry = linted.line("namesrvAddr")
    if entry is None or linted.version == "ours" or linted.server != "broker":
        return
    value = entry.value if (meant := _before_comment(entry.value)) is None else meant
    listed = ";".join(split_addresses(value))
    if listed and listed != value.strip().strip(";"):
        evidence = f"namesrvAddr={value}: Apache's broker separates name servers by ';' alone, and reaches none"
        yield linted.hit(entry, evidence, f"write namesrvAddr={listed}")


def _wrong(linted: Linted, kinds: Callable[[str], bool]) -> Iterator[tuple[Property, Key]]:
    """The lines of keys of these types whose value is another even without the blanks around it."""
    for entry, key in linted.set():
        meant = _before_comment(entry.value)
        if meant is not None and _fits(key, meant.strip()):
            continue  # which is said as it is
        if kinds(key.type) and not _fits(key, entry.value.strip()):
            yield entry, key


def _default(key: Key, version: str) -> str:
    default = key.defaults.get(version)
    return f"the default {default} counts" if default not in (None, "", "*") else "the default counts"


def bad_number(linted: Linted) -> Iterator[LineHit]:
    for entry, key in _wrong(linted, lambda kind: kind in _WHOLE or kind == "double"):
        wanted = "a decimal number" if key.type == "double" else f"a whole number of {_WHOLE[key.type] + 1} bits"
        default = _default(key, linted.version)
        evidence = f"{entry.key}='{entry.value}': expected {wanted}; Apache's servers say nothing, and {default}"
        yield linted.hit(entry, evidence)


def bad_boolean(linted: Linted) -> Iterator[LineHit]:
    for entry, _ in _wrong(linted, lambda kind: kind == "boolean"):
        evidence = f"{entry.key}='{entry.value}': expected true or false; Apache's servers take it as false"
        yield linted.hit(entry, evidence)


def bad_choice(linted: Linted) -> Iterator[LineHit]:
    for entry, key in _wrong(linted, lambda kind: "|" in kind):
        choices = key.type.split("|")
        near = nearest_name(entry.value, choices, cutoff=0.4)
        default = _default(key, linted.version)
        evidence = f"{entry.key}='{entry.value}': expected one of {', '.join(choices)}; {default}"
        yield linted.hit(entry, evidence, f"write {entry.key}={near}" if near else "")


def blanks(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        if key.type not in _TEXTS and entry.value != entry.value.strip() and _fits(key, entry.value.strip()):
            after = "false counts" if key.type == "boolean" else _default(key, linted.version)
            yield linted.hit(entry, f"a blank behind {entry.key}={entry.value.strip()}: in Apache's, {after}")


def _implausible(linted: Linted, *, unit: bool) -> Iterator[LineHit]:
    for entry, _ in linted.set():
        why = implausible(entry.key, entry.value)
        if why is not None and _is_unit(entry.key) == unit:
            yield linted.hit(entry, why)


def _is_unit(key: str) -> bool:
    """Whether a value out of range is likely to be counted in another unit: bytes, times and hours."""
    return SANE[key].unit.partition(" ")[0].rstrip(",") in ("bytes", "ms", "hours")


def wrong_unit(linted: Linted) -> Iterator[LineHit]:
    return _implausible(linted, unit=True)


def out_of_range(linted: Linted) -> Iterator[LineHit]:
    return _implausible(linted, unit=False)


def not_expanded(linted: Linted) -> Iterator[LineHit]:
    for entry, key in linted.set():
        if key.type in _TEXTS and ("${" in entry.value or entry.value.startswith("~")):
            evidence = f"{entry.key}={entry.value} is taken literally: a folder of that very name is made"
            yield linted.hit(entry, evidence)


def empty(linted: Linted) -> Iterator[LineHit]:
    for entry, _ in linted.set():
        if entry.key in _NOT_EMPTY and not entry.value.strip():
            yield linted.hit(entry, f"{entry.key} is empty, and Apache's servers take the empty text")
