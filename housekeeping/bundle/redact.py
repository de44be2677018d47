"""Taking secrets out of a bundle: values of keys that are named as secrets are, and what text has of them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from rocketmq_ops.common.secrets import REMOVED, is_secret, lines_without, text_without
from rocketmq_ops.housekeeping.bundle.bundle import Bundle, LogTail

#: Facts whose keys are those of settings. Others hold names, addresses and numbers, and causes of failures.
_SETTINGS: Final = ("configs", "groups", "clients", "runtimes", "file")


def redacted(bundle: Bundle) -> Bundle:
    """The bundle without secrets; `removed` says what was taken out."""
    removed: list[str] = []
    facts = msgspec.to_builtins(bundle.facts)
    for part in (*_SETTINGS, "missing"):
        facts[part] = _without(facts[part], part, removed, part in _SETTINGS)
    later = bundle.later
    if later is not None:
        again = msgspec.to_builtins(later)
        for part in ("runtimes", "clients", "missing"):
            again[part] = _without(again[part], part, removed, part in _SETTINGS)
        later = msgspec.convert(again, type=type(later))
    logs = []
    for log in bundle.logs:
        lines = lines_without(log.lines)
        changed = sum(before != after for before, after in zip(log.lines, lines, strict=True))
        if changed:
            removed.append(f"{log.path}: values in {changed} lines")
        logs.append(LogTail(log.path, lines, log.cut))
    clean = msgspec.convert(facts, type=type(bundle.facts))
    names = dict.fromkeys([*bundle.removed, *removed])
    return msgspec.structs.replace(bundle, facts=clean, later=later, logs=logs, removed=list(names))


def _without(value: Any, place: str, removed: list[str], settings: bool) -> Any:
    if isinstance(value, dict):
        return {key: _of_key(str(key), item, place, removed, settings) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, place, removed, settings) for item in value]
    if isinstance(value, str):
        clean = text_without(value)
        if clean != value:
            removed.append(f"{place}: in its text")
        return clean
    return value


def _of_key(key: str, value: Any, place: str, removed: list[str], settings: bool) -> Any:
    here = f"{place}/{key}"
    if settings and isinstance(value, str) and is_secret(key, value):
        removed.append(here)
        return REMOVED
    return _without(value, here, removed, settings)
