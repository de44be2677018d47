"""What was changed from this machine, as events: out of the journal that commands and all dashboards write, so that it
is seen also where nobody looked when it came to its end, as after the page of a browser was closed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

from rocketmq_ops.tui.changes import JournalEntry
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.events import SHOWN_MS
from rocketmq_ops.tui.model.moment import Event
from rocketmq_ops.tui.model.table import Health

#: Reads so many of the last changes, the latest first (`Changer.journal`).
Journal = Callable[[int], Awaitable[list[JournalEntry]]]

#: Changes that are looked at: more of ten minutes are in the journal.
_MOST: Final = 100
#: What has not come to its end for as long is said not to have; most do within seconds.
_LATE_MS: Final = 60_000
_UNFINISHED: Final = "unfinished"
_OPENS: Final = Address("journal")


class Changed:
    """Tells of each change once, when it has come to its end, or not for a minute."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._told: dict[int, str] = {}

    async def look(self, now_ms: int) -> list[Event]:
        """What was not told yet of the last ten minutes, the latest first. Raises RocketMQError."""
        found: list[Event] = []
        recent: dict[int, str] = {}
        for entry in await self._journal(_MOST):
            time_ms = round(datetime.fromisoformat(entry.time).timestamp() * 1000)
            if not entry.here or now_ms - time_ms > SHOWN_MS:
                continue
            if entry.status == _UNFINISHED and now_ms - time_ms < _LATE_MS:
                continue
            recent[entry.id] = entry.status
            if self._told.get(entry.id) != entry.status:
                found.append(_event(entry, time_ms))
        self._told = recent
        return found


def _event(entry: JournalEntry, time_ms: int) -> Event:
    command, user = entry.words[0], entry.user
    text, health = f"{command} by {user} has not come to its end", Health.CRITICAL
    if entry.status == "done":
        text, health = f"{command} by {user} was done", Health.INFO
    elif entry.status == "partial":
        text, health = f"{command} by {user} was done in part", Health.WARNING
    elif entry.status == "no_effect":
        text, health = f"{command} by {user} had no effect", Health.WARNING
    elif entry.status == "failed":
        text, health = f"{command} by {user} failed", Health.CRITICAL
    return Event(time_ms=time_ms, kind="change", target=_things(entry), text=text, health=health, opens=_OPENS)


def _things(entry: JournalEntry) -> str:
    """What was changed, by name; of several the first, and how many more."""
    names: Sequence[str] = list(dict.fromkeys(change.name for change in entry.changes if change.name))
    if not names:
        return f"#{entry.id}"
    return names[0] if len(names) == 1 else f"{names[0]} (+{len(names) - 1})"
