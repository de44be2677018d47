"""Consumers whose queue the broker moves: a topic made anew, an operator's reset, messages deleted before their time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ConsumeContext,
    ConsumeResult,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PushConsumer,
)
from rocketmq_ops.client.api.pull import PullStatus
from rocketmq_ops.client.consumer import offset_store, rebalance
from rocketmq_ops.client.consumer.consume_services import listen
from rocketmq_ops.client.consumer.process_queue import ProcessQueue
from rocketmq_ops.client.consumer.pull_loop import PullLoop
from rocketmq_ops.client.queue_api import PullResult
from rocketmq_ops.client.trace_text import EXCEPTION, SUCCESS, TIME_OUT
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.remoting.bodies.enums import BROADCASTING

QUEUE = MessageQueue("T", "broker-a", 0)


def first(**settings: Any) -> ConsumeSettings:
    return ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET, pull_suspend_ms=50, **settings)


async def fill(c: Any, count: int) -> None:
    async with Producer("fill", c.options) as producer:
        for _ in range(count):
            await producer.send(Message("T", b"x"))


def saved(c: Any) -> int:
    offset: int = c.broker.offsets.query("G", "T", 0)
    return offset


class Listener:
    """Notes the offsets it gets; `block` is asked before each, and awaited."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.running = self.most = 0
        self.block: Callable[[int], asyncio.Event | None] = lambda offset: None

    async def __call__(self, messages: list[MessageExt], context: ConsumeContext) -> None:
        self.running += 1
        self.most = max(self.most, self.running)
        self.offsets += [m.queue_offset for m in messages]
        event = self.block(messages[0].queue_offset)
        if event is not None:
            await event.wait()
        self.running -= 1


@pytest.mark.parametrize("orderly", [False, True])
def test_what_is_sent_to_a_topic_made_anew_is_consumed(tmp_path: Path, orderly: bool) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 5)
            listener = Listener()
            async with PushConsumer("G", listener, c.options, settings=first(orderly=orderly)) as consumer:
                consumer.subscribe("T")
                await until(lambda: saved(c) == 5)
                c.broker.store.delete_topics(["T"])
                held = consumer.rebalancer.held
                await until(lambda: QUEUE in held and not held[QUEUE].dropped and held[QUEUE].next_offset == 0)
                await fill(c, 3)
                await until(lambda: listener.offsets[5:] and max(listener.offsets[5:]) == 2)
            assert sorted(listener.offsets[5:]) == [0, 1, 2]
            assert saved(c) == 3
            await fill(c, 2)
            again = Listener()
            async with PushConsumer("G", again, c.options, settings=first(orderly=orderly)) as consumer:
                consumer.subscribe("T")
                await until(lambda: len(again.offsets) == 2)
            assert sorted(again.offsets) == [3, 4] and saved(c) == 5

    asyncio.run(main())


@pytest.mark.parametrize("orderly", [False, True])
def test_a_reset_by_the_broker_saves_what_was_consumed_since(tmp_path: Path, orderly: bool) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 4)
            listener, gate = Listener(), asyncio.Event()
            settings = first(orderly=orderly, concurrency=1, pull_batch_size=1)
            async with PushConsumer("G", listener, c.options, settings=settings) as consumer:
                consumer.subscribe("T")
                await until(lambda: saved(c) == 4)
                listener.block = lambda offset: gate if offset == 1 else None
                c.broker.offsets.assign_reset("T", "G", 0, 0)
                await until(lambda: listener.offsets[4:] == [0, 1])
                assert consumer.offsets.table[QUEUE] == 1
                gate.set()
                await until(lambda: saved(c) == 4)
            assert listener.offsets == [0, 1, 2, 3, 0, 1, 2, 3]

    asyncio.run(main())


def test_a_broadcasting_consumer_goes_on_where_its_queue_was_moved(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 5)
            listener = Listener()
            settings = first(message_model=BROADCASTING, offset_dir=str(tmp_path / "offsets"))
            async with PushConsumer("G", listener, c.options, settings=settings) as consumer:
                consumer.subscribe("T")
                table = consumer.offsets.table
                await until(lambda: table.get(QUEUE) == 5)
                c.broker.store.delete_topics(["T"])
                await until(lambda: table.get(QUEUE) == 0)
                await fill(c, 3)
                await until(lambda: table.get(QUEUE) == 3)
            assert sorted(listener.offsets[5:]) == [0, 1, 2]

    asyncio.run(main())


