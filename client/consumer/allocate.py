"""How a group's queues are shared out among its clients: Apache's AllocateMessageQueueStrategy implementations.

Every client computes the same from the same sorted lists, so that no two take one queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rocketmq_ops.common.message import MessageQueue

#: (group, this client's id, all queues sorted, all client ids sorted) -> this client's queues.
AllocateStrategy = Callable[[str, str, Sequence[MessageQueue], Sequence[str]], list[MessageQueue]]


def averagely(
    group: str, client_id: str, queues: Sequence[MessageQueue], client_ids: Sequence[str]
) -> list[MessageQueue]:
    """Neighbouring queues, the first clients get one more where it does not divide (AllocateMessageQueueAveragely)."""
    if client_id not in client_ids:
        return []
    index, clients = client_ids.index(client_id), len(client_ids)
    share, rest = divmod(len(queues), clients)
    start = index * share + min(index, rest)
    return list(queues[start : start + share + (1 if index < rest else 0)])


def averagely_by_circle(
    group: str, client_id: str, queues: Sequence[MessageQueue], client_ids: Sequence[str]
) -> list[MessageQueue]:
    """Every n-th queue (AllocateMessageQueueAveragelyByCircle)."""
    if client_id not in client_ids:
        return []
    return list(queues[client_ids.index(client_id) :: len(client_ids)])


def by_config(queues: Sequence[MessageQueue]) -> AllocateStrategy:
    """Always these queues (AllocateMessageQueueByConfig)."""
    fixed = list(queues)
    return lambda group, client_id, all_queues, client_ids: list(fixed)
