"""How the time of one message's delivery divides among the stages of its way.

A broker of this project notes the times of the prober's own messages (`common/stage_times.py`); of Apache's brokers is
known what can be seen from outside: when the message was stored, by its record, and when it arrived.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.housekeeping.probe.report import MessageStages, Stage, StageBar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rocketmq_ops.common.stage_times import StageTable, StageTimes
    from rocketmq_ops.housekeeping.probe.delivery import Sent

_MICROSECONDS = 1000


def noted(messages: Sequence[Sent], times: StageTable) -> list[MessageStages]:
    """What the broker has noted of each of these messages that was stored."""
    found = []
    for message in messages:
        if message.result is None:
            continue
        place = (message.queue_id, message.result.queue_offset)
        if place in times:
            stages = msgspec.structs.asdict(times[place])
            found.append(
                MessageStages(
                    queue_id=place[0],
                    queue_offset=place[1],
                    **{f"{name}_ms": None if us is None else us / _MICROSECONDS for name, us in stages.items()},
                )
            )
    return found


def bar_of_slowest(messages: Sequence[Sent], times: StageTable, *, sync_flush: bool) -> StageBar | None:
    """The stages of the message that took longest to arrive, in the order of its way; None when none has arrived."""
    arrived = [message for message in messages if message.arrivals and message.result is not None]
    if not arrived:
        return None
    slowest = max(arrived, key=lambda message: message.arrivals[0] - message.sent_at)
    assert slowest.result is not None
    total = (slowest.arrivals[0] - slowest.sent_at) * 1000
    of_broker = times.get((slowest.queue_id, slowest.result.queue_offset))
    inside = None if of_broker is None else _inside(of_broker, total, sync_flush=sync_flush)
    stages = _outside(slowest, total) if inside is None else inside
    return StageBar(
        queue_id=slowest.queue_id,
        queue_offset=slowest.result.queue_offset,
        total_ms=round(total, 3),
        noted_by_broker=inside is not None,
        stages=[Stage(name, round(max(ms, 0.0), 3)) for name, ms in stages],
    )


def _inside(times: StageTimes, total: float, *, sync_flush: bool) -> list[tuple[str, float]] | None:
    """By the broker's times, the rest being the network, this process, and what the broker had not read yet."""
    steps = [("append", times.appended), ("dispatch", times.dispatched)]
    if sync_flush:
        steps.append(("flush", times.flushed))
    steps += [("wake", times.woken), ("answer", times.answered)]
    if times.appended is None or times.dispatched is None:
        return None
    found: list[tuple[str, float]] = []
    last = 0
    for name, us in steps:
        if us is None:  # it was found by a pull that came after it: from here on nothing was noted
            break
        found.append((name, (us - last) / _MICROSECONDS))
        last = us
    early = last / _MICROSECONDS - total
    if early > 0:  # the answer came before the broker, which notes it after writing it, has noted that
        name, ms = found[-1]
        found[-1] = (name, ms - early)
    return [("network", max(-early, 0.0)), *found]


def _outside(message: Sent, total: float) -> list[tuple[str, float]]:
    """By the time until the message was stored, as the measure `storeTime` has it."""
    stored = min(message.store_ms, total)
    return [("store", stored), ("deliver", total - stored)]
