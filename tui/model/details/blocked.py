"""Which queues of clients are stuck: nothing was consumed of one for a minute, and a message has waited for as long.

A client tells when it last consumed a message of a queue, and not since when it has the ones that it holds
(`ConsumerRunningInfo.analyzeProcessQueue` calls it blocked by that alone). After a pause of a broker, or in a topic
that is seldom sent to, that was long ago also where the first message came a second ago.
"""

from __future__ import annotations

import msgspec

from rocketmq_ops.client.admin.groups.consumer_status import BLOCKED_MS, ConsumerStatusReport
from rocketmq_ops.tui.model.moment import GroupSeen


def long_enough(waiting_ms: int | None) -> bool:
    """Whether messages may have waited for so long that the queue is stuck; also where that is not known."""
    return waiting_ms is None or waiting_ms >= BLOCKED_MS


def without_new(found: ConsumerStatusReport, seen: GroupSeen | None) -> ConsumerStatusReport:
    """Without stuck queues where no message of the group has waited for long enough, as looks saw them come."""
    if long_enough(None if seen is None else seen.waiting_ms):
        return found
    return msgspec.structs.replace(found, problems=[each for each in found.problems if each.kind != "blocked"])
