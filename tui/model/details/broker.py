"""One broker: its figures, its configuration beside that of its siblings and the defaults, replication, producers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.housekeeping.doctor.config import OWN
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, COMPUTED, keys_of
from rocketmq_ops.tui.model.broker_state import judged
from rocketmq_ops.tui.model.details.detail import (
    BETWEEN_THEM,
    FROM_THE_DEFAULT,
    Asking,
    Asks,
    Fact,
    Once,
    Part,
    Section,
    also,
    side_by_side,
    table_of,
    worst,
)
from rocketmq_ops.tui.model.details.last import not_listed
from rocketmq_ops.tui.model.details.secret_settings import not_recorded, without_secrets
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.client import BrokerProducers
    from rocketmq_ops.client.admin.replicas.ha import BrokerReplication, ReplicationReport

_FIGURES: Final = (Column(key="name", title="Figure", least=20), Column(key="value", title="Value", least=30))
_STATISTICS: Final = (
    Column(key="name", title="Figure", kind=Kind.SENTENCE, least=20),
    Column(key="value", title="Value", least=12, right=True),
)
_REPLICAS: Final = (
    Column(key="address", title="Slave", least=16),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="behind", title="Behind", kind=Kind.BYTES, burden=True),
    Column(key="ack", title="Has up to", kind=Kind.COUNT, drop=1),
    Column(key="rate", title="Bytes a second", kind=Kind.BYTES),
)
_PRODUCERS: Final = (
    Column(key="group", title="Group", least=16),
    Column(key="client", title="Client", least=20),
    Column(key="address", title="Address", least=14),
    Column(key="language", title="Language", drop=2),
    Column(key="version", title="Version", drop=1),
    Column(key="beat", title="Heartbeat", kind=Kind.MOMENT),
)
#: What figures are, by the last word of their names.
_KINDS: Final = {"rate": Kind.RATE, "ratio": Kind.SHARE, "bytes": Kind.BYTES, "ms": Kind.SPAN}
#: What people call them; the names are those of docs/dashboard.md.
_TITLES: Final = {
    "in_rate": "Messages in",
    "out_rate": "Messages out",
    "in_today": "Messages in today",
    "out_today": "Messages out today",
    "disk_ratio": "Disk used",
    "disk_bytes": "Disk size",
    "disk_free_bytes": "Disk free",
    "page_cache_lock_ms": "Page cache lock",
    "send_queue": "Sends waiting",
    "send_queue_most": "Sends that may wait",
    "send_wait_ms": "Send wait",
    "pull_queue": "Pulls waiting",
    "pull_wait_ms": "Pull wait",
    "dispatch_behind_bytes": "Dispatch gap",
    "to_flush_bytes": "To be flushed",
    "log_min_bytes": "Log begins at",
    "log_max_bytes": "Log ends at",
    "gap_bytes": "Repl. gap",
    "ha_problem": "Replication problem",
    "active": "Active",
}
#: Those that are times: their ages are no figures to compare.
_TIMES: Final = frozenset({"boot_ms", "earliest_ms"})
#: Held by a test that counts.
ASKS: Final = Asks(name_server=1, broker=5)


def parts(asking: Asking) -> Sequence[Part]:
    """The parts of `:broker/NAME`; a slave is NAME#ID, and an address will do too."""
    admin = asking.admin
    brokers = Once(lambda: admin.cluster.brokers(), asking.going, "brokers")

    async def this() -> BrokerAddress:
        try:
            return one_of(await brokers(), asking.name)
        except RocketMQError:
            seen = seen_as(asking.name, asking.moment)
            if seen is None:
                raise
        # No name server lists it any more, or none could be asked: it is asked where it was.
        return BrokerAddress(seen.address, seen.broker_name, seen.broker_id, seen.cluster)

    async def figures() -> Section:
        broker = await this()
        section = figure_section(broker, await admin.cluster.runtime(broker.address))
        seen = seen_as(asking.name, asking.moment)
        unlisted = () if seen is None or seen.unlisted_since is None else state_facts(seen)
        return msgspec.structs.replace(section, facts=(*unlisted, *section.facts)) if unlisted else section

    async def statistics() -> Section:
        return statistics_section(asking.name, asking.moment)

    async def configuration() -> Section:
        broker = await this()
        siblings: list[BrokerAddress] = []
        with contextlib.suppress(RocketMQError):  # without name servers it is compared with nobody
            siblings = [each for each in await brokers() if each.cluster == broker.cluster and each != broker]
        report = await admin.configs.broker_configs([broker, *siblings])
        configs = {label(each.broker_name, each.broker_id): each.config for each in report.servers}
        for left in asking.moment.brokers.values():
            if left.cluster == broker.cluster and left.unlisted_since is not None and left.label not in configs:
                configs[left.label] = None
                report.failures += not_listed(asking.moment, [left.broker_name])
        seen, own = seen_as(asking.name, asking.moment), label(broker.broker_name, broker.broker_id)
        since = None
        if seen is not None and seen.settings is not None and configs.get(own) is None:
            configs[own] = seen.settings
            since = seen.settings_since or seen.stale_since or seen.answered_ms or asking.moment.time_ms
        version = await _version(asking, broker) if since is None else defaults_of(seen.version or "" if seen else "")
        section = also(await asyncio.to_thread(config_section, configs, version), report.failures)
        if seen is None or since is None:
            return section
        section = not_recorded(section)
        section = msgspec.structs.replace(section, facts=(*state_facts(seen), *section.facts))
        return msgspec.structs.replace(outdated(section, since), health=Health.CRITICAL)

    async def replication() -> Section:
        broker = await this()
        seen = asking.moment.brokers.get(broker.address)
        gap = seen.figures.get("gap_bytes") if seen is not None else None
        return replica_section(await admin.ha.status([broker]), gap)

    async def producers() -> Section:
        return producer_section(await admin.clients.producers_at((await this()).address))

    def statistics_then(moment: Moment) -> Section:
        return statistics_section(asking.name, moment)

    def configuration_then(moment: Moment) -> Section | None:
        return known_configuration(asking.name, moment)

    def figures_past(moment: Moment) -> Section | None:
        return statistics_section(asking.name, moment) if seen_as(asking.name, moment) is not None else None

    def now(moment: Moment) -> tuple[Fact, ...]:
        seen = seen_as(asking.name, moment)
        return () if seen is None else state_facts(seen)

    return (
        Part("figures", "Figures", figures, past=figures_past, stands=now),
        Part("statistics", "Statistics", statistics, statistics_then, past=figures_past, stands=now),
        Part("configuration", "Configuration", configuration, configuration_then, past=configuration_then, stands=now),
        Part("replication", "Replication", replication, stands=now),
        Part("producers", "Producers", producers, stands=now),
    )


