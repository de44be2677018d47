"""Figures of a broker out of its runtime information and configuration, under the names that a moment has them by.

In a ring file they have `broker.` before them, as the prober's histories name those that both have.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress, load_of
from rocketmq_ops.housekeeping.history.recorder import broker_figures

#: What names of brokers' figures begin with in a history.
PREFIX: Final = "broker."
#: Names of ours, and what `client.admin` calls them.
_OF_LOAD: Final = {
    "in_rate": "in_tps",
    "out_rate": "out_tps",
    "in_today": "in_total_today",
    "out_today": "out_total_today",
    "send_queue": "send_queue_size",
    "send_wait_ms": "send_queue_wait_ms",
    "pull_queue": "pull_queue_size",
    "pull_wait_ms": "pull_queue_wait_ms",
    "page_cache_lock_ms": "page_cache_lock_ms",
    "active": "active",
}
#: Names of ours, and those of the runtime information.
_OF_RUNTIME: Final = {
    "dispatch_behind_bytes": "dispatchBehindBytes",
    "send_queue_most": "sendThreadPoolQueueCapacity",
    "to_flush_bytes": "remainHowManyDataToFlush",
}
#: What a slave of ours says of why it does not replicate; empty while it does.
HA_PROBLEM: Final = "haProblem"


def version_of(runtime: Mapping[str, str]) -> str | None:
    """The version as the broker describes it."""
    return runtime.get("brokerVersionDesc")


def figures_of(runtime: Mapping[str, str]) -> dict[str, float]:
    """What it reported; a negative number is a broker's word for what it does not know."""
    load = load_of(BrokerAddress(""), dict(runtime))
    found: dict[str, float] = {}
    for name, attribute in _OF_LOAD.items():
        value = getattr(load, attribute)
        if value is not None:
            found[name] = float(value)
    for name, key in _OF_RUNTIME.items():
        number = _number(runtime.get(key))
        if number is not None:
            found[name] = number
    if runtime.get(HA_PROBLEM):
        found["ha_problem"] = 1.0
    found |= {name.removeprefix(PREFIX): value for name, value in broker_figures(runtime, {}).items()}
    return {name: value for name, value in found.items() if value >= 0}


def _number(text: str | None) -> float | None:
    """A number, also with the unit that some of them have behind it (`12 B`)."""
    try:
        return float(text.split()[0]) if text and text.strip() else None
    except ValueError:
        return None
