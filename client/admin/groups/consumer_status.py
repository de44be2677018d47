"""What the online consumers of a group are doing, each asked itself, and what is wrong among them.

Mirrors ConsumerStatusSubCommand and the analyses of ConsumerRunningInfo. A client that does not answer is named; that
command leaves it out. Its "Rebalance OK" is said of every group: here the queues are compared with the topics' routes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from rocketmq_ops.client.admin.client import ClientConnection, Subscription, shared_ids
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure, RocketMQError, See
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.spans import human_span
from rocketmq_ops.remoting.bodies.enums import CLUSTERING, CONSUME_ACTIVELY, CONSUME_PASSIVELY

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin
    from rocketmq_ops.remoting.bodies import ConsumerRunningInfo

#: A queue with messages of which none was consumed for so long is held up (ConsumerRunningInfo.analyzeProcessQueue).
BLOCKED_MS: Final = 60_000

#: Of the ids of a group's clients those that are asked.
Chosen = Callable[[Sequence[str]], Sequence[str]]

ProblemKind = Literal[
    "different_subscription", "shared_id", "not_locked", "unlock_failed", "blocked", "unassigned", "assigned_twice"
]


class HeldQueue(msgspec.Struct, rename="camel", kw_only=True):
    """A queue as a pushed consumer holds it: offsets and counts in messages, times in ms, size in MiB.

    `cached` messages were pulled and not consumed yet. `locked` is of consumers in order.
    """

    topic: str
    broker_name: str
    queue_id: int
    commit_offset: int
    cached: int
    cached_min_offset: int
    cached_max_offset: int
    cached_size_mib: int
    transaction_count: int
    transaction_min_offset: int
    transaction_max_offset: int
    locked: bool
    dropped: bool
    try_unlock_times: int
    last_pull_timestamp: int | None
    last_consume_timestamp: int | None
    last_lock_timestamp: int | None


class PoppedQueue(msgspec.Struct, rename="camel", kw_only=True):
    """A queue as a popping consumer holds it."""

    topic: str
    broker_name: str
    queue_id: int
    wait_ack_count: int
    dropped: bool
    last_pop_timestamp: int | None


class TopicRates(msgspec.Struct, rename="camel", kw_only=True):
    """Rates of one topic over the last minute: RT in ms, TPS a second; failed messages of the last hour."""

    topic: str
    pull_rt: float
    pull_tps: float
    consume_rt: float
    consume_ok_tps: float
    consume_failed_tps: float
    consume_failed_msgs: int


class RunningInfo(msgspec.Struct, rename="camel", kw_only=True):
    """What a client says of itself. `start_timestamp` in ms. `jstack`: its threads, where they were asked for."""

    consume_type: str | None
    orderly: bool | None
    start_timestamp: int | None
    subscriptions: list[Subscription]
    queues: list[HeldQueue]
    pop_queues: list[PoppedQueue]
    rates: list[TopicRates]
    properties: dict[str, str]
    user_info: dict[str, str]
    jstack: str | None = None


class ClientStatus(msgspec.Struct, rename="camel", kw_only=True):
    """One client; `info` is None when it did not answer (then it is among the failures), or shares its id.

    Of several clients with one id a broker asks one: which, it does not tell. The first has the answer.
    """

    client_id: str
    client_addr: str
    language: str
    version: str
    brokers: list[str]
    shares_id: bool = False
    info: RunningInfo | None = None


class Problem(msgspec.Struct, rename="camel"):
    """Something that is wrong in the group; what it is about as far as it is about one client, topic or queue."""

    kind: ProblemKind
    detail: str
    client_id: str | None = None
    topic: str | None = None
    broker_name: str | None = None
    queue_id: int | None = None


class ConsumerStatusReport(msgspec.Struct, rename="camel"):
    """The clients of a group by address. `same_subscription` and `rebalance_ok` are None where not all is known."""

    group: str
    consume_type: str | None
    message_model: str | None
    clients: list[ClientStatus]
    same_subscription: bool | None
    rebalance_ok: bool | None
    problems: list[Problem]
    failures: list[Failure] = []


async def consumer_status(
    admin: MQAdmin,
    group: str,
    *,
    client_id: str | None = None,
    broker_addr: str | None = None,
    jstack: bool = False,
    chosen: Chosen | None = None,
) -> ConsumerStatusReport:
    """Ask every client of the group, or the one with an id, through the brokers (or the one broker) that have it.

    `chosen` says which of all their ids are asked now; nothing is said of the others.
    Raises NotFoundError when no such client is online, AllFailedError when no broker answers. Where some brokers fail
    and the others have no client of the group, the report has no clients and the failures.
    """
    online = await admin.clients.consumers(group, broker_addr)
    clients = [client for client in online.connections if client_id in (None, client.client_id)]
    if not clients and (client_id is not None or not online.failures):
        known = ", ".join(client.client_id for client in online.connections)
        raise NotFoundError(
            f"no client '{client_id}' of group '{group}' is online",
            f"online are {known}" if known else "start one",
            see=See("clients.consumers", group),
        )
    shared = shared_ids(clients)
    asked = {client.client_id: client for client in reversed(clients)}  # of several with an id, the first
    names = list(asked) if chosen is None else chosen(list(asked))

    async def ask(name: str) -> RunningInfo:
        return await _ask(admin, asked[name], group, jstack)

    fan = await admin.fan_out(names, ask)
    found = [
        ClientStatus(
            client_id=client.client_id,
            client_addr=client.client_addr,
            language=client.language,
            version=client.version,
            brokers=client.brokers,
            shares_id=client.client_id in shared,
            info=fan.answers.get(client.client_id) if asked[client.client_id] is client else None,
        )
        for client in clients
    ]
    report = ConsumerStatusReport(
        group, online.consume_type, online.message_model, found, None, None, [], [*online.failures]
    )
    for name, error in fan.errors.items():
        report.failures.append(admin.failure_of(f"client {name} ({asked[name].client_addr})", error))
    report.problems += [
        Problem("shared_id", f"{count} clients have this id: they take the same queues", name)
        for name, count in shared.items()
    ]
    await _analyse(admin, report, whole=client_id is None and not shared and len(names) == len(asked))
    return report


async def _ask(admin: MQAdmin, client: ClientConnection, group: str, jstack: bool) -> RunningInfo:
    """The client's answer through the first of its brokers that gives one."""
    *others, last = client.brokers
    for broker in others:
        try:
            return running_info(await admin.clients.running_info(broker, group, client.client_id, jstack=jstack))
        except RocketMQError:
            continue
    return running_info(await admin.clients.running_info(last, group, client.client_id, jstack=jstack))