def label(broker_name: str | None, broker_id: int | None) -> str:
    """As tables name it: a slave with its id."""
    return f"{broker_name}#{broker_id}" if broker_id else str(broker_name)


def one_of(brokers: Sequence[BrokerAddress], name: str) -> BrokerAddress:
    """The broker of a name or an address. Raises NotFoundError."""
    for broker in brokers:
        if name in (label(broker.broker_name, broker.broker_id), broker.address):
            return broker
    raise NotFoundError(
        f"no name server lists a broker '{name}'", "it is down, or its name is another; :brokers lists them"
    )


async def _version(asking: Asking, broker: BrokerAddress) -> str:
    """The column of the defaults that fits: 4.9, 5.3, 5.5 or ours."""
    seen = asking.moment.brokers.get(broker.address)
    text = seen.version if seen is not None and seen.version is not None else None
    if text is None:
        text = (await asking.admin.cluster.runtime(broker.address)).get("brokerVersionDesc", "")
    return defaults_of(text)


def defaults_of(version: str) -> str:
    """Whose defaults a broker of a version has: those of the nearest version that is known."""
    digits = version.upper().removeprefix("V").replace("_", ".").split(".")
    if digits[0] == "4":
        return "4.9"
    minor = int(digits[1]) if len(digits) > 1 and digits[1].isdecimal() else 3
    return "5.5" if minor >= 5 else "5.3"


