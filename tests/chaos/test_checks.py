"""The checks of chaos find what they are for: a small history without fault, and one planted violation after the other."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.chaos.checks import deliveries_judged, looks_judged, missing, violations
from tests.chaos.events import (
    ACK,
    COMMIT,
    FROM_SLAVE,
    GOT,
    ORDERED,
    ORDERED_GROUP,
    PAID,
    PLAIN,
    PLAIN_GROUP,
    RUN,
    STALLED,
    TRY,
    UNSURE,
    UP,
    Event,
)
from tests.chaos.history import GRACE, History, Left, Look, Record, Suffered, Told
from tests.chaos.plan import CUT, KILL, PAUSE, STOP, faults
from tests.chaos.silences import LONG_SILENCE, OF_A_FAULT, OF_A_STALL, SILENCE, WITHOUT_CAUSE, silences
from tests.chaos.witness import GROUP, TOPIC, reads_judged

LATE = 2 * GRACE


def record(topic: str, body: str, offset: int, at: int, queue: int = 0) -> Record:
    return {"topic": topic, "queueId": queue, "queueOffset": offset, "commitLogOffset": at, "body": body}


def sent(t: float, ident: str, topic: str, offset: int, **more: Any) -> list[Event]:
    where = {"topic": topic, "broker": "broker-a", "queue": 0, **more}
    return [
        Event(t, TRY, ident, "w", topic=topic, delay=more.get("delay", 0.0), timed=more.get("timed", False)),
        Event(t + 0.1, ACK, ident, "w", offset=offset, **where),
    ]


def got(t: float, ident: str, topic: str, offset: int, **more: Any) -> Event:
    return Event(
        t, GOT, ident, more.pop("worker", "r1"), topic=topic, broker="broker-a", queue=0, offset=offset, **more
    )


def whole() -> History:
    """Two links of a chain, a delayed message, a timer, a transaction that is rolled back: all as promised."""
    events = [
        *(Event(1, UP, "", "r1", topic=topic, seconds=1) for topic in (ORDERED, PLAIN)),
        *sent(1, "c.0-1", ORDERED, 0),
        *sent(2, "c.0-2", ORDERED, 1),
        *sent(3, "w.0-10", PLAIN, 0, delay=1.0),
        *sent(4, "p-2", PAID, 0),
        *sent(5, "w.0-5", PLAIN, 0, delay=1.0, timed=True),
        got(LATE, "c.0-1", ORDERED, 0),
        got(LATE + 1, "c.0-2", ORDERED, 1),
        got(LATE + 2, "w.0-10", PLAIN, 0),
        got(LATE + 2, "w.0-5", PLAIN, 1),
    ]
    records = [
        record(ORDERED, "c.0-1", 0, 0),
        record(ORDERED, "c.0-2", 1, 100),
        record("SCHEDULE_TOPIC_XXXX", "w.0-10", 0, 200),
        record("RMQ_SYS_TRANS_HALF_TOPIC", "p-2", 0, 300),
        record("rmq_sys_wheel_timer", "w.0-5", 0, 350),
        record(PLAIN, "w.0-10", 0, 400),
        record(PLAIN, "w.0-5", 1, 450),
    ]
    looks = [Look(t, "broker-a", f"{ORDERED}@{ORDERED_GROUP}", 0, offset) for t, offset in ((LATE, 0), (LATE + 2, 2))]
    kept = {"broker-a": {f"{ORDERED}@{ORDERED_GROUP}": {0: 2}, f"{PLAIN}@{PLAIN_GROUP}": {0: 2}}}
    return History(events, [], {"broker-a": records}, looks, 0.5, False, kept)


def on_a_pair() -> History:
    history = whole()
    records = history.records["broker-a"]
    kept = {"broker-a-0": history.kept["broker-a"], "broker-a-1": {}}
    read = Event(LATE, FROM_SLAVE, "", "r1", topic=ORDERED, broker="broker-a-1", queue=0, offset=0, count=2)
    return history._replace(
        events=[*history.events, read],
        records={"broker-a-0": records, "broker-a-1": list(records)},
        slaves=True,
        looks=[],
        kept=kept,
    )


def test_a_history_without_fault_has_no_violation() -> None:
    assert violations(whole()) == []
    assert violations(on_a_pair()) == []


def without(history: History, store: str, body: str, topic: str) -> History:
    kept = [r for r in history.records[store] if (r["body"], r["topic"]) != (body, topic)]
    return history._replace(records={**history.records, store: kept})


def and_event(event: Event) -> History:
    history = whole()
    return history._replace(events=sorted([*history.events, event], key=lambda e: e.t))


def and_record(added: Record) -> History:
    history = whole()
    return history._replace(records={"broker-a": [*history.records["broker-a"], added]})


def and_look(offset: int) -> History:
    history = whole()
    return history._replace(looks=[*history.looks, Look(LATE + 3, "broker-a", f"{ORDERED}@{ORDERED_GROUP}", 0, offset)])


def committed(t: float, offset: int) -> Event:
    """A consumer sends the offset of the ordered queue."""
    return Event(t, COMMIT, "", "r1", topic=ORDERED, broker="broker-a", queue=0, offset=offset)


def left(offset: int) -> Left:
    """What the file of the broker had when it was started again, before the last look."""
    return Left(LATE + 2.9, "broker-a", {f"{ORDERED}@{ORDERED_GROUP}": {0: offset}})


def beside_a_fault(*events: Event) -> History:
    """An offset goes back after a fault of a name server, by which queues are shared out anew."""
    history = and_look(1)._replace(suffered=[Suffered(LATE + 2.1, LATE + 2.5, CUT, "namesrv-1")])
    return history._replace(events=sorted([*history.events, *events], key=lambda event: event.t))


def told(*steps: tuple[float, int, str], store: str = "broker-a") -> list[Told]:
    """Commits and reads of 0.1 s: when, the offset, and `set`, `unanswered` or `read`."""
    return [Told(at, at + 0.1, store, offset, what == "read", what != "unanswered") for at, offset, what in steps]


def and_told(fault: tuple[float, float, str] | None, *steps: tuple[float, int, str]) -> History:
    suffered = [] if fault is None else [Suffered(*fault, "broker-a")]
    return whole()._replace(suffered=suffered, told=told(*steps))


#: What the client of its own group sees: an offset that was acknowledged, and a lower one after a fault.
FORGOTTEN = {
    "forgotten": and_told(None, (LATE, 4, "set"), (LATE + 1, 3, "read")),
    "forgotten in a pause": and_told((LATE + 1, LATE + 3, PAUSE), (LATE, 4, "set"), (LATE + 3, 3, "read")),
    "forgotten in a cut": and_told((LATE + 1, LATE + 3, CUT), (LATE, 4, "set"), (LATE + 4, 3, "read")),
    "forgotten in a stop": and_told((LATE + 0.5, LATE + 3, STOP), (LATE, 4, "set"), (LATE + 5, 3, "read")),
    "forgotten long before a kill": and_told((LATE + 2.7, LATE + 4, KILL), (LATE, 4, "set"), (LATE + 6, 3, "read")),
    "forgotten though it was written": and_told((LATE, LATE + 1, KILL), (LATE + 3, 3, "read"))._replace(
        left=[Left(LATE + 1.1, "broker-a", {f"{TOPIC}@{GROUP}": {0: 4}})]
    ),
    "forgotten after a kill": and_told((LATE - 3, LATE - 1, KILL), (LATE, 4, "set"), (LATE + 5, 3, "read")),
    "forgotten for a late commit of another offset": and_told(
        None, (LATE, 2, "unanswered"), (LATE + 1, 4, "set"), (LATE + 2, 3, "read")
    ),
    "forgotten for a commit that is too late": and_told(
        None, (LATE, 3, "unanswered"), (LATE + 1, 4, "set"), (LATE + 11, 3, "read")
    ),
}
REMEMBERED = {
    "it stands": and_told((LATE + 1, LATE + 3, PAUSE), (LATE, 4, "set"), (LATE + 3, 4, "read")),
    "a later one without an answer": and_told(
        None, (LATE, 4, "set"), (LATE + 1, 5, "unanswered"), (LATE + 2, 5, "read")
    ),
    "right before a kill": and_told((LATE + 0.5, LATE + 3, KILL), (LATE, 4, "set"), (LATE + 5, 3, "read")),
    "right before a pause and a kill": and_told(
        (LATE + 4.5, LATE + 6, KILL), (LATE, 4, "set"), (LATE + 8, 3, "read")
    )._replace(
        suffered=[Suffered(LATE + 0.3, LATE + 2.8, PAUSE, "broker-a"), Suffered(LATE + 4.5, LATE + 6, KILL, "broker-a")]
    ),
    "a commit without an answer comes late": and_told(
        None, (LATE, 3, "unanswered"), (LATE + 1, 4, "set"), (LATE + 2, 3, "read")
    ),
}
PLANTED = {
    **{
        name: (history, "broker-a had acknowledged or kept 4 as the offset of witness, and says 3 ")
        for name, history in FORGOTTEN.items()
    },
    "invented": (
        and_told(None, (LATE, 4, "set"), (LATE + 1, 5, "read")),
        "broker-a says 5 of the offset of witness, which nobody has committed",
    ),
    "lost": (without(whole(), "broker-a", "c.0-2", ORDERED), "acknowledged c.0-2 is not at"),
    "lost on the slave": (
        without(on_a_pair(), "broker-a-1", "c.0-2", ORDERED),
        "acknowledged c.0-2 is not on broker-a-1",
    ),
    "another on the slave": (
        on_a_pair()._replace(
            records={
                **on_a_pair().records,
                "broker-a-1": [*on_a_pair().records["broker-a-1"][:-1], record(PLAIN, "w.0-11", 0, 400)],
            }
        ),
        "broker-a-1 has ('Plain', 'w.0-11') at 400",
    ),
    "gap": (and_record(record(ORDERED, "c.0-3", 3, 500)), "broker-a: Ordered 0 goes on at 3, not 2"),
    "order": (and_record(record(ORDERED, "c.0-4", 2, 500)), "c.0-4 is stored right after step 2"),
    "copy": (and_record(record(ORDERED, "c.0-2", 2, 500)), "2 copies of c.0-2, which was tried 1 times"),
    "rolled back": (and_record(record(PAID, "p-2", 0, 500)), "rolled back p-2 is in its topic"),
    "not consumed": (
        whole()._replace(events=[e for e in whole().events if (e.what, e.id) != (GOT, "w.0-10")]),
        "w.0-10 was not consumed",
    ),
    "first consumed late": (
        whole()._replace(
            events=[
                *[e for e in whole().events if e.what != GOT or e.topic != ORDERED],
                got(LATE + 3, "c.0-2", ORDERED, 1),
                got(LATE + 4, "c.0-1", ORDERED, 0),
            ]
        ),
        "c.0-1 at 0 was first consumed after 1",
    ),
    "twice": (and_event(got(LATE + 5, "c.0-2", ORDERED, 1, worker="r2")), "was consumed by r1 and r2 without a cause"),
    "early": (and_event(got(3.5, "w.0-10", PLAIN, -1)), "w.0-10 came 0.500 s early"),
    "back": (and_look(1), f"{ORDERED}@{ORDERED_GROUP} 0 went from 2 back to 1"),
    # In a time in which consumers may commit what they want: none has.
    "back, and nobody sent it": (beside_a_fault(), f"{ORDERED}@{ORDERED_GROUP} 0 went from 2 to 1, which nobody sent"),
    "back, and another offset was sent": (beside_a_fault(committed(LATE + 2.9, 0)), "from 2 to 1, which nobody sent"),
    "back, and it was sent long ago": (beside_a_fault(committed(LATE - 0.5, 1)), "from 2 to 1, which nobody sent"),
    "back, and it was sent later": (beside_a_fault(committed(LATE + 3.1, 1)), "from 2 to 1, which nobody sent"),
    "back behind what was written": (
        beside_a_fault()._replace(left=[left(2)]),
        "from 2 to 1, which nobody sent",
    ),
    "copies": (
        and_record(record(PLAIN, "w.0-10", 2, 500))._replace(suffered=[Suffered(2, 3, STOP, "broker-a")]),
        "2 copies of w.0-10, which was tried 1 times, and broker-a forgot it 0 times",
    ),
    "twice, after a kill": (
        and_record(record(PLAIN, "w.0-10", 2, 500))._replace(suffered=[Suffered(3.5, 4, KILL, "broker-a")]),
        "2 copies of w.0-10, which was tried 1 times, and broker-a forgot it 0 times",
    ),
    "not committed": (
        whole()._replace(kept={"broker-a": {f"{ORDERED}@{ORDERED_GROUP}": {0: 1}, f"{PLAIN}@{PLAIN_GROUP}": {0: 2}}}),
        "broker-a: Ordered 0 was consumed up to 2, its group stands at 1",
    ),
    "gone": (whole()._replace(gone=("plain-reader-1",)), "plain-reader-1 has ended by itself"),
    "timer lost": (
        without(whole(), "broker-a", "w.0-5", PLAIN),
        "acknowledged w.0-5 has not come out of the timers of broker-a",
    ),
    "timer early": (and_event(got(5.5, "w.0-5", PLAIN, 1)), "w.0-5 came 0.500 s early"),
    "timer not consumed": (
        whole()._replace(events=[e for e in whole().events if (e.what, e.id) != (GOT, "w.0-5")]),
        "w.0-5 was not consumed",
    ),
    "timer twice, after a kill": (
        and_record(record(PLAIN, "w.0-5", 2, 500))._replace(suffered=[Suffered(5.5, 6, KILL, "broker-a")]),
        "2 copies of w.0-5, which was tried 1 times, and broker-a forgot it 0 times",
    ),
    "slave not read": (
        on_a_pair()._replace(events=[e for e in on_a_pair().events if e.what != FROM_SLAVE]),
        "nobody has read from broker-a-1",
    ),
    "another was read": (
        and_event(got(LATE + 5, "c.0-1", ORDERED, 1)),
        "r1 has got c.0-1 as Ordered broker-a 0:1, where the master has c.0-2",
    ),
    "silent": (
        whole()._replace(suffered=[Suffered(LATE, LATE + LONG_SILENCE + 1, SILENCE, "broker-a")]),
        "broker-a has said nothing for 11.0 s without a cause",
    ),
    "silent beside another's fault": (
        whole()._replace(
            suffered=[
                Suffered(LATE, LATE + LONG_SILENCE + 1, SILENCE, "broker-a"),
                Suffered(LATE, LATE + LONG_SILENCE, PAUSE, "broker-b"),
            ]
        ),
        "broker-a has said nothing for 11.0 s without a cause",
    ),
    "silent for longer than a stall": (
        and_event(Event(LATE + 1, STALLED, "", RUN, seconds=0.6))._replace(
            suffered=[Suffered(LATE, LATE + LONG_SILENCE + 1, SILENCE, "broker-a")]
        ),
        "broker-a has said nothing for 10.4 s without a cause",
    ),
    "committed nothing": (whole()._replace(kept={"broker-a": {}}), "its group stands at None"),
}


def long_after(history: History) -> History:
    """As if faults of all kinds had ended so long before that they excuse nothing any more."""
    targets = ("broker-a", "namesrv-0", "ordered-reader-0", "plain-reader-1")
    past = [Suffered(LATE - GRACE - 4, LATE - GRACE - 3, kind, name) for name in targets for kind in (KILL, PAUSE, CUT)]
    return history._replace(suffered=[*past, *history.suffered])


@pytest.mark.parametrize(("history", "sentence"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_found(history: History, sentence: str) -> None:
    assert any(sentence in found for found in violations(history)), violations(history)


@pytest.mark.parametrize("plant", ["twice", "back", "not committed"])
def test_a_fault_that_is_long_over_excuses_nothing(plant: str) -> None:
    history, sentence = PLANTED[plant]
    assert any(sentence in found for found in violations(long_after(history))), violations(long_after(history))
    assert violations(long_after(whole())) == [] and violations(long_after(on_a_pair())) == []


def test_what_was_judged_is_counted() -> None:
    assert deliveries_judged(whole()) == deliveries_judged(long_after(whole())) == 4
    assert looks_judged(whole()) == looks_judged(long_after(whole())) == 1
    disturbed = whole()._replace(suffered=[Suffered(LATE - 1, LATE - 0.5, CUT, "namesrv-1")])
    assert deliveries_judged(disturbed) == looks_judged(disturbed) == 0
    # The group begins, or the machine stood still.
    begins = and_event(Event(LATE, UP, "", "r2", topic=ORDERED))
    assert deliveries_judged(begins) == 2 and looks_judged(begins) == 0
    stood = and_event(Event(LATE, STALLED, "", "w", seconds=0.6))
    assert deliveries_judged(stood) == looks_judged(stood) == 0


def test_what_a_fault_explains_is_no_violation() -> None:
    killed = [Suffered(LATE + 2.5, LATE + 3, KILL, "broker-a")]
    assert violations(and_look(1)._replace(suffered=killed, left=[left(1)])) == []
    assert violations(beside_a_fault(committed(LATE + 2.9, 1))) == []
    assert violations(beside_a_fault(committed(LATE + 1.5, 1))) == []
    # It was on its way for so long: the broker stood still.
    paused = [Suffered(LATE - 0.4, LATE + 2.9, PAUSE, "broker-a")]
    assert violations(beside_a_fault(committed(LATE - 0.5, 1))._replace(suffered=paused)) == []
    paused = [Suffered(LATE + 2, LATE + 3, PAUSE, "ordered-reader-0")]
    assert violations(and_event(got(LATE + 5, "c.0-2", ORDERED, 1, worker="r2"))._replace(suffered=paused)) == []
    begins = [Look(at, "broker-a", f"{ORDERED}@{ORDERED_GROUP}", 0, offset) for at, offset in ((5.0, 2), (6.0, 0))]
    again = and_event(committed(5.9, 0))
    assert violations(again._replace(looks=[*begins, *whole().looks])) == []
    tried_again = and_record(record(ORDERED, "c.0-2", 2, 500))
    again = [Event(2.2, UNSURE, "c.0-2"), Event(2.3, TRY, "c.0-2", topic=ORDERED)]
    assert violations(tried_again._replace(events=[*tried_again.events, *again])) == []


@pytest.mark.parametrize("history", REMEMBERED.values(), ids=REMEMBERED)
def test_an_offset_that_stands_or_may_be_forgotten_is_no_violation(history: History) -> None:
    assert violations(history) == []
    # Of another broker's fault nothing is explained.
    others = [fault._replace(target="broker-b") for fault in history.suffered if fault.kind == KILL]
    assert bool(violations(history._replace(suffered=others))) == bool(others)


def test_reads_in_faults_are_counted() -> None:
    paused = LATE, LATE + 1, PAUSE
    reads = [(LATE + at, 1, "read") for at in (0.2, 0.8, 5)]
    assert reads_judged(and_told(paused, *reads)) == (0, 0)
    assert reads_judged(and_told(paused, (LATE - 0.5, 1, "unanswered"), *reads)) == (0, 0)
    assert reads_judged(and_told(paused, (LATE + 0.5, 1, "set"), *reads)) == (2, 1)


def test_silences_are_told_apart() -> None:
    short, long = Suffered(LATE, LATE + 1, SILENCE, "broker-a"), Suffered(LATE, LATE + 20, SILENCE, "broker-a")
    paused = Suffered(LATE - 1, LATE + 0.5, PAUSE, "broker-a")
    stood = and_event(Event(LATE + 12, STALLED, "", RUN, seconds=11.5))

    def told(history: History, *suffered: Suffered) -> tuple[dict[str, int], list[str]]:
        whole_history = history._replace(suffered=list(suffered))
        counts = {cause: count for cause, count in silences(whole_history).items() if count}
        return counts, violations(whole_history)

    assert told(whole(), short) == ({WITHOUT_CAUSE: 1}, [])
    assert told(whole(), short, paused) == ({OF_A_FAULT: 1}, [])
    # It takes as long as it takes until a broker has started.
    assert told(whole(), long, paused) == ({OF_A_FAULT: 1}, [])
    assert told(stood, long) == ({OF_A_STALL: 1}, [])
    # A client may have been paused: that says nothing about the machine.
    client = and_event(Event(LATE + 1, STALLED, "", "r1", seconds=0.6))
    assert told(client, short) == ({WITHOUT_CAUSE: 1}, [])
    over = Suffered(LATE - 3, LATE - 1, PAUSE, "broker-a")
    assert told(whole(), short, over) == ({WITHOUT_CAUSE: 1}, [])


def test_a_message_that_was_asked_for_again_has_to_come_again() -> None:
    events = [*sent(1, "w.0-7", PLAIN, 0), got(2, "w.0-7", PLAIN, 0)]
    assert missing(events) == {"w.0-7 again"}
    assert missing([*events, got(3, "w.0-7", PLAIN, -1, again=1)]) == set()


def test_a_seed_names_its_faults() -> None:
    plan = faults(7, 12.0, ["namesrv-0", "broker-a"], ["reader"])
    assert plan == faults(7, 12.0, ["namesrv-0", "broker-a"], ["reader"]) != faults(8, 12.0, ["namesrv-0"], ["reader"])
    assert len(plan) >= 4 and all(1.0 <= fault.at < 12.0 and 0.2 <= fault.seconds <= 3.0 for fault in plan)
    by_target = [fault for fault in plan if fault.target == "broker-a"]
    assert all(a.end < b.at for a, b in pairwise(by_target))