def test_what_a_listener_still_had_at_a_reset_counts_for_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 4)
            listener, old_gate, gate = Listener(), asyncio.Event(), asyncio.Event()
            listener.block = lambda offset: old_gate if offset == 3 else None
            async with PushConsumer("G", listener, c.options, settings=first()) as consumer:
                consumer.subscribe("T")
                await until(lambda: saved(c) == 3)
                old = consumer.rebalancer.held[QUEUE]
                listener.block = lambda offset: gate if offset else None
                c.broker.offsets.assign_reset("T", "G", 0, 0)
                await until(lambda: sorted(listener.offsets[4:]) == [0, 1, 2, 3])
                table = consumer.offsets.table
                await until(lambda: table.get(QUEUE) not in (None, 0))
                assert table[QUEUE] == 1
                old_gate.set()
                await until(lambda: old.in_flight == 0)
                assert table[QUEUE] == 1
                gate.set()
                await until(lambda: saved(c) == 4)

    asyncio.run(main())


@pytest.mark.parametrize("how", ["reset", "given up"])
def test_what_fails_in_a_queue_that_is_another_ones_by_now_is_not_given_back(tmp_path: Path, how: str) -> None:
    """Whoever has the queue gets the message from there: given back, it would be delivered twice."""

    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 1)
            gate, calls = asyncio.Event(), list[str]()

            async def fails_once(messages: list[MessageExt], context: ConsumeContext) -> None:
                calls.append(messages[0].topic)
                if len(calls) == 1:
                    await gate.wait()
                    raise ValueError

            async with PushConsumer("G", fails_once, c.options, settings=first()) as consumer:
                consumer.subscribe("T")
                await until(lambda: len(calls) == 1)
                old = consumer.rebalancer.held[QUEUE]
                if how == "reset":
                    c.broker.offsets.assign_reset("T", "G", 0, 0)
                    await until(lambda: len(calls) == 2)
                else:
                    consumer.unsubscribe("T")
                    await until(lambda: QUEUE not in consumer.rebalancer.held)
                gate.set()
                await until(lambda: old.in_flight == 0)
                assert c.broker.store.max_offset("SCHEDULE_TOPIC_XXXX", 2) == 0
                assert c.broker.store.max_offset("%RETRY%G", 0) == 0

    asyncio.run(main())


def test_a_reset_of_an_orderly_queue_waits_for_its_listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rebalance, "GIVE_UP_WAIT_SECONDS", 0.01)

    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 4)
            listener, gate = Listener(), asyncio.Event()
            listener.block = lambda offset: gate if offset == 3 else None
            async with PushConsumer("G", listener, c.options, settings=first(orderly=True)) as consumer:
                consumer.subscribe("T")
                await until(lambda: saved(c) == 3)
                old = consumer.rebalancer.held[QUEUE]
                c.broker.offsets.assign_reset("T", "G", 0, 0)
                await until(lambda: old.dropped)
                await consumer.rebalance()  # it cannot have the queue yet, and keeps where to go on
                assert consumer.rebalancer.held[QUEUE] is old and listener.running == 1
                # As from a broker that has not applied yet what it was told.
                consumer.offsets.read = lambda queue: asyncio.sleep(0, 4)  # type: ignore[method-assign]
                gate.set()
                await until(lambda: len(listener.offsets) == 8)
                await until(lambda: saved(c) == 4)
            assert listener.offsets == [0, 1, 2, 3, 0, 1, 2, 3] and listener.most == 1

    asyncio.run(main())


def test_a_lite_pull_consumer_commits_what_it_polled_since(tmp_path: Path) -> None:
    async def main() -> None:
        async with cluster(tmp_path, T=1) as c:
            await fill(c, 5)
            async with LitePullConsumer("G", c.options, settings=first(), auto_commit=False) as consumer:
                consumer.subscribe("T")
                got: list[int] = []

                async def poll(count: int) -> list[int]:
                    async with asyncio.timeout(20):
                        while len(got) < count:
                            got.extend(m.queue_offset for m in await consumer.poll(500))
                    return got

                await poll(5)
                await consumer.commit()
                await until(lambda: saved(c) == 5)
                old = consumer.rebalancer.held[QUEUE]
                c.broker.store.delete_topics(["T"])
                await until(lambda: consumer.rebalancer.held[QUEUE].next_offset == 0)
                assert old.dropped and saved(c) == 5, "nothing is saved without a commit"
                await fill(c, 3)
                assert (await poll(8))[5:] == [0, 1, 2]
                await consumer.commit()
                await until(lambda: saved(c) == 3)

    asyncio.run(main())


