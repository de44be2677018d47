"""One name server: which brokers it lists beside what the others do, and its configuration beside theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from rocketmq_ops.client.errors import NotFoundError
from rocketmq_ops.common.secrets import settings_without
from rocketmq_ops.housekeeping.doctor.config import OWN
from rocketmq_ops.housekeeping.lint.keys import COMPUTED, NAMESRV_CLASSES, keys_of
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.broker import label
from rocketmq_ops.tui.model.details.detail import EVERY, Asking, Asks, Fact, Part, Section, also, side_by_side, table_of
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

_BROKERS: Final = (
    Column(key="broker", title="Broker", least=12),
    Column(key="address", title="Address", least=16),
    Column(key="cluster", title="Cluster", drop=1),
    Column(key="here", title="Here", kind=Kind.STATE),
    Column(key="missing", title="Not listed by", least=16),
)
#: Held by a test that counts.
ASKS: Final = Asks(name_server=1, name_server_every=EVERY)


def parts(asking: Asking) -> Sequence[Part]:
    """The parts of `:name-server/ADDRESS`."""

    async def brokers() -> Section:
        _check(asking)
        return broker_section(asking.name, asking.moment)

    async def configuration() -> Section:
        _check(asking)
        report = await asking.admin.configs.namesrv_configs()
        found = {each.address: each.config and settings_without(each.config) for each in report.servers}
        defaults = {
            name: default
            for name, key in keys_of("5.3", NAMESRV_CLASSES).items()
            if (default := key.defaults["5.3"]) is not None and default != COMPUTED and name not in OWN
        }
        section = side_by_side("Setting", found, expected=defaults, expected_title="Default")
        return also(section, report.failures)

    def brokers_then(moment: Moment) -> Section:
        return broker_section(asking.name, moment)

    return (
        Part("brokers", "Brokers", brokers, brokers_then, past=brokers_then),
        Part("configuration", "Configuration", configuration),
    )


def _check(asking: Asking) -> None:
    """Raises NotFoundError for an address that is none of the name servers, once these are known."""
    known = asking.moment.name_servers
    if known and asking.name not in known:
        listed = ", ".join(sorted(known))
        raise NotFoundError(f"'{asking.name}' is none of the name servers", f"they are {listed}")


def broker_section(address: str, moment: Moment) -> Section:
    """The brokers that any name server lists, and who does not."""
    seen = moment.name_servers.get(address)
    answering = {name: each.brokers for name, each in moment.name_servers.items() if not each.outdated}
    rows = []
    for place in sorted(frozenset().union(*answering.values()) if answering else frozenset()):
        cluster, name, number, where = place
        missing = [other for other, listed in answering.items() if place not in listed]
        here = None if address not in answering else "not listed" if address in missing else "listed"
        rows.append(
            Row(
                key=f"{cluster} {name} {number} {where}",
                cells=(label(name, number), where, cluster, here, ", ".join(missing)),
                health=Health.WARNING if missing else Health.OK,
                opens=Address("broker", label(name, number)),
            )
        )
    rows.sort(key=lambda row: worst_first(row.health))
    facts = [
        Fact("Answered in", seen.millis if seen is not None else None, Kind.SPAN),
        Fact("Last answer", seen.answered_ms if seen is not None else None, Kind.MOMENT),
        Fact("Topics", seen.topics if seen is not None else None, Kind.COUNT),
    ]
    failures = [seen.failure] if seen is not None and seen.failure is not None else []
    none = "no name server lists a broker" if answering else "no name server answers: what they list is not known"
    section = also(table_of(_BROKERS, rows, none), failures, *facts)
    return msgspec.structs.replace(section, health=Health.CRITICAL) if failures else section
