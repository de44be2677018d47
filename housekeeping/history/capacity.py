"""How long disks, retention and backlogs last, by the straight lines through a history.

When a broker deletes: DefaultMessageStore.CleanCommitLogService. Above 85 % of the disk it deletes files whatever their
age, with unread messages in them, unless `cleanFileForciblyEnable` is off; above 90 % it refuses messages. A system
property can lower both, which no request tells.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from rocketmq_ops.common.topics import is_dlq_topic, is_retry_topic
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.recorder import DELETE_HOURS
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey
from rocketmq_ops.housekeeping.history.story import Series
from rocketmq_ops.housekeeping.history.trend import Line, line_through

DELETES_AT: Final = 0.85
REFUSES_AT: Final = 0.90
#: Runs that lines of groups and topics are read from at most.
_RUNS: Final = 60

#: at: so long from the last run. never: it moves away from there, or not at all. beyond: further ahead than can be said
#: from what is known. reached: it is there already. unknown: too little history.
Outlook = Literal["at", "never", "beyond", "reached", "unknown"]


class Forecast(msgspec.Struct, rename="camel"):
    """When `target` gets where `event` happens; `ms` from the last run on, for beyond at least so long.

    event: disk_deletes, disk_refuses (ratio of the disk used), drained (messages behind of a group).
    """

    event: Literal["disk_deletes", "disk_refuses", "drained"]
    target: str
    outlook: Outlook
    value: float | None
    limit: float
    ms: float | None
    line: Line | None


class Kept(msgspec.Struct, rename="camel"):
    """How far back a broker's messages reach, in hours, and how far they should (`fileReservedTime`)."""

    target: str
    hours: float
    reserved_hours: float | None
    line: Line | None


class Unread(msgspec.Struct, rename="camel"):
    """The oldest message that a group has not consumed: at least so old (ms), and when its broker deletes it by age:
    in the first hour of `deleteWhen` after `fileReservedTime`, at once where the disk is past diskMaxUsedSpaceRatio.

    `older` is true where it came before the history's first look, so that its age is only a least one. The hours of
    `deleteWhen` are taken to be of this machine's time zone.
    """

    group: str
    queue: str
    age_ms: int
    older: bool
    deleted_in_ms: int | None


class Grower(msgspec.Struct, rename="camel"):
    """A topic by the messages that it takes, or a group by its lag, a second."""

    kind: Literal["topic", "group"]
    name: str
    per_second: float
    line: Line


class Capacity(msgspec.Struct, rename="camel"):
    """What a history says about how long things last."""

    first_time: int
    last_time: int
    runs: int
    forecasts: list[Forecast]
    kept: list[Kept]
    unread: list[Unread]
    growers: list[Grower]


def examine(history: History, begin_ms: int, end_ms: int, top: int) -> Capacity | None:
    """Read a history from `begin_ms` to `end_ms`; None where it has no run there. `top`: growers of each kind."""
    times = history.times(begin_ms, end_ms)
    if not times:
        return None
    figures = history.figures(begin_ms, end_ms, "broker.")
    found = Capacity(times[0], times[-1], len(times), [], [], [], [])
    for (name, target), points in sorted(figures.items()):
        if name == "broker.disk_ratio":
            line = line_through(points)
            forcibly = figures.get(("broker.forcibly", target))
            if forcibly is None or forcibly[-1][1]:
                found.forecasts.append(_rising("disk_deletes", target, points[-1][1], DELETES_AT, line))
            found.forecasts.append(_rising("disk_refuses", target, points[-1][1], REFUSES_AT, line))
        elif name == "broker.earliest_ms":
            hours = [(time_ms, (time_ms - earliest) / 3_600_000) for time_ms, earliest in points if earliest > 0]
            reserved = figures.get(("broker.reserved_hours", target))
            if hours:
                found.kept.append(
                    Kept(target, hours[-1][1], reserved[-1][1] if reserved else None, line_through(hours))
                )
    windows = history.windows(begin_ms, end_ms, _RUNS)
    deletions = _deletions(figures, history.figures(begin_ms, end_ms, "probe.registered"))
    growing = []
    for window in windows.values():
        lags = _lags(window)
        if not lags or lags[-1][0] != window.times[-1] or not lags[-1][1]:
            continue
        line = line_through(lags)
        found.forecasts.append(_falling(window.group, lags[-1][1], line))
        unread = _oldest_unread(window, deletions)
        if unread is not None:
            found.unread.append(unread)
        if line is not None and line.slope > 0:
            growing.append(Grower("group", window.group, line.slope, line))
    found.growers = sorted(_topics(windows), key=lambda g: -g.per_second)[:top]
    found.growers += sorted(growing, key=lambda g: -g.per_second)[:top]
    found.unread.sort(key=lambda u: (u.deleted_in_ms is None, u.deleted_in_ms, -u.age_ms))
    return found


