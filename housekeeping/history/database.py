"""The SQLite database of a history: its tables, opening it to append and to look, and errors that name the file."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import zstandard

from rocketmq_ops.common.errors import NoSuchPathError, RocketMQError

_SCHEMA: Final = 1
_APPLICATION: Final = 0x524D5148  # "RMQH"
#: How long a process waits for another that writes, seconds.
BUSY_S: Final = 10.0

_TABLES = """
CREATE TABLE layout(id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, rows BLOB NOT NULL, figures BLOB NOT NULL);
CREATE TABLE segment(id INTEGER PRIMARY KEY, layout INTEGER NOT NULL, ends BLOB NOT NULL, behind BLOB NOT NULL);
CREATE TABLE run(time_ms INTEGER PRIMARY KEY, segment INTEGER NOT NULL, ends BLOB NOT NULL, behind BLOB NOT NULL,
                 figures BLOB NOT NULL, rest BLOB NOT NULL, routes BLOB);
CREATE INDEX run_of_segment ON run(segment);
CREATE TABLE route(topic TEXT NOT NULL, since_ms INTEGER NOT NULL, body BLOB, PRIMARY KEY(topic, since_ms));
"""
#: Made when a file is opened to append. One that was begun without it has no texts; older versions pass over it.
_TEXTS = """
CREATE TABLE IF NOT EXISTS text(name TEXT NOT NULL, since_ms INTEGER NOT NULL, body BLOB, PRIMARY KEY(name, since_ms))
"""


class HistoryError(RocketMQError):
    """A history cannot be opened, read or written."""


class OtherFileError(HistoryError):
    """The file is whole, and not one that this version reads."""


class NoHistoryError(HistoryError, NoSuchPathError):
    """There is no file of that name yet."""


def prepare(database: sqlite3.Connection, path: Path) -> None:
    if is_empty(database):
        _make(database)
    check_schema(database, path)
    if not has_texts(database):
        database.execute(_TEXTS)
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA journal_size_limit = 4194304")


def _make(database: sqlite3.Connection) -> None:
    """Make the tables, unless another process that opens the file at the same time is first."""
    give_up = time.monotonic() + BUSY_S
    while True:
        try:
            database.execute("PRAGMA auto_vacuum = INCREMENTAL")
            database.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait by itself for the lock that this change needs.
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            time.sleep(0.02)
    with transaction(database):
        if is_empty(database):
            for statement in _TABLES.split(";"):
                database.execute(statement)
            database.execute(f"PRAGMA application_id = {_APPLICATION}")
            database.execute(f"PRAGMA user_version = {_SCHEMA}")


def is_empty(database: sqlite3.Connection) -> bool:
    return bool(database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0)


def has_texts(database: sqlite3.Connection) -> bool:
    return database.execute("SELECT 1 FROM sqlite_master WHERE name = 'text'").fetchone() is not None


def check_schema(database: sqlite3.Connection, path: Path) -> None:
    application = database.execute("PRAGMA application_id").fetchone()[0]
    version = database.execute("PRAGMA user_version").fetchone()[0]
    if application != _APPLICATION:
        raise OtherFileError(f"{path} is not a history: it is a database of something else", "name another file")
    if version > _SCHEMA:
        raise OtherFileError(
            f"{path} was written by a newer version: its schema is {version}, this version reads {_SCHEMA}",
            "upgrade this installation, or name another file",
        )


def opened_to_read(path: Path) -> sqlite3.Connection:
    place = path.absolute().as_uri()
    try:
        database = sqlite3.connect(f"{place}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S)
        try:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except BaseException:
            database.close()
            raise
    except sqlite3.OperationalError:
        # Where the folder cannot be written, as of a mounted copy, SQLite has no place for what its readers share.
        log = path.with_name(path.name + "-wal")
        if os.access(path.parent, os.W_OK) or (log.exists() and log.stat().st_size > 0):
            raise
        return sqlite3.connect(f"{place}?mode=ro&immutable=1", uri=True, isolation_level=None)
    return database


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


@contextlib.contextmanager
def named(what: str, path: Path) -> Iterator[None]:
    """Errors of SQLite, and of what it holds, as HistoryErrors that name the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise HistoryError(
                f"cannot {what} the history {path}: another process has kept it locked for {BUSY_S:.0f} s",
                "end what holds it, or try again later",
            ) from error
        raise cannot(what, path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise damaged(path, str(error)) from error
    except (zstandard.ZstdError, msgspec.DecodeError, ValueError, OverflowError) as error:
        raise damaged(path, str(error)) from error


def check_kind(path: Path) -> None:
    """Raise HistoryError for what is there and is not a file, such as a device: nothing may be made beside it."""
    if path.exists() and not path.is_file():
        kind = "a folder" if path.is_dir() else "not a file"
        raise HistoryError(f"cannot use the history {path}: it is {kind}", "name a file, or none for the usual one")


def beside(path: Path, name: str) -> Path:
    """The file of that name that belongs to a history: it has the history's own in it, so that no two share it."""
    return path.with_name(f"{path.name}.{name}")


def none_yet(path: Path) -> NoHistoryError:
    return NoHistoryError(
        f"there is no history yet: {path}", "let `mqadmin probe` run every minute, or name a file that has one"
    )


def cannot(what: str, path: Path, why: str) -> HistoryError:
    return HistoryError(f"cannot {what} the history {path}: {why}", "free space or give access there, or name another")


def damaged(path: Path, why: str) -> HistoryError:
    return HistoryError(
        f"the history {path} is damaged: {why}", "move it away: the next run of `mqadmin probe` begins a new one"
    )
