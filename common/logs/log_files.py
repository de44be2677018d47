"""The log files of a server: which record goes into which, and the thread that writes them.

Whoever logs only puts the record into a queue with a limit: neither a slow disk nor a full one holds up the loop, or
costs the server more than lines of its log. What is lost that way is counted, and said where there is room again.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.logs.config import LogSettings
from rocketmq_ops.common.logs.line_formats import JsonFormatter, TextFormatter
from rocketmq_ops.common.logs.rotating_file import RotatingFile

#: Records that wait to be written, at most; more are lost.
MAX_WAITING: Final = 100_000
#: How often stderr hears that a file cannot be written, ms.
COMPLAINT_INTERVAL_MS: Final = 60_000
#: ms after which a file that could not be written is tried again.
RETRY_INTERVAL_MS: Final = 5_000
#: s that the end of the server waits for its last lines.
CLOSE_SECONDS: Final = 5.0
_PACKAGE = __package__.partition(".")[0]

#: Prefix of a logger's name, without the package -> file, as the loggers of rmq.broker.logback.xml have them.
BROKER_FILES: Final = {
    "": "broker_default.log",
    "__main__": "broker.log",
    "broker": "broker.log",
    "broker.auth.audit_log": "auth_audit.log",
    "broker.client.rebalance_lock_manager": "lock.log",
    "broker.processors.end_transaction": "transaction.log",
    "broker.stats.fall_behind": "protection.log",
    "broker.stats.stats_lines": "stats.log",
    "broker.stats.water_marks": "watermark.log",
    "broker.subscription.consumer_filter_manager": "filter.log",
    "broker.transaction": "transaction.log",
    "common": "broker.log",
    "remoting": "remoting.log",
    "store": "store.log",
}
#: The patterns of the files whose lines have no thread there, and no name here.
LAYOUTS: Final = {
    "protection.log": "{at} - {message}",
    "stats.log": "{at} {level} - {message}",
    "watermark.log": "{at} - {message}",
}
#: Which file of rmq.namesrv.logback.xml is which logger's.
NAMESRV_FILES: Final = {
    "": "namesrv_default.log",
    "__main__": "namesrv.log",
    "common": "namesrv.log",
    "namesrv": "namesrv.log",
    "remoting": "namesrv.log",
}
#: Errors of the store are here too.
STORE_ERRORS: Final = "storeerror.log"


class _Enqueue(logging.handlers.QueueHandler):
    """Puts records into the queue, their arguments already in the text; counts those for which it has no room."""

    def __init__(self, waiting: queue.Queue[logging.LogRecord | None]) -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self.lost = 0

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self.lost += 1


class LogFiles:
    """The files in one folder. `close` writes what still waits."""

    def __init__(self, settings: LogSettings, files: Mapping[str, str]) -> None:
        """`files`: prefix of a logger's name -> file name."""
        self._folder = Path(settings.logDir)
        self._files = files
        self._settings = settings
        in_json = settings.logFormat == "json"
        self._formatter: logging.Formatter = JsonFormatter() if in_json else TextFormatter()
        self._formatters = {} if in_json else {name: TextFormatter(layout) for name, layout in LAYOUTS.items()}
        self._open: dict[str, RotatingFile] = {}
        self._not_before: dict[str, float] = {}
        self._complaints = LogRate(COMPLAINT_INTERVAL_MS)
        self.unwritten = 0
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(MAX_WAITING)
        self.handler = _Enqueue(self._waiting)
        self._thread = threading.Thread(target=self._run, name="log-files", daemon=True)

    def start(self) -> None:
        """From now on write what the root logger gets; stderr has warnings alone.

        Raises OSError when the folder cannot be written."""
        self._file_of(self._files[""]).open()
        root = logging.getLogger()
        for handler in root.handlers:
            handler.setLevel(logging.WARNING)
        root.addHandler(self.handler)
        self._thread.start()

    def close(self) -> None:
        """Write what waits, for some seconds at most, and close the files."""
        logging.getLogger().removeHandler(self.handler)
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    # -- which file

    def name_of(self, logger: str) -> str:
        """The file of a logger: that of the longest prefix."""
        name = logger.removeprefix(f"{_PACKAGE}.") if logger.startswith(f"{_PACKAGE}.") or logger == "__main__" else ""
        while name and name not in self._files:
            name = name.rpartition(".")[0]
        return self._files[name]

    def _file_of(self, name: str) -> RotatingFile:
        found = self._open.get(name)
        if found is None:
            settings = self._settings
            found = RotatingFile(self._folder / name, settings.logFileSize, settings.logFiles)
            self._open[name] = found
        return found

    # -- the thread

    def _run(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._write_record(record)
            if self._waiting.empty():
                self._flush()
        self._flush()
        for file in self._open.values():
            file.close()

    def _write_record(self, record: logging.LogRecord) -> None:
        name = self.name_of(record.name)
        try:
            line = self._formatters.get(name, self._formatter).format(record)
        except Exception as error:
            line = f"a line of {record.name} could not be formatted: {error}"
        self._write(name, line)
        if record.levelno >= logging.ERROR and record.name.startswith(f"{_PACKAGE}.store."):
            self._write(STORE_ERRORS, line)

    def _write(self, name: str, line: str) -> None:
        if self._not_before.get(name, 0.0) > time.monotonic():
            self.unwritten += 1
            return
        file = self._file_of(name)
        try:
            lost, self.handler.lost = self.handler.lost + self.unwritten, 0
            self.unwritten = 0
            if lost:
                file.write(self._formatter.format(_note(lost)))
            file.write(line)
        except OSError as error:
            self.unwritten += lost + 1
            self._failed(name, error)

    def _flush(self) -> None:
        for name, file in self._open.items():
            try:
                file.flush()
            except OSError as error:
                self.unwritten += 1
                self._failed(name, error)

    def _failed(self, name: str, error: OSError) -> None:
        self._not_before[name] = time.monotonic() + RETRY_INTERVAL_MS / 1000
        if self._complaints.due(time.monotonic_ns() // 1_000_000):
            reason = error.strerror or str(error)
            sys.stderr.write(f"{self._folder / name} cannot be written: {reason}; the server goes on without it\n")
            sys.stderr.flush()


def _note(lost: int) -> logging.LogRecord:
    text = f"at least {lost} lines were lost before this one: the disk was full, or more came than could be written"
    return logging.LogRecord(f"{_PACKAGE}.common.logs", logging.WARNING, __file__, 0, text, None, None)
