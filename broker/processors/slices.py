"""Bounds for the work that one request can cause in one turn of the loop.

Apache's broker does such work in a thread of its own. Here every other client would wait, so what grows with a number
from the wire is limited (`MAX_QUEUE_NUMS`, `MAX_ENTRIES`), done for queues that exist and not for those that are
merely configured (`queues_of`), and done in slices between which other requests are handled (`in_slices`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Sequence
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from rocketmq_ops.common.steps import Steps
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

T = TypeVar("T")
R = TypeVar("R")

#: Queues that a topic may have, and retry queues of a group. Apache's broker has no limit, and dies of the memory.
MAX_QUEUE_NUMS = 16_384
#: Of a topic's queues those below this are always reported, those above when something was ever put into them.
ALWAYS_REPORTED = 1_024
#: Topics or groups in one request that sets many.
MAX_ENTRIES = 5_000
#: Items that are dealt with in the turn of their request.
MOST_AT_ONCE = 256
#: s that a slice takes before the loop has its turn.
SLICE_SECONDS = 0.004


def queues_of(controller: BrokerController, topic: str, queue_nums: int) -> Sequence[int]:
    """The ids of the queues below `queue_nums` that are worth reporting, in order."""
    if queue_nums <= ALWAYS_REPORTED:
        return range(queue_nums)
    existing = controller.store.queue_ids(topic, queue_nums)
    return [*range(ALWAYS_REPORTED), *(queue_id for queue_id in existing if queue_id >= ALWAYS_REPORTED)]


def too_many_queues(number: int, what: str) -> str | None:
    """Why so many queues are refused, or None."""
    if number <= MAX_QUEUE_NUMS:
        return None
    return f"{what} {number} is more than this broker's limit of {MAX_QUEUE_NUMS}"


def too_many_entries(number: int, what: str) -> str | None:
    """Why so many topics or groups in one request are refused, or None."""
    if number <= MAX_ENTRIES:
        return None
    return f"{number} {what} in one request are more than this broker's limit of {MAX_ENTRIES}: send them in several"


def answer_in_slices(
    channel: Channel,
    request: RemotingCommand,
    items: Iterable[T],
    work: Callable[[T], object],
    encode: Callable[[], bytes],
    *,
    in_thread: bool = True,
) -> Answer:
    """The answer whose body is what `encode` returns after `work` was called with each item.

    Of many items it comes later, made in slices. The text is then made in a thread, for nothing else uses the body,
    unless `encode` does more than that (`in_thread` False).
    """
    items = list(items)
    if len(items) <= MOST_AT_ONCE:
        for item in items:
            work(item)
        return request.reply(body=encode())

    async def answer() -> RemotingCommand:
        await in_slices(items, work)
        return request.reply(body=await asyncio.to_thread(encode) if in_thread else encode())

    return answer_later(channel, request, answer())


async def in_slices(items: Iterable[T], work: Callable[[T], object]) -> None:
    """Call `work` with each item, and let the loop have its turn every few ms."""

    def steps() -> Generator[None, None, None]:
        for item in items:
            work(item)
            yield

    await rest_of(steps())


async def rest_of(steps: Generator[None, None, R]) -> R:
    """What a generator returns at its end; the loop has its turn every few ms."""
    all_steps = Steps(steps)
    until = perf_counter() + SLICE_SECONDS
    for _ in all_steps:
        if perf_counter() >= until:
            await asyncio.sleep(0)
            until = perf_counter() + SLICE_SECONDS
    return all_steps.result
