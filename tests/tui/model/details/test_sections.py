"""What screens of one thing make of answers: order, health, what is unknown, and what leads where."""

from __future__ import annotations

import msgspec
import pytest

from rocketmq_ops.client.admin.affected import (
    Affected,
    AffectedBroker,
    AffectedClient,
    AffectedGroup,
    AffectedLag,
    AffectedProducers,
)
from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.client.admin.groups.consumer_status import BLOCKED_MS, ClientStatus, PoppedQueue
from rocketmq_ops.client.admin.groups.group import GroupProgress, QueueProgress
from rocketmq_ops.client.admin.replicas.ha import BrokerReplication, ReplicationReport
from rocketmq_ops.client.admin.topics.topic_status import QueueStatus, TopicStatus
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history.runs import QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.lag import GroupLag, LagState, QueueLag
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.store.inspect.view.listing import FileRow
from rocketmq_ops.tui.changes import ConsumedMessage, MadeChange, PlannedChange, SentMessage
from rocketmq_ops.tui.model.address import AddressError
from rocketmq_ops.tui.model.details import (
    bodies,
    broker,
    client,
    dead_letters,
    doctor,
    group,
    group_clients,
    group_queues,
    journal,
    messages,
    probe,
    store,
    topic,
)
from rocketmq_ops.tui.model.details import message as one_message
from rocketmq_ops.tui.model.details.batch import PlannedOf, planned_lines
from rocketmq_ops.tui.model.details.blocked import without_new
from rocketmq_ops.tui.model.details.detail import Section, side_by_side
from rocketmq_ops.tui.model.details.plan import MOST, made_lines, plan_lines
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.table import NOTHING, Health, Kind, OrMore
from tests.tui import fakes
from tests.tui.fakes import MINUTE, NOW_MS
from tests.tui.model.details import made_up


def cells(section: Section, *keys: str) -> list[tuple[object, ...]]:
    """These columns of the rows."""
    assert section.table is not None
    places = [section.table.place(key) for key in keys]
    assert None not in places
    return [tuple(row.cells[place] for place in places if place is not None) for row in section.table.rows]


def healths(section: Section) -> list[Health]:
    assert section.table is not None
    return [row.health for row in section.table.rows]


def fact(section: Section, name: str) -> object:
    return {fact.name: fact.value for fact in section.facts}[name]


def test_queues_of_a_group_the_stuck_one_first_and_unknown_is_no_zero() -> None:
    owners = {("orders", "broker-a", 0): "c1", ("orders", "broker-b", 1): "c1", ("orders", "broker-b", 0): "c1"}
    held = group_queues.Held(owners, {("orders", "broker-a", 0)})
    section = group_queues.queue_section(made_up.progress(), held, None)
    assert cells(section, "broker", "queue", "state", "lag", "owner") == [
        ("broker-a", 0, "stuck", 60, "c1"),
        ("broker-a", 1, None, 10, "nobody"),
        ("broker-b", 0, None, None, "c1"),
        ("broker-b", 1, None, 0, "c1"),
    ]
    assert healths(section) == [Health.CRITICAL, Health.WARNING, Health.UNKNOWN, Health.OK]
    assert fact(section, "Lag") is None and fact(section, "State") is None
    assert section.health is Health.CRITICAL and len(section.failures) == 1


def test_where_nobody_could_be_asked_the_owner_is_unknown() -> None:
    section = group_queues.queue_section(made_up.progress(), group_queues.Held(None), None)
    assert {owner for (owner,) in cells(section, "owner")} == {None}


def test_a_queue_of_a_silent_broker_is_not_said_to_be_nobodys() -> None:
    silent = {"broker-b": Health.CRITICAL}
    section = group_queues.queue_section(made_up.progress(), group_queues.Held({}), None, silent)
    assert set(cells(section, "broker", "owner")) == {("broker-a", "nobody"), ("broker-b", None)}


