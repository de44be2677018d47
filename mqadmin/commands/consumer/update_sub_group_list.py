"""`mqadmin updateSubGroupList`: create or change the consumer groups of a file."""

from __future__ import annotations

from typing import Annotated, Any

from rocketmq_ops.client.admin.changes import Change, ChangeReport
from rocketmq_ops.client.admin.groups.group_list_change import GroupEntry
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.files.json_file import read_objects
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, ClusterName, ListFile
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.report import change_outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=ChangeReport,
    rows="changes",
    one_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin updateSubGroupList -c DefaultCluster -f groups.json --plan",
)
async def update_sub_group_list(
    run: Run,
    filename: Annotated[ListFile, "JSON list of groups"],
    broker_addr: BrokerAddress | None = None,
    cluster_name: ClusterName | None = None,
) -> Outcome:
    """Each object has groupName and, by their names in getConsumerConfig, the settings to change.

    A setting that is not given keeps its value on each broker; Apache's tool sets it back to the default. Attributes
    are changes ("+name", "-name"), or plain names to set. A broker that takes no list gets the groups one by one.
    """
    from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig

    items = read_objects(
        filename, SubscriptionGroupConfig, example='{"groupName": "G"}', table="subscriptionGroupTable"
    )
    entries = [_entry(filename, item) for item in items]
    if not entries:
        raise usage(f"{filename} holds no group", "give at least one")
    async with run.admin() as admin:
        report = await admin.groups.update_list(entries, broker_addr=broker_addr, cluster=cluster_name, plan=run.plan)
    return change_outcome(report, _describe, "all groups of the file have these settings already")


def _entry(filename: str, item: dict[str, Any]) -> GroupEntry:
    if not item.get("groupName"):
        raise usage(f"{filename} holds an object without groupName", "give each group its name")
    given = {name: value for name, value in item.items() if name not in ("groupName", "attributes")}
    attributes = {
        name if name[:1] in ("+", "-") else f"+{name}": str(value)
        for name, value in (item.get("attributes") or {}).items()
    }
    return GroupEntry(group=item["groupName"], given=given, attributes=attributes)


def _describe(change: Change) -> str:
    return f"{change.action} subscription group {change.name} to {change.target} success."
