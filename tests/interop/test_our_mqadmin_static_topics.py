"""Static topics on two of Apache's brokers: made, extended and moved by our mqadmin, used and read by Java's parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Broker, Driver, Pair, wait_until
from tests.interop.cluster import Cluster
from tests.interop.raw import wait_for_route

Name = Callable[[str], str]


@pytest.fixture(scope="module", params=["5.3.3", "5.5.0"])
def two(request: pytest.FixtureRequest, scratch: Path, drivers: Callable[[str], Driver]) -> Iterator[Cluster]:
    version = request.param
    pair = Pair(version, scratch / f"static-{version}")
    second = None
    try:
        second = Broker(version, scratch / f"static-{version}-b", pair.nameserver.address, name="broker-b")
        second.wait_ready()
        wait_for_route(pair.namesrv_address, "TBW102", "broker-b")
        yield Cluster(pair, drivers(version))
    finally:
        if second is not None:
            second.child.kill()
        pair.kill()


def leads(changes: list[dict[str, Any]]) -> dict[str, str]:
    """Broker -> the LOGICAL:PHYSICAL queues that it leads after the change."""
    found = {}
    for change in changes:
        assert change["state"] == "done", change
        found[change["target"]] = next((f["after"] for f in change["fields"] if f["name"] == "leads"), "unchanged")
    return found


def test_the_life_of_a_static_topic(two: Cluster, name: Name) -> None:
    topic = name("Static")
    plan = two.data("updateStaticTopic", "-b", "broker-a", "-t", topic, "-qn", "3", "--plan")
    assert {change["state"] for change in plan["changes"]} == {"planned"}
    assert topic not in two.java("topicList").split()
    made = two.data("updateStaticTopic", "-b", "broker-a", "-t", topic, "-qn", "3")
    assert leads(made["changes"]) == {"broker-a": "0:0, 1:1, 2:2", "broker-b": ""}
    assert json.loads(Path(made["afterFile"]).read_text())["topic"] == topic
    two.failure(2, "updateStaticTopic", "-b", "broker-a", "-t", topic, "-qn", "3")
    grown = two.data("updateStaticTopic", "-c", "DefaultCluster", "-t", topic, "-qn", "5")
    assert leads(grown["changes"]) == {"broker-a": "unchanged", "broker-b": "3:0, 4:1"}
    wait_until(lambda: two.java("topicRoute", "-t", topic).count('"totalQueues":5') == 2, "the route has both")
    sent = two.send([{"topic": topic, "body": str(i), "queue": i % 5} for i in range(10)])
    assert {result["queueId"] for result in sent} == set(range(5))

    moved = two.data("remappingStaticTopic", "-b", "broker-b", "-t", topic)
    assert leads(moved["changes"]) == {"broker-a": "", "broker-b": "0:2, 1:3, 2:4, 3:0, 4:1"}
    after = json.loads(Path(moved["afterFile"]).read_text())
    assert (after["type"], after["brokerToMapIn"], after["brokerToMapOut"]) == ("REMAPPING", ["broker-b"], ["broker-a"])
    assert two.run("remappingStaticTopic", "-b", "broker-b", "-t", topic).json["status"] == "unchanged"
    # Java's command finds what is there consistent: it extends it and moves it back.
    assert "The new mapping data is written" in two.java(
        "updateStaticTopic", "-c", "DefaultCluster", "-t", topic, "-qn", "6"
    )
    back = two.data("remappingStaticTopic", "-c", "DefaultCluster", "-t", topic)
    assert {change["state"] for change in back["changes"]} <= {"done", "unchanged"}
    for path in (made, grown, moved, back):
        for file in ("beforeFile", "afterFile"):
            if path[file] is not None:
                Path(path[file]).unlink()
    for path in (made, grown, moved, back):
        if path["afterFile"] is not None:
            Path(path["afterFile"]).parent.rmdir()


def test_what_is_no_static_topic(two: Cluster, name: Name) -> None:
    usual = name("Usual")
    two.data("updateTopic", "-c", "DefaultCluster", "-t", usual, "-r", "2", "-w", "2")
    for words in (["updateStaticTopic", "-qn", "4"], ["remappingStaticTopic"]):
        (error,) = two.failure(1, words[0], "-c", "DefaultCluster", "-t", usual, *words[1:])
        assert "as a usual topic, not a static one" in error["cause"]
    two.failure(4, "remappingStaticTopic", "-c", "DefaultCluster", "-t", name("Nothing"))
    two.failure(4, "updateStaticTopic", "-b", "broker-x", "-t", name("Nothing"), "-qn", "1")
