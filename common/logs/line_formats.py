"""How a line of a log file looks: as Apache's servers write it, or as one JSON object. Secrets are taken out of both.

The fields of a record that has some (`extra={"fields": {...}}`, as statistics have) stand in the object.
"""

from __future__ import annotations

import json
import logging
from datetime import datetime

from rocketmq_ops.common.logs.one_line import on_one_line
from rocketmq_ops.common.secrets import text_without

_LEVELS = {"WARNING": "WARN"}


def _short(name: str) -> str:
    return name.removeprefix(f"{__package__.partition('.')[0]}.")


class TextFormatter(logging.Formatter):
    """`2026-01-31 12:00:00 INFO broker.controller - message`, in local time; Apache's has its thread for the name.

    With `layout` a line has only what stands in that: `{at}`, `{level}`, `{name}`, `{message}`.
    """

    def __init__(self, layout: str = "{at} {level} {name} - {message}") -> None:
        super().__init__()
        self._layout = layout

    def format(self, record: logging.LogRecord) -> str:
        """The line; of an error with its trace, lines."""
        at = self.formatTime(record, "%Y-%m-%d %H:%M:%S")
        level = _LEVELS.get(record.levelname, record.levelname)
        message = on_one_line(text_without(record.getMessage()))
        line = self._layout.format(at=at, level=level, name=_short(record.name), message=message)
        trace = _trace(self, record)
        return f"{line}\n{trace}" if trace else line


class JsonFormatter(logging.Formatter):
    """`{"@timestamp": ..., "level": ..., "logger": ..., "message": ...}`, the names that Elastic's tools expect."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        at = datetime.fromtimestamp(record.created).astimezone()
        entry = {
            "@timestamp": at.isoformat(timespec="milliseconds"),
            "level": _LEVELS.get(record.levelname, record.levelname),
            "logger": _short(record.name),
            "message": text_without(record.getMessage()),
        }
        entry.update(getattr(record, "fields", {}))
        trace = _trace(self, record)
        if trace:
            entry["stack_trace"] = trace
        return json.dumps(entry, ensure_ascii=False)


def _trace(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    if record.exc_info and record.exc_info[0] is not None:
        return text_without(formatter.formatException(record.exc_info))
    return text_without(record.exc_text) if record.exc_text else ""
