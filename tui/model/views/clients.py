"""Clients: who is connected, of the groups that were asked so far."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import msgspec

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Kind, Row, Table
from rocketmq_ops.tui.model.view import with_pauses
from rocketmq_ops.tui.model.views.nothing import without_rows

COLUMNS: Final = (
    Column(key="client", title="Client", least=20),
    Column(key="kind", title="Kind", kind=Kind.STATE, drop=3),
    Column(key="groups", title="Groups", least=12),
    Column(key="address", title="Address", drop=2, least=14),
    Column(key="language", title="Language", drop=5),
    Column(key="version", title="Version", drop=4),
    Column(key="seen", title="Seen", kind=Kind.MOMENT, drop=1),
)


class Clients:
    """See `View`."""

    name, aliases, title = "clients", ("c", "cl", "conn", "connections"), "Clients"
    columns, options = COLUMNS, ("group",)
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.clients or moment.no_producers

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`. `group` of the address limits it to one."""
        group = address.option("group")
        rows = [
            Row(
                key=f"{'producer' if client.producer else 'consumer'} {client.client_id}",
                cells=(
                    client.client_id,
                    "producer" if client.producer else "consumer",
                    ", ".join(client.groups),
                    client.address,
                    client.language,
                    client.version,
                    client.seen_ms or None,  # recordings do not keep it
                ),
                opens=Address("client", client.client_id, tuple(("group", each) for each in client.groups[:1])),
            )
            for client in with_pauses(moment.clients.values(), pause)
            if group is None or group in client.groups
        ]
        note = f"producers are not known: {moment.no_producers[0].cause}" if moment.no_producers else ""
        if not rows:
            asked = moment.live or moment.watched_ms is not None  # the prober keeps no clients
            none = "no client is known: groups that are behind are asked first" if asked else None
            return msgspec.structs.replace(without_rows(COLUMNS, moment, note or none), whole=moment.clients_whole)
        return Table(columns=COLUMNS, rows=rows, note=note, whole=moment.clients_whole)
