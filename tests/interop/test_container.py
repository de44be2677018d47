"""Our addBroker and removeBroker against Apache's broker container of 5.3.3, a process that holds several brokers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.interop.apache import BrokerContainer, NameServer, wait_until
from tests.interop.ours import Ran, mqadmin

from rocketmq_ops.mqadmin.exit_codes import ExitCode

VERSION = "5.3.3"


class Holding(NamedTuple):
    """A name server and an empty container."""

    namesrv: str
    container: BrokerContainer

    def __call__(self, *args: str) -> Ran:
        return mqadmin(*args, namesrv=self.namesrv, output="json")

    def brokers(self) -> dict[str, str]:
        """The brokers that the name server lists, by name.

        One of Apache's that has just started fails to give its figures (StoreStatsService.getPutTps has no sample in its
        first second), so that the listing may be partial.
        """
        listed = json.loads(self("clusterList").out)["data"]["brokers"]
        return {one["brokerName"]: one["address"] for one in listed}


@pytest.fixture(scope="module")
def holding(scratch: Path) -> Iterator[Holding]:
    folder = scratch / "container"
    nameserver = NameServer(VERSION, folder / "namesrv")
    container = None
    try:
        nameserver.wait_ready()
        container = BrokerContainer(VERSION, folder / "container", nameserver.address)
        container.wait_ready()
        yield Holding(nameserver.address, container)
    finally:
        if container is not None:
            container.child.kill()
        nameserver.child.kill()


def test_a_broker_is_added_serves_and_is_removed(holding: Holding) -> None:
    at = ("-c", holding.container.address)
    file, address = holding.container.broker_config("broker-c")
    planned = holding("addBroker", *at, "-b", str(file), "--plan")
    assert (planned.code, planned.json["status"]) == (0, "planned") and holding.brokers() == {}
    added = holding("addBroker", *at, "-b", str(file))
    assert added.code == 0, added
    wait_until(lambda: holding.brokers() == {"broker-c": address}, "the broker is registered", 60)
    made = holding("updateTopic", "-b", address, "-t", "Contained")
    assert made.code == 0, made
    wait_until(lambda: holding("topicRoute", "-t", "Contained").code == 0, "the topic is routed", 60)
    sent = holding("sendMessage", "-t", "Contained", "-p", "x")
    assert (sent.code, sent.json["data"]["brokerName"]) == (0, "broker-c"), sent

    again = holding("addBroker", *at, "-b", str(file))
    assert again.code not in (0, ExitCode.TIMEOUT) and "next: " in again.err, again

    identity = "DefaultCluster:broker-c:0"
    removed = holding("removeBroker", *at, "-b", identity)
    assert removed.code == 0, removed
    wait_until(lambda: holding.brokers() == {}, "the broker is gone", 60)
    gone = holding("removeBroker", *at, "-b", identity)
    assert gone.code not in (0, ExitCode.TIMEOUT) and "next: " in gone.err, gone


def test_what_a_container_refuses(holding: Holding) -> None:
    missing = holding("addBroker", "-c", holding.container.address, "-b", "/nowhere/broker.conf")
    assert missing.code not in (0, ExitCode.TIMEOUT) and "next: " in missing.err, missing
    elsewhere = holding("addBroker", "-c", holding.namesrv, "-b", "/nowhere/broker.conf")
    assert elsewhere.code not in (0, ExitCode.TIMEOUT), elsewhere
