"""Alarms, with their age; those that are over stay for ten minutes. Below them what could not be asked or written."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import RAISE_MS, failures_alone, health_now
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Table, since, worst_first
from rocketmq_ops.tui.model.views.nothing import brokers_tell, silence, unheard

COLUMNS: Final = (
    Column(key="target", title="What", least=14),
    Column(key="text", title="Alarm", kind=Kind.STATE, least=16),
    Column(key="since", title="Since", kind=Kind.MOMENT),
    Column(key="lasted", title="Lasted", kind=Kind.SPAN, drop=1),
    Column(key="ended", title="Ended", kind=Kind.MOMENT, drop=2),
)


class AlarmList:
    """See `View`."""

    name, aliases, title = "alarms", ("a", "al", "alarm", "alert", "alerts"), "Alarms"
    columns, options = COLUMNS, ()
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`. How long one has lasted is another at each moment."""
        return [*moment.alarms, *moment.failures]

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`."""
        rows = [
            Row(
                key=alarm.key,
                cells=(
                    alarm.target,
                    alarm.text,
                    since(alarm.since_ms, begun_before=alarm.begun_before),
                    since(
                        (alarm.ended_ms or alarm.over_ms or moment.time_ms) - alarm.since_ms,
                        begun_before=alarm.begun_before,
                    ),
                    alarm.ended_ms or alarm.over_ms or NOTHING,
                ),
                health=health_now(alarm),
                opens=alarm.opens,
            )
            for alarm in moment.alarms
        ]
        rows += [
            Row(
                key=f"failure/{number}",
                cells=(failure.target, failure.cause, NOTHING, None, NOTHING),
                health=Health.WARNING,
            )
            for number, failure in enumerate(_failures(moment))
        ]
        note, failed = _note(moment, bool(rows))
        return Table(columns=COLUMNS, rows=rows, note=note, failed=failed)


def _note(moment: Moment, some: bool) -> tuple[str, bool]:
    """What cannot be known now, and whether that is a failure; else, where there is none, why."""
    silent = silence(moment)
    if silent and brokers_tell(moment):
        return f"which brokers come and go is not known: {silent}", True
    if silent:
        return f"what else is wrong is not known: {silent}", True
    return "" if some else _none(moment), False


def _none(moment: Moment) -> str:
    """Why there is none: that is good news only where all is well."""
    health = moment.verdict.health
    if not moment.live and moment.groups_ms is None:
        return unheard(moment)
    if health is Health.UNKNOWN:
        return "whether anything is wrong is not known yet"
    if worst_first(health) <= worst_first(Health.WARNING):
        return f"no alarm yet: what is wrong becomes one after {RAISE_MS // 1000} s"
    return "there is no alarm"


def _failures(moment: Moment) -> list[Failure]:
    return failures_alone(moment.failures, [*moment.name_servers.values(), *moment.brokers.values()])
