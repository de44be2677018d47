"""`mqadmin updateOrderConf`: the order configuration of a topic on the name servers."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.client.admin.topics import order_conf as order
from rocketmq_ops.client.admin.topics.order_conf import OrderConfReport
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.render.report import change_outcome, status
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of


@command(
    result=OrderConfReport,
    rows="values",
    changes=True,
    example="mqadmin updateOrderConf -m put -t TopicTest -v 'broker-a:4;broker-b:4'",
)
async def update_order_conf(
    run: Run,
    topic: TopicName,
    method: Annotated[str, Opt("-m", "--method", help="what to do", parse=one_of("put", "get", "delete"))],
    order_conf: Annotated[
        str | None, Opt("-v", "--orderConf", help="queues of each broker (with -m put)", metavar="BROKER:N;...")
    ] = None,
) -> Outcome:
    """On every name server given. `put` replaces the whole configuration, and each name server is read back."""
    if (method == "put") != (order_conf is not None):
        raise usage("-m put needs -v, and only that does", "give -v BROKER:QUEUES;... with -m put")
    async with run.admin() as admin:
        if method == "get":
            return _shown(await order.get(admin, topic))
        if order_conf is not None:
            report = await order.put(admin, topic, order_conf, plan=run.plan)
            outcome = change_outcome(report, _describe, f"topic '{topic}' has this order configuration already")
        else:
            report = await order.delete(admin, topic, plan=run.plan)
            nothing = f"topic '{topic}' has no order configuration"
            outcome = change_outcome(report, _describe, nothing, if_none="no_effect")
        now = await order.values(admin, topic)
    outcome.data = OrderConfReport(topic, now, run.plan, report.changes, report.failures, report.notes)
    return outcome


def _shown(found: OrderConfReport) -> Outcome:
    rows = [[value.name_server, value.order_conf or ""] for value in found.values]
    return Outcome(
        data=found,
        blocks=[Table(["#Name Server", "#Order Conf"], [list(row) for row in rows])],
        status=status(found.failures),
        errors=list(found.failures),
        notes=list(found.notes),
    )


def _describe(change: Change) -> str:
    return f"{change.action} orderConf success, {change.target}"
