"""Answers one SELECT over a store: the rows it needs go in batches into a temporary sqlite database, then sqlite
answers.

Only the columns that the query reads are worked out (sqlite's authorizer names them), a WHERE clause over one table is
applied batch by batch, and constant bounds on offsets, queues and times keep files from being read. The database is a
temporary file that is gone at the end; memory stays small however large the store. Nothing but SELECT is let through.
"""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
from collections.abc import Iterator
from typing import Any

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.nearest import nearest_names
from rocketmq_ops.store.inspect.reading.blocks import NO_LIMIT, OnBroken
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.sql_tables import TABLES, read_table
from rocketmq_ops.store.inspect.view.sql_text import Query, tokens, understand

CACHE_KIB = 8192
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})


class QueryError(RocketMQError):
    """The query is wrong, or would do more than read."""


class Answer:
    """The columns of a query and its rows, which are fetched as they are asked for."""

    def __init__(self, columns: list[str], rows: Iterator[tuple[Any, ...]], notes: list[str]) -> None:
        self.columns = columns
        self.rows = rows
        self.notes = notes


class Database:
    """A temporary database for one query. Use as a context manager."""

    def __init__(self, store: StoreDirectory, on_broken: OnBroken, slots: int | None = None) -> None:
        self._store = store
        self._on_broken = on_broken
        self._slots = slots
        self._folder = tempfile.TemporaryDirectory(prefix="rocketmq-ops-sql-")
        self._db = sqlite3.connect(os.path.join(self._folder.name, "query.db"), isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", f"cache_size=-{CACHE_KIB}", "temp_store=FILE"):
            self._db.execute(f"PRAGMA {pragma}")
        # Sorters and temporary indices spill into the same folder.
        self._environment = os.environ.get("SQLITE_TMPDIR")
        os.environ["SQLITE_TMPDIR"] = self._folder.name

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *exc: object) -> None:
        self._db.set_authorizer(None)
        self._db.close()
        if self._environment is None:
            os.environ.pop("SQLITE_TMPDIR", None)
        else:
            os.environ["SQLITE_TMPDIR"] = self._environment
        self._folder.cleanup()

    def ask(self, sql: str) -> Answer:
        """The answer to a SELECT. Raises QueryError."""
        self._create_tables()
        needed = self._needed(sql)
        notes = []
        for table, columns in needed.items():
            rows = self._fill(table, columns, understand(sql, table), alone=len(needed) == 1)
            notes.append(f"{rows} rows of {table} were read")
        self._db.set_authorizer(_Watch({}).allow)
        try:
            cursor = self._db.execute(sql)
        except sqlite3.Error as error:
            raise _explained(error, sql) from error
        return Answer([part[0] for part in cursor.description], self._fetch(cursor, sql), notes)

    @staticmethod
    def _fetch(cursor: sqlite3.Cursor, sql: str) -> Iterator[tuple[Any, ...]]:
        try:
            yield from cursor
        except sqlite3.Error as error:
            raise _explained(error, sql) from error

    def _create_tables(self) -> None:
        for table, columns in TABLES.items():
            inner = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            self._db.execute(f"CREATE TABLE {table} ({inner})")

    def _needed(self, sql: str) -> dict[str, list[str]]:
        """Table -> columns that a query reads, found by preparing it over empty tables."""
        watch = _Watch({})
        self._db.set_authorizer(watch.allow)
        try:
            cursor = self._db.execute(sql)
        except sqlite3.Error as error:
            if watch.refused:
                raise QueryError(f"the query would {watch.refused}, which is not allowed", "only SELECT is") from error
            raise _explained(error, sql) from error
        except sqlite3.Warning as error:  # more than one statement, in Python 3.11
            raise QueryError("the query has more than one statement", "give one SELECT") from error
        finally:
            self._db.set_authorizer(None)
        if cursor.description is None:
            raise QueryError(
                "the query returns no columns", 'give a SELECT, for example "select count(*) from messages"'
            )
        _add_joined(sql, watch.read)
        return {table: [c for c in TABLES[table] if c in columns] for table, columns in watch.read.items()}

    def _fill(self, table: str, columns: list[str], query: Query, *, alone: bool) -> int:
        """Take in the rows; with a WHERE clause each batch passes it first. Returns how many rows are kept."""
        query = query if alone else Query(None, {}, {}, None)
        want, kept = selection_of(query, table), 0
        if not columns:
            columns = ["storeSize" if table == "messages" else next(iter(TABLES[table]))]  # only their number counts
        names, marks = ", ".join(f'"{c}"' for c in columns), ", ".join("?" * len(columns))
        target = table
        # Named like the table, so that `messages.topic` in the clause means it.
        moved = f"INSERT INTO main.{table} SELECT * FROM temp.batch AS {table} WHERE ({query.where})"
        if query.where is not None and self._can_move(table, moved):
            target = "batch"
        insert = f"INSERT INTO {target} ({names}) VALUES ({marks})"
        for rows in read_table(table, self._store, columns, want, self._on_broken, self._slots):
            if not rows:
                continue
            self._db.execute("BEGIN")
            self._db.executemany(insert, rows)
            kept += len(rows)
            if target == "batch":
                kept += self._db.execute(moved).rowcount - len(rows)
                self._db.execute("DELETE FROM temp.batch")
            self._db.execute("COMMIT")
            if query.stop_after is not None and (target == "batch" or query.where is None) and kept >= query.stop_after:
                break
        return kept

    def _can_move(self, table: str, moved: str) -> bool:
        """Whether the WHERE clause means something by itself; it may name a column of the result."""
        self._db.execute(f"CREATE TEMP TABLE batch AS SELECT * FROM {table} LIMIT 0")
        try:
            self._db.execute(moved)
        except sqlite3.Error:
            return False
        return True


