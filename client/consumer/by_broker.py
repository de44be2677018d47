"""Calls about many queues: the brokers side by side, so that one that does not answer holds up no other's queues."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.errors import RemotingError

#: A queue, and what is asked of its broker.
QueueCall = tuple[MessageQueue, Callable[[], Awaitable[object]]]


async def broker_by_broker(calls: Iterable[QueueCall], failed: Callable[[MessageQueue, RocketMQError], None]) -> None:
    """Await all calls, those of one broker in their order, and give `failed` each RocketMQError.

    A call that gets no answer ends its broker's turn: the others would wait for the same, one after another.
    """
    of_broker: defaultdict[str, list[QueueCall]] = defaultdict(list)
    for call in calls:
        of_broker[call[0].broker_name].append(call)
    outcomes = await asyncio.gather(
        *(_in_turn(waiting, failed) for waiting in of_broker.values()), return_exceptions=True
    )
    for outcome in outcomes:
        if outcome is not None:
            raise outcome


async def _in_turn(calls: list[QueueCall], failed: Callable[[MessageQueue, RocketMQError], None]) -> None:
    for queue, call in calls:
        try:
            await call()
        except RocketMQError as error:
            failed(queue, error)
            if isinstance(error, RemotingError):
                return
