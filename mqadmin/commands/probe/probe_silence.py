"""`mqadmin probe silence`: tell nobody of a problem for a time, list the silences, or end one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.probe.alerts import Silence, alerts_file, kept
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import not_found, usage
from rocketmq_ops.mqadmin.options.housekeeping import AlarmPattern, HistoryFile, Why
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import human_time, positive, span


class Silences(msgspec.Struct, rename="camel"):
    """The silences that are in force, the next to end first; times in ms."""

    silences: list[Silence]


@command(
    result=Silences, rows="silences", name="pattern", offline=True, example="mqadmin probe silence broker-a --for 2h"
)
async def probe_silence(
    run: Run,
    pattern: Annotated[
        AlarmPattern | None,
        "an id (probe.late), a target (broker-a), or both; * for any; without one, list the silences",
    ] = None,
    for_ms: Annotated[int | None, Opt("--for", help="how long: 30m, 2h, 1d", parse=span, metavar="TIME")] = None,
    why: Why | None = None,
    end: Annotated[int | None, Opt("--end", help="end the silence of this number", parse=positive)] = None,
    history: HistoryFile | None = None,
) -> Outcome:
    """Hooks hear nothing of what matches, until the silence ends; what is still wrong then is reported. What the prober
    prints and its exit code stay as they are."""
    if pattern is not None and for_ms is None:
        raise usage("a silence has an end", "give --for, for example --for 2h")
    if pattern is None and for_ms is not None:
        raise usage("--for says how long, and not what", "give an id or a target, or '*' for all")
    place = Path(history) if history is not None else history_file(run.connection.name_servers)
    now = now_ms()
    with kept(alerts_file(place)) as alerts:
        alerts.silences = [silence for silence in alerts.silences if silence.until > now]
        if end is not None:
            left = [silence for silence in alerts.silences if silence.number != end]
            if len(left) == len(alerts.silences):
                raise not_found(f"there is no silence {end}", "`mqadmin probe silence` lists them")
            alerts.silences = left
        if pattern is not None and for_ms is not None:
            alerts.silence(pattern, now + for_ms, why or "")
        silences = sorted(alerts.silences, key=lambda silence: silence.until)
    table = Table(["#No", "#Pattern", "#Until", "#Why"], [])
    table.rows = [[each.number, each.pattern, human_time(each.until)[:19], each.why] for each in silences]
    return Outcome(data=Silences(silences), blocks=[table], status="ok" if silences else "empty")
