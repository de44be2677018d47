"""Apache's Go client through our pair: it parses routes, answers and bodies with its own code, not Java's."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop import toolchain
from tests.interop.apache import Pair, wait_until
from tests.interop.ours import OurBroker, OurNameServer, OurPair, mqadmin
from tests.interop.processes import Child

Name = Callable[[str], str]
Go = Callable[..., list[dict[str, Any]]]
SOURCES = Path(__file__).parent / "go"
CERTIFICATES = Path(__file__).parents[1] / "remoting" / "files" / "tls"


@pytest.fixture(scope="module")
def pair(scratch: Path) -> Any:
    """A pair that makes topics when they are sent to, as Apache's does by default."""
    ours = OurPair(scratch / "go-ours", settings={"autoCreateTopicEnable": "true"})
    yield ours
    ours.stop()


@pytest.fixture(scope="module")
def driver() -> Path:
    """The driver, built."""
    toolchain.need("go", "the Go client needs a Go toolchain, 1.21 or newer")
    return toolchain.go_driver(SOURCES)


@pytest.fixture(scope="module")
def go(pair: OurPair, driver: Path, scratch: Path) -> Go:
    """Runs one operation of the driver against our pair and gives its result."""

    def run(operation: str, *args: object) -> list[dict[str, Any]]:
        words = [str(driver), operation, pair.namesrv_address, *map(str, args)]
        # The client keeps logs in the home directory.
        home = {**os.environ, "HOME": str(scratch / "go-home")}
        done = subprocess.run(words, capture_output=True, text=True, timeout=90, env=home)
        assert done.returncode == 0, f"{operation}: {done.stderr}"
        result = json.loads(done.stdout.splitlines()[-1])["result"]
        assert isinstance(result, list)
        return result

    return run


def topic(pair: Any, name: str, queues: int = 2) -> str:
    assert (
        mqadmin(
            "updateTopic",
            "-c",
            pair.cluster,
            "-t",
            name,
            "-r",
            str(queues),
            "-w",
            str(queues),
            namesrv=pair.namesrv_address,
        ).code
        == 0
    )
    return name


def bodies(messages: list[dict[str, Any]]) -> list[str]:
    return sorted(message["body"] for message in messages)


def test_topics_made_by_a_send_can_be_sent_to_again_at_once(go: Go, name: Name) -> None:
    """The client asks for the route right after its first send, and gives up when there is none."""
    for _ in range(10):
        sent = go("send", name("GoFresh"), 3)
        assert [s["status"] for s in sent] == [0, 0, 0]


def test_messages_arrive_with_their_tags_and_keys(go: Go, pair: OurPair, name: Name) -> None:
    where = topic(pair, name("GoTags"))
    assert len(go("send", where, 10)) == 10
    got = go("receive", where, name("go_all"), "*", 10, 0)
    assert [(m["body"], m["tags"], m["keys"]) for m in sorted(got, key=lambda m: int(m["body"][1:]))] == [
        (f"m{i}", ("even", "odd")[i % 2], f"key{i}") for i in range(10)
    ]
    assert bodies(go("receive", where, name("go_odd"), "odd", 5, 0)) == ["m1", "m3", "m5", "m7", "m9"]


def test_a_batch(go: Go, pair: OurPair, name: Name) -> None:
    where = topic(pair, name("GoBatch"))
    (sent,) = go("batch", where, 7)
    assert sent["status"] == 0
    assert bodies(go("receive", where, name("go_batch"), "*", 7, 0)) == [f"m{i}" for i in range(7)]


def test_a_delayed_message(go: Go, pair: OurPair, name: Name) -> None:
    where = topic(pair, name("GoDelay"))
    assert len(go("send", where, 2, 1)) == 2
    assert bodies(go("receive", where, name("go_delay"), "*", 2, 0)) == ["m0", "m1"]


def test_refused_messages_come_again(go: Go, pair: OurPair, name: Name) -> None:
    where, group = topic(pair, name("GoAgain"), 1), name("go_again")
    go("send", where, 3)
    got = go("receive", where, group, "*", 5, 2)
    first = [m["body"] for m in got if m["reconsumeTimes"] == 0]
    again = [m["body"] for m in got if m["reconsumeTimes"] == 1]
    assert sorted(first) == ["m0", "m1", "m2"]
    assert sorted(again) == sorted(first[:2])


