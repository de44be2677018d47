"""`mqadmin updateUser`: change the password, type or status of a user."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import UserName, UserType
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.secret_options import Password, PasswordEnv, PasswordFile, read_secret
from rocketmq_ops.mqadmin.values import one_of
from rocketmq_ops.remoting.bodies.auth import UserInfo


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(
        ("broker_addr", "cluster_name"),
        ("password", "password_file", "password_env", "user_type", "user_status"),
    ),
    changes=True,
    example="mqadmin updateUser -c DefaultCluster -u alice -s disable",
)
async def update_user(
    run: Run,
    username: UserName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    password: Password | None = None,
    password_file: PasswordFile | None = None,
    password_env: PasswordEnv | None = None,
    user_type: UserType | None = None,
    user_status: Annotated[
        str | None, Opt("-s", "--userStatus", help="enable or disable", parse=one_of("enable", "disable"))
    ] = None,
) -> Outcome:
    """What is not given stays. A broker that has no such user is a failure."""
    secret, notes = read_secret("password", password, password_file, password_env)
    user = UserInfo(username=username, password=secret, user_type=user_type, user_status=user_status)
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.users.update(brokers, user, plan=run.plan)
    report.notes += notes
    return change_outcome(report, _describe, f"user '{username}' is so already")


def _describe(change: Change) -> str:
    return f"update user to {change.target} success."