def figure_section(broker: BrokerAddress, figures: Mapping[str, str]) -> Section:
    """All that the broker reports of itself, by name."""
    rows = [Row(key=name, cells=(name, value)) for name, value in sorted(figures.items())]
    facts = (
        Fact("Address", broker.address),
        Fact("Cluster", broker.cluster),
        Fact("Role", "slave" if broker.broker_id else "master", Kind.STATE),
        Fact("Version", figures.get("brokerVersionDesc")),
        Fact("Started", _ms(figures.get("bootTimestamp")), Kind.MOMENT),
        Fact("Disk", _share(figures.get("commitLogDiskRatio")), Kind.SHARE),
    )
    return also(table_of(_FIGURES, rows, "it reports no figures"), (), *facts)


def seen_as(name: str, moment: Moment) -> BrokerSeen | None:
    """The broker of a name or an address, as a moment has it."""
    return next((seen for seen in moment.brokers.values() if name in (seen.label, seen.address)), None)


def statistics_section(name: str, moment: Moment) -> Section:
    """The figures that a moment has of a broker, with their units; where it does not answer, as it gave them last, with
    since when that is so."""
    seen = seen_as(name, moment)
    if seen is None:
        return table_of(_STATISTICS, [], "nothing is known of its figures yet")
    rows = _statistics(seen, moment.time_ms)
    failures = [seen.failure] if seen.failure is not None else []
    note = "nothing is known of its figures yet" if moment.live else "nothing was recorded of its figures"
    section = also(table_of(_STATISTICS, rows, note), failures, *state_facts(seen))
    section = section if seen.stale_since is None else outdated(section, seen.stale_since)
    return msgspec.structs.replace(section, health=worst([section.health, *(fact.health for fact in section.facts)]))


def state_facts(seen: BrokerSeen) -> tuple[Fact, ...]:
    """How a broker is and since when, as a moment has it, live or recorded."""
    states = judged(seen).states
    facts = [Fact("State", "answers" if seen.answered_ms is not None else None, Kind.STATE)] if not states else []
    for at, state in enumerate(states):
        facts.append(Fact("Also" if at else "State", state.text, Kind.STATE, state.health))
    for name, since in (
        ("Dead since", seen.failing_since),
        ("Refuses since", seen.refusing_since),
        ("Not listed since", seen.unlisted_since),
    ):
        if since is not None:
            facts.append(Fact(name, since, Kind.MOMENT, Health.CRITICAL))
    return (
        *facts,
        Fact("Last answer", seen.answered_ms, Kind.MOMENT),
        Fact("Address", seen.address),
        Fact("Cluster", seen.cluster),
        Fact("Version", seen.version),
    )


def outdated(section: Section, since: int) -> Section:
    """Rows of an answer before."""
    if section.table is None:
        return section
    rows = [
        msgspec.structs.replace(row, health=worst([row.health, Health.UNKNOWN]), stale_since=since)
        for row in section.table.rows
    ]
    table = msgspec.structs.replace(section.table, rows=rows)
    return msgspec.structs.replace(section, table=table, health=worst([section.health, Health.UNKNOWN]))


def _statistics(seen: BrokerSeen, now_ms: int) -> list[Row]:
    known = {name: value for name, value in seen.figures.items() if name not in _TIMES}
    names = [*(name for name in _TITLES if name in known), *sorted(known.keys() - _TITLES.keys())]
    return [
        Row(key=name, cells=(_TITLES.get(name, name), figure(known[name], _kind_of(name), now_ms))) for name in names
    ]


def _kind_of(name: str) -> Kind:
    """What a figure is, by the end of its name."""
    return _KINDS.get(name.rpartition("_")[2], Kind.COUNT)


