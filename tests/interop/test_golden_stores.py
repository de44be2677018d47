"""Our broker on stores that Apache's brokers wrote: every message of the manifests, field for field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.interop import stores
from tests.interop.apache import Driver
from tests.interop.ours import OurPair


@pytest.fixture(scope="module", params=stores.NAMES)
def served(request: pytest.FixtureRequest, scratch: Path) -> Iterator[tuple[str, OurPair]]:
    """The store's name, and our pair serving a copy of it."""
    folder = scratch / f"golden-{request.param}"
    store = stores.unpack(request.param, folder)
    pair = OurPair(folder, store=store, settings=stores.SIZES)
    yield request.param, pair
    assert pair.stop() == 0


def test_every_message_is_served_field_for_field(served: tuple[str, OurPair], drivers: Callable[[str], Driver]) -> None:
    name, pair = served
    expected = stores.by_queue(stores.manifest(name))
    # The client that wrote the manifest: 5.x takes the compression flag off a message that it unpacked, 4.9 leaves it.
    found = stores.read_queues(drivers(name.split("-")[0]), pair.namesrv_address, expected)
    for queue, messages in expected.items():
        by_offset = {m["queueOffset"]: m for m in found[queue]}
        missing = [m["queueOffset"] for m in messages if m["queueOffset"] not in by_offset]
        assert missing == [], f"{queue}: offsets that are not served"
        for message in messages:
            assert stores.comparable(by_offset[message["queueOffset"]]) == stores.comparable(message)


def test_messages_are_found_by_key_and_id(served: tuple[str, OurPair], drivers: Callable[[str], Driver]) -> None:
    name, pair = served
    driver = drivers("5.3.3")
    keyed = [m for m in stores.manifest(name) if m["topic"] == f"{prefix(name)}Orders" and "KEYS" in m["properties"]][
        :5
    ]
    assert keyed
    for message in keyed:
        key = message["properties"]["KEYS"].split()[0]
        printed = driver.mqadmin("queryMsgByKey", "-n", pair.namesrv_address, "-t", message["topic"], "-k", key)
        assert message["msgId"] in printed
        words = ["-n", pair.namesrv_address, "-t", message["topic"], "-i", message["msgId"]]
        assert f"Queue Offset:        {message['queueOffset']}" in driver.mqadmin("queryMsgByUniqueKey", *words)


def test_offsets_topics_and_groups_are_taken_over(
    served: tuple[str, OurPair], drivers: Callable[[str], Driver]
) -> None:
    name, pair = served
    driver = drivers("5.3.3")
    topics = driver.mqadmin("topicList", "-n", pair.namesrv_address).split()
    assert {m["topic"] for m in stores.manifest(name)} - set(topics) == set()
    topic, group = f"{prefix(name)}Orders", f"{prefix(name)}_group"
    progress = driver.mqadmin("consumerProgress", "-n", pair.namesrv_address, "-g", group)
    offsets = progress_offsets(progress, topic)
    assert sorted(offsets) == [0, 1, 2, 3], progress
    assert offsets == stored_offsets(pair.store, f"{topic}@{group}")


def prefix(name: str) -> str:
    """What the topics and groups of a golden store begin with."""
    return "Crash" if "killed" in name else "Gold"


def stored_offsets(store: Path, key: str) -> dict[int, int]:
    text = (store / "config" / "consumerOffset.json").read_text()
    # fastjson writes integer keys without quotes.
    table: dict[str, Any] = json.loads(re.sub(r"([{,]\s*)(\d+)\s*:", r'\1"\2":', text))["offsetTable"]
    return {int(queue): offset for queue, offset in table[key].items()}


def progress_offsets(printed: str, topic: str) -> dict[int, int]:
    rows = (line.split() for line in printed.splitlines() if line.startswith(topic + " "))
    return {int(row[2]): int(row[4]) for row in rows}


def test_the_store_goes_on(served: tuple[str, OurPair], drivers: Callable[[str], Driver]) -> None:
    """New messages follow the old ones."""
    name, pair = served
    topic = f"{prefix(name)}Bodies"
    driver = drivers("5.3.3")
    before = {q["queueId"]: q for q in driver.ask("offsets", namesrv=pair.namesrv_address, topic=topic)}
    messages = [{"topic": topic, "body": f"after {i}", "queue": i, "keys": "golden-after"} for i in range(4)]
    sent = driver.ask("send", namesrv=pair.namesrv_address, group="golden_after", messages=messages)
    for result in sent:
        assert result["status"] == "SEND_OK"
        assert result["queueOffset"] == before[result["queueId"]]["max"]
    got = driver.ask("pull", namesrv=pair.namesrv_address, topic=topic)
    assert {m["body"] for m in got if m.get("body", "").startswith("after ")} == {f"after {i}" for i in range(4)}
