"""What the overview shows beside alarms and events: totals, and the brokers with their rates over time."""

from __future__ import annotations

import heapq
from collections.abc import Collection
from typing import Final

import msgspec

from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import withheld
from rocketmq_ops.tui.model.broker_state import gap_of, in_short, telling, without_topics
from rocketmq_ops.tui.model.figures import STALE, UNKNOWN, change, count, figure
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.model.spark import SPAN_MS, spark
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table, or_more, worst_first
from rocketmq_ops.tui.model.views.brokers import no_brokers
from rocketmq_ops.tui.model.views.topics import made_topics

#: Cells of sparklines; those of brokers have fewer where the terminal is narrow.
CELLS: Final = 10
_NARROW_CELLS: Final = 6
COLUMNS: Final = (
    Column(key="broker", title="Broker", least=20, tight=True),
    Column(key="role", title="Role", kind=Kind.STATE, tight=True),
    Column(key="state", title="State", kind=Kind.STATE, tight=True),
    Column(key="in", title="In/s", kind=Kind.RATE, tight=True),
    Column(key="in_past", title="10 min", drop=4, least=CELLS, gap=1, sortable=False),
    Column(key="out", title="Out/s", kind=Kind.RATE, tight=True),
    Column(key="out_past", title="10 min", drop=5, least=CELLS, gap=1, sortable=False),
    Column(key="disk", title="Disk", kind=Kind.SHARE, drop=1, tight=True, burden=True),
    Column(key="lock", title="Page cache lock", kind=Kind.SPAN, drop=3, tight=True, burden=True),
    Column(key="gap", title="Repl. gap", kind=Kind.BYTES, drop=2, tight=True, burden=True),
    Column(key="version", title="Version", drop=6, tight=True),
    Column(key="cluster", title="Cluster", drop=7, least=8, tight=True),
)
#: Apache's clusterList calls the time for which the page cache was locked PCWait.
_NARROW_TITLES: Final = {"Page cache lock": "PCWait", "Repl. gap": "Gap", "10 min": "10m"}
#: The same where the terminal is narrow, without what the line above says (`makes`).
_NARROW: Final = tuple(
    msgspec.structs.replace(
        column, title=_NARROW_TITLES.get(column.title, column.title),
        least=min(column.least, _NARROW_CELLS if column.key.endswith("_past") else 18), gap=1,
    )
    for column in COLUMNS[:-2]
)  # fmt: skip


def brokers(model: Model, *, narrow: bool = False) -> Table:
    """The brokers with their rates over time; in columns that 80 cells have room for where that is to be so."""
    return brokers_at(model.moment(), model, narrow=narrow)


def brokers_at(moment: Moment, model: Model | None = None, *, narrow: bool = False) -> Table:
    """The brokers as a moment has them; without a model nothing of their rates over time."""
    rows = []
    columns, cells = (_NARROW, _NARROW_CELLS) if narrow else (COLUMNS, CELLS)
    master, slave = ("M", "S") if narrow else ("master", "slave")
    for broker in sorted(moment.brokers.values(), key=lambda each: (each.cluster, each.broker_name, each.broker_id)):
        known = broker.figures.get

        def past(name: str, address: str = broker.address) -> str:
            if model is None:
                return ""
            return spark(model.series(f"broker.{name}", address), model.looks(), cells, moment.time_ms, SPAN_MS)

        rows.append(
            Row(
                key=broker.address,
                cells=(
                    broker.label,
                    master if broker.broker_id == MASTER_ID else slave,
                    in_short(broker),
                    known("in_rate"),
                    past("in_rate"),
                    known("out_rate"),
                    past("out_rate"),
                    known("disk_ratio"),
                    known("page_cache_lock_ms"),
                    gap_of(broker),
                    broker.version,
                    broker.cluster,
                )[: len(columns)],
                health=broker.health,
                stale_since=broker.stale_since,
                opens=Address("broker", broker.address),
            )
        )
    rows.sort(key=lambda row: worst_first(row.health))
    return Table(columns=columns, rows=rows) if rows else no_brokers(columns, moment)


