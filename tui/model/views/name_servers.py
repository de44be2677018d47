"""Name servers: whether they answer, and whether they agree."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from rocketmq_ops.common.errors import some_of
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import DEAD, REFUSING
from rocketmq_ops.tui.model.moment import Moment, NameServerSeen, label_of
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Table
from rocketmq_ops.tui.model.views.nothing import without_rows

COLUMNS: Final = (
    Column(key="address", title="Name server", least=14),
    Column(key="state", title="State", kind=Kind.STATE, least=10),
    Column(key="took", title="Answer took", kind=Kind.SPAN, drop=2, burden=True),
    Column(key="brokers", title="Brokers", kind=Kind.COUNT),
    Column(key="topics", title="Topics", kind=Kind.COUNT),
    Column(key="why", title="Why", kind=Kind.SENTENCE, least=20, drop=1),
    Column(key="answered", title="Answered", kind=Kind.MOMENT, drop=3),
)


class NameServers:
    """See `View`."""

    name, aliases, title = "nameservers", ("ns", "namesrv", "namesrvs", "name-servers"), "Name servers"
    columns, options = COLUMNS, ()
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.name_servers

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`."""
        answering = [server for server in moment.name_servers.values() if not server.outdated]
        every = frozenset[tuple[str, str, int, str]]().union(*(server.brokers for server in answering))
        most_topics = max((server.topics for server in answering if server.topics is not None), default=None)
        rows = [_row(server, every, most_topics) for server in moment.name_servers.values()]
        return Table(columns=COLUMNS, rows=rows) if rows else without_rows(COLUMNS, moment, None)


def _row(server: NameServerSeen, every: frozenset[tuple[str, str, int, str]], most_topics: int | None) -> Row:
    why = ""
    health, state = Health.OK, "ok"
    if server.outdated:
        health, state = Health.CRITICAL, DEAD if server.dead else REFUSING
        why = server.failure.cause if server.failure is not None else ""
    elif server.answered_ms is None:
        health, state = Health.UNKNOWN, "unknown"
    else:
        missing = sorted(f"{label_of(name, broker_id)} ({at})" for _, name, broker_id, at in every - server.brokers)
        if missing:
            health, state = Health.CRITICAL, "disagrees"
            why = f"does not list {some_of(missing)}"
        elif most_topics is not None and server.topics is not None and server.topics < most_topics:
            health, state = Health.WARNING, "disagrees"
            fewer = most_topics - server.topics
            why = f"lacks {plural(fewer, 'topic', 'topics', grouped=True)}"
    return Row(
        key=server.address,
        cells=(
            server.address,
            state,
            server.millis,
            len(server.brokers) if server.answered_ms is not None else None,
            server.topics,
            why,
            server.answered_ms,
        ),
        health=health,
        stale_since=server.stale_since,
        opens=Address("name-server", server.address),
    )
