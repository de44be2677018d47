"""What must hold after chaos: pure functions of what was written down. Each gives sentences, one for each violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple

from tests.chaos.events import (
    ACK,
    GOT,
    GROUP_OF,
    ORDERED,
    PAID,
    PLAIN,
    TRY,
    Event,
    first_reading_fails,
    outcome_of,
)
from tests.chaos.plan import KILL, PAUSE, STOP

#: Seconds after a fault in which groups share out their queues anew: brokers register every 10 s, clients look every second.
GRACE = 13.0
RESTARTS = (KILL, STOP)

Record = dict[str, Any]


class Suffered(NamedTuple):
    """A fault as it happened; times as those of events."""

    begin: float
    end: float
    kind: str
    target: str


class Look(NamedTuple):
    """What a broker said of a group's offset in a queue."""

    t: float
    store: str
    topic_group: str
    queue: int
    offset: int


class History(NamedTuple):
    """All that is known of a run. `records`: by name of the store, in the order of its commitlog."""

    events: list[Event]
    suffered: list[Suffered]
    records: dict[str, list[Record]]
    looks: list[Look]
    began: float
    #: Seconds between two writes of the offsets.
    offsets_kept_every: float
    slaves: bool


def broker_of(store: str) -> str:
    """`broker-a` of the stores `broker-a`, `broker-a-0` and `broker-a-1`."""
    return "-".join(store.split("-")[:2])


def is_slave(store: str) -> bool:
    return store.count("-") > 1 and not store.endswith("-0")


def masters(history: History) -> Iterator[tuple[str, list[Record]]]:
    for store, records in history.records.items():
        if not is_slave(store):
            yield broker_of(store), records


def violations(history: History) -> list[str]:
    """All of them; none for a run in which every promise was kept."""
    checks = (
        every_acknowledged_message_is_where_it_was_said_to_be,
        every_acknowledged_message_is_on_the_slave,
        queues_have_no_gap,
        chains_are_in_order,
        copies_are_explained,
        rolled_back_messages_stay_unseen,
        everything_was_consumed,
        ordered_queues_were_consumed_in_order,
        second_deliveries_are_explained,
        nothing_came_early,
        offsets_do_not_go_back,
    )
    return [sentence for check in checks for sentence in check(history)]


def every_acknowledged_message_is_where_it_was_said_to_be(history: History) -> Iterator[str]:
    at = {
        (broker, record["topic"], record["queueId"], record["queueOffset"]): record["body"]
        for broker, records in masters(history)
        for record in records
    }
    for event in history.events:
        if event.what == ACK and not event.delay and event.topic != PAID:
            found = at.get((event.broker, event.topic, event.queue, event.offset))
            if found != event.id:
                yield f"acknowledged {event.id} is not at {event.topic} {event.broker} {event.queue}:{event.offset}: {found}"


def every_acknowledged_message_is_on_the_slave(history: History) -> Iterator[str]:
    if not history.slaves:
        return
    for store, records in history.records.items():
        if is_slave(store):
            master = history.records[f"{broker_of(store)}-0"]
            there = {record["commitLogOffset"]: (record["topic"], record["body"]) for record in master}
            bodies = {record["body"] for record in records}
            for record in records:
                mine = (record["topic"], record["body"])
                if there.get(record["commitLogOffset"], mine) != mine:
                    yield f"{store} has {mine} at {record['commitLogOffset']}, its master {there[record['commitLogOffset']]}"
            for event in history.events:
                if event.what == ACK and event.broker == broker_of(store) and event.id not in bodies:
                    yield f"acknowledged {event.id} is not on {store}"


def queues_have_no_gap(history: History) -> Iterator[str]:
    for store, records in history.records.items():
        following: dict[tuple[str, int], int] = {}
        for record in records:
            queue, offset = (record["topic"], record["queueId"]), record["queueOffset"]
            if queue in following and offset != following[queue]:
                yield f"{store}: {queue[0]} {queue[1]} goes on at {offset}, not {following[queue]}"
            following[queue] = offset + 1


def chains_are_in_order(history: History) -> Iterator[str]:
    for broker, records in masters(history):
        last: Counter[str] = Counter()
        for record in records:
            if record["topic"] != ORDERED:
                continue
            chain, step = record["body"].rsplit("-", 1)
            if int(step) > last[chain] + 1:
                yield f"{broker}: {record['body']} is stored right after step {last[chain]}"
            last[chain] = max(last[chain], int(step))


def copies_are_explained(history: History) -> Iterator[str]:
    """No more copies than tries; more of a delayed or transactional message where its broker restarted.

    What it had delivered, or heard of a transaction, right before its end may not be known any more.
    """
    tries = Counter(event.id for event in history.events if event.what == TRY)
    delayed = {event.id for event in history.events if event.delay}
    restarted = {broker_of(fault.target) for fault in history.suffered if fault.kind in RESTARTS}
    for broker, records in masters(history):
        copies = Counter((record["topic"], record["body"]) for record in records if record["topic"] in GROUP_OF)
        for (topic, ident), count in copies.items():
            excused = (ident in delayed or topic == PAID) and broker in restarted
            if count > tries[ident] and not excused:
                yield f"{broker}: {count} copies of {ident}, which was tried {tries[ident]} times"


