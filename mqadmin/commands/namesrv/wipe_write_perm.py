"""`mqadmin wipeWritePerm`: take the write permission of a broker's topics on the name servers."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.config import PermissionReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options import BrokerName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
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
    word = f"would {verb}" if report.planned else verb
    blocks: list[Table | str] = [
        f"{word} write perm of broker[{report.broker_name}] in name server[{count.name_server}] OK, {count.topics}"
        for count in report.counts
    ]
    nothing = not any(count.topics for count in report.counts)
    state = status(report.failures)
    if not report.failures:
        state = "no_effect" if nothing else "planned" if report.planned else "ok"
    notes = ["no topic of the broker was changed"] if nothing and not report.failures else []
    return Outcome(data=report, blocks=blocks, status=state, errors=list(report.failures), notes=notes)
