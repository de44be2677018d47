"""Rules about online consumers: what they report of themselves, and of the queues they hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.client.admin.groups.consumer_status import (
    ConsumerStatusReport,
    HeldQueue,
    Problem,
    ProblemKind,
    RunningInfo,
)
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import is_retry_topic
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.doctor.upgrade import version_of
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.rules import Hit
from rocketmq_ops.remoting.bodies.enums import CLUSTERING, CONSUME_PASSIVELY

_NEEDS: Final = (Part.CLIENTS,)
#: Messages of the last hour that failed, from which a rate says something.
_FAILED: Final = 10


def _online(facts: Facts) -> Iterator[tuple[str, ConsumerStatusReport]]:
    for group, report in facts.clients.items():
        if report is not None:
            yield group, report


def _problems(facts: Facts, *kinds: ProblemKind) -> Iterator[Hit]:
    for group, report in _online(facts):
        for problem in report.problems:
            if problem.kind in kinds:
                yield Hit(group, _shown(problem))


def _standing_problems(facts: Facts, kind: ProblemKind) -> Iterator[Hit]:
    """Those of a kind that a rebalance shows for a moment: with a second reading, what both of them have."""
    later = {} if facts.later is None else facts.later.clients
    for group, report in _online(facts):
        again = later.get(group)
        still = None if again is None else {_place(problem) for problem in again.problems}
        for problem in report.problems:
            if problem.kind == kind and (still is None or _place(problem) in still):
                yield Hit(group, _shown(problem))


def _place(problem: Problem) -> tuple[str, str | None, str | None, int | None]:
    return problem.kind, problem.topic, problem.broker_name, problem.queue_id


def _shown(problem: Problem) -> str:
    queue = f"{problem.topic} {problem.broker_name} queue {problem.queue_id}" if problem.topic is not None else ""
    where = " ".join(part for part in (f"client {problem.client_id}" if problem.client_id else "", queue) if part)
    return f"{where}: {problem.detail}" if where else problem.detail


@rule(
    "clients.subscriptions-differ",
    Severity.CRITICAL,
    "Clients of one group subscribe to different topics or tags: brokers keep the last one, messages are lost.",
    needs=_NEEDS,
    remedy="deploy one subscription to all clients of the group, or give the others a group of their own",
    false_alarms="A new version with another subscription is being rolled out.",
)
def subscriptions_differ(facts: Facts) -> Iterator[Hit]:
    yield from _problems(facts, "different_subscription")


@rule(
    "clients.shared-id",
    Severity.CRITICAL,
    "Two clients of a group have one client id: they take the same queues, and the others get nothing.",
    needs=_NEEDS,
    remedy="give each process its own instanceName (containers: the same pid and address make the same id)",
    false_alarms="A client that restarted, whose old connection is not closed yet.",
)
def shared_id(facts: Facts) -> Iterator[Hit]:
    yield from _problems(facts, "shared_id")


@rule(
    "clients.lock-held",
    Severity.CRITICAL,
    "An orderly consumer cannot lock a queue that it was given, or cannot give it back: a dead client may hold it.",
    needs=_NEEDS,
    remedy="brokers free a dead client's lock after 60 s (rebalanceLockMaxLiveTime); stop the client that holds it",
    false_alarms="A rebalance within the last minute.",
)
def lock_held(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        for problem in report.problems:
            if problem.kind in ("not_locked", "unlock_failed"):
                who = _locker(report, problem)
                shown = _shown(problem)
                yield Hit(group, f"{shown}; the client {who}, which is online, has it locked" if who else shown)


def _locker(report: ConsumerStatusReport, problem: Problem) -> str | None:
    """The other client that says that it has the problem's queue locked."""
    wanted = (problem.topic, problem.broker_name, problem.queue_id)
    for client in report.clients:
        for queue in client.info.queues if client.info is not None else ():
            if (
                queue.locked
                and client.client_id != problem.client_id
                and (queue.topic, queue.broker_name, queue.queue_id) == wanted
            ):
                return client.client_id
    return None


