"""`mqadmin probe ack`: acknowledge a problem, so that no reminders of it come."""

from __future__ import annotations

import msgspec

from rocketmq_ops.housekeeping.probe.alerts import Problem, alerts_file, kept
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import not_found
from rocketmq_ops.mqadmin.history_options import history_path
from rocketmq_ops.mqadmin.options.housekeeping import AlarmPattern, HistoryFile, Why
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run


class Acknowledged(msgspec.Struct, rename="camel"):
    """The problems that were acknowledged."""

    problems: list[Problem]


@command(result=Acknowledged, rows="problems", name="target", offline=True, example="mqadmin probe ack broker-a")
async def probe_ack(
    run: Run,
    pattern: AlarmPattern,
    why: Why | None = None,
    history: HistoryFile | None = None,
) -> Outcome:
    """It holds until the problem is gone or worse."""
    with kept(alerts_file(history_path(run, history))) as alerts:
        problems = alerts.acknowledge(pattern, why or "")
    if not problems:
        raise not_found(
            f"no problem matches '{pattern}'", "`mqadmin probe` shows what is wrong; hooks have to be configured"
        )
    table = Table(
        ["#Severity", "#Id", "#Target"],
        [[each.severity.upper(), each.id, each.target] for each in problems],
        ours=["#Severity"],
    )
    return Outcome(data=Acknowledged(problems), blocks=[table])
