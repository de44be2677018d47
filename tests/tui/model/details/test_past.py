"""A part as a recorded moment has it."""

from __future__ import annotations

from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, QueueLag
from rocketmq_ops.tui.model import asked
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.asked import Asked, told
from rocketmq_ops.tui.model.details import group, group_queues, topic
from rocketmq_ops.tui.model.details.detail import Asking, Fact, Nobody, Part, Section, table_of
from rocketmq_ops.tui.model.details.past import Recorded, recorded_of
from rocketmq_ops.tui.model.moment import GroupSeen, Moment
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row
from tests.tui import fakes
from tests.tui.fakes import MINUTE, NOW_MS

KEPT = ":group/billing/queues"
STUCK = Row(
    key="orders broker-a:0",
    cells=("orders", "broker-a", 0, "stuck", 60, 9_000, "c@1", 40, 100, 3, NOW_MS - MINUTE, "of the screen"),
    health=Health.CRITICAL,
    opens=Address("client", "c@1", (("group", "billing"),)),
)


def nobody(address: Address) -> Asking:
    """What parts are made from on a machine without the cluster."""
    admin: object = Nobody("there is no cluster")
    return Asking(admin=admin, model=fakes.FakeModel(fakes.moment()), address=address)  # type: ignore[arg-type]


def part_of(key: str) -> Part:
    return next(part for part in group.parts(nobody(Address("group", "billing"))) if part.key == key)


def recorded(at_ms: int, *, told_ms: int | None = None) -> Moment:
    """The group has 300 messages to consume; 60 when its screen was told."""
    moment = fakes.moment(at_ms)
    queue = QueueOffsets(QueueKey("orders", "broker-a", 0), 400, 100)
    lag = QueueLag("orders", "broker-a", 0, LagState.SLOW, 300, "")
    moment.groups = {
        "billing": GroupSeen(
            group="billing",
            offsets=GroupOffsets(group="billing", queues=[queue]),
            lag=GroupLag("billing", LagState.SLOW, 300, "", [lag]),
        )
    }
    if told_ms is not None:
        kept = Asked()
        kept.put(KEPT, table_of(group_queues._QUEUES, [STUCK]), told_ms)
        kept.put(":group/billing/clients", table_of((Column(key="client", title="Client"),), [STUCK]), told_ms)
        moment.asked = kept.texts
    return moment


def shown(found: Recorded | None) -> list[tuple[object, ...]]:
    assert found is not None
    assert found.section.table is not None
    return [row.cells for row in found.section.table.rows]


def test_an_answer_is_kept_with_all_that_is_shown_of_it() -> None:
    columns = (Column(key="a", title="A", kind=Kind.RATE, drop=2), Column(key="b", title="B"))
    facts = (Fact("State", "stuck", Kind.STATE, Health.CRITICAL),)
    rows = [Row(key="1", cells=(1.5, "x")), Row(key="2", cells=(None, "y"), health=STUCK.health, opens=STUCK.opens)]
    kept = Asked()
    kept.put("p", Section(facts=facts, table=table_of(columns, rows).table, health=Health.CRITICAL), NOW_MS)
    kept.put("none", table_of(columns, [], "nobody is there"), NOW_MS)
    kept.put("text", Section(lines=("main", " at x")), NOW_MS)
    found = told(kept.texts, "p")
    assert found is not None
    assert found.section.facts == facts
    assert found.section.health is Health.CRITICAL
    assert found.table.columns == columns
    assert found.table.rows == rows
    none, text = told(kept.texts, "none"), told(kept.texts, "text")
    assert none is not None and text is not None
    assert (none.section.table, none.section.note) == (table_of(columns, []).table, "nobody is there")
    assert list(text.section.lines or ()) == ["main", " at x"]


def test_what_is_large_is_kept_small_and_what_recordings_before_had_is_read() -> None:
    columns = (Column(key="a", title="A"),)
    rows = [Row(key=f"queue {n}", cells=(f"10.0.0.{n}@client of billing",)) for n in range(5_000)]
    kept = Asked()
    kept.put("large", table_of(columns, rows), NOW_MS)
    found = told(kept.texts, "large")
    assert found is not None
    assert found.table.rows == rows
    assert len(kept.texts["large"]) < asked.MOST_CHARACTERS
    before = '{"asked_ms":60000,"columns":["a"],"rows":[["r",[1]]]}'
    old = told({"p": before}, "p")
    assert old is not None
    assert [(column.key, column.title) for column in old.table.columns] == [("a", "a")]
    assert [(row.key, row.cells) for row in old.table.rows] == [("r", (1,))]


def test_what_is_kept_is_bounded_in_all() -> None:
    kept = Asked()
    columns = (Column(key="a", title="A"),)
    for number in range(asked.MOST):
        noise = "".join(chr(0x4E00 + (number * 7919 + at * at) % 20_000) for at in range(9_000))
        kept.put(str(number), table_of(columns, [Row(key="r", cells=(noise,))]), NOW_MS)
    assert sum(map(len, kept.texts.values())) <= asked.MOST_TOGETHER
    assert str(asked.MOST - 1) in kept.texts
    assert "0" not in kept.texts


