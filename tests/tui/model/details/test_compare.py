"""A part against what was recorded of it."""

from __future__ import annotations

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, QueueLag
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.details import broker, client, group, group_queues, name_server, topic
from rocketmq_ops.tui.model.details.compare import against
from rocketmq_ops.tui.model.details.detail import Asking, Part, table_of
from rocketmq_ops.tui.model.moment import GroupSeen, Moment, TopicQueues, TopicSeen
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, Value, changes
from tests.tui import fakes
from tests.tui.fakes import NOW_MS
from tests.tui.model.details import made_up

RETRY = f"%RETRY%{made_up.GROUP}"
PARTS = {
    "group": group.parts,
    "topic": topic.parts,
    "client": client.parts,
    "broker": broker.parts,
    "name-server": name_server.parts,
}


def recorded() -> Moment:
    """Ten minutes ago: 100 messages of the group's first queue were not consumed, 3 of its retries."""
    then = fakes.moment(NOW_MS - 600_000)
    offsets = [
        QueueOffsets(QueueKey("orders", "broker-a", 0), 900, 800),
        QueueOffsets(QueueKey(RETRY, "broker-a", 0), 7, 4),
    ]
    lags = [QueueLag("orders", "broker-a", 0, LagState.OK, 100, ""), QueueLag(RETRY, "broker-a", 0, LagState.OK, 3, "")]
    then.groups = {
        made_up.GROUP: GroupSeen(
            group=made_up.GROUP,
            offsets=GroupOffsets(group=made_up.GROUP, queues=offsets),
            lag=GroupLag(made_up.GROUP, LagState.OK, 103, "", lags),
        )
    }
    then.topics["orders"] = TopicSeen(topic="orders", on={"broker-a": TopicQueues(4, 8, 6)})
    first = next(iter(then.brokers.values()))
    first.figures, first.settings = {"in_rate": 5.0, "disk_bytes": 1024.0}, {"fileReservedTime": "72"}
    return then


def then_of(address: str, key: str) -> list[tuple[Value, ...]]:
    """The rows that a part has of ten minutes ago."""
    where = parse(address)
    asking = Asking(admin=MQAdmin(["10.0.0.9:9876"]), model=fakes.FakeModel(fakes.moment()), address=where)
    part: Part = next(part for part in PARTS[where.screen](asking) if part.key == key)
    assert part.then is not None
    section = part.then(recorded())
    assert section is not None
    assert section.table is not None
    return [row.cells for row in section.table.rows]


def test_lag_and_offsets_of_a_queue_are_compared_with_those_that_were_kept() -> None:
    now = group_queues.queue_section(made_up.progress(), group_queues.Held({}), None).table
    then = group_queues.known_section(recorded().groups[made_up.GROUP]).table
    assert now is not None
    assert then is not None
    table, before = against(now, then)
    row = next(row for row in table.rows if row.key == "orders broker-a:0")
    by = dict(zip([column.key for column in table.columns], changes(row, before[row.key]), strict=True))
    assert (by["lag"], by["committed"], by["end"]) == (-40, 140, 100)
    assert (by["waiting"], by["inflight"]) == (None, None), "they are not kept"
    assert "orders broker-b:0" not in before


def test_what_is_kept_of_each_part() -> None:
    assert then_of(f":group/{made_up.GROUP}", "given-up") == [(RETRY, None, None, 3, None)]
    assert len(then_of(f":group/{made_up.GROUP}", "queues")) == 2
    assert then_of(":topic/orders", "queues") == [("broker-a", 0, None, None, 900, None)]
    assert [row[:3] for row in then_of(":topic/orders", "groups")] == [(made_up.GROUP, "ok", 100)]
    assert [row[3:6] for row in then_of(":topic/orders", "route")] == [("read and write", 4, 8)]
    assert ("readQueueNums", "", 4) in then_of(":topic/orders", "settings")
    assert [row[7] for row in then_of(f":client/c@1?group={made_up.GROUP}", "queues")] == [800, 4]
    assert then_of(":broker/broker-a", "statistics") == [("Messages in", "5.0/s"), ("Disk size", "1.00 KiB")]
    assert [row[:3] for row in then_of(":broker/broker-a", "configuration")] == [("fileReservedTime", "", "72")]
    assert then_of(":name-server/10.0.0.9:9876", "brokers") == []


def test_a_text_that_is_another_shows_what_it_was() -> None:
    columns = (Column(key="name", title="Name"), Column(key="value", title="Value"))
    rows = [Row(key=name, cells=(name, value)) for name, value in (("a", "48"), ("b", "1"), ("c", 2))]
    now = table_of(columns, rows).table
    other = Column(key="other", title="Other", kind=Kind.COUNT)
    then = table_of((columns[1], other), [Row(key="a", cells=("72", 1)), Row(key="b", cells=("1", 1))]).table
    assert now is not None
    assert then is not None
    table, before = against(now, then)
    assert [row.cells for row in table.rows] == [("a", "72 → 48"), ("b", "1"), ("c", 2)]
    assert [row.health for row in table.rows] == [Health.INFO, Health.OK, Health.OK]
    assert before["a"].cells == (None, "72")
