"""Groups whose clients pull by themselves and have committed no offset: whether their applications take what they hold.

No broker knows. Clients do, as far as they tell of their queues (`DefaultLitePullConsumer` of 5.x does, that of 4.9 and
`DefaultMQPullConsumer` do not): which message is the first that waits in the client. Where it is the one of the run
before, the application has taken none in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.spans import human_span
from rocketmq_ops.housekeeping.history.runs import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.housekeeping.probe.groups import Online

#: What the figures are called that hold the offset of the first waiting message, by group and queue; as those of turns
#: they are for the next run alone.
HELD: Final = "held"
#: Groups, and clients of each, that are asked in a run.
_GROUPS, _CLIENTS = 10, 20
#: ms between two runs from which on a standstill is one: those that take at intervals have taken something.
_LEAST_MS: Final = 15_000


async def held(admin: MQAdmin, online: Mapping[str, Online]) -> dict[tuple[str, str], int]:
    """(group, `TOPIC BROKER:QUEUE`) -> offset of the first message that waits in a client; without what is not told."""

    async def one(group: str) -> dict[tuple[str, str], int]:
        result: dict[tuple[str, str], int] = {}
        for client in (await admin.clients.consumers(group)).connections[:_CLIENTS]:
            if client.brokers:
                info = await admin.clients.running_info(client.brokers[0], group, client.client_id)
                for queue, state in (info.mq_table or {}).items():
                    if state.cached_msg_count:
                        place = f"{queue.topic} {queue.broker_name}:{queue.queue_id}"
                        result[group, place] = state.cached_msg_min_offset
        return result

    clients = {name: each.subscribed for name, each in online.items()}
    asked = sorted(name for name, each in clients.items() if each.pulling and not each.broadcasting)[:_GROUPS]
    fan = await admin.fan_out(asked, one)
    return {key: offset for found in fan.answers.values() for key, offset in found.items()}


def figures(now: Mapping[tuple[str, str], int]) -> list[Figure]:
    """For the next run."""
    return [Figure(HELD, f"{group} {place}", offset) for (group, place), offset in now.items()]


def standing_still(
    now: Mapping[tuple[str, str], int], before: Mapping[str, float], between_ms: int | None
) -> dict[str, str]:
    """Why each group is one of which nothing is taken. `before`: the figures of the run before, by their targets."""
    found: dict[str, str] = {}
    if between_ms is not None and between_ms >= _LEAST_MS:
        for (group, place), offset in sorted(now.items()):
            if before.get(f"{group} {place}") == offset:
                found.setdefault(
                    group,
                    f"its application takes nothing: the message at {offset} of {place} has waited in the client since "
                    f"the run before, {human_span(between_ms)} ago",
                )
    return found
