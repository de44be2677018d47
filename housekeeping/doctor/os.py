"""Rules about hosts: what brokers show of theirs, and the settings of this one where it is a broker's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress, ran_seconds
from rocketmq_ops.housekeeping.doctor.facts import Facts, Part, label
from rocketmq_ops.housekeeping.doctor.rule import rule
from rocketmq_ops.housekeeping.findings import Severity
from rocketmq_ops.housekeeping.host.items import is_for_broker_to_judge
from rocketmq_ops.housekeeping.host.rules import State
from rocketmq_ops.housekeeping.rules import Hit

#: A figure is rounded to seconds, and clocks of one time source differ a little.
_APART_MS: Final = 10_000
#: Settings by which a broker locks memory; the second as 4.9 to 5.5 spell it.
_LOCKING: Final = ("transientStorePoolEnable", "warmMapedFileEnable")


def _ahead_ms(facts: Facts, broker: BrokerAddress) -> int | None:
    """By how much at least the broker's clock is ahead of the one here, negative for behind; None: not known.

    It reports its start, and how long ago that was, at some moment between the question and the answer.
    """
    boot = facts.figure(broker.address, "bootTimestamp")
    ran = ran_seconds(facts.runtimes.get(broker.address, {}))
    asked, answered = facts.asked_at.get(broker.address), facts.answered_at.get(broker.address)
    if boot is None or ran is None or asked is None or answered is None:
        return None
    its_now = boot + ran * 1000
    return its_now - answered if its_now > answered else min(its_now - asked, 0)


@rule(
    "os.clock-apart",
    Severity.WARNING,
    "A broker's clock is not that of this host: searches by time, delays and retention are off by as much.",
    needs=(Part.RUNTIME,),
    remedy="have both hosts follow one time source (chrony or ntpd), and let it slew, not step",
    false_alarms="The clock of this host is the wrong one: then all brokers are apart by the same.",
)
def clock_apart(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        ahead = _ahead_ms(facts, broker)
        if ahead is not None and abs(ahead) > _APART_MS:
            yield Hit(label(broker), f"{abs(ahead) // 1000} s {'ahead of' if ahead > 0 else 'behind'} this host")


@rule(
    "os.message-from-future",
    Severity.WARNING,
    "A broker's oldest message is stored at a time that has not come: its clock was stepped back since.",
    needs=(Part.RUNTIME,),
    remedy="check the time source; searches by time skip these messages until the clock has caught up",
    false_alarms="The clock of this host is behind.",
)
def message_from_future(facts: Facts) -> Iterator[Hit]:
    for broker in facts.brokers:
        oldest = facts.figure(broker.address, "earliestMessageTimeStamp")
        now = facts.answered_at.get(broker.address, facts.taken_at)
        if oldest is not None and oldest > now + _APART_MS:
            yield Hit(label(broker), f"the oldest message was stored {(oldest - now) // 1000} s in the future")


@rule(
    "os.setting",
    Severity.WARNING,
    "A setting of this host is not what a broker wants (`mqadmin os check`).",
    needs=(Part.HOST, Part.CONFIG),
    remedy="`mqadmin os plan` shows what to change, `mqadmin os apply` writes it",
    false_alarms="This machine is not a broker's.",
)
def setting(facts: Facts) -> Iterator[Hit]:
    for item in facts.host or ():
        if item.state is State.CHANGE:
            yield Hit(item.id, f"{item.current}, wanted is {item.wanted}: {item.why}", item.hand)
    for item in filter(is_for_broker_to_judge, facts.host or ()):
        for broker in facts.brokers:
            for key in _LOCKING:
                if facts.setting(broker.address, key) == "true":
                    yield Hit(item.id, f"{item.current}, and {key} is on at {label(broker)}", item.hand)


@rule(
    "os.host-under-pressure",
    Severity.WARNING,
    "A broker's host was short of disk, memory or CPU in several runs of the prober of the last hour.",
    needs=(Part.HISTORY,),
    remedy="`mqadmin doctor disk` and, on that host, `mqadmin os check`; what else runs there?",
    false_alarms="A backup or another job that runs at this hour.",
)
def host_under_pressure(facts: Facts) -> Iterator[Hit]:
    for host, figures in facts.host_figures.items():
        for name, (limit, words, above) in _HOST_LIMITS.items():
            points = figures.get(name, [])
            beyond = [value for _, value in points if (value > limit if above else value < limit)]
            if len(beyond) >= _HOST_RUNS:
                worst = max(beyond) if above else min(beyond)
                yield Hit(host, f"{words}: {worst:.0f} at worst, beyond {limit} in {len(beyond)} of {len(points)} runs")


@rule(
    "os.clock-stepped",
    Severity.WARNING,
    "The clock of a broker's host was set while the prober looked: store times and delays are off by as much.",
    needs=(Part.HISTORY,),
    remedy="have the host follow a time source that slews (chrony or ntpd), not one that steps",
)
def clock_stepped(facts: Facts) -> Iterator[Hit]:
    for host, figures in facts.host_figures.items():
        steps = [value for _, value in figures.get("clock_step_millis", []) if abs(value) >= _STEP_MS]
        if steps:
            yield Hit(host, f"{len(steps)} steps in the last hour, the largest of {max(steps, key=abs):.0f} ms")


#: From how many runs on a host counts as short of something.
_HOST_RUNS: Final = 3
#: Smaller ones come of the resolution of the two clocks, ms.
_STEP_MS: Final = 500
#: Figures of the history: limit, words, and whether above it is wrong.
_HOST_LIMITS: Final[dict[str, tuple[int, str, bool]]] = {
    "io_pressure_percent": (20, "I/O pressure in %", True),
    "memory_pressure_percent": (10, "memory pressure in %", True),
    "cpu_pressure_percent": (50, "CPU pressure in %", True),
    "disk_latency_millis": (100, "disk latency in ms", True),
    "commit_log_resident_percent": (20, "newest commitlog file in the page cache in %", False),
}
