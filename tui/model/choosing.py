"""Which looks, by their times, groups are judged by."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from rocketmq_ops.housekeeping.lag import WINDOW_RUNS

#: How far back the looks go by which a group is judged, ms.
WINDOW_MS: Final = 5 * 60_000
#: How far the looks are from each other by which it is judged, once there are enough, ms.
APART_MS: Final = WINDOW_MS // WINDOW_RUNS
#: Looks over a shorter time show no trend, ms.
LEAST_TREND_MS: Final = 25_000


def chosen(times: Sequence[int]) -> list[int]:
    """The places of the looks by which groups are judged, of all `times` (ms since 1970): the last one, and before it
    the first within each multiple of `APART_MS`; as long as there are not enough, the newest of the others too.

    So a look that is one of them stays one until it is too old, and another one never becomes one: what was seen for a
    moment does not come and go in the judgement.
    """
    last, most = len(times) - 1, WINDOW_RUNS - 1
    if last <= most:
        return [*range(len(times))]
    fixed = [
        at
        for at in range(last)
        if (at == 0 or times[at] // APART_MS != times[at - 1] // APART_MS) and times[last] - times[at] >= APART_MS // 2
    ][-most:]
    others = sorted({*range(last)}.difference(fixed), reverse=True)[: most - len(fixed)]
    return [*sorted([*fixed, *others]), last]


def further(times: Sequence[int], silent: Sequence[Collection[str]]) -> dict[str, list[int]]:
    """By the name of a broker that tells again, the places of looks by which its queues are judged beside those that
    are `chosen` for all: those that would be if the first one were the one at which it told again. So they are judged
    as soon as those of a dashboard that has just been started, once there is a trend. `silent`: the brokers that told
    nothing, at each look."""
    if not times or not any(silent):
        return {}
    mine = {*chosen(times)}
    again: dict[str, int] = {}
    for at, names in enumerate(silent):
        again |= dict.fromkeys(names, at + 1)
    found: dict[str, list[int]] = {}
    for name, first in again.items():
        if first < len(times) and times[-1] - times[first] >= LEAST_TREND_MS:
            places = [first + place for place in chosen(times[first:])]
            found[name] = [place for place in places if place not in mine]
    return found


def nearest(times: Sequence[int], ms: int) -> int | None:
    """The time that is at least so long before the last one, the nearest; the first where all are younger; None where
    there are no two."""
    if len(times) < 2:
        return None
    return next((time_ms for time_ms in reversed(times) if time_ms <= times[-1] - ms), times[0])
