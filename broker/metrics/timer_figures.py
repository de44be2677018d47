"""The metrics of timers: what waits, for how long, and how far behind (the timer part of DefaultStoreMetricsManager).

Of Apache's broker `rocketmq_timer_dequeue_latency_milliseconds` is in seconds; here it is what its name says.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from rocketmq_ops.broker.processors.slices import in_slices
from rocketmq_ops.remoting.metrics_page import Figures

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.metrics.meters import BrokerMeters
    from rocketmq_ops.store.timer.timer_wheel import Slot

#: Until how many seconds from now messages are counted together (TimerMetrics.timerDist).
BOUNDS: Final = (5, 60, 300, 900, 3600, 14400, 28800, 86400)


async def timer_figures(controller: BrokerController, meters: BrokerMeters, storage: dict[str, str]) -> list[Figures]:
    """Those of a broker with timers, labelled as all of the store are."""
    timers, figures = controller.timers, []
    if not timers.is_enabled:
        return []
    waiting = timers.files.waiting if timers.files.is_open else 0
    for name, doc, value in (
        ("rocketmq_timer_enqueue_lag", "Timer enqueue messages lag", timers.enqueue_lag),
        ("rocketmq_timer_enqueue_latency_milliseconds", "Timer enqueue latency", timers.enqueue_latency_ms),
        ("rocketmq_timer_dequeue_lag", "Timer dequeue messages lag", waiting),
        ("rocketmq_timer_dequeue_latency_milliseconds", "Timer dequeue latency", timers.dequeue_latency_ms),
    ):
        gauge = Figures(name, "gauge", doc)
        gauge.add(value, **storage)
        figures.append(gauge)
    timing = Figures("rocketmq_timing_messages", "gauge", "Current message number in timing")
    for topic, (messages, _) in timers.metrics.table.items():
        timing.add(messages, topic=topic, **storage)
    enqueued = Figures("rocketmq_timer_enqueue_total", "counter", "Total number of timer enqueue")
    dequeued = Figures("rocketmq_timer_dequeue_total", "counter", "Total number of timer dequeue")
    for counter, counts in ((enqueued, meters.timers_enqueued), (dequeued, meters.timers_dequeued)):
        for topic, count in counts.items():
            counter.add(count, topic=topic, **storage)
    ahead = Figures("rocketmq_delay_message_latency_seconds", "histogram", "Timer message set latency distribution")
    for topic, histogram in meters.set_for.items():
        ahead.add_histogram(histogram, topic=topic, **storage)
    return [*figures, timing, enqueued, dequeued, ahead, await _snapshot(controller, storage)]


async def _snapshot(controller: BrokerController, storage: dict[str, str]) -> Figures:
    files = controller.timers.files
    now = controller.clock() // files.precision * files.precision
    bounds = [now + seconds * 1000 for seconds in (0, *BOUNDS)]
    counts = [0] * len(BOUNDS)

    def count(slot: Slot) -> None:
        for number, (begin, end) in enumerate(pairwise(bounds)):
            if begin <= slot.time < end:
                counts[number] += slot.messages

    if files.is_open:
        await in_slices(files.slots_before(bounds[-1]), count)
    snapshot = Figures(
        "rocketmq_timer_message_snapshot", "gauge",
        "Timer message distribution snapshot, only count timing messages in 24h.",
    )  # fmt: skip
    for bound, messages in zip(BOUNDS, counts, strict=True):
        snapshot.add(messages, timer_bound_s=str(bound), **storage)
    return snapshot
