"""Going on where another dashboard of the same cluster has ended a moment ago: from the last moment of its ring."""

from __future__ import annotations

from typing import Final

import msgspec

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.tui.model.looks import Looks
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.recorded import looks_at, moment_at

#: A ring that has ended longer ago is the past alone, ms: what happened since then nobody has seen. Rates are of as
#: long a time, so that they are not of a longer one.
RECENT_MS: Final = 60_000
#: For how long the first question may wait for what there is to go on from, ms.
WAITS_MS: Final = 1_000
#: Queues of groups of which there is something to go on from. To read and judge the looks at so many takes a quarter of
#: a second, and the first figures have to be there within one.
MOST_QUEUES: Final = 4_000


class Left(msgspec.Struct):
    """What was left to go on from: the last moment, and the looks at groups that they were judged by."""

    moment: Moment
    looks: Looks


def left_in(history: History, now_ms: int) -> Left | None:
    """What a ring has of the last minute; None where it has ended before, or has too much. Raises HistoryError."""
    time_ms = history.last_time(now_ms)
    if time_ms is None or now_ms - time_ms > RECENT_MS:
        return None
    if any(number >= MOST_QUEUES for number, _ in enumerate(history.ends_at(time_ms))):
        return None
    looks = looks_at(history, time_ms)
    moment = moment_at(history, time_ms, looks)
    return None if moment is None else Left(moment, looks.seen())