@rule(
    "clients.lock-of-dead-client",
    Severity.CRITICAL,
    "An orderly consumer cannot lock a queue, for a client that is gone has it locked: the queue waits.",
    needs=(*_NEEDS, Part.LATER),
    remedy="brokers free it 60 s after its last lock; if it stays, that client lives without a connection: end it",
    false_alarms="The client was restarted between the readings.",
)
def lock_of_dead_client(facts: Facts) -> Iterator[Hit]:
    for group, report in (facts.later.clients if facts.later is not None else {}).items():
        before = facts.clients.get(group)
        if report is None or before is None:
            continue
        online = {client.client_id for client in report.clients}
        for problem in report.problems:
            who = _locker(before, problem) if problem.kind == "not_locked" else None
            if who is not None and who not in online:
                yield Hit(group, f"{_shown(problem)}; the client {who} had it locked, and is not online any more")


@rule(
    "clients.poison-message",
    Severity.CRITICAL,
    "A client fails on one message again and again: its offset stands, and attempts at it go on failing.",
    needs=(*_NEEDS, Part.LATER),
    remedy="look at the message at that offset (`mqadmin consumeMessage`); mend the listener, or go on after it",
    false_alarms="A listener that is slow at one message, while others of its topic fail; one that commits by hand.",
)
def poison_message(facts: Facts) -> Iterator[Hit]:
    if facts.later is None:
        return
    for group, report in _online(facts):
        after = facts.later.clients.get(group)
        then = {client.client_id: client.info for client in after.clients} if after is not None else {}
        for client in report.clients:
            info, later = client.info, then.get(client.client_id)
            if info is not None and later is not None:
                for offset, where, failed in _standing(info, later):
                    yield Hit(
                        group,
                        f"client {client.client_id} {where}: offset {offset} did not move in {facts.later.seconds} s, "
                        f"though the queue was consumed again, and {failed} attempts failed in the last minute",
                    )


def _standing(before: RunningInfo, after: RunningInfo) -> Iterator[tuple[int, str, int]]:
    """Queues whose offset is the same although they were consumed between the readings, while their topic fails.

    An orderly consumer marks a queue as consumed at each attempt, a concurrent one when a listener has ended: one that
    is slow, or hangs, is not here. How often a message failed is known to its client alone, and it counts by topic.
    """
    held = {(queue.topic, queue.broker_name, queue.queue_id): queue for queue in after.queues}
    failed_before = {rate.topic: rate.consume_failed_msgs for rate in before.rates}
    # The hour's count moves every 10 minutes in Java (StatsItem), the minute's rate every 10 s.
    failed = {
        r.topic: max(round(r.consume_failed_tps * 60), r.consume_failed_msgs - failed_before.get(r.topic, 0))
        for r in after.rates
    }
    for queue in before.queues:
        now = held.get((queue.topic, queue.broker_name, queue.queue_id))
        if now is None or queue.dropped or now.commit_offset != queue.commit_offset:
            continue
        waits = _in_hand(queue) and _in_hand(now)
        consumed = (now.last_consume_timestamp or 0) > (queue.last_consume_timestamp or 0)
        if waits and consumed and failed.get(queue.topic, 0) > 0:
            where = f"{queue.topic} {queue.broker_name} queue {queue.queue_id}"
            yield queue.commit_offset, where, failed[queue.topic]


def _in_hand(queue: HeldQueue) -> int:
    """Messages that the client has; an orderly one counts those that its listener has by themselves."""
    return queue.cached + queue.transaction_count


