"""Undoing changes of Apache's broker: what its own mqadmin says afterwards is what it said before."""

from __future__ import annotations

import re
from collections.abc import Callable

from tests.interop.cluster import Cluster

Name = Callable[[str], str]


def newest(cluster: Cluster) -> str:
    return str(max(change["id"] for change in cluster.data("history")["changes"]))


def consumed(cluster: Cluster, topic: str, group: str) -> None:
    """A topic of two queues with three messages in each, which a group has consumed."""
    cluster.topic(topic, 2)
    cluster.topic(f"%RETRY%{group}", 1)  # where Java's consumerProgress looks for a group; its consumers make it
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group)
    cluster.send([{"topic": topic, "body": f"{i}", "queue": i % 2} for i in range(6)])
    cluster.data("skipAccumulatedMessage", "-g", group, "-t", topic)


def progress(cluster: Cluster, topic: str, group: str) -> list[tuple[str, str, str]]:
    """Queue id, the broker's offset and the group's, as Java's consumerProgress prints them."""
    shown = cluster.java("consumerProgress", "-g", group)
    rows = re.findall(rf"^{topic}\s+\S+\s+(\d+)\s+(\d+)\s+(\d+)", shown, re.M)
    return sorted(rows)


def test_a_deleted_topic(cluster: Cluster, name: Name) -> None:
    topic, group = name("UndoTopic"), name("UndoGroup")
    consumed(cluster, topic, group)
    cluster.data("updateTopic", "-c", "DefaultCluster", "-t", topic, "-p", "4")
    before = cluster.java("topicRoute", "-t", topic)
    assert progress(cluster, topic, group) == [("0", "3", "3"), ("1", "3", "3")]
    cluster.data("deleteTopic", "-c", "DefaultCluster", "-t", topic)
    change = newest(cluster)
    (record,) = cluster.data("history", change)["changes"]
    (saved,) = record["started"]["saved"]
    assert (saved["group"], saved["topic"], saved["offsets"]) == (group, topic, {"0": 3, "1": 3})
    assert "CODE: 17" in cluster.java("topicRoute", "-t", topic)
    ran = cluster.run("undo", change)
    assert ran.code == 0, (ran.json["errors"], ran.json["data"])
    assert cluster.java("topicRoute", "-t", topic) == before
    # The messages are gone, and with them the queues' old offsets: the group stands where they end now.
    left = progress(cluster, topic, group)
    assert len(left) == 2 and all(end == own for _, end, own in left)
    cluster.data("updateTopicPerm", "-c", "DefaultCluster", "-t", topic, "-p", "6")
    cluster.send([{"topic": topic, "body": "new", "queue": 0}])
    ends = {queue: int(end) - int(own) for queue, end, own in progress(cluster, topic, group)}
    assert ends["0"] == 1, "what comes after is seen by the group"
    assert cluster.run("history", "--verify").code == 0


def test_a_deleted_group(cluster: Cluster, name: Name) -> None:
    topic, group = name("UndoOf"), name("UndoGone")
    consumed(cluster, topic, group)
    before = progress(cluster, topic, group)
    assert before == [("0", "3", "3"), ("1", "3", "3")]
    cluster.data("deleteSubGroup", "-c", "DefaultCluster", "-g", group, "-r", "true")
    assert progress(cluster, topic, group) == []
    assert cluster.run("undo", newest(cluster)).code == 0
    assert progress(cluster, topic, group) == before


def test_a_reset(cluster: Cluster, name: Name) -> None:
    topic, group = name("UndoReset"), name("UndoBack")
    consumed(cluster, topic, group)
    before = progress(cluster, topic, group)
    cluster.data("resetOffsetByTime", "-g", group, "-t", topic, "-s", "0")
    assert [own for _, _, own in progress(cluster, topic, group)] == ["0", "0"]
    assert cluster.run("undo", newest(cluster)).code == 0
    assert progress(cluster, topic, group) == before
