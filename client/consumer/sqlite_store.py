"""Consumed keys in an SQLite file, for the consumers of one group on one host.

Reservations and memories last by a time of the store's own, which all processes that share the file read alike and no
step of the wall clock moves (`_tick`).
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from rocketmq_ops.client.consumer.deduplicate import Claim, StoreUnavailableError
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.clock import awake_ms, now_ms

T = TypeVar("T")

#: Rows that have run out are deleted once in so many claims.
_CLAIMS_A_CLEANING = 1000


class SqliteStore:
    """Consumed keys in an SQLite file, which the consumers of one host may share; an async context manager."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="deduplicate")
        self._database: sqlite3.Connection | None = None
        self._claims = 0

    async def __aenter__(self) -> SqliteStore:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Open the file, or make it. Raises StoreUnavailableError where that fails."""
        self._database = await self._run(self._open)

    async def close(self) -> None:
        """Close the file."""
        if self._database is not None:
            await self._run(self._database.close)
            self._database = None
        self._thread.shutdown()

    async def claim(self, keys: Sequence[str], owner: str, lease_ms: int) -> list[Claim]:
        """Reserve keys; expired reservations and memories count as none."""
        return await self._run(self._claim, keys, owner, lease_ms)

    async def settle(self, owner: str, done: Iterable[str], failed: Iterable[str], remember_ms: int) -> None:
        """Note what was consumed, also after the lease ran out, unless another has reserved it since."""
        await self._run(self._settle, owner, list(done), list(failed), remember_ms)

    async def _run(self, function: Callable[..., T], *args: object) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, function, *args)
        except sqlite3.Error as error:
            raise StoreUnavailableError(f"{self.path} cannot be used to deduplicate: {error}") from error

    def _open(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute(
                "CREATE TABLE IF NOT EXISTS consumed"
                "(key TEXT PRIMARY KEY, owner TEXT, until_ms INTEGER NOT NULL) WITHOUT ROWID"
            )
            database.execute("CREATE INDEX IF NOT EXISTS consumed_until ON consumed(until_ms)")
            database.execute(
                "CREATE TABLE IF NOT EXISTS clock"
                "(id INTEGER PRIMARY KEY CHECK (id = 1), now_ms INTEGER, awake_ms INTEGER, wall_ms INTEGER, boot TEXT)"
            )
        except sqlite3.Error:
            database.close()
            raise
        return database

    def _claim(self, keys: Sequence[str], owner: str, lease_ms: int) -> list[Claim]:
        claims = []
        with self._transaction() as (database, now):
            if self._claims % _CLAIMS_A_CLEANING == 0:
                database.execute("DELETE FROM consumed WHERE until_ms <= ?", (now,))
            self._claims += 1
            for key in keys:
                found = database.execute("SELECT owner, until_ms FROM consumed WHERE key = ?", (key,)).fetchone()
                if found is not None and found[1] > now and found[0] != owner:
                    claims.append(Claim.DONE if found[0] is None else Claim.BUSY)
                    continue
                database.execute("INSERT OR REPLACE INTO consumed VALUES(?, ?, ?)", (key, owner, now + lease_ms))
                claims.append(Claim.MINE)
        return claims

    def _settle(self, owner: str, done: list[str], failed: list[str], remember_ms: int) -> None:
        with self._transaction() as (database, now):
            for key in done:
                database.execute(
                    "INSERT INTO consumed VALUES(?, NULL, ?) ON CONFLICT(key) DO UPDATE"
                    " SET owner = NULL, until_ms = excluded.until_ms WHERE owner = ? OR until_ms <= ?",
                    (key, now + remember_ms, owner, now),
                )
            for key in failed:
                database.execute("DELETE FROM consumed WHERE key = ? AND owner = ?", (key, owner))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[tuple[sqlite3.Connection, int]]:
        """The database, and the time of the store."""
        database = self._database
        if database is None:
            raise ClientError(f"{self.path} is not open", "await open(), or use 'async with'")
        database.execute("BEGIN IMMEDIATE")
        try:
            yield database, _tick(database)
        except BaseException:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")


def _tick(database: sqlite3.Connection) -> int:
    """The time of the store in ms, which is noted with the clocks that it goes by.

    It began as the wall clock's when the file was made, and has gone on since as the machine was awake, whatever was
    done to the wall clock; what passed between two starts of the machine the wall clock alone knows.
    """
    awake, wall, boot = awake_ms(), now_ms(), _boot()
    last = database.execute("SELECT now_ms, awake_ms, wall_ms, boot FROM clock").fetchone()
    if last is None:
        now = wall
    elif last[3] == boot and awake >= last[1]:
        now = last[0] + awake - last[1]
    else:
        now = last[0] + max(0, wall - last[2])
    database.execute("INSERT OR REPLACE INTO clock VALUES(1, ?, ?, ?, ?)", (now, awake, wall, boot))
    return int(now)


def _boot() -> str:
    """Which start of the machine it has been up since; empty where the system does not say it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
