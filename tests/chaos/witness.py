"""A group that one client alone commits for, which no fault meets: what each master says of its offset, whatever happens.

The groups of the load share out their queues anew when anything goes wrong, so that their offsets may go back then by what
consumers commit. Here no consumer does: an offset that was acknowledged stands, in any fault, and through all but a kill.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator

from rocketmq_ops.client import ClientOptions, Producer
from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.api.offsets import consumer_offset, update_consumer_offset
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import Message
from tests.chaos.events import RUN, STALLED
from tests.chaos.history import History, Told
from tests.chaos.plan import KILL, PAUSE
from tests.chaos.silences import SILENCE

TOPIC, GROUP = "Witness", "witness"
#: Messages of each broker in that topic, which nobody consumes: an offset behind them would be set back by a start.
MESSAGES, AT_ONCE = 1_000, 100
#: ms that an answer is waited for.
PATIENCE_MS = 500
PAUSE_SECONDS = 0.1
#: Seconds in which a commit that was not acknowledged may still come: a fault lasts 3 at most.
ON_ITS_WAY_SECONDS = 10.0
#: Seconds for a write of the offsets, beside those between two: on a busy disk two may have to end one after the other.
WRITE_SECONDS = 2.0
#: Seconds after a fault that count as shortly after it.
SHORTLY_SECONDS = 2.0


async def fill(namesrv: str) -> None:
    """Send the messages, before anything goes wrong."""
    async with Producer("witness-writer", ClientOptions(name_servers=namesrv)) as producer:
        for queue in await producer.queues(TOPIC):
            for _ in range(0, MESSAGES, AT_ONCE):
                await producer.send_batch([Message(TOPIC, b"x")] * AT_ONCE, queue=queue)


async def read_and_commit(admin: MQAdmin, store: str, address: str, told: list[Told]) -> None:
    """Read an offset from a master and commit the next one, again and again, until it is cancelled.

    What is not read is not replaced: so the first that it says after a fault is what it kept."""
    offset = 0
    while True:
        begin = time.monotonic()
        try:
            found = await consumer_offset(admin.session, address, GROUP, TOPIC, 0, zero_if_new=False)
            told.append(Told(begin, time.monotonic(), store, found or 0, read=True))
        except RocketMQError:
            await asyncio.sleep(PAUSE_SECONDS)
            continue
        offset = min(offset + 1, MESSAGES)
        begin = time.monotonic()
        try:
            await update_consumer_offset(admin.session, address, GROUP, TOPIC, 0, offset)
            done = True
        except RocketMQError:
            done = False
        told.append(Told(begin, time.monotonic(), store, offset, read=False, done=done))
        await asyncio.sleep(PAUSE_SECONDS)


def acknowledged_offsets_stand(history: History) -> Iterator[str]:
    """What a master says is no less than what it acknowledged before, or had in its file when it was started again, but for
    what it may not have written when it was killed, and for a commit without an answer that comes late; and it is nothing
    that nobody committed."""
    commits = [told for told in history.told if not told.read]
    for left in history.left:  # it will say that again, however long before it was written
        offset = left.offsets.get(f"{TOPIC}@{GROUP}", {}).get(0, 0)
        commits.append(Told(left.t, left.t, left.store, offset, read=False))
    for read in (told for told in history.told if told.read):
        own = [commit for commit in commits if commit.store == read.store and commit.begin <= read.end]
        if read.offset > max((commit.offset for commit in own), default=0):
            yield f"{read.store} says {read.offset} of the offset of {GROUP}, which nobody has committed"
        stand = [commit for commit in own if commit.done and commit.end <= read.begin and commit.offset > read.offset]
        if any(
            commit.offset == read.offset and not commit.done and read.begin < commit.end + ON_ITS_WAY_SECONDS
            for commit in own
        ):
            continue
        for commit in reversed(stand):
            if not _may_be_forgotten(commit, read, history):
                after = read.begin - commit.end
                yield (
                    f"{read.store} had acknowledged or kept {commit.offset} as the offset of {GROUP}, and says {read.offset} "
                    f"{after:.1f} s later"
                )
                break


def _may_be_forgotten(commit: Told, read: Told, history: History) -> bool:
    """A kill came between them, before the broker had run for long enough to write the offset."""
    for fault in history.suffered:
        if (
            fault.kind == KILL
            and fault.target == commit.store
            and commit.begin <= fault.end
            and fault.begin <= read.end
        ):
            ran = fault.begin - commit.end - _stood_still(history, commit.store, commit.end, fault.begin)
            if ran < history.offsets_kept_every + WRITE_SECONDS:
                return True
    return False


def _stood_still(history: History, store: str, since: float, until: float) -> float:
    """Seconds within a span in which a broker, or the machine, was not let run."""
    spans = [(fault.begin, fault.end) for fault in history.suffered if fault.kind == PAUSE and fault.target == store]
    spans += [(e.t - e.seconds, e.t) for e in history.events if e.what == STALLED and e.worker == RUN]
    return sum(max(0.0, min(end, until) - max(begin, since)) for begin, end in spans)


def reads_judged(history: History) -> tuple[int, int]:
    """How often an offset was read back that had been acknowledged; and how often in some fault or shortly after, when groups
    of consumers are excused."""
    faults = [fault for fault in history.suffered if fault.kind != SILENCE]
    first = {told.store: told.end for told in reversed(history.told) if not told.read and told.done}
    reads = [told for told in history.told if told.read and told.begin > first.get(told.store, math.inf)]
    beside = sum(
        any(fault.begin <= read.end and read.begin <= fault.end + SHORTLY_SECONDS for fault in faults) for read in reads
    )
    return len(reads), beside
