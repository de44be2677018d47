"""`mqadmin topicRoute`: which brokers hold a topic."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from rocketmq_ops.client.admin.topics.topic import TopicRoute
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run

COLUMNS = ["#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm"]


@command(result=TopicRoute, rows="brokers", java="topic", example="mqadmin topicRoute -t TopicTest -l")
async def topic_route(
    run: Run,
    topic: TopicName,
    as_list: Annotated[bool, Opt("-l", "--list", help="print a table instead of the route's JSON")] = False,
) -> Outcome:
    """Without -l the table form is the route as JSON, with the names that RocketMQ gives its fields."""
    async with run.admin() as admin:
        route = await admin.topics.route(topic)
    if as_list:
        return Outcome(data=route, blocks=_table(route))
    text = msgspec.json.format(msgspec.json.encode(_document(route)), indent=2).decode()
    return Outcome(data=route, blocks=[text])


def _table(route: TopicRoute) -> list[Table | str]:
    table = Table(COLUMNS, [])
    for broker in route.brokers:
        addresses = ", ".join(f"{number}={address}" for number, address in sorted(broker.broker_addrs.items()))
        table.rows.append(
            [
                broker.cluster,
                broker.broker_name,
                f"{{{addresses}}}",
                broker.read_queue_nums,
                broker.write_queue_nums,
                broker.perm,
            ]
        )
    reads = [broker.read_queue_nums for broker in route.brokers if broker.read_queue_nums is not None]
    writes = [broker.write_queue_nums for broker in route.brokers if broker.write_queue_nums is not None]
    read, write = plural(sum(reads), "read queue", "read queues"), plural(sum(writes), "write queue", "write queues")
    total = f"Total: {plural(len(route.brokers), 'broker', 'brokers')}, {read}, {write}"
    return [table.widen(route.brokers, "topic_sys_flag", "enable_acting_master"), total]


def _document(route: TopicRoute) -> dict[str, Any]:
    document: dict[str, Any] = {
        "brokerDatas": [
            {
                "brokerAddrs": {str(number): address for number, address in sorted(broker.broker_addrs.items())},
                "brokerName": broker.broker_name,
                "cluster": broker.cluster,
                "enableActingMaster": broker.enable_acting_master,
            }
            for broker in route.brokers
        ],
        "filterServerTable": route.filter_server_table,
        "queueDatas": [
            {
                "brokerName": broker.broker_name,
                "perm": broker.perm,
                "readQueueNums": broker.read_queue_nums,
                "topicSysFlag": broker.topic_sys_flag,
                "writeQueueNums": broker.write_queue_nums,
            }
            for broker in route.brokers
            if broker.perm is not None
        ],
    }
    if route.order_topic_conf is not None:
        document["orderTopicConf"] = route.order_topic_conf
    return document
