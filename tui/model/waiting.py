"""For how long the oldest message of a group has waited, as looks saw it come; also behind a broker's silence."""

from __future__ import annotations

import msgspec

from rocketmq_ops.housekeeping.history.packing import ABSENT
from rocketmq_ops.housekeeping.history.runs import GroupWindow, QueueKey, QueueWindow
from rocketmq_ops.tui.model.look import Held
from rocketmq_ops.tui.model.looks import Looks, Waited
from rocketmq_ops.tui.model.moment import Bases, GroupSeen
from rocketmq_ops.tui.model.table import Below, OrMore


def known_waiting(looks: Looks, name: str, was: GroupSeen | None) -> Waited | None:
    """For how long a group had waited at the last look that knew."""
    kept = looks.waited.get(name)
    if kept is None and was is not None and was.waiting_ms is not None and looks.previous_ms is not None:
        kept = Waited(was.waiting_ms, looks.previous_ms)
    return kept


def keep_waiting(
    looks: Looks,
    window: GroupWindow,
    waiting: int | None,
    known: Waited | None,
    queues: frozenset[QueueKey] | None,
) -> None:
    """Keep it for later looks; what those that are silent now may know better stays (`known`), with where the group
    was then: however long they are silent, what it has not consumed meanwhile has waited on."""
    name, now = window.group, window.times[-1]
    silent = any(columns.ends[-1] is None for columns in window.queues.values())
    if silent and known is not None:
        if known.held is None and known.when_ms == looks.previous_ms:
            known = msgspec.structs.replace(known, held=looks.before_last(name))
        looks.waited[name] = known
    if waiting is not None and (known is None or not silent or now - waiting < known.when_ms - known.ms):
        looks.waited[name] = Waited(waiting, now, queues=queues)


def waiting_of(
    window: GroupWindow,
    known: Waited | None,
    was_ms: int | None,
    held: Held | None,
    based: Bases,
    *,
    least: bool,
) -> tuple[int | None, frozenset[QueueKey] | None]:
    """For how long the oldest message that waits has been there, as looks saw it come, and in which queues (see
    `Waited`); None where none is known to. Where it came since the look before (`held`, at `was_ms`) it has waited for
    less than the time since then, and so where it came while its broker was silent.

    It is in a queue since the first look at which that ended behind the group's offset. One that was there at the
    first look that knows the queue has waited for as long as it had at the last look that knew (`known`) and since
    then, if it was the oldest one; since that look at least, if it was there behind others; else since that first look
    at least, and so has what is not known of other queues, in the window or (`least`) beside it.
    """
    now = oldest = begun = window.times[-1]
    there: dict[QueueKey, int] | None = None
    since: dict[QueueKey, int] = {}
    for key, columns in window.queues.items():
        committed, end = columns.committed[-1], columns.ends[-1]
        begin = committed if committed is not None else based.get(key, end)
        if end == 0 and not committed:
            continue
        least = least or committed is None or end is None
        if end is None or begin is None or end <= begin:
            continue
        place = next(at for at, each in enumerate(columns.ends) if each is not None and each > begin)
        mine = window.times[place]
        before = next((at for at in range(place - 1, -1, -1) if columns.ends[at] is not None), None)
        stood = False
        if known is not None and known.when_ms == was_ms and known.since_ms < mine and known.of(key):
            there = _waiting_in(held) if there is None else there
            stood = there.get(key) == committed
        if before is not None:
            if stood and known is not None and known.since_ms > window.times[before]:
                mine = known.since_ms  # the look that saw it come is none of the window any more
            if before < place - 1 and not _came_since(held, key, begin):
                begun = min(begun, window.times[before])
        elif known is not None and known.of(key) and (stood or _stood_from(known, mine, columns, place)):
            mine, least = min(mine, known.since_ms), least or isinstance(known.ms, OrMore)
        elif known is not None and known.held is not None and _waited_in(known.held, key, committed):
            stayed = known.of(key) if known.queues is not None else not _consumed_since(known.held, window)
            mine = min(mine, known.since_ms if stayed else known.when_ms)
            least = least or not stayed or isinstance(known.ms, OrMore)
        else:
            least = True
        since[key], oldest = mine, min(oldest, mine)
    queues = frozenset(key for key, each in since.items() if each == oldest)
    if least or begun < oldest < now:
        return (OrMore(now - oldest), queues) if oldest < now else (None, None)
    if begun < oldest:
        return Below(now - begun), None
    if oldest < now:
        return now - oldest, queues
    if was_ms is None or held is None:
        return None, None
    return Below(now - was_ms) if _all_new(window, held) else now - was_ms, None


def _stood_from(known: Waited, seen_ms: int, columns: QueueWindow, place: int) -> bool:
    """Whether a queue, whose first message was there at the look `seen_ms`, stands as it stood there, and what is known
    is of that look or a later one."""
    return known.when_ms >= seen_ms and columns.committed[place] == columns.committed[-1]


def _waiting_in(held: Held | None) -> dict[QueueKey, int]:
    """The queues in which something waited then, with their offsets."""
    if held is None:
        return {}
    columns = zip(held.keys, held.ends, held.committed, strict=True)
    return {key: committed for key, end, committed in columns if end > committed != ABSENT}


def _waited_in(held: Held, key: QueueKey, committed: int | None) -> bool:
    """Whether what waits first in a queue, behind this offset, was there at the look `held`."""
    there = {each: pair for each, *pair in zip(held.keys, held.ends, held.committed, strict=True)}
    end, offset = there.get(key, (ABSENT, ABSENT))
    return committed is not None and offset == committed and end > committed


def _consumed_since(held: Held, window: GroupWindow) -> bool:
    """Whether anything is known to have been consumed, since the look `held`, of a queue in which something waited, or
    that cannot be told now."""
    for key, end, offset in zip(held.keys, held.ends, held.committed, strict=True):
        columns = window.queues.get(key)
        if ABSENT not in (end, offset) and end > offset and (columns is None or columns.committed[-1] != offset):
            return True
    return False


def _came_since(held: Held | None, key: QueueKey, begin: int) -> bool:
    """Whether what waits in a queue was not there yet at the look `held`."""
    ends = {} if held is None else dict(zip(held.keys, held.ends, strict=True))
    return ABSENT != ends.get(key, ABSENT) <= begin


def _all_new(window: GroupWindow, held: Held) -> bool:
    """Whether no message that waits was there at the look before."""
    ends = dict(zip(held.keys, held.ends, strict=True))
    for key, columns in window.queues.items():
        committed, end, end_then = columns.committed[-1] or 0, columns.ends[-1] or 0, ends.get(key, ABSENT)
        if end > committed and (end_then == ABSENT or end_then > committed):
            return False
    return True
