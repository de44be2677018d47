"""Which queues of clients are stuck: nothing was consumed of one for a minute, and a message has waited for as long.

A client tells when it last consumed a message of a queue, and not since when it has the ones that it holds
(`ConsumerRunningInfo.analyzeProcessQueue` calls it blocked by that alone). After a pause of a broker, or in a topic
that is seldom sent to, that was long ago also where the first message came a second ago.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rocketmq_ops.client.admin.groups.consumer_status import BLOCKED_MS, ConsumerStatusReport, Problem
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.table import OrMore


def long_enough(waiting_ms: int | None) -> bool:
    """Whether messages may have waited for so long that the queue is stuck; also where that is not known."""
    return waiting_ms is None or isinstance(waiting_ms, OrMore) or waiting_ms >= BLOCKED_MS


def without_new(found: ConsumerStatusReport, seen: GroupSeen | None) -> ConsumerStatusReport:
    """Without stuck queues where no message has waited for long enough, as looks saw them come."""
    return msgspec.structs.replace(found, problems=still_blocked(found.problems, seen))


def still_blocked(problems: Iterable[Problem], seen: GroupSeen | None) -> list[Problem]:
    """Without stuck queues of a group in which no message has waited for long enough, and without those that move. One
    that has caught up within its window counts as well for as long as that, but does not move once it stands still."""
    if seen is None:
        return list(problems)
    moving = {
        (queue.topic, queue.broker, queue.queue_id) for queue in seen.lag.queues if queue.state is LagState.OK
    }.difference((key.topic, key.broker, key.queue_id) for key in seen.standing)
    waits = long_enough(seen.waiting_ms)
    return [
        each
        for each in problems
        if each.kind != "blocked" or (waits and (each.topic, each.broker_name, each.queue_id) not in moving)
    ]
