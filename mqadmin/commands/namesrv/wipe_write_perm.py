"""`mqadmin wipeWritePerm`: take the write permission of a broker's topics on the name servers."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.write_permission import PermissionCount, PermissionReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_problems
from rocketmq_ops.mqadmin.run import Run


@command(
    result=PermissionReport,
    rows="counts",
    changes=True,
    dangerous=("broker_name",),
    example="mqadmin wipeWritePerm -b broker-a",
)
async def wipe_write_perm(run: Run, broker_name: BrokerName) -> Outcome:
    """Producers then send to other brokers. It lasts until the broker changes a topic or registers anew."""
    async with run.admin() as admin:
        report = await admin.configs.write_permission(broker_name, give=False, plan=run.plan)
    return permission_outcome(report, "wipe")


def permission_outcome(report: PermissionReport, verb: str) -> Outcome:
    """The outcome, of this command and of addWritePerm."""
    changes = report.as_changes()
    outcome = Outcome(data=report, errors=[*report.failures, *change_problems(changes)])
    outcome.blocks = [_line(report, count, verb) for count in report.counts]
    states = {count.state for count in report.counts}
    if states & {"done", "partial", "unverified", "planned"}:
        outcome.status = "partial" if outcome.errors else "planned" if report.planned else "ok"
    elif outcome.errors and report.failures:
        outcome.status = "partial"
    else:
        outcome.status = "unchanged" if states == {"unchanged"} else "no_effect"
        outcome.notes = ["no topic of the broker was changed"]
    return outcome


def _line(report: PermissionReport, count: PermissionCount, verb: str) -> str:
    broker_name, name_server = report.broker_name, count.name_server
    if count.state in ("unchanged", "no_effect"):
        state = "unchanged" if count.state == "unchanged" else "no effect"
        return f"write perm of broker[{broker_name}] in name server[{name_server}]: {state}"
    return (
        f"{'would ' if report.planned else ''}{verb} write perm of broker[{broker_name}] "
        f"in name server[{name_server}] OK, {count.topics}"
    )