def test_offsets_are_kept_and_the_client_is_seen(go: Go, pair: OurPair, name: Name) -> None:
    where, group = topic(pair, name("GoKept")), name("go_kept")
    go("send", where, 6)
    assert len(go("receive", where, group, "*", 6, 0)) == 6

    def lag() -> Any:
        ran = mqadmin("consumerProgress", "-g", group, namesrv=pair.namesrv_address, output="json")
        return ran.code == 0 and ran.json["data"]["group"]["lagTotal"] == 0

    wait_until(lag, "the group's offsets are at the end")
    go("send", where, 2)
    assert bodies(go("receive", where, group, "*", 2, 0)) == ["m0", "m1"]


@pytest.mark.parametrize("broker", ["ours", "5.3.3"])
def test_what_commands_show_and_do_of_go_clients(
    broker: str, request: pytest.FixtureRequest, driver: Path, scratch: Path, name: Name
) -> None:
    """Connections, state and offsets of a Go producer and consumer that are online; a reset makes it consume again.

    The client takes 10 s for a reset, then shares out the queues again.
    """
    apache: Callable[[str], Pair] = request.getfixturevalue("apache_pairs")
    pair = request.getfixturevalue("pair") if broker == "ours" else apache(broker)
    where, group = topic(pair, name("GoShown"), 1), name("go_shown")

    def data(*args: str) -> Any:
        return mqadmin(*args, namesrv=pair.namesrv_address, output="json").json["data"]

    def queues() -> Any:
        ran = mqadmin("consumerProgress", "-g", group, "-t", where, namesrv=pair.namesrv_address, output="json")
        return (
            [(q["brokerOffset"], q["consumerOffset"]) for q in ran.json["data"]["group"]["queues"]]
            if ran.code == 0
            else []
        )

    def info(client_id: str) -> Any:
        """What the client says of itself; nothing while it fails to write its figures."""
        line = ("consumerStatus", "-g", group, "-i", client_id, "-s")
        ran = mqadmin(*line, namesrv=pair.namesrv_address, output="json")
        assert ran.code == 0 or "without its state: json marshal error" in ran.err, ran
        return ran.json["data"]["clients"][0]["info"] if ran.code == 0 else None

    words = [str(driver), "online", pair.namesrv_address, where, group]
    client = Child("Go client", words, cwd=scratch / "go-online", env={"HOME": str(scratch / "go-home")}, stdin=True)
    try:
        client.wait_for("online", 60)
        (consumer,) = data("consumerConnection", "-g", group)["connections"]
        (producer,) = data("producerConnection", "-g", "go_producer", "-t", where)["connections"]
        assert consumer["language"] == producer["language"] == "GO"
        assert consumer["clientId"] == producer["clientId"]
        shown = wait_until(lambda: info(consumer["clientId"]), "the client's figures can be written", 40)
        assert shown["properties"]["PROP_CLIENT_VERSION"].startswith("v2.")
        assert [q["queueId"] for q in shown["queues"] if q["topic"] == where] == [0]
        assert "goroutine" in shown["jstack"]
        wait_until(lambda: queues() == [(1, 1)], "the client has committed its offset")

        if broker != "ours":
            return  # Apache's asks clients in the same way, which tests with Java's clients cover
        (reset,) = data("resetOffsetByTime", "-g", group, "-t", where, "-s", "0")["queues"]
        assert (reset["after"], reset["state"]) == (0, "done")
        client.wait_for("again", 60)
        wait_until(lambda: queues() == [(1, 1)], "the client has consumed again from there")
    finally:
        client.kill()


def test_over_tls_alone(driver: Path, scratch: Path) -> None:
    """Producer and consumer of a pair that takes no connection without TLS; without it they get nothing."""
    settings = {
        "tls.server.mode": "enforcing",
        "tls.server.certPath": str(CERTIFICATES / "server.pem"),
        "tls.server.keyPath": str(CERTIFICATES / "server.key"),
    }
    nameserver = OurNameServer(scratch / "go-tls-namesrv", settings=settings)
    nameserver.child.wait_for("boot success")
    broker = OurBroker(
        scratch / "go-tls-broker", nameserver.address, settings=settings | {"autoCreateTopicEnable": "true"}
    )
    try:
        broker.wait_ready()

        def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
            home = {**os.environ, "HOME": str(scratch / "go-tls-home"), **environment}
            line = [str(driver), words[0], nameserver.address, *words[1:]]
            return subprocess.run(line, capture_output=True, text=True, timeout=90, env=home)

        sent = run("send", "GoOverTls", "5", OVER_TLS="1")
        assert sent.returncode == 0, sent.stderr
        got = run("receive", "GoOverTls", "go_over_tls", "*", "5", "0", OVER_TLS="1")
        assert bodies(json.loads(got.stdout.splitlines()[-1])["result"]) == [f"m{i}" for i in range(5)]
        assert run("send", "GoOverTls", "1").returncode == 1
    finally:
        broker.child.kill()
        nameserver.child.kill()
