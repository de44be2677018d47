"""Apache's C++ client, compiled as PyPI has it, through our pair and beside Apache's: what it gets, what commands see and do of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop import toolchain
from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.ours import OurBroker, OurNameServer, mqadmin
from tests.interop.processes import Child, free_port
from tests.interop.raw import wait_for_route
from tests.interop.test_java_clients import make_topic

Name = Callable[[str], str]
PROGRAM = Path(__file__).parent / "cpp" / "driver.py"
KINDS = ("Tags", "Ordered", "Later", "Batch")
TEN = [str(number) for number in range(10)]
#: What its consumers get by `a || b`, in order, from a level of delay and after a refusal, and what it pulls.
FEATURES = {
    "Async": ["0"],
    "Tags": ["01234567 65536 b", "async 5 a", "m0 2 a k0 华东", "m1 2 b k1 华东", "m3 2 a k3 华东", "m4 2 b k4 华东", "oneway 6 a"],
    "Ordered": TEN,
    # It marks a batch by "1" where Java reads "true": brokers take it for one message, whose body begins with a 0.
    "Batch": ["0"],
    "Later": ["again 1 True", "level 0 True"],
    "Pulled": TEN,
}  # fmt: skip


def words(*operation: str) -> list[str]:
    return [sys.executable, str(PROGRAM), *operation]


def cpp_environment(scratch: Path) -> dict[str, str]:
    """What the client is started with; it logs below its home."""
    return {**os.environ, "PYTHONPATH": str(toolchain.cpp_client()), "HOME": str(scratch / "cpp-home")}


@pytest.fixture(scope="module")
def environment(scratch: Path) -> dict[str, str]:
    return cpp_environment(scratch)


def features(namesrv: str, prefix: str, environment: dict[str, str], *credentials: str) -> Any:
    line = words("features", namesrv, prefix, *credentials)
    done = subprocess.run(line, capture_output=True, text=True, timeout=150, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])["result"]


def test_apache_s_broker_gives_it_the_same(
    apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver], environment: dict[str, str], name: Name
) -> None:
    """As ours does in `test_clients_of_other_languages.py`."""
    pair, prefix = apache_pairs("5.3.3"), name("Cpp")
    for kind in KINDS:
        make_topic(drivers("5.3.3"), pair, f"{prefix}{kind}", 1)
    assert features(pair.namesrv_address, prefix, environment) == FEATURES


def test_what_commands_show_and_do_of_cpp_clients(scratch: Path, environment: dict[str, str]) -> None:
    """Of a producer and a consumer that found the name server on its own page; a reset makes the consumer consume again."""
    port = free_port()
    nameserver = OurNameServer(scratch / "cpp-namesrv", settings={"addressServerPort": str(port)})
    nameserver.child.wait_for("boot success")
    broker = OurBroker(scratch / "cpp-broker", nameserver.address)
    line = words("online", f"http://127.0.0.1:{port}/rocketmq/nsaddr", "CppOnline", "cpp_online")
    client: Child | None = None

    def data(*args: str) -> Any:
        return mqadmin(*args, namesrv=nameserver.address, output="json").json["data"]

    def offsets() -> list[tuple[int, int]]:
        ran = mqadmin(
            "consumerProgress", "-g", "cpp_online", "-t", "CppOnline", namesrv=nameserver.address, output="json"
        )
        queues = ran.json["data"]["group"]["queues"] if ran.code == 0 else []
        return [(queue["brokerOffset"], queue["consumerOffset"]) for queue in queues]

    try:
        broker.wait_ready()
        wait_for_route(nameserver.address, "TBW102", "broker-a")
        data("updateTopic", "-c", "DefaultCluster", "-t", "CppOnline", "-r", "1", "-w", "1")
        client = Child("C++ client", line, cwd=scratch / "cpp-online", env=environment, stdin=True)
        client.wait_for("online", 60)
        (consumer,) = data("consumerConnection", "-g", "cpp_online")["connections"]
        producers = ("producerConnection", "-g", "cpp_producer", "-t", "CppOnline")
        # It sends at once, and its heartbeat comes when it comes.
        wait_until(lambda: mqadmin(*producers, namesrv=nameserver.address).code == 0, "the producer has registered", 40)
        (producer,) = data(*producers)["connections"]
        assert consumer["language"] == producer["language"] == "CPP"
        status = ("consumerStatus", "-g", "cpp_online", "-i", consumer["clientId"])

        def held() -> dict[str, int]:
            ran = mqadmin(*status, namesrv=nameserver.address, output="json")
            if ran.code:  # on a busy machine its first answers may come too late
                return {}
            (shown,) = ran.json["data"]["clients"]
            assert shown["info"]["properties"]["PROP_NAMESERVER_ADDR"] == nameserver.address
            return {queue["topic"]: queue["commitOffset"] for queue in shown["info"]["queues"]}

        # It writes the -1 of a queue that has no offset yet as an unsigned number, at which Java's mqadmin fails.
        wait_until(lambda: held() == {"CppOnline": 1, "%RETRY%cpp_online": -1}, "it holds both queues", 40)
        wait_until(lambda: offsets() == [(1, 1)], "the client has committed its offset")
        (reset,) = data("resetOffsetByTime", "-g", "cpp_online", "-t", "CppOnline", "-s", "0")["queues"]
        assert (reset["after"], reset["state"]) == (0, "done")
        client.wait_for("again", 60)
        wait_until(lambda: offsets() == [(1, 1)], "the client has consumed again from there")
    finally:
        if client is not None:
            client.kill()
        broker.child.kill()
        nameserver.child.kill()