def test_two_savings_of_a_broadcasting_consumer_come_one_after_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The periodic one and that of a stop write the same file."""
    both = threading.Barrier(2)

    def save(path: str, text: str) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(0.3)

    monkeypatch.setattr(offset_store, "save_with_backup", save)

    async def main() -> None:
        store = offset_store.LocalFileOffsetStore(str(tmp_path), "client", "G")
        store.table[QUEUE] = 1
        await asyncio.gather(store.persist([QUEUE]), store.persist([QUEUE]))

    asyncio.run(main())
    assert both.broken, "two wrote at a time"


def messages(*offsets: int) -> list[MessageExt]:
    host = ("127.0.0.1", 1)
    return [MessageExt("T", 0, n, 0, 0, b"x", 0, 0, 0, 0, host, 0, host, 0, 0, {}, "") for n in offsets]


@pytest.mark.parametrize(
    ("held", "high", "moved"),
    [
        ((40, 41), 400, 7),  # a reset back
        ((40, 41), 400, 90),  # a reset ahead, over what is held
        ((), 30, 30),  # the end of the queue is gone
    ],
    ids=["back", "ahead", "end gone"],
)
def test_the_queue_is_consumed_from_where_the_broker_says(held: tuple[int, ...], high: int, moved: int) -> None:
    assert told(held, 42, 0, high, moved)[0] == [("moved", moved)]


def told(held: tuple[int, ...], next_offset: int, low: int, high: int, moved: int) -> tuple[list[Any], ProcessQueue]:
    """What a PullLoop asks of its consumer after an answer with these bounds and offset, and its queue."""
    calls: list[Any] = []
    consumer = SimpleNamespace(
        moved=lambda queue, offset: calls.append(("moved", offset)),
        passed_over=lambda queue, offset: calls.append(("passed over", offset)),
    )
    answer = PullResult(status=PullStatus.OFFSET_ILLEGAL, next_begin_offset=moved, min_offset=low, max_offset=high)

    async def main() -> ProcessQueue:
        queue = ProcessQueue(QUEUE)
        queue.put(messages(*held))
        queue.next_offset = next_offset
        await PullLoop(consumer, queue, lambda *_: None)._take(answer)  # type: ignore[arg-type]
        return queue

    return calls, asyncio.run(main())


def test_what_is_held_is_pulled_again_where_the_end_of_the_queue_is_gone() -> None:
    """It may be the part that is left: dropped without that, it would be lost."""
    assert told((40, 41, 70), 71, 0, 60, 60)[0] == [("moved", 40)]


def test_what_is_held_is_kept_where_the_broker_deleted_what_comes_after() -> None:
    calls, queue = told((40, 41), 42, 100, 400, 100)
    assert calls == [] and queue.next_offset == 100
    assert queue.remove(messages(40)) == 41
    assert queue.remove(messages(41)) == 100
    assert told((), 42, 100, 400, 100)[0] == [("passed over", 100)]


@pytest.mark.parametrize(("orderly", "expected"), [(True, SUCCESS), (False, TIME_OUT)], ids=["orderly", "concurrent"])
def test_a_listener_in_order_may_take_longer_than_the_consume_timeout(orderly: bool, expected: int) -> None:
    """Given again while it runs, its message would be consumed twice at a time."""

    async def slow(messages: list[MessageExt], context: ConsumeContext) -> None:
        await asyncio.sleep(0.05)

    assert answered(slow, orderly=orderly)[1] == expected


def answered(listener: Any, *, orderly: bool) -> tuple[ConsumeResult, int]:
    settings = ConsumeSettings(orderly=orderly, consume_timeout_ms=1)
    consumer: Any = SimpleNamespace(listener=listener, executor=None, settings=settings)

    async def main() -> Any:
        return await listen(consumer, messages(1), ConsumeContext(QUEUE))

    answer: tuple[ConsumeResult, int] = asyncio.run(main())
    return answer


def test_a_timeout_of_the_listeners_own_is_its_failure_when_in_order() -> None:
    async def fails(messages: list[MessageExt], context: ConsumeContext) -> None:
        raise TimeoutError

    assert answered(fails, orderly=True) == (ConsumeResult.RECONSUME_LATER, EXCEPTION)
