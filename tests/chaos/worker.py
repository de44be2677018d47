"""A client of the load, a process: `python -m tests.chaos.worker KIND NAME NAMESRV FOLDER`. SIGTERM ends it in order."""

from __future__ import annotations

import asyncio
import logging
import math
import os
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    ClientOptions,
    ConsumeContext,
    ConsumeResult,
    ConsumeSettings,
    Producer,
    PushConsumer,
    SendResult,
    SendSettings,
    SendStatus,
    TransactionProducer,
    TransactionState,
)
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.common.tasks import Tasks
from tests.chaos.commits import Commits
from tests.chaos.events import (
    ACK,
    DOWN,
    GOT,
    GROUP_OF,
    ORDERED,
    PAID,
    PLAIN,
    TRY,
    UNSURE,
    UP,
    Pen,
    first_reading_fails,
    outcome_of,
)
from tests.chaos.slaves import ReadsFromSlaves
from tests.chaos.stalls import Stalls

#: Level and seconds of the delays that are asked for.
DELAYS = ((1, 1.0), (2, 5.0))
#: Seconds, least and most, until the time of delivery that a message has of its own.
TIMED_SECONDS = (0.5, 5.0)
#: One try each: what is tried again is tried by the worker, which writes every try down.
ONCE = SendSettings(retry_times=0, send_timeout_ms=2_000)
PAUSE_SECONDS = 0.02
CHAINS_A_QUEUE = 2


class Worker:
    """What all kinds have: where the cluster is, the pen, and the wish to end."""

    def __init__(self, name: str, namesrv: str, folder: Path) -> None:
        self.name = name
        self.pen = Pen(folder, name)
        self.ending = asyncio.Event()
        self.options = ClientOptions(
            name_servers=namesrv,
            tls=os.environ.get("CHAOS_TLS"),
            # The same in each life: the brokers keep the locks of an ordered queue for a dead client for a minute.
            instance_name=name[:-1],
            poll_name_server_interval_ms=1_000,
            heartbeat_interval_ms=1_000,
            persist_offset_interval_ms=500,
            rebalance_interval_ms=1_000,
            api_timeout_ms=1_000,
            rpc_hooks=[ReadsFromSlaves(self.pen), Commits(self.pen)],
        )

    async def attempt(
        self,
        ident: str,
        topic: str,
        send: Callable[[], Awaitable[SendResult]],
        *,
        delay: float = 0.0,
        timed: bool = False,
        queue: int = -1,
    ) -> bool:
        """One try to send, written down before and after."""
        self.pen.write(TRY, ident, topic=topic, delay=delay, timed=timed, queue=queue)
        try:
            result = await send()
        except RocketMQError as error:
            self.pen.write(UNSURE, ident, topic=topic, note=str(error))
            return False
        where = {"broker": result.queue.broker_name, "queue": result.queue.queue_id, "offset": result.queue_offset}
        sure = result.status == SendStatus.SEND_OK
        what = ACK if sure else UNSURE
        self.pen.write(what, ident, topic=topic, delay=delay, timed=timed, note=result.status, **where)
        return sure

    async def pause(self, seconds: float = PAUSE_SECONDS) -> None:
        await asyncio.sleep(seconds * random.uniform(0.5, 1.5))


async def send_plain(worker: Worker) -> None:
    """Messages to any queue, some of them delayed, by a level or until a time of their own; none is tried twice."""

    def send_timed(producer: Producer, ident: str, seconds: float, relative: bool) -> Awaitable[SendResult]:
        # Computed after the try was written down, and rounded up: nothing is due before that time and the delay.
        wait, due = math.ceil(seconds * 1000), math.ceil((time.time() + seconds) * 1000)
        times = {"delay_time_ms": wait} if relative else {"deliver_time_ms": due}
        return producer.send(Message(PLAIN, ident.encode(), keys=ident, **times))

    async def sender(producer: Producer, lane: int) -> None:
        number = 0
        while not worker.ending.is_set():
            number += 1
            ident = f"{worker.name}.{lane}-{number}"
            if number % 10 == 5:
                seconds, relative = random.uniform(*TIMED_SECONDS), number % 20 == 5
                send = partial(send_timed, producer, ident, seconds, relative)
                await worker.attempt(ident, PLAIN, send, delay=seconds, timed=True)
                await worker.pause()
                continue
            level, seconds = random.choice(DELAYS) if number % 10 == 0 else (0, 0.0)
            message = Message(PLAIN, ident.encode(), keys=ident, delay_time_level=level)
            await worker.attempt(ident, PLAIN, lambda message=message: producer.send(message), delay=seconds)
            await worker.pause()

    async with Producer("plain-writers", worker.options, settings=ONCE) as producer, asyncio.TaskGroup() as lanes:
        for lane in range(4):
            lanes.create_task(sender(producer, lane))


