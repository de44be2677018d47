"""What a history keeps only where it is not as it was: routes of topics, and texts."""

from __future__ import annotations

import hashlib
import sqlite3

import msgspec

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.history.database import has_texts
from rocketmq_ops.housekeeping.history.packing import spread, squeezed
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME

#: A name, and what is there from now on, compressed; None where nothing is.
Change = tuple[str, bytes | None]


class Changing:
    """Both in one open database. Who calls is in a transaction where something is kept, and names the file in what
    SQLite raises."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def routes_to_put(self, time_ms: int, routes: dict[str, str], pause: Pause) -> tuple[bytes, list[Change]]:
        """What marks all of them, and those that are not as they were."""
        mark = hashlib.sha256(msgspec.json.encode(sorted(routes.items()))).digest()[:16]
        last = self._database.execute(
            "SELECT routes FROM run WHERE routes IS NOT NULL ORDER BY time_ms DESC LIMIT 1"
        ).fetchone()
        if last is not None and last[0] == mark:
            return mark, []
        return mark, _changes(self.routes_at(time_ms, pause), routes, pause)

    def texts_to_put(self, time_ms: int, texts: dict[str, str], pause: Pause) -> list[Change]:
        """Those that are not as they were."""
        return _changes(self.texts_at(time_ms, pause), texts, pause)

    def put(self, time_ms: int, routes: list[Change], texts: list[Change]) -> None:
        """Keep them."""
        for table, changes in (("route", routes), ("text", texts)):
            self._database.executemany(
                f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)", ((name, time_ms, body) for name, body in changes)
            )

    def put_text(self, time_ms: int, name: str, body: str) -> None:
        """Keep one text where it is not as it was; the others stay."""
        if [was for _, was in self.text_between(name, time_ms, time_ms)] != [body]:
            self.put(time_ms, [], [(name, squeezed(body.encode()))])

    def routes_at(self, time_ms: int, pause: Pause = at_once) -> dict[str, str]:
        """Each topic's route as the last run that read them at that time or before saw it."""
        return self._at(
            "SELECT topic, max(since_ms), body FROM route WHERE since_ms <= ? GROUP BY topic", time_ms, pause
        )

    def texts_at(self, time_ms: int, pause: Pause = at_once) -> dict[str, str]:
        """The texts as the last run that had them at that time or before gave them."""
        if not has_texts(self._database):
            return {}
        return self._at("SELECT name, max(since_ms), body FROM text WHERE since_ms <= ? GROUP BY name", time_ms, pause)

    def _at(self, statement: str, time_ms: int, pause: Pause) -> dict[str, str]:
        # All rows first: while some are unread, SQLite keeps what writers have replaced since.
        found = self._database.execute(statement, (time_ms,)).fetchall()
        bodies: dict[str, str] = {}
        for number, (name, _, body) in enumerate(found):
            if number % AT_A_TIME == 0:
                pause()
            if body is not None:
                bodies[name] = spread(body).decode()
        return bodies

    def text_between(self, name: str, begin_ms: int, end_ms: int) -> list[tuple[int, str]]:
        """A text as it was at the first time, and as it changed until the second, the oldest first."""
        if not has_texts(self._database):
            return []
        rows = self._database.execute(
            "SELECT since_ms, body FROM text WHERE name = ?1 AND since_ms <= ?3 AND since_ms >= coalesce("
            "(SELECT max(since_ms) FROM text WHERE name = ?1 AND since_ms <= ?2), ?2) ORDER BY since_ms",
            (name, begin_ms, end_ms),
        )
        return [(time_ms, spread(body).decode()) for time_ms, body in rows if body is not None]

    def drop_later(self, time_ms: int) -> None:
        """Forget what came after that time."""
        self._database.execute("DELETE FROM route WHERE since_ms > ?", (time_ms,))
        self._database.execute("DELETE FROM text WHERE since_ms > ?", (time_ms,))

    def let_go(self) -> None:
        """Forget what was over before the first run that is left."""
        self._database.execute(
            "DELETE FROM route WHERE since_ms < (SELECT max(r.since_ms) FROM route r WHERE r.topic = route.topic"
            " AND r.since_ms <= (SELECT min(time_ms) FROM run))"
        )
        self._database.execute(
            "DELETE FROM text WHERE since_ms < (SELECT max(t.since_ms) FROM text t WHERE t.name = text.name"
            " AND t.since_ms <= (SELECT min(time_ms) FROM run))"
        )


def _changes(was: dict[str, str], now: dict[str, str], pause: Pause) -> list[Change]:
    changed: list[Change] = []
    for number, (name, body) in enumerate(now.items()):
        if number % AT_A_TIME == 0:
            pause()
        if was.get(name) != body:
            changed.append((name, squeezed(body.encode())))
    return changed + [(name, None) for name in was.keys() - now.keys()]