@rule(
    "clients.retries-fail",
    Severity.WARNING,
    "Messages that were sent back fail again, while others are consumed: they are the cause, and not the listener.",
    needs=_NEEDS,
    remedy="`mqadmin consumeMessage -t %RETRY%GROUP` shows which; mend them before they are dead letters",
    false_alarms="A listener that sends back to wait for something; what it needs was gone for a while.",
)
def retries_fail(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        for client in report.clients:
            rates = client.info.rates if client.info is not None else []
            consumed = sum(rate.consume_ok_tps for rate in rates if not is_retry_topic(rate.topic))
            failed = sum(rate.consume_failed_tps for rate in rates if not is_retry_topic(rate.topic))
            again = sum(rate.consume_failed_msgs for rate in rates if is_retry_topic(rate.topic))
            if again >= _FAILED and consumed > failed:
                yield Hit(
                    group,
                    f"client {client.client_id}: {again} attempts failed in the last hour on messages that had failed "
                    f"before, while {consumed:.2f} messages a second are consumed",
                )


@rule(
    "clients.stuck",
    Severity.CRITICAL,
    "A client has messages of a queue and has consumed none of them for a minute: a listener hangs or fails on one.",
    needs=_NEEDS,
    remedy="`mqadmin consumerStatus -g GROUP -i CLIENT -s` shows its threads; look at the message at its commit offset",
    false_alarms="Listeners that work on a message for minutes; a message that has just come, to a queue of which none "
    "was consumed for a while.",
)
def stuck(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        for problem in report.problems:
            if problem.kind == "blocked":
                offset = _commit_offset(report, problem)
                said = _shown(problem)
                yield Hit(group, said if offset is None else f"{said}; its commit offset is {offset}")


def _commit_offset(report: ConsumerStatusReport, problem: Problem) -> int | None:
    for client in report.clients:
        for queue in client.info.queues if client.client_id == problem.client_id and client.info is not None else ():
            if (queue.topic, queue.broker_name, queue.queue_id) == (
                problem.topic,
                problem.broker_name,
                problem.queue_id,
            ):
                return queue.commit_offset
    return None


@rule(
    "clients.queue-of-nobody",
    Severity.CRITICAL,
    "No client of a group has a queue of its topic: its messages wait.",
    needs=_NEEDS,
    remedy="restart the group's clients one after the other; check that all see the same name servers",
    false_alarms="A rebalance is under way, as after a reset of offsets; `--apart 30` names what stands after it.",
)
def queue_of_nobody(facts: Facts) -> Iterator[Hit]:
    yield from _standing_problems(facts, "unassigned")


@rule(
    "clients.queue-of-two",
    Severity.CRITICAL,
    "Two clients of a group consume one queue: every message comes twice.",
    needs=_NEEDS,
    remedy="give all clients of the group the same name servers, version and allocation strategy",
    false_alarms="A rebalance is under way, as after a reset of offsets; `--apart 30` names what stands after it.",
)
def queue_of_two(facts: Facts) -> Iterator[Hit]:
    yield from _standing_problems(facts, "assigned_twice")


@rule(
    "clients.idle",
    Severity.WARNING,
    "A group has more consumers than queues: the last ones get nothing to do.",
    needs=_NEEDS,
    remedy="stop the idle ones, or give the topic more queues: `mqadmin updateTopic -c CLUSTER -t TOPIC -r N -w N`",
    false_alarms="They wait as a reserve, on purpose.",
)
def idle(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        if report.consume_type != CONSUME_PASSIVELY or report.message_model != CLUSTERING:
            continue
        infos = {client.client_id: client.info for client in report.clients if client.info is not None}
        if len(infos) != len(report.clients) or any(info.pop_queues for info in infos.values()):
            continue
        held = {name: [q for q in info.queues if not is_retry_topic(q.topic)] for name, info in infos.items()}
        without = [name for name, queues in held.items() if not queues]
        if without and len(without) < len(held):
            count = sum(len(queues) for queues in held.values())
            yield Hit(
                group,
                f"{len(held)} clients share {plural(count, 'queue', 'queues')}; without any: {', '.join(without)}",
            )


@rule(
    "clients.mostly-failing",
    Severity.CRITICAL,
    "A client fails on more messages than it consumes: a poison message, or something that its listener needs is gone.",
    needs=_NEEDS,
    remedy="see the client's log; `mqadmin consumeMessage -t %RETRY%GROUP` shows what failed and how often",
    false_alarms="The cause is over, and the last hour still counts it.",
)
def mostly_failing(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        for client in report.clients:
            for rates in client.info.rates if client.info is not None else ():
                if rates.consume_failed_msgs >= _FAILED and rates.consume_failed_tps > rates.consume_ok_tps:
                    yield Hit(
                        group,
                        f"client {client.client_id}, {rates.topic}: {rates.consume_failed_msgs} failed in the last "
                        f"hour, {rates.consume_failed_tps:.2f} fail and {rates.consume_ok_tps:.2f} succeed a second",
                    )


@rule(
    "clients.old-version",
    Severity.INFO,
    "A client's version is older than 4.3: no transaction checks, no message traces, known faults of its rebalance.",
    needs=_NEEDS,
    remedy="upgrade the client library; brokers serve newer clients of every kind",
    false_alarms="Clients of other languages report numbers of their own.",
)
def old_version(facts: Facts) -> Iterator[Hit]:
    for group, report in _online(facts):
        for client in report.clients:
            version = version_of(client.version)
            if client.language == "JAVA" and version is not None and version < (4, 3, 0):
                yield Hit(group, f"client {client.client_id} has the version {client.version}")