def known_configuration(name: str, moment: Moment) -> Section | None:
    """The configuration of a broker and its siblings as a moment has them by itself, a recorded one or the newest."""
    seen = seen_as(name, moment)
    if seen is None:
        return None
    brokers = [each for each in moment.brokers.values() if each.cluster == seen.cluster]
    section = not_recorded(side_by_side("Setting", {each.label: each.settings for each in brokers}))
    since = seen.settings_since or seen.stale_since
    return section if since is None else outdated(section, since)


def _ms(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _share(text: str | None) -> float | None:
    try:
        return float(text) if text is not None else None
    except ValueError:
        return None


def config_section(configs: Mapping[str, Mapping[str, str] | None], version: str) -> Section:
    """The configuration of brokers side by side, with the defaults of a version; what is each broker's own is no
    difference."""
    defaults = {
        name: default
        for name, key in keys_of(version, BROKER_CLASSES).items()
        if (default := key.defaults.get(version)) is not None and default != COMPUTED
    }
    clean, usual = without_secrets(configs, defaults)
    section = side_by_side("Setting", clean, expected=usual, expected_title="Default")
    if section.table is None:
        return section
    rows = []
    for row in section.table.rows:
        if row.key in OWN and row.health is not Health.OK:
            cells = list(row.cells)
            cells[1] = "its own"
            row = Row(key=row.key, cells=tuple(cells))
        rows.append(row)
    rows.sort(key=lambda row: worst_first(row.health))
    found = table_of(section.table.columns, rows, section.table.note)
    found = msgspec.structs.replace(found, untold=section.untold, counted=_differing)
    return also(found, (), *_differing(rows), Fact("Defaults of", version))


def _differing(rows: Iterable[Row]) -> tuple[Fact, ...]:
    how = Counter(row.cells[1] for row in rows)
    between = how[BETWEEN_THEM]
    return (
        Fact("Differ between brokers", between, Kind.COUNT, Health.WARNING if between else Health.OK),
        Fact("Differ from the default", how[FROM_THE_DEFAULT], Kind.COUNT),
    )


def replica_section(report: ReplicationReport, gap: float | None) -> Section:
    """How far its slaves are, or how it follows its master, and by how many bytes it is behind."""
    found: BrokerReplication | None = next(iter(report.brokers), None)
    if report.failures and (found is None or found.role is None):
        return Section(failures=tuple(report.failures), health=Health.CRITICAL)  # whether it has slaves is not known
    slaves = found.slaves if found is not None and found.slaves is not None else []
    rows = [
        Row(
            key=slave.address,
            cells=(
                slave.address,
                "in sync" if slave.in_sync else "behind",
                slave.diff,
                slave.ack_offset,
                slave.bytes_per_second,
            ),
            health=Health.OK if slave.in_sync else Health.WARNING,
        )
        for slave in slaves
    ]
    facts = []
    if found is not None:
        facts = [
            Fact("Role", found.role and found.role.lower(), Kind.STATE),
            Fact("Log ends at", found.max_offset, Kind.COUNT),
        ]
        if found.master_address:
            facts += [
                Fact("Master", found.master_address),
                Fact("Last read", found.last_read_timestamp, Kind.MOMENT),
                Fact("Bytes a second", found.bytes_per_second, Kind.BYTES),
                Fact("Behind", gap, Kind.BYTES),
            ]
    problem = found.problem if found is not None else None
    if problem is not None:
        facts.append(Fact("Problem", problem, Kind.SENTENCE, Health.CRITICAL))
    note = "it is a slave" if found is not None and found.master_address else "it has no slave"
    section = also(table_of(_REPLICAS, rows, note), report.failures, *facts)
    return msgspec.structs.replace(section, health=Health.CRITICAL) if problem is not None else section


def producer_section(found: BrokerProducers) -> Section:
    """The producers that are connected to it."""
    rows = [
        Row(
            key=f"{each.group} {each.client_id} {each.client_addr}",
            cells=(
                each.group,
                each.client_id,
                each.client_addr,
                each.language,
                each.version,
                each.last_update_timestamp,
            ),
        )
        for each in found.producers
    ]
    return table_of(_PRODUCERS, rows, "no producer is connected")