def makes(brokers: Collection[BrokerSeen]) -> str:
    """Of what clusters brokers are, and of what versions: the one that most have, and the others with who has them."""
    clusters = sorted({broker.cluster for broker in brokers})
    by_version: dict[str, list[str]] = {}
    for broker in brokers:
        by_version.setdefault(broker.version or UNKNOWN, []).append(broker.label)
    versions = sorted(by_version, key=lambda version: (-len(by_version[version]), version))
    told = [
        version if not number else f"{version} ({', '.join(sorted(by_version[version]))})"
        for number, version in enumerate(versions)
    ]
    return "  ".join(filter(None, (", ".join(clusters), ", ".join(told))))


#: Groups that the overview lists.
MOST_GROUPS: Final = 200


def behind(moment: Moment, groups: Table) -> Table:
    """The groups that are not well, and those with the longest lag, out of the table of all."""
    place = groups.place("lag")
    ranks = list(Health)

    def rank(row: Row) -> tuple[int, float]:
        lag = row.cells[place] if place is not None else None
        return -ranks.index(row.health), -(lag if isinstance(lag, (int, float)) else 0)

    worst = heapq.nsmallest(MOST_GROUPS, groups.rows, key=rank)
    return Table(columns=groups.columns, rows=worst, note=groups.note, failed=groups.failed)


class Total(msgspec.Struct, frozen=True):
    """A figure of the whole cluster: its name, value and past as they are drawn; `note` is a sentence in English."""

    title: str
    value: str
    past: str = ""
    note: str = ""


def totals(model: Model) -> list[Total]:
    """What comes in, goes out and waits; how many groups there are, and topics, as `:topics` lists them."""
    moment = model.moment()
    known = moment.totals

    def past(name: str) -> str:
        return spark(model.series(f"total.{name}"), model.looks(), CELLS, moment.time_ms, SPAN_MS)

    in_full = known.lag is not None and not known.in_part
    trend = change(known.lag_change, Kind.RATE) if in_full else ""
    lag = or_more(known.lag) if known.lag_unknown or known.in_part else known.lag
    unknown = (
        f"lag unknown: {count(known.lag_unknown)} of {count(len(moment.groups))} groups" if known.lag_unknown else ""
    )
    return [
        Total("In", figure(known.in_rate, Kind.RATE, 0), past("in_rate")),
        Total("Out", figure(known.out_rate, Kind.RATE, 0), past("out_rate")),
        Total("Lag", f"{figure(lag, Kind.COUNT, 0)} {trend}".rstrip(), past("lag"), unknown),
        Total("Groups", _groups(moment)),
        Total("Topics", _topics(moment)),
    ]


def _topics(moment: Moment) -> str:
    """How many topics there are; marked as brokers' figures are where one that would tell of others does not, and as so
    many at least where one never has."""
    if moment.topics_ms is None:
        return UNKNOWN
    there = len(made_topics(moment))
    if without_topics(moment.brokers.values(), moment.topics):
        return figure(or_more(there), Kind.COUNT, 0)
    stale = any(broker.outdated for broker in telling(moment.brokers.values()).values())
    return (STALE if stale else "") + count(there)


def _groups(moment: Moment) -> str:
    """How many groups there are, and how many of them keep up; marked as topics are."""
    silent = any(broker.dead for broker in moment.brokers.values())
    in_doubt = moment.groups_ms is None or silent or withheld(moment.failures, moment.brokers.values())
    if in_doubt and not moment.groups:
        return UNKNOWN
    well = sum(seen.lag.state is LagState.OK for seen in moment.groups.values())
    there = count(len(moment.groups))
    if moment.untold:
        there = figure(or_more(len(moment.groups)), Kind.COUNT, 0)
    elif moment.totals.in_part:
        there = STALE + there
    return f"{there} ({count(well)} ✓)"
