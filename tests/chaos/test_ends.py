"""Each check of how clients end, come back and are cut off finds the violation that is planted for it."""

from __future__ import annotations

import signal

import pytest

from tests.chaos.checks import violations
from tests.chaos.ends import QUIET, SOON, sent_without_slave
from tests.chaos.events import ACK, DOWN, ORDERED, STALLED, TRY, UNSURE, UP, Event
from tests.chaos.history import GRACE, History, Suffered
from tests.chaos.plan import CUT, KILL, PART, PAUSE, STOP, faults
from tests.chaos.silences import LONG_SILENCE, SILENCE
from tests.chaos.test_checks import got, on_a_pair, record, sent, whole

READERS = ("ordered-reader-01", "ordered-reader-11")
#: When a reader was ended, in the quiet.
ENDED = 3 * GRACE
#: When a master was cut off from its slave, for a second in which the second link of the chain was acknowledged.
PARTED = 1.5


def more(history: History, *steps: tuple[float, float, str]) -> History:
    """With further links of the chain: when each was sent and when consumed, and by whom."""
    events, records, kept = [*history.events], [*history.records["broker-a"]], dict(history.kept["broker-a"])
    for number, (tried, consumed, worker) in enumerate(steps, 3):
        ident, offset = f"c.0-{number}", number - 1
        events += [*sent(tried, ident, ORDERED, offset), got(consumed, ident, ORDERED, offset, worker=worker)]
        records.append(record(ORDERED, ident, offset, 500 + number))
        kept["Ordered@ordered-readers"] = {0: offset + 1}
    return history._replace(
        events=sorted(events, key=lambda event: event.t), records={"broker-a": records}, kept={"broker-a": kept}
    )


def ended(*steps: tuple[float, float, str]) -> History:
    """A reader is ended in order, and the other goes on; both have had messages shortly before."""
    history = more(whole(), *(steps or [(ENDED - 2, ENDED - 1.5, name) for name in READERS]))
    ups = [Event(1, UP, "", name, topic=ORDERED, seconds=0.5) for name in READERS]
    down = Event(ENDED + 0.2, DOWN, "", READERS[0], topic=ORDERED, seconds=0.2)
    return history._replace(events=sorted([*history.events, *ups, down], key=lambda event: event.t))


def parted(*events: Event) -> History:
    history = on_a_pair()
    events = (*history.events, *events)
    part = Suffered(PARTED, PARTED + 1, PART, "broker-a-0")
    return history._replace(events=sorted(events, key=lambda event: event.t), suffered=[part])


PLANTED = {
    "ended by a fault": (whole()._replace(ended=(("payer2", 1),)), "payer2 was shut down and ended with 1"),
    "had to be killed": (whole()._replace(ended=(("broker-a", -9),)), "broker-a was shut down and ended with -9"),
    "ended by the signal while it worked": (
        whole()._replace(ended=(("r1", -signal.SIGTERM),)),
        "r1 was shut down and ended with -15",
    ),
    "keeps its queues": (
        more(whole(), (ENDED, ENDED + SOON + 2, READERS[1])),
        f"c.0-3 of Ordered broker-a 0 was consumed after {SOON + 1.9:.1f} s, and nothing disturbed its group",
    ),
    "one reader has none": (
        ended((ENDED - 2, ENDED - 1, READERS[0])),
        "ordered-reader-1 has got nothing in the quiet before ordered-reader-01 was ended",
    ),
    "nobody sends": (
        ended((ENDED - QUIET - 2, ENDED - 1, READERS[0]), (ENDED - QUIET - 2, ENDED - 1, READERS[1])),
        "nobody has sent to Ordered on broker-a in the quiet before ordered-reader-01 was ended",
    ),
    "nobody sends to one broker": (
        ended()._replace(records={**ended().records, "broker-b": []}, kept={**ended().kept, "broker-b": {}}),
        "nobody has sent to Ordered on broker-b in the quiet before ordered-reader-01 was ended",
    ),
    "again after an orderly end": (
        more(whole(), (ENDED, ENDED + 1, READERS[0]))._replace(
            events=[
                *more(whole(), (ENDED, ENDED + 1, READERS[0])).events,
                got(ENDED + 2, "c.0-3", ORDERED, 2, worker=READERS[1]),
            ],
            suffered=[Suffered(ENDED + 1.1, ENDED + 4, STOP, "ordered-reader-0")],
        ),
        "was consumed by ordered-reader-01 and ordered-reader-11 without a cause",
    ),
    "sure without a slave": (parted(), "broker-a-0 acknowledged c.0-2 while it was cut off from its slave"),
    "silent while cut off from its slave": (
        on_a_pair()._replace(
            suffered=[
                Suffered(30, 31 + LONG_SILENCE, SILENCE, "broker-a-0"),
                Suffered(29, 32 + LONG_SILENCE, PART, "broker-a-0"),
            ]
        ),
        "broker-a-0 has said nothing for 11.0 s without a cause",
    ),
}


