"""`mqadmin addWritePerm`: give back the write permission of a broker's topics on the name servers."""

from __future__ import annotations

from rocketmq_ops.client.admin.brokers.write_permission import PermissionReport
from rocketmq_ops.mqadmin.commands.namesrv.wipe_write_perm import permission_outcome
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerName
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=PermissionReport, rows="counts", changes=True, example="mqadmin addWritePerm -b broker-a")
async def add_write_perm(run: Run, broker_name: BrokerName) -> Outcome:
    """Undoes wipeWritePerm. Every topic of the broker becomes writable, those too that were not before."""
    async with run.admin() as admin:
        report = await admin.configs.write_permission(broker_name, give=True, plan=run.plan)
    return permission_outcome(report, "add")