async def send_ordered(worker: Worker) -> None:
    """Chains of messages, each to one queue: the next of a chain when the one before is acknowledged.

    A life may begin while a broker is away: its queues have their chains as soon as it is back.
    """

    async def chain(producer: Producer, queue: MessageQueue, number: int) -> None:
        step = 0
        while not worker.ending.is_set():
            step += 1
            ident = f"{worker.name}.{queue.broker_name}.{queue.queue_id}.{number}-{step}"
            message = Message(ORDERED, ident.encode(), keys=ident)
            while not await worker.attempt(
                ident,
                ORDERED,
                lambda message=message: producer.send(message, queue=queue),
                queue=queue.queue_id,
            ):
                if worker.ending.is_set():
                    return
                await worker.pause(0.2)
            await worker.pause()

    known: set[MessageQueue] = set()
    async with Producer("ordered-writers", worker.options, settings=ONCE) as producer, asyncio.TaskGroup() as chains:
        while not worker.ending.is_set():
            queues: list[MessageQueue] = []
            with suppress(RocketMQError):
                queues = await producer.queues(ORDERED)
            for queue in set(queues) - known:
                known.add(queue)
                for number in range(CHAINS_A_QUEUE):
                    chains.create_task(chain(producer, queue, number))
            await worker.pause(0.2)


class Outcomes:
    """A transaction's outcome is known from the message; some are known only when the broker asks."""

    async def execute(self, message: Message, _transaction_id: str, _arg: object) -> TransactionState:
        return {
            "commit": TransactionState.COMMIT,
            "rollback": TransactionState.ROLLBACK,
            "late commit": TransactionState.UNKNOWN,
        }[outcome_of(bytes(message.body).decode())]

    async def check(self, message: MessageExt) -> TransactionState:
        rolled_back = outcome_of(bytes(message.body).decode()) == "rollback"
        return TransactionState.ROLLBACK if rolled_back else TransactionState.COMMIT


async def send_transactions(worker: Worker) -> None:
    """Transactions that are committed, rolled back, or left for the broker to ask about."""
    producer = TransactionProducer("paid-writers", Outcomes(), worker.options, settings=ONCE, check_concurrency=4)
    async with producer:
        number = 0
        while not worker.ending.is_set():
            number += 1
            ident = f"{worker.name}-{number}"
            message = Message(PAID, ident.encode(), keys=ident)
            await worker.attempt(ident, PAID, lambda message=message: producer.send_in_transaction(message))
            await worker.pause(0.05)


async def answer_checks(worker: Worker) -> None:
    """A member of the transactions' group that sends nothing, and answers what brokers ask while others are dead."""
    async with TransactionProducer("paid-writers", Outcomes(), worker.options, settings=ONCE) as producer:
        with suppress(RocketMQError):
            await producer.queues(PAID)
        await worker.ending.wait()


async def consume(worker: Worker, topic: str) -> None:
    """Write down what comes; a few messages are asked for once more."""

    async def listen(messages: list[MessageExt], context: ConsumeContext) -> ConsumeResult:
        again = False
        for message in messages:
            ident = bytes(message.body).decode()
            where = {"topic": topic, "broker": context.queue.broker_name, "queue": context.queue.queue_id}
            retried = message.reconsume_times
            own = context.queue.topic == topic
            worker.pen.write(GOT, ident, offset=message.queue_offset if own else -1, again=retried, **where)
            again |= topic == PLAIN and first_reading_fails(ident) and own
        context.delay_level = 1
        return ConsumeResult.RECONSUME_LATER if again else ConsumeResult.SUCCESS

    settings = ConsumeSettings(
        orderly=topic == ORDERED,
        consume_from_where=FROM_FIRST_OFFSET,
        lock_interval_ms=1_000,
        retry_pull_ms=500,
        pull_timeout_ms=5_000,
        pull_suspend_ms=2_000,
    )
    started = time.monotonic()
    consumer = PushConsumer(GROUP_OF[topic], listen, worker.options, settings=settings)
    consumer.subscribe(topic)
    async with consumer:
        worker.pen.write(UP, "", topic=topic, seconds=time.monotonic() - started)
        await worker.ending.wait()
        ended = time.monotonic()
    worker.pen.write(DOWN, "", topic=topic, seconds=time.monotonic() - ended)


KINDS: dict[str, Callable[[Worker], Awaitable[None]]] = {
    "plain": send_plain,
    "ordered": send_ordered,
    "paid": send_transactions,
    "answers": answer_checks,
    **{f"read-{topic}": (lambda worker, topic=topic: consume(worker, topic)) for topic in GROUP_OF},
}


def _show_tasks() -> None:
    """Where each task stands, for whoever wants to know why a client does nothing."""
    for task in asyncio.all_tasks():
        task.print_stack(file=sys.stdout)
    sys.stdout.flush()


async def main(kind: str, name: str, namesrv: str, folder: str) -> None:
    worker = Worker(name, namesrv, Path(folder))
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, worker.ending.set)
    loop.add_signal_handler(signal.SIGUSR1, _show_tasks)
    tasks = Tasks()
    tasks.start(Stalls(worker.pen).watch(), "stalls")
    while not worker.ending.is_set():
        try:
            await KINDS[kind](worker)
        except RocketMQError as error:  # nothing answers at the start: a name server is dead
            print(f"{name}: {error}", flush=True)
            await worker.pause(0.3)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(main(*sys.argv[1:5]))
