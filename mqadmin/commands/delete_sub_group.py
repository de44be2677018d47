"""`mqadmin deleteSubGroup`: delete a consumer group."""

from __future__ import annotations

from typing import Annotated

from ...client.admin.changes import Change, ChangeReport
from ..declare import Opt, command
from ..outcome import Outcome
from ..report import change_outcome
from ..run import Run
from ..values import boolean


@command(
    result=ChangeReport,
    rows="changes",
    any_of=(("broker_addr", "cluster_name"),),
    changes=True,
    example="mqadmin deleteSubGroup -c DefaultCluster -g my_group --plan",
)
async def delete_sub_group(
    run: Run,
    group_name: Annotated[str, Opt("-g", "--groupName", help="consumer group name")],
    broker_addr: Annotated[str | None, Opt("-b", "--brokerAddr", help="from this broker, HOST:PORT")] = None,
    cluster_name: Annotated[str | None, Opt("-c", "--clusterName", help="from all masters of this cluster")] = None,
    remove_offset: Annotated[
        bool | None, Opt("-r", "--removeOffset", help="delete its offsets too", parse=boolean, metavar="true|false")
    ] = None,
) -> Outcome:
    """With -c its retry and dead-letter topics in that cluster go too, as with Apache's tool; with -b they stay.

    With both the broker alone is changed. A broker that creates groups by itself makes it anew for a consumer.
    """
    cluster = None if broker_addr is not None else cluster_name
    async with run.admin() as admin:
        report = await admin.groups.delete(
            group_name,
            broker_addr=broker_addr,
            cluster=cluster,
            remove_offset=bool(remove_offset),
            plan=run.plan,
        )
    nothing = f"there is no group '{group_name}' there, nothing was deleted"
    return change_outcome(report, _describe, nothing, if_none="no_effect")


def _describe(change: Change) -> str:
    what = "subscription group" if change.kind == "group" else change.kind
    return f"{change.action} {what} [{change.name}] from [{change.target}] success."
