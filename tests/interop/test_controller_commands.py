"""Our commands of controllers, replication and cold reads against Apache's 5.3.3 with a controller in the name server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

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
        broker = Broker(
            "5.3.3",
            folder / "broker",
            nameserver.address,
            settings={
                "enableControllerMode": "true",
                "controllerAddr": controller,
                "coldDataFlowControlEnable": "true",
            },
        )
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

    (replicas,) = switching("getSyncStateSet", "-a", switching.controller, "-b", "broker-a").json["data"]["sets"]
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


def test_replication_and_epochs(switching: Switching) -> None:
    (broker,) = switching("haStatus", "-b", switching.broker).json["data"]["brokers"]
    assert (broker["role"], broker["slaves"]) == ("master", [])
    (epochs,) = switching("getBrokerEpoch", "-c", "DefaultCluster").json["data"]["brokers"]
    assert epochs["epochs"][0]["epoch"] == 1
    assert epochs["epochs"][-1]["endOffset"] == epochs["maxOffset"]


def test_the_configuration_of_controllers(switching: Switching) -> None:
    at = ("-a", switching.controller)
    (config,) = switching("getControllerConfig", *at).json["data"]["servers"]
    assert config["config"]["controllerDLegerSelfId"] == "n0"
    changed = switching("updateControllerConfig", *at, "-k", "scanNotActiveBrokerInterval", "-v", "4321")
    assert changed.json["data"]["changes"][0]["state"] == "done"
    assert switching("updateControllerConfig", *at, "-k", "noSuchKey", "-v", "1").code == 4


def test_an_election_and_forgetting(switching: Switching) -> None:
    at = ("-a", switching.controller, "-c", "DefaultCluster", "-bn", "broker-a")
    (replicas,) = switching("getSyncStateSet", "-a", switching.controller, "-b", "broker-a").json["data"]["sets"]
    master = str(replicas["masterId"])
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
