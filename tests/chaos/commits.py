"""Offsets that consumers commit: what a client of the load writes down of them, and that brokers say nothing else."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator

from rocketmq_ops.client import RPCHook
from rocketmq_ops.common.sysflag import PULL_COMMIT_OFFSET
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.chaos.events import COMMIT, GROUP_OF, STALLED, Event, Pen
from tests.chaos.history import History, Look, broker_of, is_slave, steps
from tests.chaos.silences import SILENCE

#: Seconds within which the same offset of a queue is written down once.
AGAIN_SECONDS = 0.2
#: Seconds that a commit is on its way, and waits for its turn, where nothing holds it up.
ON_ITS_WAY_SECONDS = 2.0


class Commits(RPCHook):
    """Writes down each offset that is sent to a master, alone or with a pull."""

    def __init__(self, pen: Pen) -> None:
        self._pen = pen
        self._last: dict[tuple[str | None, str, int], tuple[int, float]] = {}

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        header = request.header
        if request.code == RequestCode.PULL_MESSAGE:
            if not header.sys_flag & PULL_COMMIT_OFFSET:
                return
        elif request.code != RequestCode.UPDATE_CONSUMER_OFFSET:
            return
        queue, now = (header.bname, header.topic, header.queue_id), time.monotonic()
        offset, since = self._last.get(queue, (-1, 0.0))
        if header.topic in GROUP_OF and (header.commit_offset != offset or now - since > AGAIN_SECONDS):
            self._last[queue] = header.commit_offset, now
            where = {"topic": header.topic, "broker": header.bname, "queue": header.queue_id}
            self._pen.write(COMMIT, "", offset=header.commit_offset, **where)


def offsets_go_back_by_commits_alone(history: History) -> Iterator[str]:
    """In faults, too: where a master says less than before, a consumer has just sent it that, or it was started again, and
    its file had no more. Whether a consumer may send that is another question."""
    commits: dict[tuple[str, str, int], list[Event]] = defaultdict(list)
    for event in history.events:
        if event.what == COMMIT:
            commits[event.broker, event.topic, event.queue].append(event)
    for before, look in steps(history):
        if look.offset >= before.offset or is_slave(look.store):
            continue
        key = (broker_of(look.store), look.topic_group.partition("@")[0], look.queue)
        sent = any(
            commit.offset == look.offset
            and commit.t <= look.t
            and before.t - commit.t
            <= AGAIN_SECONDS + ON_ITS_WAY_SECONDS + _held_up(history, look.store, commit.t, look.t)
            for commit in commits[key]
        )
        if not sent and not _may_be_forgotten(history, before, look):
            yield f"{look.store}: {look.topic_group} {look.queue} went from {before.offset} to {look.offset}, which nobody sent"


def _may_be_forgotten(history: History, before: Look, look: Look) -> bool:
    """The broker was started again in between, and its file had no more. How old that may be is seen by what one client
    commits (`tests/chaos/witness.py`)."""
    return any(
        look.offset >= left.offsets.get(look.topic_group, {}).get(look.queue, 0)
        for left in history.left
        if left.store == look.store and before.t <= left.t <= look.t
    )


def _held_up(history: History, store: str, since: float, until: float) -> float:
    """Seconds within a span in which something held up what goes to a broker, or all that runs here."""
    spans = [(f.begin, f.end) for f in history.suffered if f.target == store and f.kind != SILENCE]
    spans += [(e.t - e.seconds, e.t) for e in history.events if e.what == STALLED]
    return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in spans)
