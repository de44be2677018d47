"""What the overview shows beside alarms and events: totals, and the brokers with their rates over time."""

from __future__ import annotations

import heapq
from typing import Final

import msgspec

from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import withheld
from rocketmq_ops.tui.model.broker_state import gap_of, telling
from rocketmq_ops.tui.model.figures import STALE, UNKNOWN, change, count, figure
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.spark import spark
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table
from rocketmq_ops.tui.model.views.brokers import no_brokers
from rocketmq_ops.tui.model.views.topics import made_topics

#: What sparklines show, in ms, and their cells.
SPAN_MS: Final = 10 * 60_000
CELLS: Final = 10
_COLUMNS: Final = (
    Column(key="broker", title="Broker", least=10),
    Column(key="role", title="Role", kind=Kind.STATE, drop=6),
    Column(key="state", title="State", kind=Kind.STATE, least=14),
    Column(key="in", title="In/s", kind=Kind.RATE),
    Column(key="in_past", title="10 min", drop=3, least=CELLS),
    Column(key="out", title="Out/s", kind=Kind.RATE),
    Column(key="out_past", title="10 min", drop=4, least=CELLS),
    Column(key="disk", title="Disk", kind=Kind.SHARE, drop=1),
    Column(key="lock", title="Page cache lock", kind=Kind.SPAN, drop=7),
    Column(key="gap", title="Repl. gap", kind=Kind.BYTES, drop=2),
    Column(key="version", title="Version", drop=5),
    Column(key="cluster", title="Cluster", drop=8, least=8),
)


def brokers(model: Model) -> Table:
    """The brokers with their rates over time."""
    return brokers_at(model.moment(), model)


def brokers_at(moment: Moment, model: Model | None = None) -> Table:
    """The brokers as a moment has them; without a model nothing of their rates over time."""
    rows = []
    for broker in sorted(moment.brokers.values(), key=lambda each: (each.cluster, each.broker_name, each.broker_id)):
        known = broker.figures.get

        def past(name: str, address: str = broker.address) -> str:
            return (
                "" if model is None else spark(model.series(f"broker.{name}", address), CELLS, moment.time_ms, SPAN_MS)
            )

        rows.append(
            Row(
                key=broker.address,
                cells=(
                    broker.label,
                    "master" if broker.broker_id == 0 else "slave",
                    broker.states[0].text if broker.states else "ok" if broker.answered_ms is not None else None,
                    known("in_rate"),
                    past("in_rate"),
                    known("out_rate"),
                    past("out_rate"),
                    known("disk_ratio"),
                    known("page_cache_lock_ms"),
                    gap_of(broker),
                    broker.version,
                    broker.cluster,
                ),
                health=broker.health,
                stale_since=broker.stale_since,
                opens=Address("broker", broker.address),
            )
        )
    rows.sort(key=lambda row: list(Health).index(row.health), reverse=True)
    return Table(columns=_COLUMNS, rows=rows) if rows else no_brokers(_COLUMNS, moment)


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
        return spark(model.series(f"total.{name}"), CELLS, moment.time_ms, SPAN_MS)

    trend = "" if known.lag is None or known.lag_change is None else f"{change(known.lag_change, Kind.RATE)}"
    unknown = (
        f"lag unknown: {count(known.lag_unknown)} of {count(len(moment.groups))} groups" if known.lag_unknown else ""
    )
    return [
        Total("In", figure(known.in_rate, Kind.RATE, 0), past("in_rate")),
        Total("Out", figure(known.out_rate, Kind.RATE, 0), past("out_rate")),
        Total("Lag", f"{figure(known.lag, Kind.COUNT, 0)} {trend}".rstrip(), past("lag"), unknown),
        Total("Groups", _groups(moment)),
        Total("Topics", _topics(moment)),
    ]


def _topics(moment: Moment) -> str:
    """How many topics there are; marked as brokers' figures are where one that would tell of others does not."""
    if moment.topics_ms is None:
        return UNKNOWN
    stale = any(broker.outdated for broker in telling(moment.brokers.values()).values())
    return (STALE if stale else "") + count(len(made_topics(moment)))


def _groups(moment: Moment) -> str:
    """How many groups there are, and how many of them keep up."""
    silent = any(broker.dead for broker in moment.brokers.values())
    in_doubt = moment.groups_ms is None or silent or withheld(moment.failures, moment.brokers.values())
    if in_doubt and not moment.groups:
        return UNKNOWN
    well = sum(seen.lag.state is LagState.OK for seen in moment.groups.values())
    return f"{count(len(moment.groups))} ({count(well)} ✓)"
