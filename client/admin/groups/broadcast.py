"""How far each client of a broadcasting group is: every client consumes every queue, and keeps its offsets itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.client.admin.topics.topic import broker_address
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import MessageQueue

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.client import ClientConnection
    from rocketmq_ops.client.admin.core import MQAdmin


class ClientOffset(NamedTuple):
    """One client's offset in one queue, and the end of the queue; None is unknown. `cached`: pulled, not consumed."""

    queue: MessageQueue
    client: ClientConnection
    consumer_offset: int | None
    broker_offset: int | None
    cached: int


async def client_offsets(
    admin: MQAdmin, group: str, clients: list[ClientConnection], topic: str | None = None
) -> tuple[list[ClientOffset], list[Failure]]:
    """The offsets that each client has, of one topic or of all; the clients and queues that could not be asked.

    Of several clients with one id a broker asks one: the others are among the failures.
    """
    asked = {client.client_id: client for client in reversed(clients)}

    async def ask(name: str) -> dict[MessageQueue, tuple[int, int]]:
        info = await admin.clients.running_info(asked[name].brokers[0], group, name)
        return {
            queue: (held.commit_offset, held.cached_msg_count)
            for queue, held in (info.mq_table or {}).items()
            if topic in (None, queue.topic) and not held.droped
        }

    fan = await admin.fan_out(asked, ask)
    failures = [
        admin.failure_of(f"client {name} ({asked[name].client_addr})", error) for name, error in fan.errors.items()
    ]
    failures += [
        Failure(
            f"client {client.client_id} ({client.client_addr})",
            "another client has its id, and a broker asks one of them",
            "give each client its own instance name",
        )
        for client in clients
        if asked[client.client_id] is not client
    ]
    queues = {queue for answer in fan.answers.values() for queue in answer}
    ends, unread = await _ends(admin, queues)
    offsets = [
        ClientOffset(queue, asked[name], offset if offset >= 0 else None, ends.get(queue), cached)
        for name, answer in fan.answers.items()
        for queue, (offset, cached) in answer.items()
    ]
    return sorted(offsets, key=lambda o: (o.queue, o.client.client_id)), failures + unread


async def _ends(admin: MQAdmin, queues: set[MessageQueue]) -> tuple[dict[MessageQueue, int], list[Failure]]:
    """The end of each queue as its broker tells it."""
    addresses: dict[tuple[str, str], str] = {}
    failures: list[Failure] = []
    for topic in sorted({queue.topic for queue in queues}):
        try:
            route = await admin.topics.route_data(topic)
        except RocketMQError as error:
            failures.append(admin.failure_of(f"topic {topic}", error))
            continue
        addresses |= {(topic, d.broker_name): a for d in route.broker_datas if (a := broker_address(d)) is not None}
    known = [queue for queue in sorted(queues) if (queue.topic, queue.broker_name) in addresses]

    async def end(queue: MessageQueue) -> int:
        address = addresses[queue.topic, queue.broker_name]
        return await admin.offsets.max_offset(address, queue.topic, queue.queue_id)

    fan = await admin.fan_out(known, end)
    unread = [
        admin.failure_of(f"{queue.broker_name} queue {queue.queue_id} of {queue.topic}", error)
        for queue, error in fan.errors.items()
    ]
    return fan.answers, failures + unread