def test_a_queue_that_a_silent_client_may_hold_is_not_said_to_be_nobodys() -> None:
    found = made_up.status()
    section = group_queues.queue_section(made_up.progress(), group_queues.held_of(found), None)
    assert cells(section, "broker", "queue", "owner")[:2] == [("broker-a", 0, "10.1.0.1@77"), ("broker-a", 1, None)]
    assert section.note == "10.1.0.3@77 has not said which queues it holds: it may consume those with a ?"
    found.clients = found.clients[:2]  # all have answered
    section = group_queues.queue_section(made_up.progress(), group_queues.held_of(found), None)
    assert (cells(section, "owner")[1], section.note) == (("nobody",), "")


def test_a_client_that_takes_queues_by_itself_says_nothing_of_them() -> None:
    """As DefaultMQPullConsumer; one that pops says of which."""
    found = made_up.status()
    first, second, _ = found.clients
    assert first.info is not None and second.info is not None
    second.info.consume_type = "CONSUME_ACTIVELY"
    found.clients = [first, second]
    section = group_queues.queue_section(made_up.progress(), group_queues.held_of(found), None)
    assert cells(section, "owner")[1] == (None,)
    assert section.note.startswith("10.1.0.2@77 has not said")
    assert ("10.1.0.2@77", None) in cells(group_clients.client_section(made_up.GROUP, found), "client", "queues")
    second.info.pop_queues = [
        PoppedQueue(
            topic="orders", broker_name="broker-a", queue_id=1, wait_ack_count=0, dropped=False, last_pop_timestamp=None
        )
    ]
    section = group_queues.queue_section(made_up.progress(), group_queues.held_of(found), None)
    assert cells(section, "owner")[1] == ("10.1.0.2@77",)
    assert cells(group_queues.held_section(found), "queue", "owner") == [(0, "10.1.0.1@77"), (1, "10.1.0.2@77")]


def test_how_a_watched_group_keeps_up_is_what_was_seen() -> None:
    seen = fakes.group(made_up.GROUP, 70, LagState.STALLED, drained_in_ms=5 * MINUTE)
    seen.lag = GroupLag(
        made_up.GROUP,
        LagState.STALLED,
        70,
        "",
        [QueueLag("orders", "broker-a", 0, LagState.STALLED, 60, "never moved")],
    )
    section = group_queues.queue_section(made_up.progress(), group_queues.Held({}), seen)
    assert cells(section, "state", "evidence")[0] == ("stalled", "never moved")
    assert (fact(section, "State"), fact(section, "Drained in")) == ("stalled", 5 * MINUTE)


def test_queues_of_which_a_group_has_committed_nothing_are_shown_with_what_waits_at_least() -> None:
    """Brokers leave them out where the group has no offset of their topic."""
    key = QueueKey("orders", "broker-a", 0)
    seen = fakes.group(made_up.GROUP, None, LagState.STALLED, least=40, bases={key: 460}, waiting_ms=OrMore(MINUTE))
    seen.offsets.queues = [QueueOffsets(key, 500, None)]
    evidence = "the group has committed no offset of it in 5 min, and 40 messages came meanwhile"
    seen.lag.queues = [QueueLag("orders", "broker-a", 0, LagState.STALLED, None, evidence)]
    nothing = GroupProgress(made_up.GROUP, [], 0.0, 0, 0)
    for section in (group_queues.queue_section(nothing, group_queues.Held({}), seen), group_queues.known_section(seen)):
        assert cells(section, "queue", "state", "committed", "end") == [(0, "stalled", None, 500)]
        ((lag,),) = cells(section, "lag")
        assert [figure(each, Kind.COUNT, 0) for each in (lag, fact(section, "Lag"))] == ["≥40", "≥40"]  # type: ignore[arg-type]
        assert section.health is Health.CRITICAL
    assert fact(group_queues.queue_section(nothing, group_queues.Held({}), seen), "Oldest waits") == MINUTE
    moment = fakes.moment()
    moment.groups = {seen.group: seen}
    (row,) = topic.group_section("orders", [seen.group], moment).table.rows  # type: ignore[union-attr]
    assert figure(row.cells[2], Kind.COUNT, 0) == "≥40"


