"""Queues shared out by our strategies and by Apache's of the same name: the same for the same."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.interop.apache import Driver
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.client.consumer import allocate
from rocketmq_ops.common.message import MessageQueue

SEED, CASES = 20261128, 600
ROOMS = ("east", "west", "north")
KINDS = ("averagely", "circle", "hash", "config", "room", "nearby")


def cases() -> list[dict[str, Any]]:
    """Groups of clients with the queues of a topic, and the strategy they have."""
    pick, made = random.Random(SEED), []
    for number in range(CASES):
        brokers = pick.sample([f"{room}@broker-{each}" for room in ROOMS for each in "ab"], pick.randint(1, 4))
        each = pick.randint(1, 8)
        clients = [
            f"{pick.choice(ROOMS)}@10.0.{number % 250}.{pick.randint(1, 250)}@{at}" for at in range(pick.randint(1, 7))
        ]
        made.append(
            {
                "strategy": KINDS[number % len(KINDS)], "nodes": pick.randint(1, 20),
                "rooms": pick.sample(ROOMS, pick.randint(1, 3)), "clients": sorted(clients),
                "client": pick.choice([*clients, "nobody"]) if number % 10 == 0 else pick.choice(clients),
                "queues": [["主题" if number % 7 == 0 else "T", name, at] for name in sorted(brokers) for at in range(each)],
            }
        )  # fmt: skip
    return made


def room_of(name: str) -> str:
    return name.split("@")[0]


def ours(case: dict[str, Any]) -> list[int]:
    """The places of the queues that the client has."""
    queues = [MessageQueue(*each) for each in case["queues"]]
    strategies: dict[str, Callable[[], allocate.AllocateStrategy]] = {
        "averagely": lambda: allocate.averagely,
        "circle": lambda: allocate.averagely_by_circle,
        "hash": lambda: allocate.consistent_hash(case["nodes"]),
        "config": lambda: allocate.by_config(queues[: case["nodes"] % len(queues)]),
        "room": lambda: allocate.by_machine_room(case["rooms"]),
        "nearby": lambda: allocate.machine_room_nearby(
            allocate.averagely, lambda queue: room_of(queue.broker_name), room_of
        ),
    }
    given = strategies[case["strategy"]]()("group", case["client"], queues, case["clients"])
    return [queues.index(queue) for queue in given]


@pytest.mark.parametrize("version", VERSIONS)
def test_clients_have_the_queues_that_java_s_would_have(version: str, drivers: Callable[[str], Driver]) -> None:
    asked = cases()
    theirs = drivers(version).ask("allocate", cases=asked)
    different = [(case, java, found) for case, java in zip(asked, theirs, strict=True) if java != (found := ours(case))]
    assert not different
    shared = Counter(case["strategy"] for case, java in zip(asked, theirs, strict=True) if java)
    assert min(shared[kind] for kind in KINDS) > CASES // len(KINDS) // 3