def _rising(
    event: Literal["disk_deletes", "disk_refuses"], target: str, value: float, limit: float, line: Line | None
) -> Forecast:
    if value >= limit:
        return Forecast(event, target, "reached", value, limit, 0.0, line)
    return _forecast(Forecast(event, target, "unknown", value, limit, None, line))


def _falling(group: str, lag: float, line: Line | None) -> Forecast:
    return _forecast(Forecast("drained", group, "unknown", lag, 0, None, line))


def _forecast(found: Forecast) -> Forecast:
    line = found.line
    if line is None:
        return found
    until = line.ms_until(found.limit)
    if until is None:
        found.outlook = "never"
    elif until > line.reach_ms:
        found.outlook, found.ms = "beyond", float(line.reach_ms)
    else:
        found.outlook, found.ms = "at", until
    return found


def _lags(window: GroupWindow) -> list[tuple[int, float]]:
    """The group's lag at each run that knew all of it."""
    found = []
    for place, time_ms in enumerate(window.times):
        total = 0
        for columns in window.queues.values():
            end, committed = columns.ends[place], columns.committed[place]
            if not end and committed is None:
                continue  # not there, or empty
            if end is None or committed is None:
                break
            total += max(end - committed, 0)
        else:
            found.append((time_ms, float(total)))
    return found


class _Deletion(NamedTuple):
    """When a broker deletes: hours that a file is kept, hours of the day as bits (0: unknown), whether any will do."""

    reserved_hours: float
    at_hours: int
    any_hour: bool

    def after_ms(self, now_ms: int, age_ms: int) -> int:
        """ms from `now_ms` until a message of this age may be deleted."""
        left = max(int(self.reserved_hours * 3_600_000) - age_ms, 0)
        if self.any_hour or not self.at_hours:
            return left
        expires = datetime.fromtimestamp((now_ms + left) / 1000)
        if self.at_hours >> expires.hour & 1:
            return left
        begin = expires.replace(minute=0, second=0, microsecond=0)
        following = next(hour for n in range(1, 25) if self.at_hours >> (hour := begin + timedelta(hours=n)).hour & 1)
        return round(following.timestamp() * 1000) - now_ms


def _deletions(figures: Series, registered: Series) -> dict[str, _Deletion]:
    """By the name of the broker; under "" the one that deletes first, for brokers of which nothing is known."""
    names = {place.partition(" at ")[2]: place.partition(" at ")[0].partition("/")[2] for _, place in registered}
    found: dict[str, _Deletion] = {}
    for (name, address), points in figures.items():
        if name != "broker.reserved_hours":
            continue
        hours = figures.get((DELETE_HOURS, address), [(0, 0.0)])[-1][1]
        percent, ratio = (figures.get((f"broker.{key}", address)) for key in ("delete_percent", "disk_ratio"))
        past = percent is not None and ratio is not None and ratio[-1][1] * 100 >= percent[-1][1]
        found[names.get(address, address)] = _Deletion(points[-1][1], int(hours), past)
    if found:
        found[""] = min(found.values())
    return found


def _oldest_unread(window: GroupWindow, deletions: dict[str, _Deletion]) -> Unread | None:
    """By the run at which a queue's end was first seen beyond what the group has consumed since."""
    found: Unread | None = None
    now = window.times[-1]
    for key, columns in window.queues.items():
        end, committed = columns.ends[-1], columns.committed[-1]
        if end is None or committed is None or end <= committed:
            continue
        place = next(p for p, known in enumerate(columns.ends) if known is not None and known > committed)
        age = now - window.times[place]
        if found is None or age > found.age_ms:
            deletion = deletions.get(key.broker, deletions.get(""))
            left = None if deletion is None else deletion.after_ms(now, age)
            found = Unread(window.group, str(key), age, place == 0, left)
    return found


def _topics(windows: dict[str, GroupWindow]) -> list[Grower]:
    """The topics that groups read, by the messages that they take; retry and dead letters are of groups."""
    queues: dict[str, dict[QueueKey, tuple[list[int], list[int | None]]]] = {}
    for window in windows.values():
        for key, columns in window.queues.items():
            if not is_retry_topic(key.topic) and not is_dlq_topic(key.topic):
                queues.setdefault(key.topic, {}).setdefault(key, (window.times, columns.ends))
    found = []
    for topic, parts in queues.items():
        times = next(iter(parts.values()))[0]
        points: list[tuple[int, float]] = []
        for place, time_ms in enumerate(times):
            ends = [ends[place] for _, ends in parts.values()]
            if None not in ends:
                points.append((time_ms, float(sum(end or 0 for end in ends))))
        line = line_through(points)
        if line is not None and line.slope > 0:
            found.append(Grower("topic", topic, line.slope, line))
    return found