async def _analyse(admin: MQAdmin, report: ConsumerStatusReport, *, whole: bool) -> None:
    """Add what is wrong; `whole`: all clients of the group were asked, each under an id of its own."""
    infos = {client.client_id: client.info for client in report.clients if client.info is not None}
    for name, info in infos.items():
        report.problems += queue_problems(name, info, now_ms())
    if not whole or report.failures or not infos:
        return
    report.problems += (different := differing(infos))
    report.same_subscription = not different
    pushed = report.consume_type == CONSUME_PASSIVELY and report.message_model == CLUSTERING
    if pushed and not different and not any(info.pop_queues for info in infos.values()):
        await _check_assignment(admin, report, infos)


def queue_problems(client_id: str, info: RunningInfo, now: int) -> list[Problem]:
    """Queues that a pushed consumer cannot lock, or does not get on with; `now` in ms. Of those that pull by themselves
    Apache's command judges none: here a queue is held up of which one says when it was polled last, as lite pull
    consumers do (DefaultLitePullConsumerImpl.poll)."""
    if info.consume_type not in (CONSUME_PASSIVELY, CONSUME_ACTIVELY):
        return []
    pulls = info.consume_type == CONSUME_ACTIVELY
    found: list[Problem] = []

    def add(kind: ProblemKind, queue: HeldQueue, detail: str) -> None:
        found.append(Problem(kind, detail, client_id, queue.topic, queue.broker_name, queue.queue_id))

    for queue in info.queues:
        if pulls and queue.last_consume_timestamp is None:
            continue
        if info.orderly and not pulls:
            if not queue.locked:
                since = queue.last_lock_timestamp
                add("not_locked", queue, "is not locked" + (f" for {human_span(now - since)}" if since else ""))
            elif queue.dropped and queue.try_unlock_times:
                add(
                    "unlock_failed",
                    queue,
                    f"was tried to unlock {plural(queue.try_unlock_times, 'time', 'times')}, and is locked still",
                )
        elif queue.cached and now - (queue.last_consume_timestamp or 0) > BLOCKED_MS:
            since = queue.last_consume_timestamp
            detail = (
                f"has {plural(queue.cached, 'message', 'messages')}, and none was consumed "
                f"{f'for {human_span(now - since)}' if since else 'yet'}"
            )
            add("blocked", queue, detail)
    return found


