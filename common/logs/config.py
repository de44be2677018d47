"""The configuration keys of a server's log, which the name server and the broker share; Apache's have none of them.

What takes effect while the server runs is `logLevel`; the others count at its start.
"""

from __future__ import annotations

import logging
from typing import Annotated, Final, Literal, Protocol

from rocketmq_ops.common.config import Form, Used

#: The names of levels, Apache's `WARN` among them.
LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARN": 30, "WARNING": 30, "ERROR": 40}
_PACKAGE = __package__.partition(".")[0]


def parse_levels(text: str) -> dict[str, int]:
    """Logger name (empty for all) -> level, of `INFO` or `INFO;broker.processors=DEBUG`. Raises ValueError."""
    levels: dict[str, int] = {}
    for word in filter(None, (word.strip() for word in text.split(";"))):
        name, equals, level = word.rpartition("=")
        if level.upper() not in LEVELS or (equals and not all(part.isidentifier() for part in name.split("."))):
            raise ValueError(word)
        levels[name] = LEVELS[level.upper()]
    return levels


def _are_levels(text: str) -> bool:
    try:
        parse_levels(text)
    except ValueError:
        return False
    return True


LogDir = Annotated[
    str,
    Used(
        "the folder of log files under Apache's names, with rotated ones in `otherdays`; without it the log goes to "
        "stderr; counts at the start; a key of this server alone",
        form=Form("a path written out in full, or nothing", lambda text: not text.startswith("~")),
    ),
]
LogFormat = Annotated[
    Literal["text", "json"],
    Used("the format of log lines: `text` as Apache's, or `json`, one object a line"),
]
LogLevel = Annotated[
    str,
    Used(
        "what is logged: DEBUG, INFO, WARN or ERROR, and behind `;` other levels of parts, as `INFO;remoting=DEBUG`; "
        "counts at once; a key of this server alone",
        form=Form(
            "DEBUG, INFO, WARN or ERROR, with `NAME=LEVEL` for parts, separated by `;`",
            _are_levels,
        ),
    ),
]
LogFileSize = Annotated[int, Used("bytes after which a log file is rotated; a key of this server alone", low=4096)]
LogFiles = Annotated[
    int, Used("rotated files kept of each log file, compressed; a key of this server alone", low=0, high=1000)
]


class LogSettings(Protocol):
    """The keys, as both configuration classes have them."""

    logDir: LogDir
    logFormat: LogFormat
    logLevel: LogLevel
    logFileSize: LogFileSize
    logFiles: LogFiles


def apply_levels(text: str, before: str = "") -> None:
    """Set the levels that a text names, and take back those of the one `before` that it does not name."""
    levels = parse_levels(text)
    for name in parse_levels(before).keys() - levels.keys():
        _logger(name).setLevel(logging.INFO if not name else logging.NOTSET)
    for name, level in levels.items():
        _logger(name).setLevel(level)


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(f"{_PACKAGE}.{name}" if name else _PACKAGE)
