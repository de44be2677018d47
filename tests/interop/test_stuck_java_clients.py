"""Apache's lite pull and push consumers that get on with nothing, on Apache's broker: what they tell, and what is seen by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.interop.apache import Driver, Pair, wait_until
from tests.interop.test_java_clients import make_topic, send

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.groups.consumer_status import BLOCKED_MS, RunningInfo, queue_problems, running_info
from rocketmq_ops.housekeeping.unsaved import Subscribed
from rocketmq_ops.remoting.bodies import ConsumerConnection

VERSION = "5.3.3"
Name = Callable[[str], str]


def asked(pair: Pair, group: str) -> tuple[ConsumerConnection, RunningInfo] | None:
    """The one client of a group: as the broker has it, and what it says of itself; None until it is there."""

    async def ask() -> tuple[ConsumerConnection, RunningInfo] | None:
        async with MQAdmin([pair.namesrv_address], timeout_ms=10_000) as admin:
            connected = await admin.clients.consumers_at(pair.broker_address, group)
            if connected is None:
                return None
            (client,) = connected.connection_set
            told = await admin.clients.running_info(pair.broker_address, group, client.client_id, jstack=False)
            return connected, running_info(told)

    return asyncio.run(ask())


def saved(pair: Pair, group: str, topic: str) -> dict[int, int]:
    async def ask() -> dict[int, int]:
        async with MQAdmin([pair.namesrv_address], timeout_ms=10_000) as admin:
            return dict((await admin.offsets.all_at(pair.broker_address)).get((topic, group), {}))

    return asyncio.run(ask())


def with_cached(pair: Pair, group: str, count: int) -> tuple[ConsumerConnection, RunningInfo]:
    """The same once it holds so many messages."""

    def there() -> tuple[ConsumerConnection, RunningInfo] | None:
        found = asked(pair, group)
        return found if found is not None and sum(queue.cached for queue in found[1].queues) == count else None

    found: tuple[ConsumerConnection, RunningInfo] = wait_until(there, f"the client holds {count} messages", 60)
    return found


def held_up(info: RunningInfo, topic: str, after_ms: int) -> set[int]:
    """The queues of a topic that are held up so long after each was polled or consumed last."""
    last = max(queue.last_consume_timestamp or 0 for queue in info.queues)
    found = queue_problems("c", info, last + after_ms)
    return {each.queue_id or 0 for each in found if each.kind == "blocked" and each.topic == topic}


def messages(topic: str, count: int) -> list[dict[str, Any]]:
    return [{"topic": topic, "body": f"m{number}", "keys": f"k{number}"} for number in range(count)]


def lite_pull(pair: Pair, driver: Driver, name: Name, *, assign: bool) -> None:
    topic, group, client = name("Lite"), name("lite_group"), name("lite")
    make_topic(driver, pair, topic, 2)
    send(driver, pair, messages(topic, 10))
    at = {"name": client, "namesrv": pair.namesrv_address}
    driver.ask("lite.subscribe", group=group, topic=topic, assign=assign, **at)
    try:
        connected, info = with_cached(pair, group, 10)
        subscribed = Subscribed.of(connected)
        assert subscribed.pulling
        assert subscribed.topics == (() if assign else (topic,)), "what is assigned is not subscribed to"
        assert [each.topic for each in info.subscriptions] == list(subscribed.topics)
        assert held_up(info, topic, BLOCKED_MS + 1) == {0, 1}
        assert held_up(info, topic, 0) == set()
        polled: list[Any] = []
        while len(polled) < 10:
            polled += driver.ask("lite.poll", name=client, timeoutMs=1000)
        info = with_cached(pair, group, 0)[1]
        assert {queue.queue_id for queue in info.queues} == {0, 1}
        assert held_up(info, topic, BLOCKED_MS + 1) == set(), "it holds nothing"
    finally:
        driver.ask("lite.close", name=client)


def test_a_lite_pull_consumer_that_polls_nothing_is_stuck(
    apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver], name: Name
) -> None:
    lite_pull(apache_pairs(VERSION), drivers(VERSION), name, assign=False)


def test_so_is_one_whose_queues_were_assigned_to_it(
    apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver], name: Name
) -> None:
    lite_pull(apache_pairs(VERSION), drivers(VERSION), name, assign=True)


def test_a_push_consumer_that_hangs_saves_what_it_began_with_once_it_was_asked_what_it_does(
    apache_pairs: Callable[[str], Pair], drivers: Callable[[str], Driver], name: Name
) -> None:
    pair, driver = apache_pairs(VERSION), drivers(VERSION)
    topic, group, client = name("Hangs"), name("hangs_group"), name("hangs")
    make_topic(driver, pair, topic, 1)
    at = {"name": client, "namesrv": pair.namesrv_address}
    driver.ask("subscribe", group=group, topic=topic, hangs=True, **at)
    try:
        driver.ask("assigned", name=client, topic=topic, count=1, timeoutMs=30_000)
        send(driver, pair, messages(topic, 5))
        driver.ask("consumer.commit", name=client)
        assert saved(pair, group, topic) == {}, "it has consumed nothing, and found nothing when it began"
        info = with_cached(pair, group, 5)[1]
        assert held_up(info, topic, BLOCKED_MS + 1) == {0}
        driver.ask("consumer.commit", name=client)
        wait_until(lambda: saved(pair, group, topic) == {0: 0}, "what was read from the broker meanwhile is saved")
    finally:
        driver.ask("consumer.close", name=client)
