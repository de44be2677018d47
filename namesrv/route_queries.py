"""Answers read from the name server's tables: a topic's route, cluster info, topic lists, members of a broker group.

Nothing here changes a table. Mirrors the reading half of RouteInfoManager of namesrv 5.3.3.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.permission import PERM_WRITE
from rocketmq_ops.common.sysflag import TOPIC_UNIT, TOPIC_UNIT_SUB
from rocketmq_ops.common.topics import SYNC_BROKER_MEMBER_GROUP_PREFIX
from rocketmq_ops.namesrv.route_info_manager import BrokerKey, RouteInfoManager
from rocketmq_ops.remoting.bodies import BrokerData, BrokerMemberGroup, ClusterInfo, TopicList, TopicRouteData

#: Bits of a topic's system flag (TopicSysFlag).


def topic_route(routes: RouteInfoManager, topic: str, *, acting_master: bool = False) -> TopicRouteData | None:
    """The route of a topic; None without a topic or a broker of it.

    With `acting_master`, a group without its master shows its lowest slave as one, where that is allowed.
    """
    queues = routes.topic_queues.get(topic)
    if not queues:
        return None
    brokers = [_copy(routes.brokers[name]) for name in queues if name in routes.brokers]
    if not brokers:
        return None
    route = TopicRouteData(
        queue_datas=list(queues.values()),
        broker_datas=brokers,
        filter_server_table=_filter_servers(routes, brokers),
        topic_queue_mapping_by_broker=routes.queue_mappings.get(topic),
    )
    if acting_master and not topic.startswith(SYNC_BROKER_MEMBER_GROUP_PREFIX):
        for broker in brokers:
            _show_acting_master(broker, writeable=queues[broker.broker_name].perm & PERM_WRITE != 0)
    return route


def _copy(broker: BrokerData) -> BrokerData:
    return msgspec.structs.replace(broker, broker_addrs=dict(broker.broker_addrs))


def _filter_servers(routes: RouteInfoManager, brokers: list[BrokerData]) -> dict[str, list[str]]:
    if not routes.filter_servers:
        return {}
    addresses = [(broker.cluster, address) for broker in brokers for address in broker.broker_addrs.values()]
    found = ((address, routes.filter_servers.get(BrokerKey(cluster, address))) for cluster, address in addresses)
    return {address: servers for address, servers in found if servers is not None}


def _show_acting_master(broker: BrokerData, *, writeable: bool) -> None:
    addresses = broker.broker_addrs
    if addresses and MASTER_ID not in addresses and broker.enable_acting_master and not writeable:
        addresses[MASTER_ID] = addresses.pop(min(addresses))


def filter_by_zone(route: TopicRouteData, zone_name: str) -> TopicRouteData:
    """Only the brokers of a zone, and those whose master is down (ZoneRouteRPCHook)."""
    removed = {
        broker.broker_name: broker
        for broker in route.broker_datas
        if MASTER_ID in broker.broker_addrs and (broker.zone_name or "").lower() != zone_name.lower()
    }
    gone = {address for broker in removed.values() for address in broker.broker_addrs.values()}
    return msgspec.structs.replace(
        route,
        broker_datas=[broker for broker in route.broker_datas if broker.broker_name not in removed],
        queue_datas=[data for data in route.queue_datas if data.broker_name not in removed],
        filter_server_table={a: s for a, s in (route.filter_server_table or {}).items() if a not in gone},
    )


def cluster_info(routes: RouteInfoManager) -> ClusterInfo:
    """All brokers and clusters."""
    return ClusterInfo(
        broker_addr_table=routes.brokers,
        cluster_addr_table={cluster: sorted(names) for cluster, names in routes.clusters.items()},
    )


def broker_member_group(routes: RouteInfoManager, cluster: str, broker_name: str) -> BrokerMemberGroup:
    """The addresses of a broker group; empty for an unknown one."""
    broker = routes.brokers.get(broker_name)
    addresses = {} if broker is None else dict(broker.broker_addrs)
    return BrokerMemberGroup(cluster=cluster, broker_name=broker_name, broker_addrs=addresses)


def all_topics(routes: RouteInfoManager) -> TopicList:
    """The names of all topics."""
    return TopicList(topic_list=list(routes.topic_queues))


def topics_of_cluster(routes: RouteInfoManager, cluster: str) -> TopicList:
    """The topics on any broker of a cluster; none for an unknown cluster."""
    names = routes.clusters.get(cluster, set())
    found = [topic for topic, queues in routes.topic_queues.items() if not names.isdisjoint(queues)]
    return TopicList(topic_list=found)


def system_topics(routes: RouteInfoManager) -> TopicList:
    """The topics that are named like a cluster or a broker, and some broker's address."""
    names: dict[str, None] = {}
    for cluster, brokers in routes.clusters.items():
        names[cluster] = None
        names.update(dict.fromkeys(sorted(brokers)))
    address = next((next(iter(b.broker_addrs.values())) for b in routes.brokers.values() if b.broker_addrs), None)
    return TopicList(topic_list=list(names), broker_addr=address)


def unit_topics(routes: RouteInfoManager) -> TopicList:
    """Topics with the unit flag."""
    return _by_sys_flag(routes, lambda flag: flag & TOPIC_UNIT != 0)


def unit_sub_topics(routes: RouteInfoManager) -> TopicList:
    """Topics with the unit-subscription flag."""
    return _by_sys_flag(routes, lambda flag: flag & TOPIC_UNIT_SUB != 0)


def unit_sub_ununit_topics(routes: RouteInfoManager) -> TopicList:
    """Topics with the unit-subscription flag and without the unit flag."""
    return _by_sys_flag(routes, lambda flag: flag & (TOPIC_UNIT | TOPIC_UNIT_SUB) == TOPIC_UNIT_SUB)


def _by_sys_flag(routes: RouteInfoManager, wanted: Callable[[int], bool]) -> TopicList:
    # As in Apache, the first broker that has the topic stands for all.
    first = {topic: next(iter(queues.values())) for topic, queues in routes.topic_queues.items() if queues}
    return TopicList(topic_list=[topic for topic, data in first.items() if wanted(data.topic_sys_flag)])