@pytest.mark.parametrize(("history", "sentence"), PLANTED.values(), ids=PLANTED)
def test_a_planted_violation_is_found(history: History, sentence: str) -> None:
    assert any(sentence in found for found in violations(history)), violations(history)


def test_what_is_in_order_is_no_violation() -> None:
    assert violations(whole()._replace(ended=(("r1", 0), ("r2", -signal.SIGTERM)))) == []
    assert violations(ended()) == []
    # When the load is over they end one after the other.
    last = Event(5 * GRACE, DOWN, "", READERS[1], topic=ORDERED, seconds=0.2)
    assert violations(ended()._replace(events=[*ended().events, last])) == []
    # A life that was killed does not work, though it has not ended in order.
    killed = Event(0.5, UP, "", "ordered-reader-10", topic=ORDERED, seconds=0.2)
    assert violations(ended()._replace(events=[killed, *ended().events, last])) == []
    assert violations(more(whole(), (ENDED, ENDED + SOON - 1, READERS[1]))) == []
    unsure = [Event(1.6, TRY, "c.0-3", topic=ORDERED), Event(2, UNSURE, "c.0-3", topic=ORDERED, broker="broker-a")]
    both = parted(*unsure)
    both = both._replace(events=[event for event in both.events if (event.what, event.id) != (ACK, "c.0-2")])
    assert violations(both) == [] and sent_without_slave(both) == 1
    # Tried before the cut, or answered after it.
    for begin, end in ((2.05, 2.9), (1.5, 2.05)):
        assert violations(parted()._replace(suffered=[Suffered(begin, end, PART, "broker-a-0")])) == []


def test_what_a_fault_explains_is_no_violation() -> None:
    history, _ = PLANTED["keeps its queues"]
    for kind, target in ((KILL, "broker-b"), (CUT, "ordered-reader-1"), (PAUSE, "namesrv-0")):
        assert violations(history._replace(suffered=[Suffered(ENDED, ENDED + 1, kind, target)])) == []
    assert violations(history._replace(suffered=[Suffered(ENDED, ENDED + 1, CUT, "plain-reader-1")])) != []
    for what in (UP, STALLED):
        disturbed = Event(ENDED + 1, what, "", READERS[1], topic=ORDERED, seconds=0.6)
        assert violations(history._replace(events=[*history.events, disturbed])) == []
    one, _ = PLANTED["one reader has none"]
    assert violations(one._replace(suffered=[Suffered(ENDED - 8, ENDED - 7, CUT, "ordered-reader-1")])) == []


def test_clients_are_stopped_and_cut_off_and_masters_from_their_slaves() -> None:
    servers, clients = ["namesrv-0", "broker-a-0", "broker-a-1"], ["reader"]
    plans = [faults(seed, 12.0, servers, clients, with_slaves=["broker-a-0"]) for seed in range(20)]
    kinds = {(fault.kind, fault.target) for plan in plans for fault in plan}
    assert {kind for kind, target in kinds if target == "reader"} == {KILL, STOP, PAUSE, CUT}
    assert {target for kind, target in kinds if kind == PART} == {"broker-a-0"}
    alone = [faults(seed, 12.0, servers, clients) for seed in range(20)]
    assert not any(fault.kind == PART for plan in alone for fault in plan)
