"""`mqadmin copyAcl`: copy ACLs from one broker to another."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import FromBroker, ToBroker
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import names


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    example="mqadmin copyAcl -f 10.0.0.1:10911 -t 10.0.0.2:10911 -s User:alice",
)
async def copy_acl(
    run: Run,
    from_broker: FromBroker,
    to_broker: ToBroker,
    subjects: Annotated[
        list[str] | None,
        Opt("-s", "--subjects", help="subjects separated by ',', all without it", parse=names, metavar="SUBJECTS"),
    ] = None,
) -> Outcome:
    """Entries of the same resources are replaced on the target, others stay there. Its users must exist there."""
    async with run.admin() as admin:
        report = await admin.acls.copy(from_broker, to_broker, subjects, plan=run.plan)
    return copied_outcome(report, "acl", "ACLs", from_broker, to_broker)


def copied_outcome(report: ChangeReport, thing: str, things: str, source: str, target: str) -> Outcome:
    """The outcome of copying from one broker to another, of this command and of copyUser."""
    nothing = f"{target} has these {things} already" if report.changes else f"{source} has no {things}"
    return change_outcome(
        report, lambda change: f"copy {thing} of {change.name} from {source} to {change.target} success.", nothing
    )