def _add_joined(sql: str, read: dict[str, set[str]]) -> None:
    """Add the columns that USING names and NATURAL implies: sqlite does not report them."""
    words = {token.text for token in tokens(sql) if token.kind == "name"}
    if "using" in words or "natural" in words:
        for table in words & set(TABLES):
            read.setdefault(table, set())
    for table, columns in read.items():
        if "using" in words:
            columns.update(c for c in TABLES[table] if c.lower() in words)
        if "natural" in words:
            columns.update(c for c in TABLES[table] if any(c in TABLES[other] for other in read if other != table))


class _Watch:
    """sqlite's authorizer: notes what is read, refuses everything else."""

    def __init__(self, read: dict[str, set[str]]) -> None:
        self.read = read
        self.refused = ""

    def allow(self, action: int, first: str | None, second: str | None, *_: Any) -> int:
        """Called by sqlite for every access of a statement that is prepared."""
        if action == sqlite3.SQLITE_READ and first in TABLES:
            columns = self.read.setdefault(first, set())
            if second:
                columns.add(second)
        elif action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in _FORBIDDEN_FUNCTIONS:
            self.refused = f"call {second}"
            return sqlite3.SQLITE_DENY
        elif action not in _ALLOWED:
            self.refused = _ACTIONS.get(action, "change something")
            return sqlite3.SQLITE_DENY
        return sqlite3.SQLITE_OK


_ACTIONS = {
    sqlite3.SQLITE_ATTACH: "attach another database", sqlite3.SQLITE_DETACH: "detach a database",
    sqlite3.SQLITE_PRAGMA: "change a setting", sqlite3.SQLITE_INSERT: "insert rows",
    sqlite3.SQLITE_DELETE: "delete rows",
    sqlite3.SQLITE_UPDATE: "update rows", sqlite3.SQLITE_DROP_TABLE: "drop a table",
    sqlite3.SQLITE_CREATE_TABLE: "create a table", sqlite3.SQLITE_TRANSACTION: "begin a transaction",
}  # fmt: skip


def selection_of(query: Query, table: str) -> Selection:
    """What must be read of a table for the constant conditions of a query."""
    want = Selection()
    for column, (low, high) in query.bounds.items():
        low, high = max(low, 0), min(high, NO_LIMIT - 1)
        if column == "commitlogoffset":
            want.begin_offset, want.end_offset = low, high + 1
        elif column == "storetimestamp" and table == "messages":
            want.begin_time, want.end_time = low, high
        elif column == "queueoffset":
            want.begin_queue_offset, want.end_queue_offset = low, high + 1
        elif column == "queueid" and low == high:
            want.queue_id = low
    if table in ("messages", "units") and "topic" in query.equal:
        want.topic = query.equal["topic"]
    return want


def _explained(error: Exception, sql: str) -> QueryError:
    """sqlite's words with the nearest table or column."""
    text = str(error)
    match = re.search(r"no such (column|table): (\S+)", text)
    if match is None:
        return QueryError(f"invalid query: {text}", "see `mqadmin store sql --help` for tables and columns")
    wanted = match[2].rpartition(".")[2].strip('"')
    known = list(TABLES) if match[1] == "table" else sorted({column for table in TABLES.values() for column in table})
    near = nearest_names(wanted, known, most=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else ""
    listing = f"there are the tables {', '.join(TABLES)}" if match[1] == "table" else columns_text(sql)
    return QueryError(f"unknown {match[1]} {match[2]}", f"{hint} {listing}".strip())


def columns_text(sql: str) -> str:
    """The columns of the tables that a query names."""
    named = [table for table in TABLES if re.search(rf"\b{table}\b", sql, re.IGNORECASE)]
    return "; ".join(f"{table} has {', '.join(TABLES[table])}" for table in named)
