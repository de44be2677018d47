"""Our commands of lite topics against Apache's 5.5.0, and what older brokers answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.interop.apache import Pair, wait_until
from tests.interop.ours import Ran, mqadmin

PARENT, GROUP = "lite_parent", "lite_group"


@pytest.fixture(scope="module")
def lite(scratch: Path) -> Iterator[Callable[..., Ran]]:
    pair = Pair("5.5.0", scratch / "lite", settings={"enableLmq": "true", "enableMultiDispatch": "true"})

    def run(*args: str) -> Ran:
        return mqadmin(*args, namesrv=pair.namesrv_address, output="json")

    try:
        at = ("-b", pair.broker_address)
        topic = ("-t", PARENT, "-r", "1", "-w", "1", "-a", "+message.type=LITE,+lite.topic.expiration=60")
        assert run("updateTopic", *at, *topic).code == 0
        group = ("-g", GROUP, "--attributes", f"+lite.bind.topic={PARENT}")
        assert run("updateSubGroup", *at, *group).code == 0
        wait_until(lambda: run("topicRoute", "-t", PARENT).code == 0, "the route of the parent topic")
        yield run
    finally:
        pair.kill()


def test_brokers_and_parents(lite: Callable[..., Ran]) -> None:
    (broker,) = lite("getBrokerLiteInfo", "-c", "DefaultCluster").json["data"]["brokers"]
    assert broker["topicTtls"] == {PARENT: 60}
    assert broker["groups"] == {PARENT: [GROUP]}
    (on,) = lite("getParentTopicInfo", "-p", PARENT).json["data"]["brokers"]
    assert (on["ttlMinutes"], on["liteTopics"], on["groups"]) == (60, 0, [GROUP])
    wrong = lite("getParentTopicInfo", "-p", "TBW102")
    assert wrong.code == 6
    assert "type not match" in wrong.err


def test_a_lite_topic_and_its_group(lite: Callable[..., Ran]) -> None:
    (on,) = lite("getLiteTopicInfo", "-p", PARENT, "-l", "child", "-s").json["data"]["brokers"]
    assert (on["minOffset"], on["maxOffset"], on["lastUpdateTimestamp"], on["subscribers"]) == (0, 0, None, [])
    assert on["sharding"] is True
    report = lite("getLiteGroupInfo", "-p", PARENT, "-g", GROUP).json["data"]
    assert report["lagTotal"] == 0
    one = lite("getLiteGroupInfo", "-p", PARENT, "-g", GROUP, "-l", "child").json["data"]
    assert one["lagTotal"] is None, "nothing is known of a lite topic without messages"
    client = lite("getLiteClientInfo", "-p", PARENT, "-g", GROUP, "-c", "nobody", "-s")
    assert client.json["status"] == "empty"
    assert client.json["data"]["brokers"][0]["liteTopicCount"] is None


def test_a_dispatch(lite: Callable[..., Ran]) -> None:
    assert lite("triggerLiteDispatch", "-p", PARENT, "-g", GROUP, "--plan").json["status"] == "planned"
    assert lite("triggerLiteDispatch", "-p", PARENT, "-g", GROUP).json["data"]["brokers"] == ["broker-a"]
    assert lite("triggerLiteDispatch", "-p", PARENT, "-g", "no_such_group").code == 4
    assert lite("triggerLiteDispatch", "-p", PARENT, "-g", GROUP, "-b", "broker-z").code == 4


def test_an_older_broker_says_since_when(apache_pairs: Callable[[str], Pair]) -> None:
    pair = apache_pairs("5.3.3")
    ran = mqadmin("getBrokerLiteInfo", "-b", pair.broker_address, namesrv=pair.namesrv_address)
    assert ran.code == 14
    assert "is of version 5.3.3, which does not have lite topics" in ran.err
    assert "since 5.5.0" in ran.err
