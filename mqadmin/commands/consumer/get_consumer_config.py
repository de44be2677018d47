"""`mqadmin getConsumerConfig`: the configuration of a consumer group on every broker."""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.admin.groups.group import GroupConfigs
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.topics import GroupName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


class GroupSetting(msgspec.Struct, rename="camel"):
    """One line of CSV: a setting of the group on a broker; lists and objects as JSON."""

    cluster: str | None
    broker_name: str | None
    broker_addr: str
    name: str
    value: str


@command(result=GroupConfigs, csv=GroupSetting, name="brokerName", example="mqadmin getConsumerConfig -g my_group")
async def get_consumer_config(run: Run, group_name: GroupName) -> Outcome:
    """Reads only: Apache's tool makes a missing group on brokers that create groups by themselves.

    A note names the brokers that do not have the group, and settings that differ between brokers. On no broker: exit
    code 4.
    """
    async with run.admin() as admin:
        found = await admin.groups.configs(group_name)
    blocks: list[Table | str] = []
    for broker in found.brokers:
        rule = "=" * 29
        blocks.append(f"{rule}{broker.cluster}:{broker.broker_name}{rule}")
        blocks += [f"{name:<40}=  {_shown(value)}" for name, value in broker.config.items()]
    notes = []
    if found.without:
        notes.append(f"not on {', '.join(found.without)}")
    if found.differing:
        notes.append(f"the brokers differ in {', '.join(found.differing)}")
    return Outcome(
        data=found,
        blocks=blocks,
        status=status(found.failures),
        errors=list(found.failures),
        notes=notes,
        csv_rows=[
            GroupSetting(b.cluster, b.broker_name, b.broker_addr, name, str(_shown(value)))
            for b in found.brokers
            for name, value in b.config.items()
        ],
    )


def _shown(value: object) -> Cell:
    """A setting's value as text: nothing for null, JSON for what has parts."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, (str, int, float)) else msgspec.json.encode(value).decode()
