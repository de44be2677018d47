"""Taking secrets out of facts and log lines: values of keys that are named as secrets are, and passwords in URLs."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from rocketmq_ops.housekeeping.bundle.bundle import Bundle, LogTail

REMOVED: Final = "(removed)"
_SECRET: Final = re.compile(r"secret|passw|token|credential|access_?key|private_?key|signature", re.IGNORECASE)
_IN_LINE: Final = re.compile(
    r"""((?:[\w.-]*(?:secret|passw|token|credential|access_?key|private_?key|signature)[\w.-]*)["']?\s*[=:]\s*["']?)([^\s,;"'\]}]+)""",
    re.IGNORECASE,
)
_IN_URL: Final = re.compile(r"(\w+://[^\s/:@]+:)([^\s/@]+)(@)")


def redacted(bundle: Bundle) -> Bundle:
    """The bundle without secrets; `removed` says what was taken out."""
    removed: list[str] = []
    facts = msgspec.to_builtins(bundle.facts)
    for part in ("configs", "groups", "clients", "runtimes", "file"):
        facts[part] = _without(facts[part], part, removed)
    logs = []
    for log in bundle.logs:
        lines = [line_without(line) for line in log.lines]
        changed = sum(before != after for before, after in zip(log.lines, lines, strict=True))
        if changed:
            removed.append(f"{log.path}: values in {changed} lines")
        logs.append(LogTail(log.path, lines, log.cut))
    clean = msgspec.convert(facts, type=type(bundle.facts))
    return msgspec.structs.replace(bundle, facts=clean, logs=logs, removed=[*bundle.removed, *removed])


def line_without(line: str) -> str:
    """A line of a log without the values of secret names, and without passwords in URLs."""
    return _IN_URL.sub(rf"\1{REMOVED}\3", _IN_LINE.sub(rf"\1{REMOVED}", line))


def _without(value: Any, place: str, removed: list[str]) -> Any:
    if isinstance(value, dict):
        return {key: _of_key(str(key), item, place, removed) for key, item in value.items()}
    if isinstance(value, list):
        return [_without(item, place, removed) for item in value]
    if isinstance(value, str) and _IN_URL.search(value):
        removed.append(f"{place}: password in a URL")
        return _IN_URL.sub(rf"\1{REMOVED}\3", value)
    return value


def _of_key(key: str, value: Any, place: str, removed: list[str]) -> Any:
    here = f"{place}/{key}"
    if isinstance(value, str) and value not in ("", "true", "false") and _SECRET.search(key):
        removed.append(here)
        return REMOVED
    return _without(value, here, removed)
