"""What a run keeps of a cluster beside the offsets of its groups: routes, and the figures that `capacity.py` reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.admin.fanout import fan_out
from rocketmq_ops.client.api.topics import topic_configs
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.sizes import capacity_of
from rocketmq_ops.housekeeping.history.runs import Figure

if TYPE_CHECKING:
    from rocketmq_ops.client.admin import MQAdmin
    from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
    from rocketmq_ops.housekeeping.once import Once

#: Figures of a broker, by the names that they have in the history and in its runtime information.
RUNTIME: Final = {
    "broker.boot_ms": "bootTimestamp",
    "broker.disk_ratio": "commitLogDiskRatio",
    "broker.earliest_ms": "earliestMessageTimeStamp",
    "broker.log_min_bytes": "commitLogMinOffset",
    "broker.log_max_bytes": "commitLogMaxOffset",
}
#: Settings of a broker that say when it deletes messages, the same way.
SETTINGS: Final = {
    "broker.reserved_hours": "fileReservedTime",
    "broker.delete_percent": "diskMaxUsedSpaceRatio",
    "broker.forcibly": "cleanFileForciblyEnable",
}
#: The hours of `deleteWhen`, each a bit: 1 << hour. They are of the broker's own clock and time zone.
DELETE_HOURS: Final = "broker.delete_hours"


class Surroundings(msgspec.Struct):
    """Figures of brokers under their addresses; each topic's route as text, None when a broker did not tell."""

    figures: list[Figure]
    routes: dict[str, str] | None
    failures: list[Failure]


async def surroundings(
    admin: MQAdmin,
    brokers: Sequence[BrokerAddress],
    masters: Sequence[BrokerAddress],
    known: Mapping[str, Mapping[str, str]],
    config: Once[dict[str, str]],
) -> Surroundings:
    """Two requests to each broker, and one to each master.

    `known` is the runtime information that the run has already, by address, and `config` gives configurations: neither
    is asked for again.
    """
    runtimes = await admin.fan_out([b.address for b in brokers if b.address not in known], admin.cluster.runtime)
    found = {b.address: known.get(b.address) or runtimes.answers.get(b.address) for b in brokers}
    answers = {address: runtime for address, runtime in found.items() if runtime is not None}
    configs = await admin.fan_out(answers, config)
    names = {broker.address: broker.broker_name or broker.address for broker in masters}
    routes: dict[str, list[str]] = {}

    async def fold(address: str) -> None:
        for topic, held in (await topic_configs(admin.session, address)).items():
            queues = f"read {held.read_queue_nums} write {held.write_queue_nums} permission {held.perm}"
            routes.setdefault(topic, []).append(f"{names[address]} {queues}")

    # One after the other: each answer may have some MB, of which little is kept.
    topics = await fan_out(names, fold, 1, admin.failure_of)
    figures = [
        Figure(name, address, value)
        for address, runtime in answers.items()
        for name, value in broker_figures(runtime, configs.answers.get(address, {})).items()
    ]
    return Surroundings(
        figures,
        None if topics.errors else {topic: "\n".join(sorted(held)) for topic, held in sorted(routes.items())},
        [*runtimes.failures, *configs.failures, *topics.failures],
    )


def broker_figures(runtime: Mapping[str, str], config: Mapping[str, str]) -> dict[str, float]:
    """The figures of one broker that it told."""
    found = {name: _number(runtime.get(key)) for name, key in RUNTIME.items()}
    found |= {name: _number(config.get(key)) for name, key in SETTINGS.items()}
    found[DELETE_HOURS] = _hours(config.get("deleteWhen"))
    capacity = capacity_of(runtime.get("commitLogDirCapacity", ""))
    if capacity is not None:
        found["broker.disk_bytes"], found["broker.disk_free_bytes"] = capacity
    # Brokers write a negative number for what they do not know.
    return {name: value for name, value in found.items() if value is not None and value >= 0}


def _hours(text: str | None) -> float | None:
    """`04` or `02;04` (UtilAll.isItTimeToDo) as bits; None for what is no list of hours."""
    hours = [part.strip() for part in (text or "").split(";") if part.strip()]
    if not hours or not all(hour.isascii() and hour.isdecimal() and int(hour) < 24 for hour in hours):
        return None
    return float(sum(1 << hour for hour in {int(hour) for hour in hours}))


def _number(text: str | None) -> float | None:
    if text in ("true", "false"):
        return float(text == "true")
    try:
        return float(text) if text else None
    except ValueError:
        return None
