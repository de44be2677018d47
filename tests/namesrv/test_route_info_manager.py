"""The name server's tables: who registers, changes and leaves, and what routes show then."""

import pytest
from tests.namesrv.support import ADDRESS, BROKER, CLUSTER, Clock, FakeConnection, registration, topics

from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.route_info_manager import BrokerKey, MinBrokerIdChange, RouteInfoManager
from rocketmq_ops.namesrv.route_queries import (
    all_topics,
    broker_member_group,
    cluster_info,
    filter_by_zone,
    system_topics,
    topic_route,
    topics_of_cluster,
    unit_sub_topics,
    unit_sub_ununit_topics,
    unit_topics,
)
from rocketmq_ops.remoting.bodies import QueueData

KEY = BrokerKey(CLUSTER, ADDRESS)
SLAVE = "127.0.0.1:20911"


def make(**keys) -> tuple[RouteInfoManager, Clock]:
    clock = Clock()
    return RouteInfoManager(NamesrvConfig(**keys), clock), clock


def test_a_registered_topic_has_a_route():
    routes, _ = make()
    assert routes.register_broker(registration()) is not None
    route = topic_route(routes, "TopicA")
    assert [(b.broker_name, b.cluster, b.broker_addrs) for b in route.broker_datas] == [(BROKER, CLUSTER, {0: ADDRESS})]
    assert [(q.broker_name, q.read_queue_nums, q.write_queue_nums, q.perm) for q in route.queue_datas] == [
        (BROKER, 8, 8, 6)
    ]
    assert topic_route(routes, "None") is None
    assert cluster_info(routes).cluster_addr_table == {CLUSTER: [BROKER]}
    assert all_topics(routes).topic_list == ["TopicA", "TopicB"]
    assert topics_of_cluster(routes, CLUSTER).topic_list == ["TopicA", "TopicB"]
    assert topics_of_cluster(routes, "other").topic_list == []
    assert system_topics(routes).topic_list == [CLUSTER, BROKER]
    assert system_topics(routes).broker_addr == ADDRESS


def test_an_unchanged_data_version_leaves_permissions_as_an_administrator_set_them():
    routes, _ = make()
    routes.register_broker(registration())
    assert routes.wipe_write_perm(BROKER) == 2
    routes.register_broker(registration())
    assert topic_route(routes, "TopicA").queue_datas[0].perm == 4
    assert routes.add_write_perm(BROKER) == 2
    assert topic_route(routes, "TopicA").queue_datas[0].perm == 6
    routes.wipe_write_perm(BROKER)
    routes.register_broker(registration(version=2))
    assert topic_route(routes, "TopicA").queue_datas[0].perm == 6
    assert routes.wipe_write_perm("unknown") == 0


def test_a_lost_route_comes_back_with_the_next_registration():
    routes, _ = make()
    routes.register_broker(registration())
    routes.delete_topic("TopicA")
    assert topic_route(routes, "TopicA") is None
    routes.register_broker(registration())
    assert topic_route(routes, "TopicA") is not None


def test_topics_that_a_registration_leaves_out():
    for delete, left in ((False, ["TopicA", "TopicB", "TopicC"]), (True, ["TopicB", "TopicC"])):
        routes, _ = make(deleteTopicWithBrokerRegistration=delete)
        routes.register_broker(registration("TopicA", "TopicB"))
        routes.register_broker(registration("TopicB", "TopicC", version=2))
        assert all_topics(routes).topic_list == left


def test_a_single_topic_before_the_first_registration_is_refused():
    routes, _ = make()
    assert routes.register_broker(registration("Only")) is None
    assert cluster_info(routes).broker_addr_table == {}
    routes.register_broker(registration())
    assert routes.register_broker(registration("Only", version=2)) is not None
    assert topic_route(routes, "Only") is not None


def test_a_slave_learns_its_master_and_leaves_the_topics_alone():
    routes, _ = make()
    routes.register_broker(registration())
    answer = routes.register_broker(
        registration("TopicX", "TopicY", version=9, address=SLAVE, broker_id=1, ha_server_addr="h:1")
    )
    assert (answer.master_addr, answer.ha_server_addr) == (ADDRESS, "127.0.0.1:10912")
    assert topic_route(routes, "TopicX") is None
    assert topic_route(routes, "TopicA").broker_datas[0].broker_addrs == {0: ADDRESS, 1: SLAVE}
    assert broker_member_group(routes, CLUSTER, BROKER).broker_addrs == {0: ADDRESS, 1: SLAVE}
    assert broker_member_group(routes, CLUSTER, "none").broker_addrs == {}