@pytest.mark.parametrize(
    ("committed", "cells_of_it"), [(None, (None, None, None)), (0, (0, 500, 9_000))], ids=["never", "at the start"]
)
def test_an_offset_that_was_never_saved_is_unknown_and_not_0(
    committed: int | None, cells_of_it: tuple[int | None, ...]
) -> None:
    """Brokers tell 0 of both; which it is the model has asked for."""
    queue = QueueProgress("orders", "broker-a", 0, 500, 0, 500, 0, None, lag_millis=9_000)
    empty = QueueProgress("orders", "broker-a", 1, 0, 0, 0, 0, None, lag_millis=0)
    progress = GroupProgress(made_up.GROUP, [queue, empty], 0.0, 500, 0, lag_millis=9_000)
    seen = fakes.group(made_up.GROUP, None, LagState.UNKNOWN, consume_rate=0.0)
    seen.offsets.queues = [QueueOffsets(QueueKey("orders", "broker-a", 0), 500, committed)]
    section = group_queues.queue_section(progress, group_queues.Held({}), seen)
    found = {row[0]: row[1:] for row in cells(section, "queue", "committed", "lag", "waiting")}
    assert found == {0: cells_of_it, 1: (0, 0, 0)}
    assert fact(section, "Lag") == (None if committed is None else 500)
    unwatched = group_queues.queue_section(progress, group_queues.Held({}), None)
    assert {row[0]: row[1] for row in cells(unwatched, "queue", "committed")} == {0: None, 1: 0}


@pytest.mark.parametrize(("retries", "lag"), [(0, "?"), (3, "≥3")], ids=["no retries", "retries"])
def test_of_a_group_without_offsets_of_what_it_subscribes_to_its_retries_are_not_all_that_waits(
    retries: int, lag: str
) -> None:
    """Brokers tell of the queues alone of which they have an offset."""
    queue = QueueProgress("%RETRY%g", "broker-a", 0, retries, 0, retries, 0, None, lag_millis=retries * MINUTE)
    progress = GroupProgress(made_up.GROUP, [queue], 0.0, retries, 0, lag_millis=retries * MINUTE)
    seen = fakes.group(made_up.GROUP, None, LagState.UNKNOWN, least=retries, unsaved=Unsaved.NO_OFFSET)
    seen.offsets.queues = [QueueOffsets(QueueKey("%RETRY%g", "broker-a", 0), retries, 0)]
    section = group_queues.queue_section(progress, group_queues.Held({}), seen)
    assert (fact(section, "State"), fact(section, "Oldest waits")) == ("unknown", None)
    assert figure(fact(section, "Lag"), Kind.COUNT, 0) == lag  # type: ignore[arg-type]
    assert cells(section, "lag") == [(retries,)]


def test_what_a_broker_delivered_is_not_what_was_consumed() -> None:
    """A consumer that hangs is given messages again and again."""
    seen = fakes.group(made_up.GROUP, 70, LagState.STALLED, consume_rate=0.0)
    section = group_queues.queue_section(made_up.progress(), group_queues.Held({}), seen)
    assert (fact(section, "Consumed"), fact(section, "Delivered")) == (0.0, 12.5)
    assert fact(group_queues.queue_section(made_up.progress(), group_queues.Held({}), None), "Consumed") is None


def test_clients_the_stuck_and_the_silent_first() -> None:
    section = group_clients.client_section(made_up.GROUP, made_up.status())
    assert cells(section, "client", "state", "queues", "failed") == [
        ("10.1.0.1@77", "stuck", 1, 0.0),
        ("10.1.0.3@77", "does not answer", None, None),
        ("10.1.0.2@77", "has problems", 0, 0.5),
    ]
    assert fact(section, "Same subscriptions") == "no"
    assert section.table is not None
    assert str(section.table.rows[0].opens) == f":client/10.1.0.1@77?group={made_up.GROUP}"


