"""What must hold after chaos: pure functions of what was written down. Each gives sentences, one for each violation."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import pairwise

from tests.chaos.commits import offsets_go_back_by_commits_alone
from tests.chaos.ends import (
    a_master_without_its_slave_is_sure_of_nothing,
    every_end_is_in_order,
    everybody_takes_part,
    what_is_sent_in_quiet_is_consumed_soon,
)
from tests.chaos.events import (
    ACK,
    FROM_SLAVE,
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
from tests.chaos.history import History, Look, broker_of, is_slave, masters, steps
from tests.chaos.plan import KILL, STOP
from tests.chaos.quiet import Disturbed
from tests.chaos.silences import brokers_answer
from tests.chaos.witness import acknowledged_offsets_stand


def violations(history: History) -> list[str]:
    """All of them; none for a run in which every promise was kept."""
    checks = (
        every_client_stays,
        every_end_is_in_order,
        everybody_takes_part,
        what_is_sent_in_quiet_is_consumed_soon,
        a_master_without_its_slave_is_sure_of_nothing,
        every_acknowledged_message_is_where_it_was_said_to_be,
        every_acknowledged_message_is_on_the_slave,
        every_timer_came_into_its_topic,
        slaves_are_read_from,
        what_was_consumed_is_stored,
        queues_have_no_gap,
        chains_are_in_order,
        copies_are_explained,
        rolled_back_messages_stay_unseen,
        everything_was_consumed,
        ordered_queues_were_consumed_in_order,
        second_deliveries_are_explained,
        nothing_came_early,
        offsets_do_not_go_back,
        offsets_go_back_by_commits_alone,
        acknowledged_offsets_stand,
        what_was_consumed_is_committed,
        brokers_answer,
    )
    return [sentence for check in checks for sentence in check(history)]


def every_client_stays(history: History) -> Iterator[str]:
    for client in history.gone:
        yield f"{client} has ended by itself: see its output"


def _bodies(history: History) -> dict[tuple[str, str, int, int], str]:
    """Of all masters: body by broker, topic, queue and offset."""
    return {
        (broker, record["topic"], record["queueId"], record["queueOffset"]): record["body"]
        for broker, records in masters(history)
        for record in records
    }


def every_acknowledged_message_is_where_it_was_said_to_be(history: History) -> Iterator[str]:
    at = _bodies(history)
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


def every_timer_came_into_its_topic(history: History) -> Iterator[str]:
    """All have been due for long: each is on the broker that acknowledged it, whoever consumed it."""
    there = {broker: {(r["topic"], r["body"]) for r in records} for broker, records in masters(history)}
    for event in history.events:
        if event.what == ACK and event.timed and (event.topic, event.id) not in there[event.broker]:
            yield f"acknowledged {event.id} has not come out of the timers of {event.broker}"


def slaves_are_read_from(history: History) -> Iterator[str]:
    read = {event.broker for event in history.events if event.what == FROM_SLAVE}
    for store in history.records:
        if is_slave(store) and store not in read:
            yield f"nobody has read from {store}"


def what_was_consumed_is_stored(history: History) -> Iterator[str]:
    """Each message is the one that the master has at its place, also when a slave has given it."""
    at = _bodies(history)
    for event in history.events:
        if event.what == GOT and event.offset >= 0:
            found = at.get((event.broker, event.topic, event.queue, event.offset))
            if found != event.id:
                place = f"{event.topic} {event.broker} {event.queue}:{event.offset}"
                yield f"{event.worker} has got {event.id} as {place}, where the master has {found}"


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
    """No more copies than tries; of a transactional message one more for each time that its broker was killed or stopped:
    when it comes back it may not be known that a transaction has ended whose producer, asked before, says so again. Of
    delay levels and timers none: what was delivered before a kill is found out from the commitlog.
    """
    tries = Counter(event.id for event in history.events if event.what == TRY)
    first_tried: dict[str, float] = {}
    for event in history.events:
        if event.what == TRY:
            first_tried.setdefault(event.id, event.t)
    ends = [fault for fault in history.suffered if fault.kind in (KILL, STOP)]
    for store, records in history.records.items():
        if is_slave(store):
            continue
        copies = Counter((record["topic"], record["body"]) for record in records if record["topic"] in GROUP_OF)
        for (topic, ident), count in copies.items():
            if count <= tries[ident]:
                continue
            since = first_tried.get(ident, 0.0)
            kinds = (KILL, STOP) if topic == PAID else ()
            forgotten = sum(fault.target == store and fault.kind in kinds and fault.end > since for fault in ends)
            if count > tries[ident] + forgotten:
                cause = f"was tried {tries[ident]} times, and {store} forgot it {forgotten} times"
                yield f"{broker_of(store)}: {count} copies of {ident}, which {cause}"


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


def second_deliveries_are_explained(history: History) -> Iterator[str]:
    """By a fault shortly before or between the two, or by a reader's beginning. That one ends in order explains none."""
    deliveries = defaultdict(list)
    for event in history.events:
        if event.what == GOT and event.offset >= 0:
            deliveries[event.topic, event.broker, event.queue, event.offset].append(event)
    disturbed = Disturbed(history)
    for (topic, broker, queue, offset), events in deliveries.items():
        for before, event in pairwise(events):
            if not disturbed(topic, before.t, event.t):
                yield f"{event.id} ({broker} {queue}:{offset}) was consumed by {before.worker} and {event.worker} without a cause"


