"""topicList, topicRoute and topicStatus, as Apache's TopicListSubCommand and its siblings print them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rocketmq_ops.common.fastjson import indented
from rocketmq_ops.mqadmin.render.java.text import columns, double, front
from rocketmq_ops.mqadmin.values import human_time

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.topics.topic import RouteBroker, TopicRoute
    from rocketmq_ops.client.admin.topics.topic_listing import TopicListing
    from rocketmq_ops.client.admin.topics.topic_status import TopicStatus

_ROUTE = "%-45s %-32s %-50s %-10s %-11s %-5s"


def topic_list(data: TopicListing, options: Mapping[str, Any]) -> str:
    """Names; with -c a line for each group, and for each cluster where Apache names only one."""
    if not options["cluster_model"]:
        return "".join(f"{entry.topic}\n" for entry in data.topics)
    lines = [columns("%-20s  %-48s  %-48s", "#Cluster Name", "#Topic", "#Consumer Group")]
    for entry in data.topics:
        groups: list[str | None] = [None] if entry.groups is None else [*entry.groups] or [""]
        clusters: list[str | None] = [None] if entry.clusters is None else [*entry.clusters] or [""]
        for cluster in clusters:
            for group in groups:
                cells = (part and front(part, size) for part, size in ((cluster, 20), (entry.topic, 64), (group, 64)))
                lines.append(columns("%-20s  %-64s  %-64s", *cells))
    return "".join(lines)


def topic_route(data: TopicRoute, options: Mapping[str, Any]) -> str:
    """The route in fastjson's pretty form, or with -l as a table."""
    if not options["as_list"]:
        return _route_json(data)
    lines = [columns(_ROUTE, "#ClusterName", "#BrokerName", "#BrokerAddrs", "#ReadQueue", "#WriteQueue", "#Perm")]
    for broker in sorted(data.brokers, key=lambda broker: broker.broker_name):
        addresses = ", ".join(f"{number}={address}" for number, address in sorted(broker.broker_addrs.items()))
        numbers = (broker.read_queue_nums, broker.write_queue_nums, broker.perm)
        lines.append(columns(_ROUTE, broker.cluster, broker.broker_name, f"{{{addresses}}}", *numbers))
    holders = [broker for broker in data.brokers if broker.perm is not None]
    reads = sum(broker.read_queue_nums or 0 for broker in holders)
    writes = sum(broker.write_queue_nums or 0 for broker in holders)
    lines += ["-" * 158 + "\n", columns(_ROUTE, "Total:", len(holders), "", reads, writes, "")]
    return "".join(lines)


def topic_status(data: TopicStatus, options: Mapping[str, Any]) -> str:
    """A line for each queue, and the put rate."""
    lines = [
        columns(
            "%-32s  %-4s  %-20s  %-20s    %s", "#Broker Name", "#QID", "#Min Offset", "#Max Offset", "#Last Updated"
        )
    ]
    for queue in data.queues:
        updated = human_time(queue.last_update_timestamp) if queue.last_update_timestamp else ""
        cells = (front(queue.broker_name, 32), queue.queue_id, queue.min_offset, queue.max_offset, updated)
        lines.append(columns("%-32s  %-4d  %-20d  %-20d    %s", *cells))
    return "".join([*lines, "\n", f"Topic Put TPS: {double(data.put_tps)}\n"])


def _route_json(route: TopicRoute) -> str:
    fields = {
        "brokerDatas": _array([_broker_json(broker) for broker in route.brokers]),
        "filterServerTable": _filter_servers(route),
        "queueDatas": _array([_queue_json(broker) for broker in route.brokers if broker.perm is not None]),
    }
    if route.order_topic_conf is not None:
        fields["orderTopicConf"] = indented(route.order_topic_conf, 0)
    return _object(fields, 0) + "\n"


def _filter_servers(route: TopicRoute) -> str:
    table = {
        address: _array([indented(server, 0) for server in servers], 2)
        for address, servers in route.filter_server_table.items()
    }
    return _object(table, 1) if table else "{}"


def _broker_json(broker: RouteBroker) -> str:
    fields = {
        "brokerAddrs": indented(dict(sorted(broker.broker_addrs.items())), 3),
        "brokerName": indented(broker.broker_name, 0),
        "cluster": indented(broker.cluster, 0),
        "enableActingMaster": indented(broker.enable_acting_master, 0),
    }
    return _object(fields, 2)


def _queue_json(broker: RouteBroker) -> str:
    fields = {
        "brokerName": indented(broker.broker_name, 0),
        "perm": str(broker.perm),
        "readQueueNums": str(broker.read_queue_nums),
        "topicSysFlag": str(broker.topic_sys_flag or 0),
        "writeQueueNums": str(broker.write_queue_nums),
    }
    return _object(fields, 2)


def _object(fields: dict[str, str], depth: int) -> str:
    """fastjson's pretty form of an object: a line for each field, by name, indented with tabs."""
    tabs = "\t" * (depth + 1)
    lines = ",\n".join(f'{tabs}"{name}":{value}' for name, value in sorted(fields.items()))
    return "{\n" + lines + "\n" + "\t" * depth + "}"


def _array(items: list[str], depth: int = 1) -> str:
    """A list, of a line for each item. (`indented` begins no line for an item: Apache's files hold sets.)"""
    if not items:
        return "[]"
    tabs = "\t" * depth
    return "[\n" + ",\n".join(f"{tabs}\t{item}" for item in items) + f"\n{tabs}]"
