"""While a consumer lacks a queue of its share, it tries again soon, and not after the long interval between rebalances."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from client_cluster import Cluster, cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientInstance,
    ConsumeContext,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PushConsumer,
    queue_api,
)
from rocketmq_ops.client.consumer import locks, rebalance
from rocketmq_ops.client.consumer.group_consumer import GroupConsumer
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.remoting.errors import RemotingTimeoutError

QUEUE = MessageQueue("T", "broker-a", 0)
KEY = ("T", "broker-a", 0)
NO_ANSWER = RemotingTimeoutError("no answer", address="127.0.0.1:1")
#: More than a start and what the broker calls for as the group begins make.
TRIES = 6


@asynccontextmanager
async def two_clients(
    directory: Path, queues: int = 1
) -> AsyncIterator[tuple[Cluster, list[ClientInstance], Callable[[int], None]]]:
    """A cluster with a topic, two clients that rebalance once an hour, and who is to have its queues: the first, as long as
    the function has not said another one."""
    async with cluster(directory, T=queues) as c:
        c.options.rebalance_interval_ms, c.options.rebalance_again_ms = 3_600_000, 5
        instances = []
        for name in ("one", "two"):
            c.options.instance_name = name
            instances.append(ClientInstance(c.options))
        of = [instances[0].client_id]

        def give_to(number: int) -> None:
            of[0] = instances[number].client_id
            for instance in instances:
                instance.rebalance_immediately()

        instances[0].share = instances[1].share = (  # type: ignore[attr-defined]
            lambda group, me, queues, clients: queues if me == of[0] else []
        )
        yield c, instances, give_to


def of_instance(instance: Any, **settings: Any) -> dict[str, Any]:
    """The arguments of a consumer that shares queues as `two_clients` says."""
    given = ConsumeSettings(
        consume_from_where=FROM_FIRST_OFFSET, allocate=instance.share, pull_suspend_ms=50, **settings
    )
    return {"instance": instance, "settings": given}


async def do_nothing(messages: list[MessageExt], context: ConsumeContext) -> None:
    pass


def holds(consumer: GroupConsumer) -> bool:
    return QUEUE in consumer.rebalancer.held


def failing(ask: Any, error: RocketMQError, count: int) -> Any:
    """`ask`, which fails so many times before it is asked, and counts in `tries`."""

    async def asked(*args: Any, **more: Any) -> Any:
        asked.tries += 1  # type: ignore[attr-defined]
        if asked.tries <= count:  # type: ignore[attr-defined]
            raise error
        return await ask(*args, **more)

    asked.tries = 0  # type: ignore[attr-defined]
    return asked


@pytest.mark.parametrize("kind", [PushConsumer, LitePullConsumer])
def test_a_queue_whose_offset_cannot_be_read_is_taken_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, (instance, _), _):
            reading = failing(queue_api.consumer_offset, NO_ANSWER, TRIES)
            monkeypatch.setattr(queue_api, "consumer_offset", reading)
            listener = (do_nothing,) if kind is PushConsumer else ()
            async with kind("G", *listener, **of_instance(instance)) as consumer:
                consumer.subscribe("T")
                await until(lambda: holds(consumer))
                assert reading.tries > TRIES
                assert await consumer.rebalance()

    asyncio.run(main())


def test_the_queues_of_a_group_whose_clients_no_broker_told_are_taken_soon(tmp_path: Path) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, (instance, _), _):
            asking = failing(instance.consumer_ids, NO_ANSWER, 2 * TRIES)  # for the retry topic, too
            instance.consumer_ids = asking
            async with PushConsumer("G", do_nothing, **of_instance(instance)) as consumer:
                consumer.subscribe("T")
                await until(lambda: holds(consumer))
                assert asking.tries > 2 * TRIES

    asyncio.run(main())


def test_a_lock_that_another_client_has_is_asked_for_until_it_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (c, (instance, _), _):
            c.broker.locks.try_lock_batch("G", [KEY], "another")
            asking = failing(queue_api.lock_queues, NO_ANSWER, 0)
            monkeypatch.setattr(queue_api, "lock_queues", asking)
            async with PushConsumer("G", do_nothing, **of_instance(instance, orderly=True)) as consumer:
                consumer.subscribe("T")
                await until(lambda: asking.tries > 2 * TRIES)
                assert not holds(consumer) and not await consumer.rebalance()
                c.broker.locks.unlock_batch("G", [KEY], "another")
                await until(lambda: holds(consumer))

    asyncio.run(main())


def test_an_orderly_queue_is_handed_over_soon_after_its_listener_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebalance, "GIVE_UP_WAIT_SECONDS", 0.001)

    async def main() -> None:
        async with two_clients(tmp_path) as (c, instances, give_to):
            async with Producer("fill", c.options) as producer:
                for _ in range(3):
                    await producer.send(Message("T", b"x"))
            got: list[tuple[int, int]] = []
            began, gate = asyncio.Event(), asyncio.Event()

            async def slow(messages: list[MessageExt], context: ConsumeContext) -> None:
                began.set()
                await gate.wait()
                got.extend((0, message.queue_offset) for message in messages)

            async def quick(messages: list[MessageExt], context: ConsumeContext) -> None:
                got.extend((1, message.queue_offset) for message in messages)

            async with (
                PushConsumer("G", slow, **of_instance(instances[0], orderly=True)) as first,
                PushConsumer("G", quick, **of_instance(instances[1], orderly=True)) as second,
            ):
                for consumer in (first, second):
                    consumer.subscribe("T")
                await began.wait()
                asking = failing(queue_api.lock_queues, NO_ANSWER, 0)
                monkeypatch.setattr(queue_api, "lock_queues", asking)
                give_to(1)
                await until(lambda: asking.tries > TRIES)
                assert holds(first) and not holds(second)
                info = first.rebalancer.held[QUEUE].info(0)
                assert info.droped and info.locked and info.try_unlock_times > 0, "as consumerStatus looks for it"
                gate.set()
                await until(lambda: len(got) == 3)
            assert got == [(0, 0), (1, 1), (1, 2)]

    asyncio.run(main())


def test_a_lock_behind_which_a_take_failed_is_given_back_when_the_queue_is_anothers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (c, instances, give_to):
            table = c.broker.locks.table
            ask = queue_api.consumer_offset

            async def no_offset(instance: ClientInstance, group: str, queue: MessageQueue) -> int | None:
                if queue == QUEUE:
                    raise NO_ANSWER
                return await ask(instance, group, queue)

            def owner() -> str | None:
                lock = table.get("G", {}).get(KEY)
                return None if lock is None else lock.client_id

            monkeypatch.setattr(queue_api, "consumer_offset", no_offset)
            async with (
                PushConsumer("G", do_nothing, **of_instance(instances[0], orderly=True)) as first,
                PushConsumer("G", do_nothing, **of_instance(instances[1], orderly=True)) as second,
            ):
                for consumer in (first, second):
                    consumer.subscribe("T")
                await until(lambda: owner() == instances[0].client_id)
                give_to(1)
                await until(lambda: owner() == instances[1].client_id)
                assert not holds(first) and not holds(second)
            await until(lambda: owner() is None)  # and at the end

    asyncio.run(main())


@asynccontextmanager
async def orderly_consumers(instances: list[ClientInstance]) -> AsyncIterator[tuple[PushConsumer, PushConsumer]]:
    """Consumers in order of the two clients, once the first one has the queue."""
    async with (
        PushConsumer("G", do_nothing, **of_instance(instances[0], orderly=True)) as first,
        PushConsumer("G", do_nothing, **of_instance(instances[1], orderly=True)) as second,
    ):
        for consumer in (first, second):
            consumer.subscribe("T")
        await until(lambda: holds(first))
        yield first, second


def test_a_lock_is_still_had_when_nobody_can_be_asked_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, instances, _), orderly_consumers(instances) as (first, _):
            monkeypatch.setattr(instances[0].routes, "master", lambda name: None)
            await first.rebalancer.refresh_locks()
            assert first.rebalancer.held[QUEUE].lock_valid

    asyncio.run(main())


def test_a_lock_is_given_back_where_it_was_had_while_no_route_has_the_master(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, instances, give_to), orderly_consumers(instances) as (first, second):
            monkeypatch.setattr(instances[0].routes, "master", lambda name: None)
            give_to(1)
            await until(lambda: holds(second))
            assert not holds(first)

    asyncio.run(main())


def test_the_offset_is_saved_where_the_lock_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a route has the slave alone, pulls and offsets go to that one."""

    async def main() -> None:
        async with two_clients(tmp_path) as (c, instances, give_to), orderly_consumers(instances) as (first, second):
            began, master_address, start_offset = list[int](), queue_api.master_address, second.rebalancer.start_offset
            master = await master_address(instances[0], QUEUE)

            async def in_the_route(instance: ClientInstance, queue: MessageQueue) -> str:
                another = f"127.0.0.1:{c.namesrv.server.port}"
                return another if instance is instances[0] else await master_address(instance, queue)

            async def begin(queue: MessageQueue) -> int:
                offset = await start_offset(queue)
                if queue == QUEUE:
                    began.append(offset)
                return offset

            monkeypatch.setattr(queue_api, "master_address", in_the_route)
            monkeypatch.setattr(instances[0].routes, "master", lambda name: None)
            monkeypatch.setattr(instances[0].routes, "subscribe_address", lambda name, broker_id=0: (master, True))
            monkeypatch.setattr(second.rebalancer, "start_offset", begin)
            async with Producer("fill", c.options) as producer:
                for _ in range(3):
                    await producer.send(Message("T", b"x"), queue=QUEUE)
            await until(lambda: first.offsets.table.get(QUEUE) == 3)
            give_to(1)
            await until(lambda: holds(second))
            assert began == [3]

    asyncio.run(main())


