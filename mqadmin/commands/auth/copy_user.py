"""`mqadmin copyUser`: copy users from one broker to another."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import ChangeReport
from rocketmq_ops.mqadmin.commands.auth.copy_acl import copied_outcome
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import FromBroker, ToBroker
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import names


@command(
    result=ChangeReport,
    rows="changes",
    changes=True,
    example="mqadmin copyUser -f 10.0.0.1:10911 -t 10.0.0.2:10911 -u alice,bob",
)
async def copy_user(
    run: Run,
    from_broker: FromBroker,
    to_broker: ToBroker,
    usernames: Annotated[
        list[str] | None,
        Opt("-u", "--usernames", help="users separated by ',', all without it", parse=names, metavar="NAMES"),
    ] = None,
) -> Outcome:
    """With passwords, types and status, each read back. Users that only the target has stay."""
    async with run.admin() as admin:
        report = await admin.users.copy(from_broker, to_broker, usernames, plan=run.plan)
    return copied_outcome(report, "user", "users", from_broker, to_broker)
