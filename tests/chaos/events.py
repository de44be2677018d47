"""What clients write down while they work, a JSON line each: a killed client's lines stay."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import msgspec

#: Every topic and group of the load.
PLAIN, ORDERED, PAID = "Plain", "Ordered", "Paid"
PLAIN_GROUP, ORDERED_GROUP, PAID_GROUP = "plain-readers", "ordered-readers", "paid-readers"
GROUP_OF = {PLAIN: PLAIN_GROUP, ORDERED: ORDERED_GROUP, PAID: PAID_GROUP}

#: An attempt begins; it was acknowledged; it failed, or ended with less safety than asked for: stored or not.
TRY, ACK, UNSURE = "try", "ack", "unsure"
#: A consumer has a message.
GOT = "got"
#: A consumer has begun to hold queues; `seconds` before that it was started. A process was not let run for `seconds` (it was
#: stopped, or the machine has too much to do): what others ask of it meanwhile times out.
UP, STALLED = "up", "stalled"
#: A consumer sends an offset to the master `broker`.
COMMIT = "commit"
#: A consumer has ended in order, which took `seconds`.
DOWN = "down"
#: A slave, `broker`, answered a pull with `count` messages from `offset` on.
FROM_SLAVE = "from slave"
#: Who writes down the stalls of the process that runs everything.
RUN = "run"


class Event(msgspec.Struct, omit_defaults=True):
    """One line. `t`: seconds of CLOCK_MONOTONIC, the same for every process. Offsets count messages of the queue."""

    t: float
    what: str
    id: str
    worker: str = ""
    topic: str = ""
    broker: str = ""
    queue: int = -1
    offset: int = -1
    #: Seconds of delay asked for; 0 for none.
    delay: float = 0.0
    #: The delay is a time of delivery of the message's own, no delay level.
    timed: bool = False
    #: Consumed before without success.
    again: int = 0
    note: str = ""
    seconds: float = 0.0
    count: int = 0


class Pen:
    """Appends to one file, a write for each line: nothing of it is lost with the process."""

    def __init__(self, folder: Path, worker: str) -> None:
        self._worker = worker
        self._file = os.open(folder / f"events-{worker}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._encode = msgspec.json.Encoder().encode

    def write(self, what: str, ident: str, **fields: Any) -> None:
        event = Event(time.monotonic(), what, ident, self._worker, **fields)
        os.write(self._file, self._encode(event) + b"\n")


def read_events(folder: Path) -> list[Event]:
    """The lines of all workers in the order in which they were written; a torn last line is left out."""
    decode = msgspec.json.Decoder(Event).decode
    events = []
    for file in sorted(folder.glob("events-*.jsonl")):
        lines = file.read_bytes().split(b"\n")
        events += [decode(line) for line in lines[:-1]]
    return sorted(events, key=lambda event: event.t)


def outcome_of(ident: str) -> str:
    """What becomes of the transaction of a message, by its number: everyone who is asked says the same."""
    number = int(ident.rsplit("-", 1)[1])
    return ("commit", "commit", "rollback", "late commit")[number % 4]


def first_reading_fails(ident: str) -> bool:
    """Whether its consumer asks for it once more."""
    return int(ident.rsplit("-", 1)[1]) % 40 == 7


def load_records(text: str) -> list[dict[str, Any]]:
    """The messages of `mqadmin store dump --output jsonl`."""
    return [json.loads(line) for line in text.splitlines()]
