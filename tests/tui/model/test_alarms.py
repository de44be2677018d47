"""Alarms that do not flicker, the verdict, events."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.alarms import CLEAR_MS, RAISE_MS, SHOWN_MS, Alarms, Found, found, in_doubt, watched
from rocketmq_ops.tui.model.broker_state import DEAD, DISK_FULL, READ_ONLY, UNLISTED, judged
from rocketmq_ops.tui.model.events import SHOWN_MS as EVENTS_MS
from rocketmq_ops.tui.model.events import Events
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.known import Known
from rocketmq_ops.tui.model.moment import Alarm, BrokerSeen, Moment, NameServerSeen, TopicQueues, TopicSeen, Totals
from rocketmq_ops.tui.model.overview import totals
from rocketmq_ops.tui.model.periods import RUNTIME
from rocketmq_ops.tui.model.table import Health, Kind
from rocketmq_ops.tui.model.verdict import MOST_PARTS, not_judged, verdict
from rocketmq_ops.tui.model.views.alarms import AlarmList
from rocketmq_ops.tui.model.views.clients import Clients
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.model.views.topics import Topics
from tests.tui.fakes import FakeModel, group

WRONG = Found("group/g/stalled", Health.CRITICAL, "g", "stalled", None, None)


def broker(name="broker-a", broker_id=0, **more):
    more = {"answered_ms": 1} | more
    return BrokerSeen(address=f"{name}:1", cluster="C", broker_name=name, broker_id=broker_id, **more)


def alarm(target, text="stalled", kind="group", health=Health.CRITICAL, since=5):
    return Alarm(key=f"{kind}/{target}/{text}", health=health, target=target, text=text, since_ms=since)


def test_it_is_raised_when_it_has_lasted_with_since_when():
    alarms = Alarms()
    assert alarms.update(1000, [WRONG]) == []
    assert alarms.update(1000 + RAISE_MS - 1, [WRONG]) == []
    (raised,) = alarms.update(1000 + RAISE_MS, [WRONG])
    assert (raised.since_ms, raised.ended_ms) == (1000, None)


def test_a_short_gap_is_the_same_alarm_and_a_long_one_ends_it():
    alarms = Alarms()
    now = 0
    alarms.update(now, [WRONG])
    for _ in range(10):
        now += RAISE_MS
        (one,) = alarms.update(now, [WRONG])
        now += CLEAR_MS - RAISE_MS - 1
        (over,) = alarms.update(now, [])
        assert over == msgspec.structs.replace(one, over_ms=now - (CLEAR_MS - RAISE_MS - 1)), "the same, and over"
    last = now - (CLEAR_MS - RAISE_MS - 1)
    (ended,) = alarms.update(last + CLEAR_MS, [])
    assert (ended.since_ms, ended.ended_ms) == (0, last)
    assert alarms.update(last + SHOWN_MS, []) == [ended]
    assert alarms.update(last + SHOWN_MS + 1, []) == []


def test_what_nobody_tells_of_any_more_is_not_over():
    def groups(state):
        return [group("g", None if state is LagState.UNKNOWN else 90, state)]

    alarms = Alarms()
    full = broker(settings={}, figures={"disk_ratio": 0.99})
    server = NameServerSeen(address="n", answered_ms=1, brokers=frozenset())
    other = NameServerSeen(address="o", answered_ms=1, brokers=frozenset({("C", "a", 0, "a:1")}))

    def update(now, servers, brokers, groups):
        brokers = [judged(each) for each in brokers]
        return alarms.update(now, found(servers, brokers, groups), in_doubt(servers, brokers, groups))

    for now in (0, RAISE_MS):
        update(now, [server, other], [full], groups(LagState.STALLED))
    silent = [msgspec.structs.replace(each, failing_since=RAISE_MS + 1) for each in (server, other)]
    dead = msgspec.structs.replace(full, failing_since=RAISE_MS + 1)
    for later in (RAISE_MS + 1, 2 * CLEAR_MS, 3 * CLEAR_MS):
        update(later, silent, [dead], groups(LagState.UNKNOWN))
    lasting = {
        (each.target, each.text)
        for each in update(4 * CLEAR_MS, silent, [dead], groups(LagState.UNKNOWN))
        if each.over_ms is None and each.ended_ms is None
    }
    before = {("g", "stalled"), ("broker-a", DISK_FULL), ("n", "lacks brokers")}
    assert lasting == before | {("broker-a", DEAD), ("n", DEAD), ("o", DEAD)}

    well = broker(settings={}, figures={"disk_ratio": 0.1})
    same = [msgspec.structs.replace(each, brokers=other.brokers) for each in (server, other)]
    for now in (4 * CLEAR_MS + 1, 6 * CLEAR_MS):
        last = update(now, same, [well], groups(LagState.OK))
    assert all(each.ended_ms is not None for each in last), "all is told of, and well"


def test_what_comes_again_later_is_another_alarm():
    alarms = Alarms()
    alarms.update(0, [WRONG])
    alarms.update(RAISE_MS, [WRONG])
    alarms.update(RAISE_MS + CLEAR_MS, [])
    alarms.update(100_000, [WRONG])
    (again,) = alarms.update(100_000 + RAISE_MS, [WRONG])
    assert (again.since_ms, again.ended_ms) == (100_000, None)


@given(st.lists(st.tuples(st.integers(1, 40_000), st.booleans()), max_size=60))
def test_whatever_flickers_an_alarm_has_lasted_and_has_one_entry(turns):
    alarms, now, seen = Alarms(), 0, {}
    for gap, wrong in turns:
        now += gap
        shown = alarms.update(now, [WRONG] if wrong else [])
        assert len(shown) <= 1
        for each in shown:
            assert (each.ended_ms or now) - each.since_ms >= RAISE_MS
            if each.ended_ms is None and seen.get("ended") is None and "since" in seen:
                assert each.since_ms == seen["since"], "while it lasts, it has the age that it had"
            seen = {"since": each.since_ms, "ended": each.ended_ms}


def test_the_verdict_says_what_is_wrong_the_worst_first_and_counts_what_is_left():
    servers = {"n": NameServerSeen(address="n", answered_ms=1)}
    brokers = {"b": broker()}
    said = verdict(servers, brokers, ["g"] * 200, [alarm("g1", since=7), alarm("g2"), alarm("x", "slow")])
    assert [(part.text, part.since_ms) for part in said.parts] == [
        ("2 of 200 groups stalled", 5),
        ("1 of 200 groups slow", 5),
    ]
    many = [alarm(f"b{n}", f"is bad in way {n}", "broker", Health.WARNING) for n in range(9)]
    said = verdict(servers, brokers, [], [*many, alarm("broker-b", "does not answer", "broker")])
    assert len(said.parts) == MOST_PARTS
    assert (said.parts[0].target, said.parts[0].text) == ("broker-b", "does not answer")
    assert said.parts[-1].text == "7 more"
    assert said.health is Health.CRITICAL


def test_what_is_the_matter_with_one_server_is_one_part_and_what_explains_most_is_said():
    servers = {"n": NameServerSeen(address="n", answered_ms=1)}
    brokers = {"b": broker()}
    said = verdict(
        servers,
        brokers,
        ["g"] * 9,
        [
            alarm("broker-b", UNLISTED, "broker", since=70),
            alarm("g1"),
            alarm("broker-b", DEAD, "broker", since=60),
            alarm("broker-a", READ_ONLY, "broker", Health.WARNING),
        ],
    )
    assert [(part.target, part.text, part.short, part.also, part.since_ms) for part in said.parts] == [
        ("broker-b", DEAD, "no answer", ("not listed",), 60),
        ("", "1 of 9 groups stalled", "1/9 groups stalled", (), 5),
        ("broker-a", READ_ONLY, "no writes", (), 5),
    ]
    both = [alarm(name, text, "broker") for name in ("b", "c") for text in (DEAD, UNLISTED)]
    (many,) = verdict(servers, brokers, [], both).parts
    assert (many.text, many.also) == ("2 brokers: no answer", ("not listed",))
    over = msgspec.structs.replace(alarm("b", UNLISTED, "broker"), over_ms=9)
    lasts, is_over = verdict(servers, brokers, [], [alarm("b", DEAD, "broker"), over]).parts
    assert (lasts.also, lasts.over_ms, is_over.text, is_over.over_ms) == ((), None, UNLISTED, 9)


def test_what_was_there_at_the_first_look_began_before():
    never = broker(answered_ms=None, failing_since=5)
    died = broker("broker-b", failing_since=5)
    servers = [
        NameServerSeen(address="n", failing_since=3),
        NameServerSeen(address="o", answered_ms=1, failing_since=3),
    ]
    begun = {each.target: each.begun_before for each in found(servers, [judged(never), judged(died)], [])}
    assert begun == {"n": True, "o": False, "broker-a": True, "broker-b": False}

    def lasting(*brokers):
        alarms = Alarms()
        for now, each in enumerate(brokers):
            seen = [judged(each)]
            raised = alarms.update(now * RAISE_MS, found([], seen, []), watched=watched([], seen))
        return [(alarm.text, alarm.begun_before) for alarm in raised]

    untold, figures = broker(figures={"disk_ratio": 0.1}), {"disk_ratio": 0.1}
    closed = broker(figures=figures, settings={"brokerPermission": "4"})
    opened = broker(figures=figures, settings={"brokerPermission": "6"})
    assert lasting(closed, closed) == [(READ_ONLY, True)]
    assert lasting(untold, closed, closed) == [(READ_ONLY, True)], "its settings were not known before"
    assert lasting(opened, closed, closed) == [(READ_ONLY, False)]
    dead = msgspec.structs.replace(opened, failing_since=RAISE_MS)
    assert lasting(opened, dead, dead) == [(DEAD, False)]


def test_how_long_it_has_lasted_is_the_least_where_its_beginning_was_not_seen():
    rows = []
    for begun_before in (False, True):
        lasting = msgspec.structs.replace(alarm("g", since=0), begun_before=begun_before)
        (row,) = AlarmList().table(Moment(time_ms=300_000, alarms=[lasting]), Address("alarms")).rows
        rows.append([figure(row.cells[at], kind, 300_000) for at, kind in ((2, Kind.MOMENT), (3, Kind.SPAN))])
        stalled = group("g", 5, LagState.STALLED, since_ms=0, begun_before=begun_before)
        (row,) = Groups().table(Moment(time_ms=300_000, groups={"g": stalled}), Address("groups")).rows
        rows[-1].append(figure(row.cells[2], Kind.MOMENT, 300_000))
    assert rows == [["5m"] * 3, [">5m"] * 3]


def test_what_is_over_and_may_come_again_is_not_said_to_last():
    alarms = Alarms()
    dead = Found("broker/a/does not answer", Health.CRITICAL, "broker-a", "does not answer", 1000, None)
    alarms.update(1000, [dead])
    alarms.update(10_000, [dead])
    servers, brokers = {"n": NameServerSeen(address="n", answered_ms=1)}, {"b": broker()}
    for now in (11_000, 20_000):
        shown = alarms.update(now, [])
        said = verdict(servers, brokers, [], shown)
        assert said.health is Health.WARNING
        assert [(part.target, part.text, part.since_ms, part.over_ms) for part in said.parts] == [
            ("broker-a", "does not answer", 1000, 10_000)
        ]
        (row,) = AlarmList().table(Moment(time_ms=now, brokers=brokers, alarms=shown), Address("alarms")).rows
        assert (row.cells[3:], row.health) == ((9_000, 10_000), Health.WARNING), "it does not last any longer"
    again = verdict(servers, brokers, [], alarms.update(21_000, [dead]))
    assert (again.health, again.parts[0].since_ms, again.parts[0].over_ms) == (Health.CRITICAL, 1000, None)


def test_a_name_server_that_lacks_a_broker_is_wrong_and_one_that_is_silent_is_not_compared():
    both = frozenset({("C", "broker-a", 0, "a:1"), ("C", "broker-b", 0, "b:1")})
    servers = [
        NameServerSeen(address="n1", answered_ms=1, brokers=both),
        NameServerSeen(address="n2", answered_ms=1, brokers=frozenset(list(both)[:1])),
        NameServerSeen(address="n3"),
        NameServerSeen(address="n4", answered_ms=1, failing_since=2),
    ]
    assert [(each.target, each.text) for each in found(servers, [], [])] == [
        ("n4", "does not answer"),
        ("n2", "lacks brokers"),
    ]
    assert list(found(servers[:1], [], [])) == []


def test_nothing_learned_yet_is_not_well():
    assert verdict({}, {}, [], []).health is Health.UNKNOWN
    answered = {"n": NameServerSeen(address="n", answered_ms=1)}
    assert verdict(answered, {}, [], []).health is Health.CRITICAL
    assert verdict(answered, {"b": broker(answered_ms=None)}, [], []).health is Health.UNKNOWN
    assert verdict(answered, {"b": broker()}, [], []).health is Health.OK
    one_of_two = verdict(answered | {"o": NameServerSeen(address="o")}, {"b": broker()}, [], [])
    assert one_of_two.parts[0].text == "waiting for the name servers", "it may know of others"
    assert one_of_two.health is Health.UNKNOWN
    used, unused, unasked = (group("g", None, LagState.UNKNOWN, members=members) for members in (1, 0, None))
    assert not_judged([used, unused, group("ok", 0)]) == 1
    assert not_judged([unasked, unused, group("ok", 0)]) == 1, "that nobody uses it is not known yet"
    doubtful = verdict(answered, {"b": broker()}, ["g", "h"], [], unknown=1)
    text = "nothing is known to be wrong; too little is known of 1 of 2 groups"
    assert (doubtful.health, doubtful.parts[0].text) == (Health.UNKNOWN, text)
    ended = msgspec.structs.replace(alarm("g"), ended_ms=9)
    assert verdict(answered, {"b": broker()}, [], [ended]).health is Health.OK
    gone = verdict(answered, {"b": broker()}, [], [alarm("g1"), alarm("g2")])
    assert [part.text for part in gone.parts] == ["2 of 2 groups stalled"], "they have been deleted since"


def test_what_is_wrong_for_too_short_a_time_to_be_an_alarm_is_not_well():
    servers = {"n": NameServerSeen(address="n", answered_ms=1)}
    brokers = {"a": broker(), "b": judged(broker("broker-b", failing_since=5))}
    slow = [group(name, 9, LagState.SLOW, since_ms=7, begun_before=True) for name in ("g", "h")]
    alarms = Alarms()

    def said(now, *wrong):
        raised = alarms.update(now, found(servers.values(), *wrong))
        return verdict(servers, brokers, ["g", "h", "i"], raised, not_yet=alarms.not_yet(), unknown=1)

    def parts(each):
        return [(part.target, part.text, part.since_ms, part.begun_before) for part in each.parts]

    silent = said(5, brokers.values(), [])
    assert (silent.health, parts(silent)) == (Health.CRITICAL, [("broker-b", "does not answer", 5, False)])
    both = said(7, brokers.values(), slow)
    assert parts(both)[1:] == [("", "2 of 3 groups slow", 7, True)]
    well = said(8, [], [])
    assert (well.health, parts(well)[0][3]) == (Health.UNKNOWN, False), "neither is so any more"
    assert "too little is known" in well.parts[0].text
    first = said(9, [], slow[:1])
    assert (first.health, parts(first)) == (Health.WARNING, [("", "1 of 3 groups slow", 7, True)])
    raised = said(9 + RAISE_MS, [], slow[:1])
    assert (raised.health, parts(raised), alarms.not_yet()) == (first.health, parts(first), []), "it is one now"
    seen = Moment(time_ms=9, brokers=brokers, verdict=first, groups={"g": slow[0]})
    assert AlarmList().table(seen, Address("alarms")).note.startswith("no alarm yet")


def test_a_group_that_was_slow_and_is_stalled_is_one_group():
    servers, brokers = {"n": NameServerSeen(address="n", answered_ms=1)}, {"b": broker()}
    slow = msgspec.structs.replace(alarm("g", "slow", health=Health.WARNING), over_ms=90)
    for order in (0, 1):
        alarms = sorted([slow, alarm("g")], key=lambda each: each.text, reverse=bool(order))
        (stalled,) = verdict(servers, brokers, ["g", "h", "i"], alarms).parts
        assert (stalled.text, stalled.over_ms) == ("1 of 3 groups stalled", None)
        alarms = [msgspec.structs.replace(each, over_ms=each.over_ms or 95) for each in alarms]
        (over,) = verdict(servers, brokers, ["g", "h", "i"], alarms).parts
        assert (over.text, over.over_ms) == ("1 of 3 groups stalled", 95), "the last of both"
    dead = alarm("b", DEAD, "broker")
    for order in ([alarm("g"), dead], [dead, alarm("g")]):
        parts = verdict(servers, brokers, ["g", "h", "i"], [*order, slow]).parts
        assert [part.target or "g" for part in parts] == [each.target for each in order], "in the order of the alarms"
    other = verdict(servers, brokers, ["g", "h", "i"], [slow, alarm("h")]).parts
    assert [part.text for part in other] == ["1 of 3 groups stalled", "1 of 3 groups slow"]


def test_what_could_not_be_asked_or_written_is_not_well_and_stands_below_the_alarms():
    servers = {"n": NameServerSeen(address="n", answered_ms=1)}
    brokers = {"b": broker(), "dead": broker("dead", failing_since=3)}
    refused, full = Failure("b", "no permission"), Failure("recording", "no space left on device")
    after, old = Failure("dead:1", "no answer within 3000 ms"), Failure("b", "request code not supported", code=3)
    assert verdict(servers, {"b": broker()}, [], [], [old]).health is Health.OK
    said = verdict(servers, brokers, [], [], [refused, after, old])
    assert (said.health, said.parts[-1].text) == (Health.WARNING, "b: no permission")
    said = verdict(servers, brokers, [], [], [refused, full])
    assert said.parts[-1].text == "2 things could not be asked or written"
    assert verdict(servers, {"b": broker()}, [], [], [], groups_known=False).health is Health.UNKNOWN
    seen = Moment(
        time_ms=9, name_servers=servers, brokers=brokers, failures=[refused, after, old, full], alarms=[alarm("g")]
    )
    rows = AlarmList().table(seen, Address("alarms")).rows
    assert [row.cells[:2] for row in rows] == [
        ("g", "stalled"),
        ("b", "no permission"),
        ("recording", "no space left on device"),
    ]


def test_what_is_not_known_has_no_trend():
    seen = Moment(time_ms=9, totals=Totals(None, None, None, 1, 0.0))
    assert [total.value for total in totals(FakeModel(seen)) if total.title == "Lag"] == ["?"]


def moment(time_ms, *brokers, topics=(), **more):
    return Moment(
        time_ms=time_ms,
        topics_ms=time_ms,
        groups_ms=time_ms,
        brokers={each.address: each for each in brokers},
        topics={name: TopicSeen(topic=name, on={"broker-a": TopicQueues(4, 4, 6)}) for name in topics},
        **more,
    )


def test_events_of_brokers_topics_and_settings():
    events = Events()
    assert events.note(None, moment(1, broker(), topics=["a"])) == []
    first = moment(1, broker(settings={"a": "1", "b": "2"}, version="V1"), topics=["a"])
    later = moment(
        2, broker(broker_id=1, settings={"a": "1", "c": "3"}, version="V2"), broker("broker-b"), topics=["b"]
    )
    texts = {(event.target, event.text) for event in events.note(first, later)}
    assert texts == {
        ("broker-a#1", "is slave 1 now and was master"),
        ("broker-a#1", "has version V2 now and had V1"),
        ("broker-a#1", "b is not set now and was '2'"),
        ("broker-a#1", "c is '3' now and was not set"),
        ("broker-b", "has registered"),
        ("b", "was made"),
    }
    gone = events.note(later, moment(3, broker("broker-b"), topics=["b"]))
    assert gone[0].text == "is gone"
    assert events.note(gone and later, moment(3 + EVENTS_MS + 1, *later.brokers.values(), topics=["b"])) == []


def test_many_alike_are_one_event():
    first = moment(1, broker(), topics=["a"])
    (event,) = Events().note(first, moment(2, broker(), topics=[f"t{n}" for n in range(20)] + ["a"]))
    assert (event.target, event.text) == ("-", "20 topics were made")


def test_topics_of_a_broker_that_is_dead_were_not_deleted():
    first = moment(1, broker(), broker("broker-b"), topics=["a", "b"])
    dead = broker("broker-b", failing_since=2)
    events = Events().note(first, moment(2, broker(), dead, topics=["a"]))
    assert [event.text for event in events] == ["does not answer any more"]


def test_topics_of_a_broker_that_tells_of_them_for_the_first_time_were_not_made():
    first = moment(1, broker(), broker("broker-b"), topics=["a"])
    later = moment(2, broker(), broker("broker-b"), topics=["a", "new"])
    later.topics["old"] = TopicSeen(topic="old", on={"broker-b": TopicQueues(4, 4, 6)})
    assert [event.target for event in Events().note(first, later)] == ["new"]


def test_who_refuses_to_answer_is_not_dead_and_what_it_would_have_told_is_not_empty():
    why = Failure("broker-a:1", "broker-a:1 answered: check signature failed", code=16)
    refusing = judged(broker(answered_ms=None, failure=why))
    assert (refusing.states[0].text, refusing.dead) == ("refuses to answer", False)
    servers = {"n": NameServerSeen(address="n", answered_ms=1)}
    brokers = {refusing.address: refusing}
    shown = [alarm("broker-a", "refuses to answer", "broker")]
    said = verdict(servers, brokers, [], shown, [why, why])
    assert [part.text for part in said.parts] == ["refuses to answer", why.cause]
    assert verdict(servers, brokers, [], [], [why]).health is Health.WARNING
    seen = Moment(time_ms=9, name_servers=servers, brokers=brokers, failures=[why], topics_ms=1, groups_ms=1)
    for view in (Groups(), Topics(), Clients()):
        table = view.table(seen, Address(view.name))
        assert (table.note, table.failed) == (f"not known: {why.cause}", True)
    values = {total.title: total.value for total in totals(FakeModel(seen))}
    assert values["Groups"] == "?"


def test_a_broker_that_answers_with_an_error_is_refusing_and_one_without_an_answer_is_dead():
    known = Known()
    known.listed("n", NameServerSeen(address="n", answered_ms=1, brokers=frozenset({("C", "broker-a", 0, "a:1")})))
    known.runtime("a:1", {"bootTimestamp": "1"}, 10)
    known.failed("a:1", RUNTIME, Failure("a:1", "no answer"), 20)
    assert known.brokers["a:1"].dead
    known.failed("a:1", RUNTIME, Failure("a:1", "no permission", code=16), 30)
    assert (known.brokers["a:1"].dead, known.brokers["a:1"].refusing) == (False, True)
    assert known.brokers["a:1"].answered_ms == 10, "its figures are as old as they were"
    known.runtime("a:1", {"bootTimestamp": "1"}, 40)
    assert not known.brokers["a:1"].refusing


def test_a_group_that_was_deleted_is_not_well_again():
    before = moment(1, broker(), alarms=[alarm("kept"), alarm("deleted")], groups={"kept": group("kept", 0)})
    after = moment(2, broker(), groups={"kept": group("kept", 0)})
    assert [event.target for event in Events().note(before, after)] == ["kept"]
