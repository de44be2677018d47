"""Apache's Go client through our pair: it parses routes, answers and bodies with its own code, not Java's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.interop import toolchain
from tests.interop.apache import wait_until
from tests.interop.ours import OurPair, mqadmin

Name = Callable[[str], str]
Go = Callable[..., list[dict[str, Any]]]
SOURCES = Path(__file__).parent / "go"


@pytest.fixture(scope="module")
def pair(scratch: Path) -> Any:
    """A pair that makes topics when they are sent to, as Apache's does by default."""
    ours = OurPair(scratch / "go-ours", settings={"autoCreateTopicEnable": "true"})
    yield ours
    ours.stop()


@pytest.fixture(scope="module")
def go(pair: OurPair, scratch: Path) -> Go:
    """Runs one operation of the driver against our pair and gives its result."""
    if shutil.which("go") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("no `go` on the PATH: the Go client needs a Go toolchain, 1.21 or newer")
        pytest.skip("no `go` on the PATH")
    driver = toolchain.go_driver(SOURCES)

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


def topic(pair: OurPair, name: str, queues: int = 2) -> str:
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
