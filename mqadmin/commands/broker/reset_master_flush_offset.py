"""`mqadmin resetMasterFlushOffset`: tell a slave up to where its master has flushed."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.brokers.broker_switches import FlushOffsetReport
from rocketmq_ops.client.admin.brokers.broker_switches import reset_master_flush_offset as reset
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress
from rocketmq_ops.mqadmin.options.messages import QueueOffset
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(
    result=FlushOffsetReport,
    changes=True,
    dangerous=("broker_addr",),
    example="mqadmin resetMasterFlushOffset -b 127.0.0.1:10921 -o 1073741824",
)
async def reset_master_flush_offset(
    run: Run,
    broker_addr: Annotated[BrokerAddress | None, "the slave, HOST:PORT"] = None,
    offset: Annotated[QueueOffset | None, "offset in the commitlog, in bytes"] = None,
) -> Outcome:
    """Both options are needed. A master would answer success and do nothing: that is an error here.

    No request reads the offset back: that the slave accepted it is all that is known.
    """
    if broker_addr is None or offset is None:
        raise usage("-b and -o are needed", "give the slave's address and the offset")
    async with run.admin() as admin:
        found = await reset(admin, broker_addr, offset, plan=run.plan)
    if found.state == "ignored":
        cause = f"{broker_addr} is a master, which takes no flush offset of a master: nothing was sent"
        problem = Failure(
            broker_addr, cause, "give the address of one of its slaves, as `mqadmin clusterList` shows it"
        )
        return Outcome(data=found, blocks=[f"{broker_addr}: no effect"], status="no_effect", errors=[problem])
    if found.state == "planned":
        line = f"would reset the master flush offset to {offset} on {broker_addr}"
        return Outcome(data=found, blocks=[line], status="planned")
    return Outcome(data=found, blocks=[f"reset master flush offset to {offset} success, {broker_addr}"])
