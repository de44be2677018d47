"""`mqadmin probe silence`: tell nobody of a problem for a time, list the silences, or end one."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.housekeeping.probe.alerts import Silence, alerts_file, kept
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import not_found, usage
from rocketmq_ops.mqadmin.history_options import history_path
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
    now = now_ms()
    with kept(alerts_file(history_path(run, history))) as alerts:
        if end is not None:
            if not any(silence.number == end and silence.until > now for silence in alerts.silences):
                raise not_found(f"there is no silence {end}", "`mqadmin probe silence` lists them")
            alerts.silences = [silence for silence in alerts.silences if silence.number != end]
        if pattern is not None and for_ms is not None:
            alerts.silence(pattern, now + for_ms, why or "")
        silences = sorted((each for each in alerts.silences if each.until > now), key=lambda silence: silence.until)
    table = Table(["#No", "#Pattern", "#Until", "#Why"], [])
    table.rows = [[each.number, each.pattern, human_time(each.until)[:19], each.why] for each in silences]
    return Outcome(data=Silences(silences), blocks=[table], status="ok" if silences else "empty")
