"""Times in which a broker gave no answer, and what each is put down to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.chaos.events import RUN, STALLED
from tests.chaos.history import History, Suffered
from tests.chaos.plan import PART

#: A broker gave no answer within half of what clients wait for one.
SILENCE = "silence"
#: Seconds of silence that need a cause.
LONG_SILENCE = 10.0
#: What a silence is put down to.
OF_A_FAULT, OF_A_STALL, WITHOUT_CAUSE = "in faults", "in stalls of the machine", "without a cause"


def cause_of(silence: Suffered, history: History) -> str:
    """A fault of the broker itself, its start included, which the silence goes on through (but not that it is cut off from its
    slave); or that the run's own process,
    which no fault meets, was not let run: then the machine did not let the broker run either."""
    if any(
        fault.target == silence.target and fault.begin <= silence.end and silence.begin <= fault.end
        for fault in history.suffered
        if fault.kind not in (SILENCE, PART)
    ):
        return OF_A_FAULT
    return OF_A_STALL if _stalled_within(silence, history) else WITHOUT_CAUSE


def _stalled_within(silence: Suffered, history: History) -> float:
    """Seconds of a silence in which the run's own process stood still."""
    return sum(
        max(0.0, min(event.t, silence.end) - max(event.t - event.seconds, silence.begin))
        for event in history.events
        if event.what == STALLED and event.worker == RUN
    )


def silences(history: History) -> dict[str, int]:
    """How many there were of each cause."""
    found = Counter(cause_of(silence, history) for silence in history.suffered if silence.kind == SILENCE)
    return {cause: found[cause] for cause in (OF_A_FAULT, OF_A_STALL, WITHOUT_CAUSE)}


def brokers_answer(history: History) -> Iterator[str]:
    """A short silence may be the busy machine's; a long one is not, but for the time in which nothing ran."""
    for silence in history.suffered:
        if silence.kind == SILENCE and cause_of(silence, history) != OF_A_FAULT:
            seconds = silence.end - silence.begin - _stalled_within(silence, history)
            if seconds > LONG_SILENCE:
                yield f"{silence.target} has said nothing for {seconds:.1f} s without a cause"