def test_subscriptions_side_by_side_mark_what_differs_and_not_who_is_silent() -> None:
    section = group_clients.subscription_section(made_up.status())
    assert section.table is not None
    (row,) = section.table.rows
    assert (row.cells, row.health) == (("orders", "between them", "*", "TagA", None), Health.WARNING)


def test_that_nothing_is_wrong_among_clients_is_said_where_one_has_answered() -> None:
    found = made_up.status()
    found.problems = []
    silent = [client for client in found.clients if client.info is None]
    answered = [client for client in found.clients if client.info is not None]

    def note(clients: list[ClientStatus]) -> str:
        found.clients = clients
        table = group_clients.problem_section(made_up.GROUP, found).table
        assert table is not None
        return table.note

    assert note(found.clients) == "not all could be asked: what they would tell is not known"
    assert note(silent) == "no client has answered"
    assert note([]) == "not all could be asked: what they would tell is not known"
    found.failures = []
    assert note(answered) == "nothing is wrong among the clients that answered"
    assert note([]) == "no client of this group is online"


def test_problems_lead_to_their_client() -> None:
    section = group_clients.problem_section(made_up.GROUP, made_up.status())
    assert cells(section, "kind", "about") == [
        ("stuck queue", "10.1.0.1@77"),
        ("subscriptions differ", "10.1.0.2@77"),
        ("queue without a client", "orders broker-a:1"),
    ]


def test_settings_of_a_group_are_as_brokers_write_them() -> None:
    policy = {"type": "CUSTOMIZED", "customizedRetryPolicy": {"next": [1000, 5000]}}
    config = {"consumeEnable": True, "retryMaxTimes": 16, "groupRetryPolicy": policy, "attributes": {}}
    assert group.flat(config) == {
        "consumeEnable": "true",
        "retryMaxTimes": 16,
        "groupRetryPolicy": '{"type":"CUSTOMIZED","customizedRetryPolicy":{"next":[1000,5000]}}',
    }


def test_settings_that_are_the_same_and_the_default_are_marked_by_nothing() -> None:
    section = side_by_side(
        "Setting",
        {"a": {"x": "1", "y": "2", "z": "0.50"}, "b": {"x": "1", "y": "3", "z": "0.50"}, "c": None},
        expected={"x": "4", "y": "2", "z": "0.5"},
        expected_title="Default",
    )
    assert cells(section, "name", "differs") == [("y", "between them"), ("x", "from the default"), ("z", "")]
    assert healths(section) == [Health.WARNING, Health.INFO, Health.OK]
    assert cells(section, "of c") == [(None,), (None,), (None,)]


def test_what_is_each_brokers_own_is_no_difference() -> None:
    configs = {
        "broker-a": {"brokerName": "broker-a", "flushDiskType": "ASYNC_FLUSH", "fileReservedTime": "48"},
        "broker-b": {"brokerName": "broker-b", "flushDiskType": "SYNC_FLUSH", "fileReservedTime": "48"},
    }
    section = broker.config_section(configs, "5.3")
    found = {row[0]: row[1] for row in cells(section, "name", "differs")}
    assert found["brokerName"] == "its own"
    assert found["flushDiskType"] == "between them"
    assert (fact(section, "Differ between brokers"), fact(section, "Differ from the default")) == (1, 1)


@pytest.mark.parametrize(
    ("version", "column"), [("V4_9_7", "4.9"), ("V5_1_4", "5.3"), ("V5_3_3", "5.3"), ("V5_5_0", "5.5"), ("?", "5.3")]
)
def test_defaults_are_of_the_nearest_version(version: str, column: str) -> None:
    assert broker.defaults_of(version) == column