def deliveries_judged(history: History) -> int:
    """How many deliveries there were that could not have come twice without a violation: quiet before and after."""
    disturbed = Disturbed(history)
    return sum(
        event.what == GOT and event.offset >= 0 and not disturbed(event.topic, event.t, event.t)
        for event in history.events
    )


def nothing_came_early(history: History) -> Iterator[str]:
    due = {event.id: event.t + event.delay for event in history.events if event.what == TRY and event.delay}
    for event in history.events:
        if event.what == GOT and event.t < due.get(event.id, 0):
            yield f"{event.id} came {due[event.id] - event.t:.3f} s early"


def offsets_do_not_go_back(history: History) -> Iterator[str]:
    """But where two consumers may have held the queue, or one commits what it had before it stood still, or a broker forgot
    what it had not written, or a slave and its master have yet to tell each other: all of that ends soon after the fault."""
    disturbed = Disturbed(history)
    for before, look in steps(history):
        if look.offset < before.offset and not _may_go_back(history, disturbed, before, look):
            yield f"{look.store}: {look.topic_group} {look.queue} went from {before.offset} back to {look.offset}"


def looks_judged(history: History) -> int:
    """How many looks there were that could not have shown a lower offset without a violation."""
    disturbed = Disturbed(history)
    return sum(not _may_go_back(history, disturbed, before, look) for before, look in steps(history))


def _may_go_back(history: History, disturbed: Disturbed, before: Look, after: Look) -> bool:
    topic = before.topic_group.partition("@")[0]
    return disturbed(topic, before.t - history.offsets_kept_every - 1, after.t)


def what_was_consumed_is_committed(history: History) -> Iterator[str]:
    """All readers have ended in order, then the servers: the offset of each queue stands right after what was consumed."""
    consumed: dict[tuple[str, str, int], int] = {}
    for event in history.events:
        if event.what == GOT and event.offset >= 0:
            queue = (event.broker, event.topic, event.queue)
            consumed[queue] = max(consumed.get(queue, 0), event.offset + 1)
    for store, offsets in history.kept.items():
        if is_slave(store):
            continue
        for (broker, topic, queue), end in consumed.items():
            kept = offsets.get(f"{topic}@{GROUP_OF[topic]}", {}).get(queue)
            if broker == broker_of(store) and kept != end:
                yield f"{broker}: {topic} {queue} was consumed up to {end}, its group stands at {kept}"
