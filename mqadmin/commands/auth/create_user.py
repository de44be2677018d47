"""`mqadmin createUser`: create a user on brokers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.accounts import UserName, UserType
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.secret_options import Password, PasswordEnv, PasswordFile, read_secret
from rocketmq_ops.remoting.bodies.auth import UserInfo


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"), ("password", "password_file", "password_env")),
    changes=True,
    example="mqadmin createUser -c DefaultCluster -u alice --passwordFile alice.password",
)
async def create_user(
    run: Run,
    username: UserName,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    password: Password | None = None,
    password_file: PasswordFile | None = None,
    password_env: PasswordEnv | None = None,
    user_type: Annotated[UserType | None, "Super or Normal (default Normal)"] = None,
) -> Outcome:
    """Each broker keeps its own users: with -c it is created on all. Read back, and compared with the password."""
    secret, notes = read_secret("password", password, password_file, password_env)
    user = UserInfo(username=username, password=secret, user_type=user_type)
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.users.create(brokers, user, plan=run.plan)
    report.notes += notes
    return change_outcome(report, _describe, f"user '{username}' is there already, with this password and type")


def _describe(change: Change) -> str:
    return f"create user to {change.target} success."
