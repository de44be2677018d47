"""How long a broker takes to store messages: a bounded number of sends, one after the other, each with its time.

Mirrors what CheckMsgSendRTCommand, SendMsgStatusCommand and CLusterSendMsgRTCommand measure. The first send is not
counted in the times: it opens the connection.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.client.admin.fanout import fan_out
from rocketmq_ops.client.admin.messages.message_send import (
    MAX_BODY_BYTES,
    SendRequest,
    nothing_writable,
    outgoing_of,
    route_or_template,
    writable_queues,
)
from rocketmq_ops.client.api import send as api
from rocketmq_ops.client.api.send import DEFAULT_TOPIC_QUEUE_NUMS as DEFAULT_QUEUES
from rocketmq_ops.client.errors import InvalidValueError
from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.topics import topic_problem

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

#: Messages of one probe at most.
MAX_AMOUNT = 100_000
#: Failures in a row after which the rest is not sent: each may take the whole timeout.
GIVE_UP_AFTER = 3


class TimedSend(msgspec.Struct, rename="camel"):
    """One send. `rt_ms`: from the request to its answer or failure. A failed one has its `error` and no ids."""

    broker_name: str
    queue_id: int
    send_status: str | None
    rt_ms: float
    msg_id: str | None = None
    queue_offset: int | None = None
    error: str | None = None


class SendTimes(msgspec.Struct, rename="camel"):
    """Times in ms of the successful sends but the first; None when there are none."""

    average_ms: float
    median_ms: float
    p99_ms: float
    max_ms: float


class SendProbe(msgspec.Struct, rename="camel", kw_only=True):
    """What was (or would be) sent to a topic. `amount`: messages asked for; what is beyond sends was not sent.

    `creates_topic`: the topic is not there, and the broker makes it where autoCreateTopicEnable allows that.
    """

    topic: str
    amount: int
    size: int
    planned: bool
    creates_topic: bool
    brokers: list[str]
    sends: list[TimedSend] = []
    succeeded: int = 0
    failed: int = 0
    times: SendTimes | None = None
    failures: list[Failure] = []


async def probe(
    admin: MQAdmin, topic: str, amount: int, size: int, *, broker_name: str | None = None, plan: bool = False
) -> SendProbe:
    """Send `amount` messages of `size` bytes to the writable queues of a topic in turn, all or those of one broker.

    Raises NotFoundError when nothing writable is found, NoMasterError when the masters are away, InvalidValueError for
    a number out of bounds, and the error of the last send when all fail. Ends early after some failures in a row.
    """
    _check(topic, amount, size)
    route, is_template = await route_or_template(admin, topic)
    wanted = SendRequest(topic=topic, body=b"a" * size, broker_name=broker_name)
    queues = writable_queues(route, wanted, is_template)
    if not queues:
        raise nothing_writable(route, wanted)
    found = SendProbe(
        topic=topic,
        amount=amount,
        size=size,
        planned=plan,
        creates_topic=is_template,
        brokers=sorted({queue[0] for queue in queues}),
    )
    if plan:
        return found
    last = await _send_all(admin, found, wanted, queues)
    if last is not None and not found.succeeded:
        raise last
    found.times = _times([send.rt_ms for send in found.sends[1:] if send.error is None])
    return found


def _check(topic: str, amount: int, size: int) -> None:
    problem = topic_problem(topic)
    if problem is not None:
        raise InvalidValueError(problem, "choose another name")
    if amount > MAX_AMOUNT:
        raise InvalidValueError(f"{amount} messages are more than the limit of {MAX_AMOUNT}", "send fewer")
    if size > MAX_BODY_BYTES:
        raise InvalidValueError(f"a body of {size} bytes is over the limit of {MAX_BODY_BYTES}", "send a smaller one")


class BrokerTimes(msgspec.Struct, rename="camel"):
    """How long one broker takes; `times` is None when nothing is known."""

    cluster: str
    broker_name: str
    succeeded: int
    failed: int
    times: SendTimes | None


class ClusterTimes(msgspec.Struct, rename="camel"):
    """How long each broker takes for `amount` messages of `size` bytes to the topic of its own name."""

    amount: int
    size: int
    planned: bool
    brokers: list[BrokerTimes]
    failures: list[Failure] = []


async def probe_broker(admin: MQAdmin, broker_name: str, amount: int, size: int, *, plan: bool = False) -> SendProbe:
    """Send to the topic that every broker has under its own name. Raises NotFoundError for an unknown broker."""
    await admin.cluster.by_name(broker_name)
    return await probe(admin, broker_name, amount, size, broker_name=broker_name, plan=plan)


async def probe_clusters(
    admin: MQAdmin, cluster: str | None, amount: int, size: int, *, plan: bool = False
) -> ClusterTimes:
    """Every broker of one cluster, or of all, one after the other, so that they do not slow each other down.

    Raises NotFoundError for an unknown cluster, AllFailedError when no broker stored anything.
    """
    named = dict.fromkeys(
        (broker.cluster or "", broker.broker_name or "") for broker in await admin.cluster.brokers(cluster)
    )

    async def one(key: tuple[str, str]) -> SendProbe:
        return await probe(admin, key[1], amount, size, broker_name=key[1], plan=plan)

    fan = await fan_out(named, one, concurrency=1)
    fan.require_some("sending")
    found = ClusterTimes(amount, size, plan, [])
    for key in named:
        answer = fan.answers.get(key)
        if answer is None:
            found.brokers.append(BrokerTimes(*key, 0, 0, None))
            found.failures.append(admin.failure_of(key[1], fan.errors[key]))
        else:
            found.brokers.append(BrokerTimes(*key, answer.succeeded, answer.failed, answer.times))
            found.failures += answer.failures
    return found


async def _send_all(
    admin: MQAdmin, found: SendProbe, wanted: SendRequest, queues: list[tuple[str, str, int, int]]
) -> RocketMQError | None:
    """Send, and note each in `found`. The last error."""
    last: RocketMQError | None = None
    in_a_row = 0
    for number in range(found.amount):
        broker_name, address, queue_id, count = queues[number % len(queues)]
        queue = MessageQueue(found.topic, broker_name, queue_id)
        outgoing = outgoing_of(wanted)
        started = time.perf_counter()
        try:
            sent = await api.send(
                admin.session,
                address,
                outgoing,
                wanted.producer_group,
                queue,
                template_queues=min(count, DEFAULT_QUEUES),
            )
        except RocketMQError as error:
            taken = _ms_since(started)
            found.sends.append(TimedSend(broker_name, queue_id, None, taken, error=error.cause))
            found.failures.append(admin.failure_of(f"{broker_name} queue {queue_id}", error))
            found.failed += 1
            last, in_a_row = error, in_a_row + 1
            if in_a_row == GIVE_UP_AFTER:
                return last
            continue
        taken = _ms_since(started)
        in_a_row = 0
        found.succeeded += 1
        found.sends.append(
            TimedSend(broker_name, sent.queue.queue_id, sent.status, taken, sent.msg_id, sent.queue_offset)
        )
    return last


def _ms_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _times(taken: list[float]) -> SendTimes | None:
    if not taken:
        return None
    ordered = sorted(taken)

    def at(share: float) -> float:
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    return SendTimes(round(sum(ordered) / len(ordered), 3), at(0.5), at(0.99), ordered[-1])