def test_a_lock_is_given_back_until_the_broker_has_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, instances, give_to), orderly_consumers(instances) as (_, second):
            giving = failing(queue_api.unlock_queues, NO_ANSWER, TRIES)
            monkeypatch.setattr(queue_api, "unlock_queues", giving)
            give_to(1)
            await until(lambda: holds(second))
            assert giving.tries > TRIES

    asyncio.run(main())


def test_a_lock_that_has_run_out_at_the_broker_is_not_given_back_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, instances, give_to), orderly_consumers(instances) as (first, _):
            giving = failing(queue_api.unlock_queues, NO_ANSWER, 1_000_000)
            monkeypatch.setattr(queue_api, "unlock_queues", giving)
            give_to(1)
            await until(lambda: giving.tries > TRIES)
            assert not await first.rebalance()
            monkeypatch.setattr(locks, "BROKER_KEEPS_MS", -1)
            assert await first.rebalance()

    asyncio.run(main())


def test_a_suspended_consumer_has_its_queues_soon_after_it_goes_on(tmp_path: Path) -> None:
    async def main() -> None:
        async with two_clients(tmp_path) as (_, (instance, _), _):
            consumer = PushConsumer("G", do_nothing, **of_instance(instance))
            consumer.subscribe("T")
            consumer.suspend()
            async with consumer:
                assert not await consumer.rebalance() and not holds(consumer)
                consumer.resume()
                await until(lambda: holds(consumer))

    asyncio.run(main())


def test_listeners_at_queues_that_are_to_be_given_up_are_waited_for_side_by_side(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with two_clients(tmp_path, 4) as (c, instances, give_to):
            async with Producer("fill", c.options) as producer:
                for number in range(4):
                    await producer.send(Message("T", b"x"), queue=MessageQueue("T", "broker-a", number))
            gate, at_work = asyncio.Event(), 0

            async def hangs(messages: list[MessageExt], context: ConsumeContext) -> None:
                nonlocal at_work
                at_work += 1
                await gate.wait()

            async with PushConsumer("G", hangs, **of_instance(instances[0], orderly=True)) as consumer:
                consumer.subscribe("T")
                await until(lambda: at_work == 4)
                held = [each for each in consumer.rebalancer.held.values() if each.queue.topic == "T"]
                monkeypatch.setattr(rebalance, "GIVE_UP_WAIT_SECONDS", 3600)
                give_to(1)
                await until(lambda: all(each.dropped for each in held))
                gate.set()
                await until(lambda: all(each.released for each in held))

    asyncio.run(main())