def test_a_slave_that_becomes_master_has_one_record():
    routes, _ = make()
    routes.register_broker(registration(address=SLAVE, broker_id=1))
    routes.register_broker(registration(address=SLAVE, broker_id=0))
    assert cluster_info(routes).broker_addr_table[BROKER].broker_addrs == {0: SLAVE}


def test_an_older_controller_epoch_does_not_take_over():
    routes, _ = make()
    routes.register_broker(registration(state=5))
    assert routes.register_broker(registration(state=4, address=SLAVE)) is not None
    assert cluster_info(routes).broker_addr_table[BROKER].broker_addrs == {0: ADDRESS}
    routes.register_broker(registration(state=6, address=SLAVE))
    assert cluster_info(routes).broker_addr_table[BROKER].broker_addrs == {0: SLAVE}


def test_unregistering_a_slave_whose_address_is_the_masters_now_changes_nothing():
    routes, _ = make()
    routes.register_broker(registration(broker_id=1))
    routes.register_broker(registration(broker_id=0))
    routes.unregister_broker(KEY, BROKER, 1)
    assert routes.brokers[BROKER].broker_addrs == {0: ADDRESS}
    assert KEY in routes.live
    assert topic_route(routes, "TopicA") is not None
    routes.unregister_broker(KEY, BROKER, 0)
    assert topic_route(routes, "TopicA") is None


def test_unregistering_a_slave_leaves_the_masters_topics_routed():
    routes, _ = make()
    routes.register_broker(registration())
    routes.register_broker(registration(broker_id=1, address=SLAVE))
    routes.unregister_broker(BrokerKey(CLUSTER, SLAVE), BROKER, 1)
    assert [b.broker_addrs for b in topic_route(routes, "TopicA").broker_datas] == [{0: ADDRESS}]


def test_a_living_broker_that_is_replaced_is_warned_of(caplog):
    routes, clock = make()
    routes.register_broker(registration())
    routes.register_broker(registration(version=2))
    assert not caplog.records
    routes.register_broker(registration(address=SLAVE))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert f"{SLAVE} of {CLUSTER} replaces {ADDRESS} of {CLUSTER}, which is alive, as broker {BROKER}" in caplog.text
    caplog.clear()
    clock.now += 200_000
    routes.scan_not_active()
    caplog.clear()
    routes.register_broker(registration())
    assert not caplog.records


def test_a_broker_name_in_two_clusters_is_warned_of(caplog):
    routes, _ = make()
    routes.register_broker(registration())
    routes.register_broker(registration(cluster="Other", address=SLAVE))
    assert f"broker name {BROKER} is in cluster {CLUSTER} and, by {SLAVE}, in Other" in caplog.text
    assert f"{SLAVE} of Other replaces {ADDRESS} of {CLUSTER}" in caplog.text
    caplog.clear()
    routes.register_broker(registration(cluster="Other", address=SLAVE, version=2))
    assert not caplog.records


def test_unregistering_the_last_of_a_name_removes_everything():
    routes, _ = make()
    routes.register_broker(registration())
    routes.register_broker(registration(address=SLAVE, broker_id=1))
    routes.unregister_broker(BrokerKey(CLUSTER, SLAVE), BROKER, 1)
    assert topic_route(routes, "TopicA").broker_datas[0].broker_addrs == {0: ADDRESS}
    routes.unregister_broker(KEY, BROKER, 0)
    assert (routes.topic_queues, routes.brokers, routes.clusters, routes.live) == ({}, {}, {}, {})
    routes.unregister_broker(KEY, BROKER, 0)


def test_a_closed_connection_removes_its_routes_at_once():
    routes, _ = make()
    old, new = FakeConnection(), FakeConnection()
    routes.register_broker(registration(channel=old))
    routes.register_broker(registration(channel=new))
    routes.channel_closed(old)
    assert topic_route(routes, "TopicA") is not None, "the broker has registered on another connection meanwhile"
    routes.channel_closed(new)
    assert topic_route(routes, "TopicA") is None


