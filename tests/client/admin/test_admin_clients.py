"""Online clients: one line for each however many brokers have it, sorted by address, and what they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.fastjson import ObjectKey, dumps
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.codes import ResponseCode
from tests.mqadmin.conftest import Cli
from tests.mqadmin.fake_cluster import FakeBroker, FakeCluster
from tests.mqadmin.replay import FakeTransport

T = TypeVar("T")


def connection(client_id: str, address: str, version: int = 479) -> dict[str, Any]:
    return {"clientId": client_id, "clientAddr": address, "language": "JAVA", "version": version}


def online(transport: FakeTransport, broker: FakeBroker, *clients: dict[str, Any], **more: Any) -> None:
    body = {
        "connectionSet": list(clients),
        "subscriptionTable": {"T": {"topic": "T", "subString": "A || B", "tagsSet": ["A", "B"], "subVersion": 1}},
        "consumeType": "CONSUME_PASSIVELY",
        "messageModel": "CLUSTERING",
        "consumeFromWhere": "CONSUME_FROM_LAST_OFFSET",
        **more,
    }
    transport.on(broker.address, Code.GET_CONSUMER_CONNECTION_LIST, lambda c: c.reply(body=dumps(body)))


def run(cluster: FakeCluster, call: Callable[[MQAdmin], Awaitable[T]]) -> T:
    async def session() -> T:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            return await call(admin)

    return asyncio.run(session())


@pytest.fixture
def cluster() -> FakeCluster:
    """Group G with clients on two brokers: c2 on both, c10 and c9 on one each."""
    made = FakeCluster(("broker-a", "C1"), ("broker-b", "C1"))
    for broker in made.brokers.values():
        broker.add_topic("%RETRY%G", 1)
        broker.add_topic("T", 2)
        broker.ends = {("T", 0): 10, ("T", 1): 10}
        broker.committed = {("G", "T", 0): 4, ("G", "T", 1): 5}
    c2, c9, c10 = (connection(f"10.0.0.{n}@1", f"10.0.0.{n}:5000", 479 if n > 2 else 407) for n in (2, 9, 10))
    online(made.transport, made["broker-a"], c10, c2)
    online(made.transport, made["broker-b"], c9, c2)
    return made


def test_a_client_is_listed_once_and_addresses_sort_as_numbers(cluster: FakeCluster) -> None:
    found = run(cluster, lambda admin: admin.clients.consumers("G"))
    assert [c.client_addr for c in found.connections] == ["10.0.0.2:5000", "10.0.0.9:5000", "10.0.0.10:5000"]
    assert found.connections[0].brokers == [cluster["broker-a"].address, cluster["broker-b"].address]
    assert [(s.topic, s.sub_string) for s in found.subscriptions] == [("T", "A || B")]
    assert (found.consume_type, found.message_model) == ("CONSUME_PASSIVELY", "CLUSTERING")
    assert [c.version for c in found.connections] == ["V4_9_7", "V5_3_3", "V5_3_3"]


def test_a_broker_that_fails_is_told_beside_the_clients(cluster: FakeCluster) -> None:
    cluster.stop(cluster["broker-b"].address)
    found = run(cluster, lambda admin: admin.clients.consumers("G"))
    assert len(found.connections) == 2
    assert [failure.target for failure in found.failures] == [cluster["broker-b"].address]


def test_progress_shows_who_consumes_each_queue(cluster: FakeCluster) -> None:
    def info(queues: list[tuple[str, int]]) -> bytes:
        table = {ObjectKey({"brokerName": b, "queueId": q, "topic": "T"}): {"locked": False} for b, q in queues}
        return dumps({"mqTable": table, "properties": {}})

    told = {"10.0.0.2@1": [("broker-a", 0), ("broker-b", 1)], "10.0.0.10@1": [("broker-a", 1)], "10.0.0.9@1": []}
    for broker in cluster.brokers.values():
        cluster.transport.on(
            broker.address, Code.GET_CONSUMER_RUNNING_INFO, lambda c: c.reply(body=info(told[c.ext_fields["clientId"]]))
        )
    found = run(cluster, lambda admin: admin.groups.progress("G", show_client=True))
    owners = {(q.broker_name, q.queue_id): q.client_ip for q in found.queues}
    assert owners == {
        ("broker-a", 0): "10.0.0.2",
        ("broker-a", 1): "10.0.0.10",
        ("broker-b", 0): None,
        ("broker-b", 1): "10.0.0.2",
    }
    assert found.failures == []
    for broker in cluster.brokers.values():
        cluster.transport.on(broker.address, Code.GET_CONSUMER_RUNNING_INFO, broker.running_info)
    found = run(cluster, lambda admin: admin.groups.progress("G", show_client=True))
    unanswered = ["client 10.0.0.10@1", "client 10.0.0.2@1", "client 10.0.0.9@1"]
    assert sorted(failure.target for failure in found.failures) == unanswered


def test_the_list_of_groups_counts_clients_and_tells_the_oldest_version(cluster: FakeCluster) -> None:
    (group,) = run(cluster, lambda admin: admin.groups.listing()).groups
    assert (group.group, group.count, group.version, group.lag_total) == ("G", 3, "V4_9_7", 22)
    assert group.consume_tps == 3.0


def held(*queues: tuple[str, int, int, int]) -> dict[str, Any]:
    """What a client says of itself that holds queues of T: broker name, queue id, its offset, what it has cached."""
    table = {
        ObjectKey({"brokerName": b, "queueId": q, "topic": "T"}): {"commitOffset": o, "cachedMsgCount": c}
        for b, q, o, c in queues
    }
    return {"mqTable": table, "properties": {}}


def broadcasting(cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        broker.committed.clear()
        clients = [connection("c@1", "10.0.0.1:1"), connection("c@2", "10.0.0.2:1")]
        online(cluster.transport, broker, *clients, messageModel="BROADCASTING")
        broker.running = {
            "c@1": held(("broker-a", 0, 4, 2), ("broker-b", 0, 7, 0)),
            "c@2": held(("broker-a", 0, 10, 0), ("broker-b", 0, -1, 0)),
        }
        broker.ends = {("T", 0): 10}


def test_a_broadcasting_groups_clients_are_asked_for_their_offsets(cluster: FakeCluster) -> None:
    broadcasting(cluster)
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert progress.message_model == "BROADCASTING"
    rows = [(q.broker_name, q.client_id, q.consumer_offset, q.lag, q.inflight) for q in progress.queues]
    assert rows == [
        ("broker-a", "c@1", 4, 6, 2),
        ("broker-a", "c@2", 10, 0, 0),
        ("broker-b", "c@1", 7, 3, 0),
        ("broker-b", "c@2", None, None, 0),
    ]
    assert (progress.lag_total, progress.failures) == (None, []), "one offset is not known"
    cluster["broker-a"].running["c@2"] = held(("broker-a", 0, 10, 0))
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert progress.lag_total == 9
    (group,) = run(cluster, lambda admin: admin.groups.listing()).groups
    assert (group.message_model, group.lag_total) == ("BROADCASTING", 9)


def test_a_broadcasting_client_that_does_not_answer_is_named(cluster: FakeCluster) -> None:
    broadcasting(cluster)
    for broker in cluster.brokers.values():
        del broker.running["c@2"]
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert [q.client_id for q in progress.queues] == ["c@1", "c@1"]
    assert progress.lag_total is None
    assert [failure.target for failure in progress.failures] == ["client c@2 (10.0.0.2:1)"]
    listing = run(cluster, lambda admin: admin.groups.listing())
    assert (listing.groups[0].lag_total, listing.failures[0].target) == (None, "G, client c@2 (10.0.0.2:1)")


def test_lag_in_time_is_of_the_next_message(cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        broker.delays = {("G", "T", q): 1000 * (q + 1) for q in range(4)}
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert [(q.lag, q.lag_millis) for q in progress.queues] == [(6, 1000), (5, 2000), (6, 1000), (5, 2000)]
    assert progress.lag_millis == 2000
    del cluster["broker-a"].delays["G", "T", 1]  # Apache's broker answers its clock then
    cluster["broker-b"].committed["G", "T", 0] = 10
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert [(q.lag, q.lag_millis) for q in progress.queues] == [(6, 1000), (5, None), (0, 0), (5, 2000)]
    assert progress.lag_millis is None
    del cluster["broker-a"].topics["T"]
    progress = run(cluster, lambda admin: admin.groups.progress("G", "T"))
    assert progress.failures == [], "a topic that is gone has no time"


def test_producers(cluster: FakeCluster) -> None:
    def absent(c: Any) -> Any:
        return c.reply(ResponseCode.SYSTEM_ERROR, "the producer group[P] not exist")

    for broker in cluster.brokers.values():
        cluster.transport.on(broker.address, Code.GET_PRODUCER_CONNECTION_LIST, absent)
    with pytest.raises(NotFoundError, match="no producer of group 'P'"):
        run(cluster, lambda admin: admin.clients.producers("P", "T"))
    body = dumps({"connectionSet": [connection("p@1", "10.0.0.7:1")]})
    cluster.transport.on(cluster["broker-b"].address, Code.GET_PRODUCER_CONNECTION_LIST, lambda c: c.reply(body=body))
    found = run(cluster, lambda admin: admin.clients.producers("P", "T"))
    assert [(c.client_id, c.brokers) for c in found.connections] == [("p@1", [cluster["broker-b"].address])]


def test_a_message_is_handed_to_one_consumer(cluster: FakeCluster) -> None:
    broker = cluster["broker-a"]
    answer = dumps({"consumeResult": "CR_SUCCESS", "spentTimeMills": 3, "order": False, "autoCommit": True})
    cluster.transport.on(broker.address, Code.CONSUME_MESSAGE_DIRECTLY, lambda c: c.reply(body=answer))
    result = run(cluster, lambda admin: admin.clients.consume_directly("T", "G", "c@1", "ID", broker.address))
    assert (result.consume_result, result.spent_time_millis) == ("CR_SUCCESS", 3)
    (sent,) = [c.ext_fields for _, c in cluster.transport.sent if c.code == Code.CONSUME_MESSAGE_DIRECTLY]
    assert sent == {"consumerGroup": "G", "clientId": "c@1", "msgId": "ID", "brokerName": "broker-a", "topic": "T"}


@pytest.mark.parametrize("unknown", ["brokerOffset", "consumerOffset"])
def test_a_queue_whose_offset_is_unknown_makes_the_total_unknown(cluster: FakeCluster, unknown: str) -> None:
    """A broker tells -1 where it has no offset; neither the queue nor the sum may then claim a lag of 0."""
    broker = cluster["broker-a"]
    known = {"brokerOffset": 10, "consumerOffset": 4, "pullOffset": 6, "lastTimestamp": 1}
    table = {broker.queue_key("T", 0): known, broker.queue_key("T", 1): {**known, unknown: -1}}
    body = dumps({"consumeTps": 0.0, "offsetTable": table})
    cluster.transport.on(broker.address, Code.GET_CONSUME_STATS, lambda c: c.reply(body=body))
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    here = [queue.lag for queue in progress.queues if queue.broker_name == "broker-a"]
    assert here == [6, None]
    assert progress.lag_total is None
    (group,) = run(cluster, lambda admin: admin.groups.listing()).groups
    assert group.lag_total is None


def test_clients_that_share_an_id_are_listed_one_by_one(cli: Cli, cluster: FakeCluster) -> None:
    """Two processes of one id: two connections to each broker. On another host, the same id is another client."""
    same = [connection("172.17.0.1@1", f"10.0.0.2:{port}") for port in (5001, 5002)]
    there = [connection("172.17.0.1@1", f"10.0.0.2:{port}") for port in (6001, 6002)]
    online(cluster.transport, cluster["broker-a"], *same)
    online(cluster.transport, cluster["broker-b"], *there, connection("172.17.0.1@1", "10.0.0.3:7001"))
    found = run(cluster, lambda admin: admin.clients.consumers("G"))
    assert [(c.client_id, c.client_addr, len(c.brokers)) for c in found.connections] == [
        ("172.17.0.1@1", "10.0.0.2:5001", 2),
        ("172.17.0.1@1", "10.0.0.2:5002", 2),
        ("172.17.0.1@1", "10.0.0.3:7001", 1),
    ]
    assert found.connections[1].addresses == ["10.0.0.2:5002", "10.0.0.2:6002"]
    listed = run(cluster, lambda admin: admin.groups.listing())
    assert [group.count for group in listed.groups] == [3]
    ran = cli(cluster.transport, "consumerConnection", "-n", cluster.namesrv, "-g", "G")
    assert ran.code == 0
    assert ran.out.count("172.17.0.1@1") == 3
    assert "3 clients have the id 172.17.0.1@1" in ran.err


def test_brokers_outside_the_route_of_the_retry_topic_are_asked(cluster: FakeCluster) -> None:
    for broker in cluster.brokers.values():
        del broker.topics["%RETRY%G"]
    found = run(cluster, lambda admin: admin.clients.consumers("G"))
    assert len(found.connections) == 3


def test_an_offset_beyond_the_end_is_told_and_does_not_lower_the_lag(cli: Cli, cluster: FakeCluster) -> None:
    cluster["broker-a"].committed[("G", "T", 0)] = 1010
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert [(q.lag, q.beyond_end) for q in progress.queues] == [(0, 1000), (5, 0), (6, 0), (5, 0)]
    assert progress.lag_total == 16
    (group,) = run(cluster, lambda admin: admin.groups.listing()).groups
    assert (group.lag_total, group.beyond_end) == (16, 1)
    ran = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv, "-g", "G")
    assert ran.code == 0
    assert "T broker-a queue 0: the offset 1010 is 1000 beyond the end 10" in ran.err
    ran = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv)
    assert "group G has offsets beyond the end in 1 queue" in ran.err


def test_a_group_that_was_set_forward_has_nothing_in_flight(cluster: FakeCluster) -> None:
    broker = cluster["broker-a"]
    offsets = {"brokerOffset": 10, "consumerOffset": 9, "pullOffset": 3, "lastTimestamp": 1}
    body = dumps({"consumeTps": 0.0, "offsetTable": {broker.queue_key("T", 0): offsets}})
    cluster.transport.on(broker.address, Code.GET_CONSUME_STATS, lambda c: c.reply(body=body))
    progress = run(cluster, lambda admin: admin.groups.progress("G"))
    assert [q.inflight for q in progress.queues if q.broker_name == "broker-a"] == [0]


@pytest.mark.parametrize("option", [("-t", "T"), ("-s", "true"), ("-c", "C1")], ids=lambda option: option[0])
def test_options_of_one_group_need_it(cli: Cli, cluster: FakeCluster, option: tuple[str, str]) -> None:
    ran = cli(cluster.transport, "consumerProgress", "-n", cluster.namesrv, *option)
    assert (ran.code, f"{option[0]} needs -g" in ran.err) == (2, True)