def test_a_topic_without_messages_has_no_last_one() -> None:
    section = topic.queue_section(made_up.topic_status(), fakes.moment())
    assert cells(section, "messages", "last")[-1] == (0, "-")
    assert fact(section, "Messages") == 3003
    never = TopicStatus("%RETRY%g", [QueueStatus("broker-a", n, 0, 0, None) for n in range(2)])
    assert fact(topic.queue_section(never, fakes.moment()), "Last message") == NOTHING
    expired = TopicStatus("T", [QueueStatus("broker-a", 0, 7, 7, None)])
    assert fact(topic.queue_section(expired, fakes.moment()), "Last message") is None, "there was one"
    never.failures.append(Failure("broker-b", "timeout", ""))
    assert fact(topic.queue_section(never, fakes.moment()), "Last message") is None, "a broker may have one"


def test_groups_of_a_topic_that_were_not_watched_are_unknown() -> None:
    caught_up = fakes.moment()
    caught_up.groups["well"] = fakes.group("well", 0)
    (well,) = topic.group_section("orders", ["well"], caught_up).table.rows
    assert well.cells[:3] == ("well", "ok", 0)
    section = topic.group_section("orders", ["group-00001", "new"], fakes.moment())
    assert cells(section, "group", "state", "lag") == [("group-00001", "stalled", None), ("new", None, None)]
    assert healths(section) == [Health.CRITICAL, Health.UNKNOWN]


def test_a_stuck_queue_of_a_client_leads_to_the_message_that_it_holds() -> None:
    found = made_up.status()
    section = client.queue_section(found, found.clients[0])
    assert section.table is not None
    assert str(section.table.rows[0].opens) == ":message/orders?broker=broker-a&queue=0&offset=940"
    assert healths(section) == [Health.CRITICAL]
    assert client.queue_section(found, found.clients[2]).table.note == "it does not answer"  # type: ignore[union-attr]


def test_problems_of_several_queues_of_a_client_name_the_queues() -> None:
    found = made_up.status()
    stuck = found.problems[0]
    found.problems.insert(1, msgspec.structs.replace(stuck, queue_id=3))
    facts = [fact.value for fact in client.queue_section(found, found.clients[0]).facts if fact.name == "Problem"]
    assert [str(fact).partition(": has")[0] for fact in facts] == [
        "stuck queue: orders broker-a:0",
        "stuck queue: orders broker-a:3",
    ]
    told = [str(detail) for _, detail in cells(group_clients.problem_section("g", found), "about", "detail")]
    assert len(set(told)) == len(told)


def test_a_trace_is_a_waterfall_with_an_open_end() -> None:
    section = one_message.trace_section(made_up.traces())
    assert cells(section, "attempt") == [(NOTHING,), (0,), (0,)], "a send is no attempt to consume"
    assert cells(section, "what", "result", "after", "took") == [
        ("sent", "success", 0, 4),
        ("consumed", "failed", 20, 40),
        ("consumed", None, 50, None),
    ]
    bars = [bar for (bar,) in cells(section, "bar")]
    assert bars[0] == "██"
    assert bars[1] == "·" * 8 + "█" * 16
    assert bars[2] == "·" * 20 + "├┄┄┄"
    assert all(len(bar) <= one_message.BAR for bar in map(str, bars))


@pytest.mark.parametrize(
    ("after", "took", "whole", "drawn"),
    [(0, 0, 0, "█" * 24), (100, 0, 100, "·" * 23 + "█"), (0, None, 0, "├" + "┄" * 23), (0, 100, 100, "█" * 24)],
)
def test_a_bar_is_never_empty_and_never_too_long(after: int, took: int | None, whole: int, drawn: str) -> None:
    assert one_message.bar(after, took, whole) == drawn


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b'{"a": 1}', "json"),
        (b"[1", "text"),
        (b"plain", "text"),
        (b"\xff\xfe", "hex"),
        (b"a\x00b", "hex"),
        (b"", "text"),
    ],
)
def test_the_form_of_a_body_is_the_one_that_shows_most(body: bytes, form: str) -> None:
    assert bodies.form_of(body) == form


