"""What must hold of clients that are ended in order, cut off or stopped and come back, and of a master without its slave."""

from __future__ import annotations

import signal
from collections.abc import Iterator

from tests.chaos.events import ACK, DOWN, GOT, ORDERED, PLAIN, TRY, UNSURE, UP, Event
from tests.chaos.history import History, Suffered, broker_of, masters
from tests.chaos.plan import PART
from tests.chaos.quiet import Disturbed, readers_of

#: Seconds within which a message is consumed when nothing disturbs its group: a broker keeps the lock of an ordered queue
#: for a minute for a client that has not given it back.
SOON = 15.0
#: Seconds of quiet in which everybody works.
QUIET = 5.0


def every_end_is_in_order(history: History) -> Iterator[str]:
    """With the status 0, and by itself; one that was asked before it had begun ends by the signal."""
    began = {event.worker for event in history.events}
    for name, status in history.ended:
        if status != 0 and (status != -signal.SIGTERM or name in began):
            yield f"{name} was shut down and ended with {status}"


def what_is_sent_in_quiet_is_consumed_soon(history: History) -> Iterator[str]:
    """Whoever has ended in order has given its queues back, those of an ordered topic too."""
    disturbed, first = Disturbed(history), dict[str, float]()
    for event in history.events:
        if event.what == GOT:
            first.setdefault(event.id, event.t)
    for event in history.events:
        if event.what == ACK and event.topic in (ORDERED, PLAIN) and not event.delay:
            got = first.get(event.id, event.t)  # one that nobody had is said elsewhere
            if got - event.t > SOON and not disturbed(event.topic, event.t, got):
                place = f"{event.topic} {event.broker} {event.queue}"
                yield f"{event.id} of {place} was consumed after {got - event.t:.1f} s, and nothing disturbed its group"


def everybody_takes_part(history: History) -> Iterator[str]:
    """In the quiet before a reader is ended, and another goes on, all send, to every broker, and each reader has a share of the
    queues, whatever has met it before."""
    disturbed, working = Disturbed(history), set[str]()
    brokers = [broker for broker, _ in masters(history)]
    for end in history.events:
        reader = _reader(end)
        if end.what == UP:
            working.add(reader)
        if end.what != DOWN:
            continue
        working.discard(reader)
        if not any(worker.startswith(readers_of(end.topic)) for worker in working):
            continue  # all of them end
        until = end.t - end.seconds
        since = until - QUIET
        if disturbed(end.topic, since, until):
            continue
        of_then = [event for event in history.events if since <= event.t <= until and event.topic == end.topic]
        sent_to = {event.broker for event in of_then if event.what == ACK}
        if idle := [
            broker for broker in brokers if broker not in sent_to
        ]:  # whoever has their queues may have got nothing
            yield f"nobody has sent to {end.topic} on {', '.join(idle)} in the quiet before {end.worker} was ended"
            continue
        having = {_reader(event) for event in of_then if event.what == GOT}
        for number in range(2):
            if (each := f"{readers_of(end.topic)}{number}") not in having:
                yield f"{each} has got nothing in the quiet before {end.worker} was ended"


def _reader(event: Event) -> str:
    """The reader whose life wrote a line: `paid-reader-1` of `paid-reader-12`, the second; its number has one digit."""
    return event.worker[: len(readers_of(event.topic)) + 1]


def a_master_without_its_slave_is_sure_of_nothing(history: History) -> Iterator[str]:
    """A SYNC_MASTER whose slave is cut off says so: what is sent to it meanwhile is not acknowledged as safe."""
    for event, part in _sent_without_slave(history):
        if event.what == ACK:
            yield f"{part.target} acknowledged {event.id} while it was cut off from its slave"


def sent_without_slave(history: History) -> int:
    """How many answers masters gave meanwhile."""
    return sum(bool(event.broker) for event, _ in _sent_without_slave(history))


def _sent_without_slave(history: History) -> Iterator[tuple[Event, Suffered]]:
    """The answers to what was tried, and answered, while a master was cut off from its slave."""
    tried: dict[str, float] = {}
    parts = [fault for fault in history.suffered if fault.kind == PART]
    for event in history.events:
        if event.what == TRY:
            tried[event.id] = event.t
        elif event.what in (ACK, UNSURE):
            for part in parts:
                if event.broker == broker_of(part.target) and part.begin < tried[event.id] and event.t < part.end:
                    yield event, part
