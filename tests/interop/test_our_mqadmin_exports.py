"""The exports of our mqadmin beside those of Apache's, from the same broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.interop.cluster import Cluster

Name = Callable[[str], str]


def both(cluster: Cluster, folder: Path, file: str, *words: str) -> tuple[Any, Any]:
    """(ours, Apache's) of one export."""
    path = cluster.data(*words, "-f", str(folder / "ours"))["path"]
    assert path == str(folder / "ours" / file)
    (folder / "theirs").mkdir(exist_ok=True)
    assert "success" in cluster.java(*words, "-f", str(folder / "theirs"))
    return json.loads(Path(path).read_text()), json.loads((folder / "theirs" / file).read_text())


def test_topics_and_groups(cluster: Cluster, name: Name, tmp_path: Path) -> None:
    topic, group = cluster.topic(name("Exported"), 3), name("exported_group")
    cluster.data("updateSubGroup", "-c", "DefaultCluster", "-g", group, "-r", "5")
    ours, theirs = both(cluster, tmp_path, "metadata.json", "exportMetadata", "-c", "DefaultCluster")
    assert set(ours["topicConfigTable"]) == set(theirs["topicConfigTable"])
    assert set(ours["subscriptionGroupTable"]) == set(theirs["subscriptionGroupTable"])
    for key in ("readQueueNums", "writeQueueNums", "perm", "order", "topicSysFlag"):
        assert ours["topicConfigTable"][topic][key] == theirs["topicConfigTable"][topic][key], key
    assert ours["subscriptionGroupTable"][group]["retryMaxTimes"] == 5
    assert ours["subscriptionGroupTable"][group] == theirs["subscriptionGroupTable"][group] | {
        key: value for key, value in ours["subscriptionGroupTable"][group].items() if value is None
    }
    address = cluster.pair.broker_address
    ours, theirs = both(cluster, tmp_path, "topic.json", "exportMetadata", "-b", address, "-t", "-s")
    assert set(ours["topicConfigTable"]) == set(theirs["topicConfigTable"])
    ours, theirs = both(cluster, tmp_path, "subscriptionGroup.json", "exportMetadata", "-b", address, "-g")
    assert set(ours["subscriptionGroupTable"]) == set(theirs["subscriptionGroupTable"])
    # What was exported can be taken back.
    cluster.data("deleteTopic", "-c", "DefaultCluster", "-t", topic)
    cluster.data("updateTopicList", "-b", address, "-f", str(tmp_path / "ours" / "metadata.json"))
    (route,) = cluster.data("topicRoute", "-t", topic)["brokers"]
    assert (route["readQueueNums"], route["writeQueueNums"]) == (3, 3)
