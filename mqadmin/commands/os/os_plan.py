"""`mqadmin os plan`: which drop-in files `os apply` would write, and what is left to do by hand."""

from __future__ import annotations

from rocketmq_ops.housekeeping.host.changes import Plan, plan_of, root_of
from rocketmq_ops.housekeeping.host.items import store_place
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.housekeeping import BrokerStore, HostRoot
from rocketmq_ops.mqadmin.render.host_plan import plan_lines
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run


@command(result=Plan, rows="files", name="path", offline=True, example="mqadmin os plan")
async def os_plan(run: Run, root: HostRoot | None = None, store: BrokerStore | None = None) -> Outcome:
    """Changes nothing. A setting of the running kernel is never touched: each file has what makes it take effect."""
    host = root_of(root)
    plan = plan_of(host, store_place(host, store))
    return Outcome(data=plan, status="planned" if plan.writes else "unchanged", blocks=plan_lines(plan, "would write"))