@pytest.mark.parametrize(
    ("sys_flag", "size", "compressed"),
    [(0, 4, "not"), (0x100, 4, "lz4"), (0x200, 4, "zstd"), (0x301, 4, "zlib"), (0, 5_000, "zlib"), (0x700, 4, None)],
    ids=["as it is", "lz4", "zstd", "not decompressed", "an old client's, by its size", "a type to come"],
)
def test_a_message_says_by_what_it_was_compressed(sys_flag: int, size: int, compressed: str | None) -> None:
    found = msgspec.structs.replace(made_up.message(1), sys_flag=sys_flag, body=b"x" * size)
    facts = {fact.name: fact.value for fact in one_message.body_section(found, None).facts}
    assert facts.get("Compressed", "not") == compressed


@pytest.mark.parametrize(
    ("body", "forms"), [(b"[1]", ("text", "json", "hex")), (b"[1", ("text", "hex")), (b"\xff", ("text", "hex"))]
)
def test_a_body_has_the_forms_that_it_can_be_shown_in(body: bytes, forms: tuple[str, ...]) -> None:
    assert bodies.forms_of(body) == forms
    found = msgspec.structs.replace(made_up.message(1), body=body)
    facts = {fact.name: fact.value for fact in one_message.body_section(found, "json").facts}
    assert facts["Shown as"] == ("json" if "json" in forms else bodies.form_of(body))


def test_numbers_of_a_json_body_are_as_they_were_sent() -> None:
    assert bodies.lines_of(b'{"amount":12345678901234567.89,"s":"a\\u2028b"}', "json") == (
        "{",
        '  "amount": 12345678901234567.89,',
        '  "s": "a\\u2028b"',
        "}",
    )


def test_a_large_body_is_shown_to_its_end() -> None:
    body = b"x" * (4 << 20)
    assert sum(map(len, bodies.lines_of(body, "text"))) == len(body)
    assert bodies.lines_of(body, "hex")[-1].startswith("003ffff0  78 78")
    assert bodies.form_of(b"[" + body) == "text"


def test_a_body_in_each_form() -> None:
    body = '{"名": [1]}'.encode()
    assert bodies.lines_of(body, "json") == ("{", '  "名": [', "    1", "  ]", "}")
    assert bodies.lines_of(body, "text") == ('{"名": [1]}',)
    assert bodies.lines_of(b"\xff a", "text") == ("\\xff a",)
    assert bodies.lines_of(b"a\x00\x1bb\nc", "text") == ("a··b", "c")
    assert tuple(bodies.lines_of(bytes(range(48, 66)), "hex")) == (
        "00000000  30 31 32 33 34 35 36 37  38 39 3a 3b 3c 3d 3e 3f  0123456789:;<=>?",
        "00000010  40 41                                             @A",
    )
    assert bodies.lines_of(bytes(range(48, 66)), "hex")[-1:] == (
        "00000010  40 41                                             @A",
    )
    assert bodies.head_of(b"a\nb" + b"c" * 100) == "a·b" + "c" * 57 + "…"


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [("10m", NOW_MS - 600_000), ("2h", NOW_MS - 7_200_000), (str(NOW_MS), NOW_MS), ("2026-01-01T12:00+00:00", NOW_MS)],
)
def test_times_of_addresses(text: str, time_ms: int) -> None:
    assert messages.time_of(text, NOW_MS) == time_ms


def test_a_time_that_is_none_says_what_is_expected() -> None:
    with pytest.raises(AddressError, match="invalid time 'soon': expected 10m"):
        messages.time_of("soon", NOW_MS)


def test_a_slave_says_why_it_does_not_replicate() -> None:
    slave = BrokerReplication(BrokerAddress("127.0.0.1:1"), "slave", 100, master_address="127.0.0.1:2")
    lost = msgspec.structs.replace(slave, problem="the logs go different ways")
    section = broker.replica_section(ReplicationReport([lost]), 28.0)
    facts = {fact.name: fact.value for fact in section.facts}
    assert (facts["Behind"], facts["Problem"]) == (28.0, "the logs go different ways")
    assert section.health is Health.CRITICAL
    well = broker.replica_section(ReplicationReport([slave]), 0.0)
    assert well.health is Health.OK
    assert "Problem" not in {fact.name for fact in well.facts}


