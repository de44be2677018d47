"""`mqadmin updateAclConfig`: create or change an account of brokers before 5.3.3."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.accounts.plain_acl import AccountSettings
from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.accounts import AccessKey
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.secret_options import SecretKey, SecretKeyEnv, SecretKeyFile, read_secret
from rocketmq_ops.mqadmin.values import names, one_of

_perm = one_of("DENY", "PUB", "SUB", "PUB|SUB", "SUB|PUB", "ANY")


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"), ("secret_key", "secret_key_file", "secret_key_env")),
    changes=True,
    example="mqadmin updateAclConfig -c DefaultCluster -a operator --secretKeyFile operator.key -i PUB",
)
async def update_acl_config(
    run: Run,
    access_key: AccessKey,
    broker_addr: BrokerAddress | None = None,
    cluster_name: Annotated[ClusterName | None, "masters and slaves of this cluster"] = None,
    secret_key: SecretKey | None = None,
    secret_key_file: SecretKeyFile | None = None,
    secret_key_env: SecretKeyEnv | None = None,
    topic_perms: Annotated[
        list[str] | None, Opt("-t", "--topicPerms", help="of single topics", parse=names, metavar="T=PUB,U=DENY")
    ] = None,
    default_group_perm: Annotated[
        str | None, Opt("-u", "--defaultGroupPerm", help="of other groups: DENY, SUB, PUB|SUB", parse=_perm)
    ] = None,
    white_remote_address: Annotated[
        str | None, Opt("-w", "--whiteRemoteAddress", help="from here it needs no signature")
    ] = None,
    group_perms: Annotated[
        list[str] | None, Opt("-g", "--groupPerms", help="of single groups", parse=names, metavar="G=SUB,H=DENY")
    ] = None,
    default_topic_perm: Annotated[
        str | None, Opt("-i", "--defaultTopicPerm", help="of other topics: DENY, PUB, SUB, PUB|SUB", parse=_perm)
    ] = None,
    is_admin: Annotated[bool | None, Opt("-m", "--admin", help="whether it may administer")] = None,
) -> Outcome:
    """A setting that is not given keeps its value; Apache's tool makes an account that is changed without -m no admin.

    Each broker keeps its own file: with -c it is changed on all.
    """
    secret, notes = read_secret("secret key", secret_key, secret_key_file, secret_key_env)
    settings = AccountSettings(
        secret_key=secret,
        admin=is_admin,
        white_remote_address=white_remote_address,
        default_topic_perm=default_topic_perm,
        default_group_perm=default_group_perm,
        topic_perms=topic_perms,
        group_perms=group_perms,
    )
    async with run.admin() as admin:
        brokers = await admin.cluster.targets(broker_addr, cluster_name, with_slaves=True)
        report = await admin.plain_acls.put(brokers, access_key, settings, plan=run.plan)
    report.notes += notes
    return change_outcome(report, _describe, f"account '{access_key}' is so already")


def _describe(change: Change) -> str:
    return f"create or update plain access config to {change.target} success."
