"""Our commands of controllers, replication and cold reads against Apache's 5.3.3 with a controller in the name server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.interop.apache import Broker, Driver, NameServer, wait_until
from tests.interop.ours import Ran, mqadmin
from tests.interop.processes import free_port


class Switching(NamedTuple):
    """A name server with a controller, and a broker that the controller made the master of its name."""

    namesrv: str
    controller: str
    broker: str

    def __call__(self, *args: str) -> Ran:
        return mqadmin(*args, namesrv=self.namesrv, output="json")

    def replicas(self) -> Any:
        """The set of replicas of broker-a."""
        (found,) = self("getSyncStateSet", "-a", self.controller, "-b", "broker-a").json["data"]["sets"]
        return found

    def in_sync(self) -> list[int]:
        return sorted(replica["brokerId"] for replica in self.replicas()["replicas"] if replica["inSync"])

    def roles(self) -> dict[str, int]:
        """The broker's id at the name server, 0 of the master, by address."""
        listed = json.loads(self("clusterList").out)["data"]["brokers"]
        return {one["address"]: one["brokerId"] for one in listed}


def replica(folder: Path, namesrv: str, controller: str) -> Broker:
    """A broker of the name broker-a whose role the controller decides."""
    settings = {
        "enableControllerMode": "true",
        "controllerAddr": controller,
        "coldDataFlowControlEnable": "true",
        # A master that became a slave notices by its dead connection; 20 s by default.
        "haHousekeepingInterval": "3000",
        "haSendHeartbeatInterval": "1000",
    }
    return Broker("5.3.3", folder, namesrv, settings=settings)


@pytest.fixture(scope="module")
def switching(scratch: Path) -> Iterator[Switching]:
    folder = scratch / "controller"
    controller = f"127.0.0.1:{free_port()}"
    nameserver = NameServer(
        "5.3.3",
        folder / "namesrv",
        heap="256m",
        settings={
            "enableControllerInNamesrv": "true",
            "controllerDLegerGroup": "group1",
            "controllerDLegerPeers": f"n0-{controller}",
            "controllerDLegerSelfId": "n0",
            "controllerStorePath": str(folder / "controller-store"),
        },
    )
    broker = None
    try:
        nameserver.wait_ready()
        broker = replica(folder / "broker", nameserver.address, controller)
        broker.wait_ready()
        run = Switching(nameserver.address, controller, broker.address)
        wait_until(lambda: run("getBrokerEpoch", "-b", "broker-a").code == 0, "the broker is master", 60)
        yield run
    finally:
        if broker is not None:
            broker.child.kill()
        nameserver.child.kill()


def test_what_a_controller_knows(switching: Switching) -> None:
    found = switching("getControllerMetaData", "-a", switching.controller).json["data"]
    assert (found["leaderId"], found["leaderAddress"], found["isLeader"]) == ("n0", switching.controller, True)
    for by in (("-b", "broker-a"), ("-c", "DefaultCluster")):
        (replicas,) = switching("getSyncStateSet", "-a", switching.controller, *by).json["data"]["sets"]
        assert replicas["masterAddress"] == switching.broker
        assert [(r["address"], r["inSync"], r["alive"]) for r in replicas["replicas"]] == [
            (switching.broker, True, True)
        ]
    missing = switching("getSyncStateSet", "-a", switching.controller, "-b", "nobody")
    assert missing.code == 4, missing
    wrong = switching("getControllerMetaData", "-a", switching.namesrv)
    assert wrong.code == 14
    assert "does not serve controllers" in wrong.err


def test_javas_mqadmin_shows_the_same(switching: Switching, drivers: Callable[[str], Driver]) -> None:
    def java(*args: str) -> str:
        return drivers("5.3.3").mqadmin(*args, "-n", switching.namesrv)

    replicas = switching.replicas()
    shown = java("getSyncStateSet", "-a", switching.controller, "-b", "broker-a")
    for name, field in (
        ("MasterAddr", "masterAddress"),
        ("MasterEpoch", "masterEpoch"),
        ("MasterBrokerId", "masterId"),
    ):
        assert f"#{name}\t{replicas[field]}\n" in shown
    (epochs,) = switching("getBrokerEpoch", "-b", "broker-a").json["data"]["brokers"]
    assert f"#brokerId\t{epochs['broker']['brokerId']}" in java("getBrokerEpoch", "-b", "broker-a")
    assert f"#MasterAddr\t{switching.broker}\n" in java("haStatus", "-b", switching.broker)
    known = switching("getControllerMetaData", "-a", switching.controller).json["data"]
    theirs = java("getControllerMetaData", "-a", switching.controller)
    for name, field in (("Group", "group"), ("LeaderId", "leaderId"), ("LeaderAddress", "leaderAddress")):
        assert f"#Controller{name}\t{known[field]}\n" in theirs


def test_replication_and_epochs(switching: Switching) -> None:
    (broker,) = switching("haStatus", "-b", switching.broker).json["data"]["brokers"]
    assert (broker["role"], broker["slaves"]) == ("master", [])
    (epochs,) = switching("getBrokerEpoch", "-c", "DefaultCluster").json["data"]["brokers"]
    assert epochs["epochs"][0]["epoch"] == 1
    assert epochs["epochs"][-1]["endOffset"] == epochs["maxOffset"]


