"""Rows of resetOffsetByTime: every way to say where to, on groups that have consumed all and are offline."""

from __future__ import annotations

from typing import Any

from tests.interop.differential.table import (
    FIVE,
    NOT_FOUND,
    STACK,
    USAGE,
    Row,
    better,
    changed,
    fails,
    offsets_changed,
    outcome,
)

_LINE = "resetOffsetByTime -g offline_{s} -t moved_{s} -s"


def _lags(answer: Any) -> Any:
    return [queue["lagMillis"] for queue in answer.data["group"]["queues"]]


RESETS: tuple[Row, ...] = (
    changed(f"{_LINE} 0", versions=FIVE),
    better(
        "consumerProgress -g offline_{s} -t moved_{s}",
        lambda answer: "#Lag Time" in answer.text,
        _lags,
        "the lag in time too: since when the oldest message that is behind is stored; Java's shows only when the group has "
        "consumed last",
        False,
        lambda lags: len(lags) == 4 and all(lag > 0 for lag in lags),
    ),
    better(
        f"{_LINE} now -f false",
        offsets_changed,
        lambda answer: sorted({queue["state"] for queue in answer.data["queues"]}),
        "`-f false` leaves queues alone where the group is behind that point; brokers since 5.0 ignore it, so that Java's "
        "skips messages",
        ["moved_side@offline_side"],
        ["kept"],
        effects_differ=True,
    ),
    changed(f"{_LINE} now", before="resetOffsetByTime -g offline_{s} -t moved_{s} -s 0"),
    changed(f"{_LINE} -1", before="resetOffsetByTime -g offline_{s} -t moved_{s} -s 0", versions=FIVE),
    changed(f"{_LINE} 2020-01-01#00:00:00:000 -c {{C}}"),
    changed(f"{_LINE} 0 -b {{A}} -q 1 -o 2"),
    better(
        f"{_LINE} 0 -b {{A}} -q 1",
        offsets_changed,
        offsets_changed,
        "the queue goes to offset 0; Java's says `reset consumer offset to 0` and does nothing",
        [],
        ["moved_side@offline_side"],
        changes=True,
        effects_differ=True,
    ),
    better(
        f"{_LINE} now -c nocluster",
        offsets_changed,
        outcome,
        "a cluster that does not have the topic is an error; Java's takes no notice of it and resets everywhere",
        ["moved_side@offline_side"],
        NOT_FOUND,
        effects_differ=True,
    ),
    fails(f"{_LINE} yesterday", STACK, USAGE),
    fails("resetOffsetByTime -g nobody -t moved_{s} -s 0", STACK, NOT_FOUND),
    fails("skipAccumulatedMessage -g nobody -t moved_{s}", STACK, NOT_FOUND),
)