def rolled_back_messages_stay_unseen(history: History) -> Iterator[str]:
    for broker, records in masters(history):
        for record in records:
            if record["topic"] == PAID and outcome_of(record["body"]) == "rollback":
                yield f"{broker}: rolled back {record['body']} is in its topic"


def missing(events: Iterable[Event]) -> set[str]:
    """Acknowledged messages that no consumer had, or not again after it had asked for that."""
    wanted, got, again = set(), set(), set()
    for event in events:
        if event.what == ACK and not (event.topic == PAID and outcome_of(event.id) == "rollback"):
            wanted.add(event.id)
        elif event.what == GOT:
            got.add(event.id)
            if event.again:
                again.add(event.id)
            if event.topic == PLAIN and first_reading_fails(event.id):
                wanted.add(f"{event.id} again")
    return wanted - got - {f"{ident} again" for ident in again}


def everything_was_consumed(history: History) -> Iterator[str]:
    for ident in sorted(missing(history.events)):
        yield f"{ident} was not consumed"


def ordered_queues_were_consumed_in_order(history: History) -> Iterator[str]:
    furthest: dict[tuple[str, int], int] = {}
    seen = set()
    for event in history.events:
        if event.what == GOT and event.topic == ORDERED and event.offset >= 0:
            queue = (event.broker, event.queue)
            if (queue, event.offset) not in seen and event.offset < furthest.get(queue, -1):
                yield f"{event.broker} {event.queue}: {event.id} at {event.offset} was first consumed after {furthest[queue]}"
            seen.add((queue, event.offset))
            furthest[queue] = max(furthest.get(queue, -1), event.offset)


def readers_of(topic: str) -> str:
    return f"{topic.lower()}-reader-"


def second_deliveries_are_explained(history: History) -> Iterator[str]:
    """By a fault of a broker or of a consumer of the group, or by the group's beginning.

    Of any broker: consumers ask one of them, whichever, who is in the group, and share out all queues by its answer.
    """
    deliveries = defaultdict(list)
    for event in history.events:
        if event.what == GOT and event.offset >= 0:
            deliveries[event.topic, event.broker, event.queue, event.offset].append(event)
    for (topic, broker, queue, offset), events in deliveries.items():
        for before, event in pairwise(events):
            if not _disturbed(history, topic, before.t, event.t):
                yield f"{event.id} ({broker} {queue}:{offset}) was consumed by {before.worker} and {event.worker} without a cause"


def _disturbed(history: History, topic: str, since: float, until: float) -> bool:
    if since < history.began + GRACE:
        return True
    return any(
        fault.begin <= until and since <= fault.end + GRACE
        for fault in history.suffered
        if fault.target.startswith(("broker-", readers_of(topic)))
    )


def nothing_came_early(history: History) -> Iterator[str]:
    due = {event.id: event.t + event.delay for event in history.events if event.what == TRY and event.delay}
    for event in history.events:
        if event.what == GOT and event.t < due.get(event.id, 0):
            yield f"{event.id} came {due[event.id] - event.t:.3f} s early"


def offsets_do_not_go_back(history: History) -> Iterator[str]:
    """A killed broker may forget what it had not written yet; a consumer that stood still may commit what it had before,
    and so may one of two that hold a queue while the group begins."""
    known: dict[tuple[str, str, int], list[Look]] = defaultdict(list)
    for look in history.looks:
        known[look.store, look.topic_group, look.queue].append(look)
    for (store, topic_group, queue), looks in known.items():
        topic = topic_group.partition("@")[0]
        furthest = looks[0]
        for look in looks:
            if look.offset < furthest.offset and not _may_go_back(history, store, topic, furthest, look):
                yield f"{store}: {topic_group} {queue} went from {furthest.offset} back to {look.offset}"
            if look.offset >= furthest.offset or look.t > furthest.t + GRACE:
                furthest = look


def _may_go_back(history: History, store: str, topic: str, before: Look, after: Look) -> bool:
    if before.t < history.began + GRACE:
        return True
    for fault in history.suffered:
        killed = fault.target == store and fault.kind == KILL
        if killed and before.t - history.offsets_kept_every - 1 <= fault.begin <= after.t:
            return True
        reader = fault.target.startswith(readers_of(topic)) and fault.kind in (KILL, PAUSE)
        if reader and fault.begin <= after.t and before.t <= fault.end + GRACE:
            return True
        # A slave has its master's offsets as of its last question; and a master those of the slave that was asked meanwhile.
        if history.slaves and broker_of(fault.target) == broker_of(store) and fault.begin <= after.t:
            return True
    return False
