"""The same call to many servers: bounded concurrency, and every failure kept beside the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Generic, TypeVar

from rocketmq_ops.common.errors import AllFailedError, Failure, RocketMQError, failure_of

K = TypeVar("K")
T = TypeVar("T")

DEFAULT_CONCURRENCY = 32
#: Calls at a time in all lanes together.
MAX_CONCURRENCY = 640


#: (target, error) -> the failure to list: a front end says next steps in its own terms.
ToFailure = Callable[[str, RocketMQError], Failure]

#: (done, total), from (0, total) on, whenever another one is done; after the last, or when it is given up: None.
Progress = Callable[[tuple[int, int] | None], None]


class FanOut(Generic[K, T]):
    """Answers by target and errors by target; together they cover all targets, both in the targets' order."""

    def __init__(self, answers: dict[K, T], errors: dict[K, RocketMQError], to_failure: ToFailure = failure_of) -> None:
        self.answers = answers
        self.errors = errors
        self._to_failure = to_failure

    @property
    def failures(self) -> list[Failure]:
        """The errors as a list for a result."""
        return [self._to_failure(_named(target), error) for target, error in self.errors.items()]

    def require_some(self, what: str) -> FanOut[K, T]:
        """Itself, unless there were targets and every one failed: then raises AllFailedError."""
        if self.errors and not self.answers:
            raise AllFailedError(what, {_named(target): error for target, error in self.errors.items()})
        return self


def _named(target: object) -> str:
    """A target as failures say it; of a pair, as a server and a topic, both words."""
    return " ".join(map(str, target)) if type(target) is tuple else str(target)


async def fan_out(
    targets: Iterable[K],
    call: Callable[[K], Awaitable[T]],
    concurrency: int = DEFAULT_CONCURRENCY,
    to_failure: ToFailure = failure_of,
    progress: Progress | None = None,
    lane: Callable[[K], object] | None = None,
) -> FanOut[K, T]:
    """Await `call` for each target, at most `concurrency` at a time. RocketMQErrors are collected; others raise.

    With `lane`, which tells the server that a target is on, the bound holds for each server: all of them work at once,
    and requests to one server still leave in few writes.
    """
    order = list(dict.fromkeys(targets))
    results: dict[K, T] = {}
    errors: dict[K, RocketMQError] = {}
    lanes: dict[object, list[K]] = {}
    for target in order:
        lanes.setdefault(lane(target) if lane is not None else None, []).append(target)

    async def worker(pending: Iterator[K]) -> None:
        for target in pending:
            try:
                results[target] = await call(target)
            except RocketMQError as error:
                errors[target] = error
            if progress is not None:
                progress((len(results) + len(errors), len(order)))

    if progress is not None and order:
        progress((0, len(order)))
    try:
        if len(order) == 1:
            await worker(iter(order))
        elif order:
            at_once = max(1, min(concurrency, MAX_CONCURRENCY // len(lanes)))
            async with asyncio.TaskGroup() as group:
                for targets_of_lane in lanes.values():
                    pending = iter(targets_of_lane)
                    for _ in range(min(at_once, len(targets_of_lane))):
                        group.create_task(worker(pending))
    finally:
        if progress is not None:
            progress(None)
    return FanOut(
        {target: results[target] for target in order if target in results},
        {target: errors[target] for target in order if target in errors},
        to_failure,
    )
