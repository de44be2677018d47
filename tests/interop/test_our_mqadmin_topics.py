"""The topic commands of our mqadmin against Apache's name server and broker, with the effect as Apache's own tell it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.interop.cluster import Cluster

Name = Callable[[str], str]


def test_a_list_of_topics(cluster: Cluster, name: Name, tmp_path: Path) -> None:
    """A topic of the list that is so already does not keep the others from being changed, as it does with Java's."""
    same, new, third = name("ListSame"), name("ListNew"), name("ListThird")
    cluster.topic(same, 4)
    topics = [
        {"topicName": same, "readQueueNums": 4, "writeQueueNums": 4, "perm": 6},
        {"topicName": new, "readQueueNums": 3, "writeQueueNums": 2, "perm": 4},
        {"topicName": third},
    ]
    file = tmp_path / "topics.json"
    file.write_text(json.dumps(topics))
    where = ("-c", cluster.pair.cluster, "-f", str(file))
    planned = cluster.data("updateTopicList", *where, "--plan")["changes"]
    assert [change["state"] for change in planned] == ["unchanged", "planned", "planned"]
    assert new not in cluster.java("topicList").split()
    changes = cluster.data("updateTopicList", *where)["changes"]
    assert [(change["name"], change["state"]) for change in changes] == [
        (same, "unchanged"),
        (new, "done"),
        (third, "done"),
    ]
    route = cluster.java("topicRoute", "-t", new)
    assert [re.search(rf'"{key}":(\d+)', route)[1] for key in ("readQueueNums", "writeQueueNums", "perm")] == [  # type: ignore[index]
        *("3", "2", "4")
    ]
    assert third in cluster.java("topicList").split()
    again = cluster.run("updateTopicList", "-b", cluster.pair.broker_address, "-f", str(file))
    assert again.json["status"] == "unchanged"


def test_the_order_configuration(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("OrderConf"), 2)
    cluster.data("updateNamesrvConfig", "-k", "orderMessageEnable", "-v", "true")
    cluster.failure(4, "updateOrderConf", "-t", topic, "-m", "get")
    (change,) = cluster.data("updateOrderConf", "-t", topic, "-m", "put", "-v", "broker-a:2")["changes"]
    assert (change["action"], change["state"]) == ("create", "done")
    assert "orderConf=[broker-a:2]" in cluster.java("updateOrderConf", "-t", topic, "-m", "get")
    assert '"orderTopicConf":"broker-a:2"' in cluster.java("topicRoute", "-t", topic)
    cluster.java("updateOrderConf", "-t", topic, "-m", "put", "-v", "broker-a:1")
    (value,) = cluster.data("updateOrderConf", "-t", topic, "-m", "get")["values"]
    assert value == {"nameServer": cluster.pair.namesrv_address, "orderConf": "broker-a:1"}
    cluster.data("updateOrderConf", "-t", topic, "-m", "delete")
    assert '"orderTopicConf"' not in cluster.java("topicRoute", "-t", topic)
    assert cluster.run("updateOrderConf", "-t", topic, "-m", "delete").code == 8


def test_how_queues_are_shared_out(cluster: Cluster, name: Name) -> None:
    """As Java's command says where neither clients nor queues have another order; its queues are in a hash table's."""
    topic = cluster.topic(name("Shared"), 6)
    shares = cluster.data("allocateMQ", "-t", topic, "-i", "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4")["clients"]
    theirs = json.loads(cluster.java("allocateMQ", "-t", topic, "-i", "10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4"))["result"]
    assert {c["client"]: len(c["queues"]) for c in shares} == {client: len(queues) for client, queues in theirs.items()}
    assert [q["queueId"] for c in shares for q in c["queues"]] == list(range(6))


def test_when_the_messages_of_each_queue_were_stored(cluster: Cluster, name: Name) -> None:
    topic = cluster.topic(name("Stored"), 3)
    cluster.send([{"topic": topic, "body": str(i), "queue": i % 2} for i in range(6)])
    stored = cluster.pull(topic)
    queues = cluster.data("topicStatus", "-t", topic, "--store-times")["queues"]
    for queue in queues:
        times = [message["storeTimestamp"] for message in stored if message["queueId"] == queue["queueId"]]
        found = (queue["earliestStoreTimestamp"], queue["latestStoreTimestamp"])
        assert found == ((min(times), max(times)) if times else (None, None))
    assert [queue["maxOffset"] for queue in queues] == [3, 3, 0]
