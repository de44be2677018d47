"""Consumer groups: how they keep up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import GROUP_HEALTH
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import NOTHING, Column, Health, Kind, Row, Table, since
from rocketmq_ops.tui.model.view import with_pauses
from rocketmq_ops.tui.model.views.nothing import silent_note, without_rows

COLUMNS: Final = (
    Column(key="group", title="Group", least=16),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="since", title="Since", kind=Kind.MOMENT, drop=3),
    Column(key="lag", title="Lag", kind=Kind.COUNT, burden=True),
    Column(key="waiting", title="Waiting", kind=Kind.SPAN, drop=1, burden=True),
    Column(key="rate", title="Consumed/s", kind=Kind.RATE, drop=2),
    Column(key="drained", title="Drained in", kind=Kind.SPAN, drop=4, burden=True),
    Column(key="clients", title="Clients", kind=Kind.COUNT, drop=5),
    Column(key="queues", title="Queues", kind=Kind.COUNT, drop=6),
    Column(key="why", title="Why", kind=Kind.SENTENCE, least=20, drop=7),
)


#: How each is written: to read it of the state takes longer than the rest of a row.
_WORDS: Final = {state: state.value for state in LagState}


class Groups:
    """See `View`."""

    name, aliases, title = "groups", ("g", "gr", "cg", "consumers", "consumer-groups"), "Groups"
    columns, options = COLUMNS, ("topic",)
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.groups

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`. `topic` of the address limits it to the groups of one."""
        topic = address.option("topic")
        rows = []
        for seen in with_pauses(moment.groups.values(), pause):
            if topic is not None and not any(key.topic == topic for key in seen.offsets.keys):
                continue
            lag = seen.lag
            health = Health.INFO if seen.idle or seen.keeps_own else GROUP_HEALTH[lag.state]
            rows.append(
                Row(
                    key=seen.group,
                    cells=(
                        seen.group,
                        _WORDS[lag.state],
                        NOTHING if lag.state is LagState.OK else since(seen.since_ms, begun_before=seen.begun_before),
                        seen.waits,
                        seen.waiting_ms,
                        seen.consume_rate,
                        seen.drained_in_ms,
                        seen.members,
                        len(seen.offsets.keys),
                        "" if lag.state is LagState.OK else lag.evidence,
                    ),
                    health=health,
                    opens=Address("group", seen.group),
                )
            )
        if not rows:
            return without_rows(COLUMNS, moment, None if moment.groups_ms is None else "there is no group")
        return Table(columns=COLUMNS, rows=rows, note=silent_note(moment, moment.untold))