def test_what_only_sends_says_where_the_message_is_and_what_the_client_answered() -> None:
    sent = SentMessage(topic="orders", broker="broker-a", queue=3, offset=17, message_id="C0A8", status="SEND_OK")
    late = msgspec.structs.replace(sent, status="FLUSH_SLAVE_TIMEOUT")
    consumed = ConsumedMessage(result="CR_SUCCESS", took_ms=12)
    refused = ConsumedMessage(result="CR_LATER", took_ms=1_500, remark="not now")
    made = MadeChange(words=("x",), status="ok", sent=[sent, late], consumed=[consumed, refused])
    where = "it was sent to topic orders, broker-a queue 3, offset 17, id C0A8"
    assert made_lines(made) == [
        (where, Health.OK),
        (where, Health.OK),
        ("it is stored less safely than the broker is set to: FLUSH_SLAVE_TIMEOUT", Health.WARNING),
        ("the client consumed it in 12ms", Health.OK),
        ("the client did not consume it: CR_LATER, after 1s", Health.CRITICAL),
        ("it says: not now", Health.INFO),
    ]


def test_a_dead_letter_goes_back_to_where_it_came_from() -> None:
    row = dead_letters.letter("%DLQ%billing", made_up.message(3, RETRY_TOPIC="old", DLQ_ORIGIN_TOPIC="orders"))
    found = row.cells[-1]
    line = ["queryMsgById", "-t", "%DLQ%billing", "-i", found, "-s", "true", "--toTopic", "orders"]
    assert dead_letters.resend("billing", [row]) == line
    assert dead_letters.hand_over("billing", row, "c1")[-4:] == ["-g", "billing", "-d", "c1"]
    unknown = dead_letters.letter("%DLQ%billing", made_up.message(3))
    assert "--toTopic" not in (dead_letters.resend("billing", [unknown]) or ())
    assert dead_letters.resend("billing", [row, unknown]) is None
    several = dead_letters.resend("billing", [row, row])
    assert several is not None
    assert several[4] == f"{found},{found}"


def test_findings_of_the_doctor_the_worst_first() -> None:
    section = doctor.finding_section(made_up.findings(), 80, NOW_MS)
    assert [row[0] for row in cells(section, "severity")] == ["critical", "unknown", "info"]
    assert section.health is Health.CRITICAL


def test_the_journal_shows_this_cluster_alone_with_what_was_undone() -> None:
    section = journal.journal_section(made_up.journal())
    assert cells(section, "id", "state") == [(4, "unfinished"), (2, "undone"), (1, "no effect")]
    assert cells(section, "time")[0] == (NOW_MS - 2 * MINUTE,)


def test_a_plan_says_what_and_whom() -> None:
    assert [text for text, _ in plan_lines(made_up.plan())] == [
        "would update topic orders on 10.0.0.1:10911",
        "  perm: 6 → 4",
        "touches group billing with 1 client",
        "  topic orders: 60 messages wait, the oldest for 3m",
    ]


def test_a_plan_lists_the_first_of_many_and_says_of_how_many() -> None:
    client = AffectedClient("10.1.0.9@1", "10.1.0.9:5000", "JAVA", "V5_3_3")
    lags = [AffectedLag(f"topic-{number:02}", 1, None) for number in range(MOST + 1)]
    touched = Affected(
        [
            AffectedGroup(f"group-{number:02}", lags if number == 0 else [], [], "CLUSTERING")
            for number in range(MOST + 2)
        ],
        [AffectedProducers(f"shop-{number:02}", [client]) for number in range(MOST + 3)],
        [AffectedBroker(f"10.0.0.{number}:10911", 1, 1, 0, 1) for number in range(MOST + 4)],
    )
    said = [text for text, _ in plan_lines(PlannedChange(words=(), to_type="x", changes=[], affected=touched))]
    for sentence, begins, listed in (
        (f"touches {MOST + 2} groups; the first {MOST} are listed", "touches group ", MOST),
        (f"  {MOST + 1} topics; the first {MOST} are listed", "  topic ", MOST),
        (f"{MOST + 3} groups of producers; the first {MOST} are listed", "may touch producers ", MOST),
        (f"touches {MOST + 4} brokers; the first {MOST} are listed", "touches broker ", MOST),
    ):
        assert sentence in said
        assert sum(text.startswith(begins) for text in said) == listed


