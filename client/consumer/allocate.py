"""How a group's queues are shared out among its clients: Apache's AllocateMessageQueueStrategy implementations.

Every client computes the same from the same sorted lists, so that no two take one queue.
"""

from __future__ import annotations

import bisect
import hashlib
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

from rocketmq_ops.client.errors import ClientError
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


def by_machine_room(rooms: Collection[str]) -> AllocateStrategy:
    """The queues of brokers named `room@name` in these rooms, shared by all (AllocateMessageQueueByMachineRoom).

    The first queues are shared as neighbours, what does not divide goes one each to the first clients.
    """
    wanted = frozenset(rooms)

    def strategy(
        group: str, client_id: str, queues: Sequence[MessageQueue], client_ids: Sequence[str]
    ) -> list[MessageQueue]:
        if client_id not in client_ids:
            return []
        shared = [queue for queue in queues if _room_of(queue.broker_name) in wanted]
        index, clients = client_ids.index(client_id), len(client_ids)
        share, rest = divmod(len(shared), clients)
        mine = shared[index * share : (index + 1) * share]
        return mine + ([shared[share * clients + index]] if index < rest else [])

    return strategy


def _room_of(broker_name: str) -> str | None:
    # As Java's split("@"): empty parts at the end do not count.
    parts = broker_name.rstrip("@").split("@")
    return parts[0] if len(parts) == 2 else None


def machine_room_nearby(
    inner: AllocateStrategy, broker_room: Callable[[MessageQueue], str], client_room: Callable[[str], str]
) -> AllocateStrategy:
    """Queues go to clients of their room; those of rooms without a client to all (AllocateMachineRoomNearby).

    `inner` shares out each of these parts. The strategy raises ClientError for a queue or client without a room.
    """

    def strategy(
        group: str, client_id: str, queues: Sequence[MessageQueue], client_ids: Sequence[str]
    ) -> list[MessageQueue]:
        if client_id not in client_ids:
            return []
        queues_of: defaultdict[str, list[MessageQueue]] = defaultdict(list)
        for queue in queues:
            queues_of[_known_room(broker_room(queue), f"broker '{queue.broker_name}'")].append(queue)
        clients_of: defaultdict[str, list[str]] = defaultdict(list)
        for client in client_ids:
            clients_of[_known_room(client_room(client), f"client '{client}'")].append(client)
        here = client_room(client_id)
        own = queues_of.pop(here, [])
        mine = inner(group, client_id, own, clients_of[here]) if own else []
        for room, left in sorted(queues_of.items()):
            if room not in clients_of:
                mine += inner(group, client_id, left, client_ids)
        return mine

    return strategy


def _known_room(room: str, what: str) -> str:
    if not room:
        raise ClientError(f"{what} has no machine room", "return a name for every broker and client")
    return room


def consistent_hash(virtual_nodes: int = 10) -> AllocateStrategy:
    """Few queues move when a client comes or goes (AllocateMessageQueueConsistentHash with its MD5 ring).

    Each client stands on the ring `virtual_nodes` times.
    """
    if virtual_nodes < 0:
        raise ClientError(f"invalid number of virtual nodes {virtual_nodes}: expected 0 or more")

    def strategy(
        group: str, client_id: str, queues: Sequence[MessageQueue], client_ids: Sequence[str]
    ) -> list[MessageQueue]:
        ring = {_md5_start(f"{client}-{i}"): client for client in client_ids for i in range(virtual_nodes)}
        places = sorted(ring)
        if not places:
            return []
        return [
            queue
            for queue in queues
            if ring[places[bisect.bisect_left(places, _md5_start(_text_of(queue))) % len(places)]] == client_id
        ]

    return strategy


def _md5_start(text: str) -> int:
    return int.from_bytes(hashlib.md5(text.encode(), usedforsecurity=False).digest()[:4])


def _text_of(queue: MessageQueue) -> str:
    # MessageQueue.toString, which is what Java's clients hash.
    return f"MessageQueue [topic={queue.topic}, brokerName={queue.broker_name}, queueId={queue.queue_id}]"