def differing(infos: dict[str, RunningInfo]) -> list[Problem]:
    """The clients that do not subscribe to what the first one does."""
    first, *others = infos.items()
    wanted = {(s.topic, s.sub_string) for s in first[1].subscriptions}
    found = []
    for name, info in others:
        has = {(s.topic, s.sub_string) for s in info.subscriptions}
        if has != wanted:
            parts = [f"{topic} ({expression})" for topic, expression in sorted(has ^ wanted)]
            detail = f"differs from {first[0]} in {', '.join(parts)}"
            found.append(Problem("different_subscription", detail, name))
    return found


async def _check_assignment(admin: MQAdmin, report: ConsumerStatusReport, infos: dict[str, RunningInfo]) -> None:
    """Compare the queues that the clients hold with those of the topics they subscribe to."""
    held: dict[MessageQueue, list[str]] = {}
    for name, info in infos.items():
        for own in info.queues:
            if not own.dropped:
                held.setdefault(MessageQueue(own.topic, own.broker_name, own.queue_id), []).append(name)
    topics = sorted({subscription.topic for info in infos.values() for subscription in info.subscriptions})
    routes = await admin.fan_out(topics, admin.messages.queues)
    missing = {topic for topic, error in routes.errors.items() if isinstance(error, NotFoundError)}
    report.failures += [failure for failure in routes.failures if failure.target not in missing]
    there = {queue for queues in routes.answers.values() for queue in queues}
    wrong = [
        Problem("unassigned", "no client of the group has it", None, queue.topic, queue.broker_name, queue.queue_id)
        for queue in sorted(there - set(held))
    ]
    for queue, names in sorted(held.items()):
        if len(names) > 1:
            detail = f"{' and '.join(names)} have it"
            wrong.append(Problem("assigned_twice", detail, None, queue.topic, queue.broker_name, queue.queue_id))
    report.problems += wrong
    report.rebalance_ok = None if report.failures else not wrong


def _signed(offset: int) -> int:
    """An offset as a client meant it: one in C++ writes the -1 of a queue without any as 2^64 - 1."""
    return offset - (1 << 64) if offset >= 1 << 63 else offset


def running_info(body: ConsumerRunningInfo) -> RunningInfo:
    """A client's answer as it is shown; times of 0 are unknown."""
    properties = dict(body.properties)
    start = properties.get("PROP_CONSUMER_START_TIMESTAMP", "")
    orderly = properties.get("PROP_CONSUMEORDERLY")
    return RunningInfo(
        consume_type=properties.get("PROP_CONSUME_TYPE"),
        orderly=None if orderly is None else orderly.lower() == "true",
        start_timestamp=int(start) if start.isdecimal() and int(start) else None,
        subscriptions=[
            Subscription(data.topic, data.sub_string or "*", data.expression_type)
            for data in sorted(body.subscription_set or [], key=lambda data: (data.topic, data.sub_string or "*"))
        ],
        queues=[
            HeldQueue(
                topic=queue.topic,
                broker_name=queue.broker_name,
                queue_id=queue.queue_id,
                commit_offset=_signed(held.commit_offset),
                cached=held.cached_msg_count,
                cached_min_offset=_signed(held.cached_msg_min_offset),
                cached_max_offset=_signed(held.cached_msg_max_offset),
                cached_size_mib=held.cached_msg_size_in_mib,
                transaction_count=held.transaction_msg_count,
                transaction_min_offset=_signed(held.transaction_msg_min_offset),
                transaction_max_offset=_signed(held.transaction_msg_max_offset),
                locked=held.locked,
                dropped=held.droped,
                try_unlock_times=held.try_unlock_times,
                last_pull_timestamp=held.last_pull_timestamp or None,
                last_consume_timestamp=held.last_consume_timestamp or None,
                last_lock_timestamp=held.last_lock_timestamp or None,
            )
            for queue, held in sorted((body.mq_table or {}).items())
        ],
        pop_queues=[
            PoppedQueue(
                topic=queue.topic,
                broker_name=queue.broker_name,
                queue_id=queue.queue_id,
                wait_ack_count=popped.wait_ack_count,
                dropped=popped.droped,
                last_pop_timestamp=popped.last_pop_timestamp or None,
            )
            for queue, popped in sorted((body.mq_pop_table or {}).items())
        ],
        rates=[
            TopicRates(
                topic=topic,
                pull_rt=rates.pull_rt,
                pull_tps=rates.pull_tps,
                consume_rt=rates.consume_rt,
                consume_ok_tps=rates.consume_ok_tps,
                consume_failed_tps=rates.consume_failed_tps,
                consume_failed_msgs=rates.consume_failed_msgs,
            )
            for topic, rates in sorted((body.status_table or {}).items())
        ],
        properties=properties,
        user_info=dict(body.user_consumer_info or {}),
        jstack=body.jstack,
    )
