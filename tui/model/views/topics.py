"""Topics: queues, permissions, rates."""

from __future__ import annotations

from collections.abc import Collection, Container
from functools import cache
from typing import Final

from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.common.topics import REPLY_TOPIC_POSTFIX, is_dlq_topic, is_retry_topic, is_system_topic
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.broker_state import stale, without_topics
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, OrMore, Row, Table
from rocketmq_ops.tui.model.view import with_pauses
from rocketmq_ops.tui.model.views.nothing import silent_note, without_rows

COLUMNS: Final = (
    Column(key="topic", title="Topic", least=16),
    Column(key="kind", title="Kind", kind=Kind.STATE, drop=3),
    Column(key="perm", title="Permission", drop=1),
    Column(key="write", title="Write queues", kind=Kind.COUNT, drop=2),
    Column(key="read", title="Read queues", kind=Kind.COUNT, drop=4),
    Column(key="brokers", title="Brokers", kind=Kind.COUNT, drop=5),
    Column(key="in", title="In/s", kind=Kind.RATE),
    Column(key="out", title="Out/s", kind=Kind.RATE),
)

#: The kind of topics that are for users' messages.
MADE: Final = "ordinary"


class Topics:
    """See `View`."""

    name, aliases, title = "topics", ("t", "to", "topic-list"), "Topics"
    columns, options = COLUMNS, ("all", "broker")
    sort = ""

    def source(self, moment: Moment) -> Collection[object]:
        """See `View`."""
        return moment.topics

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """See `View`. Without `all` in the address, topics of the system, for retry and of dead letters are left out;
        `broker` limits it to those of one."""
        everything, broker = address.option("all") is not None, address.option("broker")
        rows = []
        own = _own(moment)
        silent = stale(moment.brokers.values())
        untold = without_topics(moment.brokers.values(), moment.topics)
        at_least = OrMore if untold else int
        for seen in with_pauses(moment.topics.values(), pause):
            kind = kind_of(seen.topic, own)
            if kind != MADE and not everything:
                continue
            if broker is not None and broker not in seen.on:
                continue
            perms = {queues.perm for queues in seen.on.values()}
            closed = any(not perm & PERM_WRITE for perm in perms) and kind == MADE
            since = min((silent[name] for name in seen.on if name in silent), default=None) if silent else None
            rows.append(
                Row(
                    key=seen.topic,
                    cells=(
                        seen.topic,
                        kind,
                        permission(next(iter(perms))) if len(perms) == 1 else "/".join(sorted(map(permission, perms))),
                        at_least(sum(queues.write for queues in seen.on.values())),
                        at_least(sum(queues.read for queues in seen.on.values())),
                        at_least(len(seen.on)),
                        seen.in_rate,
                        seen.out_rate,
                    ),
                    health=Health.UNKNOWN if since is not None or untold else Health.INFO if closed else Health.OK,
                    stale_since=since,
                    opens=Address("topic", seen.topic),
                )
            )
        if not rows:
            text = (
                "there is no topic but those of the system; :topics?all has them"
                if moment.topics
                else "there is no topic"
            )
            return without_rows(COLUMNS, moment, None if moment.topics_ms is None else text)
        return Table(columns=COLUMNS, rows=rows, note=silent_note(moment, untold))


def made_topics(moment: Moment) -> list[str]:
    """The topics that somebody has made for messages of his own."""
    own = _own(moment)
    return [topic for topic in moment.topics if kind_of(topic, own) == MADE]


def _own(moment: Moment) -> set[str]:
    """Names of brokers and clusters, each of which has a topic."""
    return {name for each in moment.brokers.values() for name in (each.broker_name, each.cluster)}


def kind_of(topic: str, own: Container[str]) -> str:
    """What a topic is for: ordinary, retry, dead letters, system. Brokers and clusters (`own`) have one each."""
    if topic[0] == "%":
        if is_retry_topic(topic):
            return "retry"
        if is_dlq_topic(topic):
            return "dead letters"
    if is_system_topic(topic) or topic.endswith(REPLY_TOPIC_POSTFIX) or topic in own:
        return "system"
    return MADE


@cache
def permission(perm: int) -> str:
    """As in `rw`, `r`, `w` and `-`."""
    return ("r" if perm & PERM_READ else "") + ("w" if perm & PERM_WRITE else "") or "-"
