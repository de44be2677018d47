"""Brokers: roles, versions, rates, disks, replication."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import gap_of
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Kind, Row, Table, Value
from rocketmq_ops.tui.model.views.nothing import without_rows

COLUMNS: Final = (
    Column(key="broker", title="Broker", least=10),
    Column(key="role", title="Role", kind=Kind.STATE, drop=3),
    Column(key="state", title="State", kind=Kind.STATE, least=20),
    Column(key="in", title="In/s", kind=Kind.RATE),
    Column(key="out", title="Out/s", kind=Kind.RATE),
    Column(key="disk", title="Disk", kind=Kind.SHARE, drop=1, burden=True),
    Column(key="gap", title="Repl. gap", kind=Kind.BYTES, drop=4, burden=True),
    Column(key="lock", title="Page cache lock", kind=Kind.SPAN, drop=7, burden=True),
    Column(key="wait", title="Send wait", kind=Kind.SPAN, drop=5, burden=True),
    Column(key="dispatch", title="Dispatch gap", kind=Kind.BYTES, drop=9, burden=True),
    Column(key="version", title="Version", drop=6),
    Column(key="boot", title="Started", kind=Kind.MOMENT, drop=8),
    Column(key="answered", title="Answered", kind=Kind.MOMENT, drop=10),
    Column(key="cluster", title="Cluster", drop=11, least=8),
    Column(key="address", title="Address", drop=2, least=14),
)


class Brokers:
    """See `View`."""

    name, aliases, title = "brokers", ("b", "br", "bk", "broker-list"), "Brokers"
    columns, options = COLUMNS, ("cluster",)
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.brokers

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`. `cluster` of the address limits it to one."""
        cluster = address.option("cluster")
        rows = []
        for broker in moment.brokers.values():
            if cluster is not None and broker.cluster != cluster:
                continue
            figure = broker.figures.get
            cells: tuple[Value, ...] = (
                broker.label,
                "master" if broker.broker_id == 0 else "slave",
                broker.states[0].text if broker.states else "ok" if broker.answered_ms is not None else None,
                figure("in_rate"),
                figure("out_rate"),
                figure("disk_ratio"),
                gap_of(broker),
                figure("page_cache_lock_ms"),
                figure("send_wait_ms"),
                figure("dispatch_behind_bytes"),
                broker.version,
                figure("boot_ms"),
                broker.answered_ms,
                broker.cluster,
                broker.address,
            )
            rows.append(
                Row(
                    key=broker.address,
                    cells=cells,
                    health=broker.health,
                    stale_since=broker.stale_since,
                    opens=Address("broker", broker.address),
                )
            )
        rows.sort(key=lambda row: str(row.cells[0]))
        return Table(columns=COLUMNS, rows=rows) if rows else no_brokers(COLUMNS, moment)


def no_brokers(columns: tuple[Column, ...], moment: Moment) -> Table:
    """The table that says why there is no broker; that none is registered is a failure."""
    heard = any(server.answered_ms is not None for server in moment.name_servers.values())
    table = without_rows(columns, moment, "no broker is registered" if heard else None)
    return msgspec.structs.replace(table, failed=table.failed or heard)
