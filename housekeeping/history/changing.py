"""What a history keeps only where it is not as it was: routes of topics, and texts."""

from __future__ import annotations

import hashlib
import sqlite3

import msgspec

from rocketmq_ops.housekeeping.history.database import has_texts
from rocketmq_ops.housekeeping.history.packing import spread, squeezed


class Changing:
    """Both in one open database. Who calls is in a transaction where something is kept, and names the file in what
    SQLite raises."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def put_routes(self, time_ms: int, routes: dict[str, str]) -> bytes:
        """Keep what is not as it was; what marks all of them."""
        mark = hashlib.sha256(msgspec.json.encode(sorted(routes.items()))).digest()[:16]
        last = self._database.execute(
            "SELECT routes FROM run WHERE routes IS NOT NULL ORDER BY time_ms DESC LIMIT 1"
        ).fetchone()
        if last is None or last[0] != mark:
            was = self.routes_at(time_ms)
            changed: list[tuple[str, str | None]] = [
                (topic, body) for topic, body in routes.items() if was.get(topic) != body
            ]
            changed += [(topic, None) for topic in was.keys() - routes.keys()]
            self._database.executemany(
                "INSERT OR REPLACE INTO route VALUES (?, ?, ?)",
                ((topic, time_ms, None if body is None else squeezed(body.encode())) for topic, body in changed),
            )
        return mark

    def put_texts(self, time_ms: int, texts: dict[str, str]) -> None:
        """Keep what is not as it was."""
        was = self.texts_at(time_ms)
        changed: list[tuple[str, str | None]] = [(name, body) for name, body in texts.items() if was.get(name) != body]
        changed += [(name, None) for name in was.keys() - texts.keys()]
        self._database.executemany(
            "INSERT OR REPLACE INTO text VALUES (?, ?, ?)",
            ((name, time_ms, None if body is None else squeezed(body.encode())) for name, body in changed),
        )

    def put_text(self, time_ms: int, name: str, body: str) -> None:
        """Keep one text where it is not as it was; the others stay."""
        if self.texts_at(time_ms).get(name) != body:
            self._database.execute(
                "INSERT OR REPLACE INTO text VALUES (?, ?, ?)", (name, time_ms, squeezed(body.encode()))
            )

    def routes_at(self, time_ms: int) -> dict[str, str]:
        """Each topic's route as the last run that read them at that time or before saw it."""
        found = self._database.execute(
            "SELECT topic, max(since_ms), body FROM route WHERE since_ms <= ? GROUP BY topic", (time_ms,)
        )
        return {topic: spread(body).decode() for topic, _, body in found if body is not None}

    def texts_at(self, time_ms: int) -> dict[str, str]:
        """The texts as the last run that had them at that time or before gave them."""
        if not has_texts(self._database):
            return {}
        found = self._database.execute(
            "SELECT name, max(since_ms), body FROM text WHERE since_ms <= ? GROUP BY name", (time_ms,)
        )
        return {name: spread(body).decode() for name, _, body in found if body is not None}

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