def test_the_configuration_of_controllers(switching: Switching, drivers: Callable[[str], Driver]) -> None:
    at = ("-a", switching.controller)

    def config() -> Any:
        (found,) = switching("getControllerConfig", *at).json["data"]["servers"]
        return found["config"]

    def java(*args: str) -> str:
        return drivers("5.3.3").mqadmin(*args, "-n", switching.namesrv)

    assert config()["controllerDLegerSelfId"] == "n0"
    key = ("-k", "scanNotActiveBrokerInterval")
    changed = switching("updateControllerConfig", *at, *key, "-v", "4321")
    assert changed.json["data"]["changes"][0]["state"] == "done"
    shown = [line.split("=", 1) for line in java("getControllerConfig", *at).splitlines() if not line.startswith("=")]
    assert {pair[0].strip(): pair[1].strip() for pair in shown if len(pair) == 2} == config()
    java("updateControllerConfig", *at, *key, "-v", "5000")
    assert config()["scanNotActiveBrokerInterval"] == "5000"
    assert switching("updateControllerConfig", *at, "-k", "noSuchKey", "-v", "1").code == 4


def test_an_election_and_forgetting(switching: Switching) -> None:
    at = ("-a", switching.controller, "-c", "DefaultCluster", "-bn", "broker-a")
    master = str(switching.replicas()["masterId"])
    assert switching("electMaster", *at, "-b", master).json["status"] == "unchanged"
    unknown = switching("electMaster", *at, "-b", "99")
    assert unknown.code == 4
    planned = switching("cleanBrokerMetadata", *at, "-b", master, "--plan")
    assert planned.json["status"] == "planned"
    alive = switching("cleanBrokerMetadata", *at, "-b", master)
    assert alive.code == 1, "the controller does not forget a broker that is alive"
    nothing = switching("cleanBrokerMetadata", *at, "-b", "77")
    assert (nothing.code, json.loads(nothing.out)["status"]) == (8, "no_effect")


def test_thresholds_of_cold_reads(switching: Switching, drivers: Callable[[str], Driver]) -> None:
    at = ("-b", switching.broker, "-g", "cold_group")
    changed = switching("updateColdDataFlowCtrGroupConfig", *at, "-v", "4096")
    assert changed.json["data"]["changes"][0]["state"] == "done"
    (found,) = switching("getColdDataFlowCtrInfo", "-c", "DefaultCluster").json["data"]["brokers"]
    assert [(g["group"], g["threshold"]) for g in found["groups"] if g["group"] == "cold_group"] == [
        ("cold_group", 4096)
    ]
    assert isinstance(found["groupThreshold"], int)
    java = drivers("5.3.3").mqadmin("getColdDataFlowCtrInfo", "-b", switching.broker, "-n", switching.namesrv)
    assert '"cold_group":4096' in "".join(java.split())
    assert switching("removeColdDataFlowCtrGroupConfig", *at).code == 0
    assert switching("removeColdDataFlowCtrGroupConfig", *at).code == 8
    (set_to,) = switching("setCommitLogReadAheadMode", "-b", switching.broker, "-m", "1").json["data"]["brokers"]
    assert "mode: 1" in set_to["answer"]


def test_another_master(switching: Switching, scratch: Path, drivers: Callable[[str], Driver]) -> None:
    """Ours makes the second replica the master, Java's the first again; then the second is stopped and forgotten."""
    second = replica(scratch / "second", switching.namesrv, switching.controller)
    at = ("-a", switching.controller, "-c", "DefaultCluster", "-bn", "broker-a")

    def send(body: str) -> bool:
        return switching("sendMessage", "-t", "Kept", "-p", body).code == 0

    try:
        second.wait_ready()
        wait_until(lambda: switching.in_sync() == [1, 2], "both replicas are in sync", 60)
        assert switching("updateTopic", "-c", "DefaultCluster", "-t", "Kept", "-r", "1", "-w", "1").code == 0
        wait_until(lambda: send("before"), "the topic takes messages")

        planned = switching("electMaster", *at, "-b", "2", "--plan")
        assert planned.json["status"] == "planned" and switching.replicas()["masterId"] == 1
        elected = switching("electMaster", *at, "-b", "2").json["data"]
        assert (elected["elected"], elected["masterId"], elected["masterAddress"]) == (True, 2, second.address)
        assert elected["masterEpoch"] == elected["before"]["masterEpoch"] + 1
        wait_until(lambda: switching.roles() == {second.address: 0, switching.broker: 1}, "the roles have changed", 60)
        wait_until(lambda: send("after"), "the new master takes messages", 60)
        epochs = switching("getBrokerEpoch", "-b", "broker-a").json["data"]["brokers"]
        ends = {one["broker"]["address"]: [each["epoch"] for each in one["epochs"]] for one in epochs}
        assert ends[second.address][-1] == elected["masterEpoch"]

        wait_until(lambda: switching.in_sync() == [1, 2], "the old master follows", 60)
        shown = drivers("5.3.3").mqadmin("electMaster", *at, "-b", "1", "-n", switching.namesrv)
        replicas = switching.replicas()
        assert f"#BrokerMasterAddr\t{switching.broker}\n" in shown, shown
        assert f"#MasterEpoch\t{replicas['masterEpoch']}\n" in shown, shown
        assert (replicas["masterId"], replicas["masterEpoch"]) == (1, elected["masterEpoch"] + 1)
        wait_until(lambda: send("again"), "the first master takes messages", 60)
        messages = drivers("5.3.3").ask("pull", namesrv=switching.namesrv, topic="Kept")
        assert [message["body"] for message in messages] == ["before", "after", "again"]
    finally:
        second.child.kill()
    forgotten = switching("cleanBrokerMetadata", *at, "-b", "2")
    assert forgotten.json["data"]["changes"][0]["state"] == "done"
    assert [each["brokerId"] for each in switching.replicas()["replicas"]] == [1]
