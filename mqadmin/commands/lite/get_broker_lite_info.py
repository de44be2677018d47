"""`mqadmin getBrokerLiteInfo`: how many lite topics and subscriptions brokers have."""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.admin.lite import BrokerLiteReport
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.brokers import BrokerAddress, Cluster
from rocketmq_ops.mqadmin.options.lite import DetailD
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.report import status
from rocketmq_ops.mqadmin.run import Run


@command(
    result=BrokerLiteReport,
    rows="brokers",
    one_of=(("broker_addr", "cluster"),),
    example="mqadmin getBrokerLiteInfo -c DefaultCluster",
)
async def get_broker_lite_info(
    run: Run,
    broker_addr: BrokerAddress | None = None,
    cluster: Cluster | None = None,
    show_detail: DetailD = False,
) -> Outcome:
    """The JSON has the topics and groups in any case, the table with -d."""
    async with run.admin() as admin:
        found = await admin.lite.brokers(await admin.cluster.targets(broker_addr, cluster))
    columns = ["#Broker", "#Store Type", "#Max LMQ", "#Current LMQ", "#SubscriptionCount", "#OrderInfoCount"]
    rows: list[list[Cell]] = [
        [
            each.broker.address,
            each.store_type,
            each.max_lmqs,
            each.lmqs,
            each.subscriptions,
            each.order_infos,
            each.consume_queues,
            each.offset_tables,
            each.events,
        ]
        for each in found.brokers
    ]
    blocks: list[Table | str] = [Table([*columns, "#CQTableSize", "#OffsetTableSize", "#eventMapSize"], rows)]
    if show_detail:
        for each in found.brokers:
            blocks.append(f"{each.broker.address} Topic Meta: {_json(each.topic_ttls)}")
            blocks.append(f"{each.broker.address} Group Meta: {_json(each.groups)}")
    return Outcome(data=found, blocks=blocks, status=status(found.failures), errors=list(found.failures))


def _json(value: object) -> str:
    return "unknown" if value is None else msgspec.json.encode(value).decode()