def test_a_moment_holds_what_it_has_and_is_told_what_it_lacks() -> None:
    queues = part_of("queues")
    assert shown(recorded_of(queues, recorded(NOW_MS), KEPT)) == [
        ("orders", "broker-a", 0, "slow", 300, None, None, 100, 400, None, None, "")
    ]
    found = recorded_of(queues, recorded(NOW_MS, told_ms=NOW_MS - MINUTE), KEPT)
    assert shown(found) == [("orders", "broker-a", 0, "stuck", 300, 9_000, "c@1", 100, 400, 3, NOW_MS - MINUTE, "")], (
        "figures are of the moment, who is stuck was told"
    )
    assert found is not None and found.section.table is not None
    assert found.told_ms == NOW_MS - MINUTE
    assert found.section.health is Health.CRITICAL
    assert found.section.table.rows[0].opens == STUCK.opens
    old = recorded_of(queues, recorded(NOW_MS, told_ms=NOW_MS - 10 * MINUTE), KEPT)
    assert old is not None
    assert (shown(old)[0][6], old.told_ms) == (None, None), "who held a queue ten minutes before may not hold it"


def test_where_the_queues_of_a_topic_end_is_of_the_moment() -> None:
    """Also where its screen was told of them minutes before."""
    parts = topic.parts(nobody(Address("topic", "orders")))
    queues = next(part for part in parts if part.key == "queues")
    told_then = Row(key="broker-a:0", cells=("broker-a", 0, 1, 0, 1, NOW_MS - 9 * MINUTE))
    for before, cells in ((8 * MINUTE, (None, None, 400, None)), (MINUTE, (1, 0, 400, NOW_MS - 9 * MINUTE))):
        kept, moment = Asked(), recorded(NOW_MS)
        kept.put("p", table_of(topic._QUEUES, [told_then]), NOW_MS - before)
        moment.asked = kept.texts
        assert shown(recorded_of(queues, moment, "p")) == [("broker-a", 0, *cells)]
    kept, moment = Asked(), fakes.moment(NOW_MS)
    kept.put("p", table_of(topic._QUEUES, [told_then]), NOW_MS - 8 * MINUTE)
    moment.asked = kept.texts
    assert shown(recorded_of(queues, moment, "p")) == [told_then.cells], "nobody consumes it: there is no newer one"


def test_what_a_moment_has_is_not_hidden_by_an_old_answer_with_more_columns() -> None:
    """As of a broker's configuration, which a screen shows beside the defaults."""
    name, at = (Column(key="name", title="Name"), Column(key="at", title="broker-a"))
    own = table_of((name, at), [Row(key="hours", cells=("hours", "24"))])
    part = Part("configuration", "Configuration", part_of("queues").ask, past=lambda moment: own)
    more = table_of((name, at, Column(key="default", title="Default")), [Row(key="hours", cells=("hours", "72", "72"))])
    for before, values in ((MINUTE, ("72", "72")), (180 * MINUTE, ("24",))):
        kept, moment = Asked(), fakes.moment(NOW_MS)
        kept.put("p", more, NOW_MS - before)
        moment.asked = kept.texts
        assert shown(recorded_of(part, moment, "p")) == [("hours", *values)]


def test_a_queue_that_moves_is_not_made_stuck_by_what_was_told() -> None:
    moment = recorded(NOW_MS, told_ms=NOW_MS - MINUTE)
    moving = QueueLag("orders", "broker-a", 0, LagState.OK, 300, "")
    moment.groups["billing"].lag = GroupLag("billing", LagState.SLOW, 300, "", [moving])
    found = recorded_of(part_of("queues"), moment, KEPT)
    assert [row[3] for row in shown(found)] == ["ok"]


def test_what_only_a_screen_is_told_has_its_time_and_what_nobody_asked_is_not_recorded() -> None:
    clients, name = part_of("clients"), ":group/billing/clients"
    found = recorded_of(clients, recorded(NOW_MS, told_ms=NOW_MS - 10 * MINUTE), name)
    assert found is not None and found.section.table is not None
    assert found.told_ms == NOW_MS - 10 * MINUTE
    assert found.section.table.rows == [STUCK]
    assert recorded_of(clients, recorded(NOW_MS), name) is None
    assert recorded_of(clients, recorded(NOW_MS, told_ms=NOW_MS), "") is None


def test_what_was_too_large_to_keep_is_said_to_be() -> None:
    kept = Asked()
    kept.put("p", Section(lines=("x" * asked.MOST_UNPACKED,)), NOW_MS)
    moment = recorded(NOW_MS)
    moment.asked = kept.texts
    assert recorded_of(part_of("clients"), moment, "p") == Recorded(Section(), NOW_MS, too_large=True)