def test_of_many_what_is_true_of_each_stands_at_the_end_and_of_some_below_these() -> None:
    """Brokers do not record to which of their topics a producer sends: it is not said that all here are sent to."""

    def deleted(name: str, *groups: AffectedGroup) -> PlannedOf:
        change = Change("10.0.0.1:10911", "topic", name, "delete", "planned", [])
        shop = AffectedProducers("shop", [AffectedClient("10.1.0.9@1", "10.1.0.9:5000", "JAVA", "V5_3_3")])
        touched = Affected(list(groups), [shop], [])
        return PlannedOf(name, PlannedChange(words=(), to_type=name, changes=[change], affected=touched))

    def lag(topic: str) -> AffectedGroup:
        return AffectedGroup("billing", [AffectedLag(topic, 60, None)], [], "CLUSTERING")

    ending = [
        "may touch producers of group shop: 1 client",
        "brokers do not record to which of their topics a producer sends",
    ]
    plans = [deleted("spare-00"), deleted("spare-01", lag("spare-01")), deleted("spare-02", lag("spare-02"))]
    assert [text for text, _ in planned_lines(plans)] == [
        "3 of 3 would change",
        "would delete topic spare-00 on 10.0.0.1:10911",
        "would delete topic spare-01 on 10.0.0.1:10911",
        "touches group billing with 0 clients",
        "  topic spare-01: 60 messages wait",
        "would delete topic spare-02 on 10.0.0.1:10911",
        "touches group billing with 0 clients",
        "  topic spare-02: 60 messages wait",
        "the same for each of them:",
        *ending,
    ]
    assert [text for text, _ in planned_lines(plans[:1])] == [
        "would delete topic spare-00 on 10.0.0.1:10911",
        *ending,
    ]


def test_the_map_of_a_file() -> None:
    row = FileRow(path="commitlog/0", kind="commitlog", size=6000, used=100, allocated=6000, begin=0, end=6000)
    assert store.file_line(row, [], 3000) == "0  " + "█" * 25 + "·" * 25
    assert store.file_line(row, [(100, 250), (5999, 50)], 3000) == "0  ✗✗✗" + "█" * 22 + "·" * 24 + "✗"


def test_a_course_of_figures() -> None:
    assert probe.course([0, 3.5, 7]) == "▁▅█"
    assert probe.course([2, 2]) == "▁▁"


def test_a_queue_in_which_a_message_has_waited_for_seconds_is_not_stuck() -> None:
    """Its client consumed something of it long ago: nothing came, as of a broker that was stopped for a while."""
    progress = made_up.progress()
    progress.queues[0] = msgspec.structs.replace(progress.queues[0], lag_millis=2_000)
    section = group_queues.queue_section(progress, group_queues.Held({}, {("orders", "broker-a", 0)}), None)
    assert cells(section, "queue", "state")[:1] != [(0, "stuck")]
    assert "stuck" not in {state for (state,) in cells(section, "state")}
    for waiting, stuck in ((2_000, False), (BLOCKED_MS, True), (None, True)):
        seen = fakes.group(made_up.GROUP, 7, waiting_ms=waiting)
        found = without_new(made_up.status(), seen)
        assert ("blocked" in {problem.kind for problem in found.problems}) is stuck
        assert {"different_subscription", "unassigned"} <= {problem.kind for problem in found.problems}
        assert (
            ("10.1.0.1@77", "stuck") in cells(group_clients.client_section(made_up.GROUP, found), "client", "state")
        ) is stuck