def test_the_record_of_an_address_that_was_replaced_goes_with_its_connection():
    routes, _ = make()
    old = FakeConnection()
    routes.register_broker(registration(channel=old))
    routes.register_broker(registration(address=SLAVE))
    routes.channel_closed(old)
    assert KEY not in routes.live
    assert topic_route(routes, "TopicA").broker_datas[0].broker_addrs == {0: SLAVE}


@pytest.mark.parametrize(("announced", "timeout"), [(None, 120_000), (10_000, 10_000)])
def test_a_silent_broker_expires(announced, timeout):
    routes, clock = make()
    connection = FakeConnection()
    routes.register_broker(registration(channel=connection, timeout=announced))
    clock.now += timeout
    routes.scan_not_active()
    assert topic_route(routes, "TopicA") is not None
    routes.touch(KEY)
    clock.now += timeout
    routes.scan_not_active()
    assert topic_route(routes, "TopicA") is not None
    clock.now += 1
    routes.scan_not_active()
    assert topic_route(routes, "TopicA") is None
    assert connection.closed


def test_data_versions():
    routes, _ = make()
    version = DataVersion(timestamp=1, counter=1)
    assert routes.is_changed(KEY, version)
    routes.register_broker(registration())
    assert not routes.is_changed(KEY, version)
    assert routes.is_changed(KEY, DataVersion(timestamp=1, counter=2))


def test_topics_by_hand():
    routes, _ = make()
    routes.register_broker(registration())
    routes.register_topic("ByHand", [QueueData(broker_name=BROKER, perm=6, read_queue_nums=1, write_queue_nums=1)])
    assert topic_route(routes, "ByHand").queue_datas[0].read_queue_nums == 1
    routes.register_topic("Wrong", [QueueData(broker_name="nobody")])
    assert topic_route(routes, "Wrong") is None
    routes.delete_topic("ByHand", "other-cluster")
    assert topic_route(routes, "ByHand") is not None
    routes.delete_topic("ByHand", CLUSTER)
    assert topic_route(routes, "ByHand") is None


def test_unit_topic_lists():
    routes, _ = make()
    wrapper = topics("none", "unit", "sub", "both")
    for flag, name in enumerate(("none", "unit", "sub", "both")):
        wrapper.topic_config_table[name].topic_sys_flag = flag
    first = registration()
    first.topics = wrapper
    routes.register_broker(first)
    assert unit_topics(routes).topic_list == ["unit", "both"]
    assert unit_sub_topics(routes).topic_list == ["sub", "both"]
    assert unit_sub_ununit_topics(routes).topic_list == ["sub"]


def test_filter_servers_are_in_the_route():
    routes, _ = make()
    routes.register_broker(registration(filter_servers=["f:1"]))
    assert topic_route(routes, "TopicA").filter_server_table == {ADDRESS: ["f:1"]}
    routes.register_broker(registration(filter_servers=[]))
    assert topic_route(routes, "TopicA").filter_server_table == {}


def test_an_acting_master():
    told: list[MinBrokerIdChange] = []
    routes, _ = make(notifyMinBrokerIdChanged=True)
    routes.on_min_broker_id_changed = told.append
    routes.register_broker(registration(enable_acting_master=True))
    routes.register_broker(registration(address=SLAVE, broker_id=1, enable_acting_master=True))
    routes.unregister_broker(KEY, BROKER, 0)
    assert topic_route(routes, "TopicA").broker_datas[0].broker_addrs == {1: SLAVE}
    route = topic_route(routes, "TopicA", acting_master=True)
    assert route.broker_datas[0].broker_addrs == {0: SLAVE}
    assert route.queue_datas[0].perm == 4
    assert [(c.min_broker_id, c.offline_broker_addr, c.targets) for c in told] == [(1, ADDRESS, [SLAVE])]
    routes.register_broker(registration(enable_acting_master=True, version=2))
    assert (told[1].min_broker_id, told[1].targets) == (0, [SLAVE])
    assert topic_route(routes, "TopicA", acting_master=True).broker_datas[0].broker_addrs == {0: ADDRESS, 1: SLAVE}


def test_zones():
    routes, _ = make()
    routes.register_broker(registration(zone_name="east"))
    routes.register_broker(registration(address="h:2", broker_name="broker-b", zone_name="west"))
    route = filter_by_zone(topic_route(routes, "TopicA"), "EAST")
    assert [b.broker_name for b in route.broker_datas] == [BROKER]
    assert [q.broker_name for q in route.queue_datas] == [BROKER]
