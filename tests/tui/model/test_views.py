"""List screens: what their rows say, and that none shows an unknown as a number."""

import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.mqadmin.lang.catalogue import chinese
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.moment import (
    Alarm,
    BrokerSeen,
    ClientSeen,
    Event,
    Moment,
    NameServerSeen,
    Said,
    TopicQueues,
    TopicSeen,
    Verdict,
)
from rocketmq_ops.tui.model.overview import brokers_at, totals
from rocketmq_ops.tui.model.table import NOTHING, Health
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.model.views.topics import kind_of
from tests.tui.fakes import NOW_MS, FakeModel, group
from tests.tui.model.cluster import Cluster, run

BY_NAME = {view.name: view for view in VIEWS}


def cells(view, moment, **options):
    table = BY_NAME[view].table(moment, Address(view, "", tuple(options.items())))
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row.cells, strict=True)) for row in table.rows]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_nothing_learned_yet_has_a_note_and_no_rows(view):
    table = view.table(Moment(time_ms=1), Address(view.name))
    assert table.rows == []
    assert table.note
    assert {column.drop for column in table.columns} >= {0}, "one column always stays"
    assert len({column.key for column in table.columns}) == len(table.columns)


@pytest.mark.parametrize("view", [v for v in VIEWS if v.name not in ("alarms", "events")], ids=lambda view: view.name)
def test_who_does_not_answer_is_said_instead_of_waiting(view):
    def said(moment):
        table = view.table(moment, Address(view.name))
        return (table.note, table.failed) if not table.rows else None

    failing = {at: NameServerSeen(address=at, failing_since=1) for at in ("10.0.0.8:9876", "10.0.0.9:9876")}
    at = time_of_day(1)
    silent = Moment(time_ms=2, name_servers=failing)
    if view.name != "nameservers":
        note = f"no name server answers: 10.0.0.8:9876 since {at}, 10.0.0.9:9876 since {at}"
        assert said(silent) == (note, True)
    unknown = Moment(time_ms=2, failures=[Failure("name servers", "cannot ask http://x for the name servers")])
    assert said(unknown) == ("cannot ask http://x for the name servers", True)
    answering = {"10.0.0.9:9876": NameServerSeen(address="10.0.0.9:9876", answered_ms=1)}
    dead = BrokerSeen(address="10.0.0.1:10911", cluster="C", broker_name="a", broker_id=0, failing_since=1)
    if view.name not in ("nameservers", "brokers"):
        moment = Moment(time_ms=2, name_servers=answering, brokers={dead.address: dead})
        assert said(moment) == (f"no broker answers: a since {at}", True)


def refusing(address, since=1):
    return NameServerSeen(
        address=address, failure=Failure(address, "no permission", code=16), refusing_since=since, answered_ms=None
    )


def test_what_cannot_be_known_is_said_of_alarms_and_events_also_beside_those_that_were():
    at = time_of_day(1)

    def notes(**parts):
        moment = Moment(time_ms=2, **parts)
        found = {name: BY_NAME[name].table(moment, Address(name)) for name in ("alarms", "events")}
        return {name: (table.note, table.failed) for name, table in found.items()}

    dead = {"n": NameServerSeen(address="n", failing_since=1)}
    assert notes(name_servers=dead) == {
        "alarms": (f"what else is wrong is not known: no name server answers: n since {at}", True),
        "events": (f"what changes is not known: no name server answers: n since {at}", True),
    }
    event = Event(time_ms=1, kind="broker", target="a", text="does not answer any more")
    alarm = Alarm(key="broker/a", health=Health.CRITICAL, target="a", text="does not answer", since_ms=1)
    assert notes(name_servers=dead, events=[event], alarms=[alarm]) == notes(name_servers=dead)

    broker = BrokerSeen(address="a:1", cluster="C", broker_name="a", broker_id=0, answered_ms=1)
    some = notes(name_servers=dead, brokers={"a:1": broker}, watched_ms=1)
    known = f"which brokers come and go is not known: no name server answers: n since {at}", True
    assert some == {"alarms": known, "events": known}

    refuses = notes(name_servers={"n": refusing("n")})
    assert refuses["events"][0].endswith(f"no name server lists its brokers: n since {at}: no permission")

    listed = {"n": NameServerSeen(address="n", answered_ms=1)}
    silent = BrokerSeen(address="a:1", cluster="C", broker_name="a", broker_id=0, answered_ms=1, failing_since=1)
    gone = notes(name_servers=listed, brokers={"a:1": silent}, watched_ms=1, events=[event])
    assert gone["events"] == (f"what changes is not known: no broker answers: a since {at}", True)


def test_before_the_first_answer_nothing_is_said_of_changes_and_later_since_when():
    def note(time_ms=10, **parts):
        return BY_NAME["events"].table(Moment(time_ms=time_ms, **parts), Address("events")).note

    listed = {"n": NameServerSeen(address="n", answered_ms=1)}
    broker = BrokerSeen(address="a:1", cluster="C", broker_name="a", broker_id=0, answered_ms=1)
    assert note() == note(name_servers=listed) == "waiting for the first answer"
    seen = {"name_servers": listed, "brokers": {"a:1": broker}, "watched_ms": 5}
    assert note(**seen) == f"no change was seen since {time_of_day(5)}: before, nobody has looked"
    assert note(700_000, **seen) == "no change was seen in the last ten minutes"
    withheld = [Failure("a:1", "no permission", code=16)]
    assert note(700_000, **seen, failures=withheld) == "not known: no permission"
    refuses = BrokerSeen(
        address="a:1", cluster="C", broker_name="a", broker_id=0, failure=withheld[0], refusing_since=5
    )
    refused = note(name_servers=listed, brokers={"a:1": refuses}, failures=withheld)
    assert refused == "not known: no permission", "nobody waits for what is refused"


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_what_a_recording_lacks_is_not_waited_for(view):
    recorded = view.table(Moment(time_ms=2, live=False, groups_ms=2), Address(view.name)).note
    assert "waiting" not in recorded
    if view.name == "events":  # those of the prober have none
        assert recorded == "this was not recorded"
    assert view.table(Moment(time_ms=2, live=False), Address(view.name)).note == "no cluster is looked at"


def test_names_and_aliases_are_apart():
    names = [name for view in VIEWS for name in (view.name, *view.aliases)]
    assert len(set(names)) == len(names)


def test_every_view_of_a_living_cluster():
    async def test():
        cluster = Cluster()
        cluster.clients["g"] = ["c1"]
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(15_000)
            moment = model.moment()
            (group,) = cells("groups", moment)
            assert (group["group"], group["lag"], group["clients"], group["queues"]) == ("g", 20, 1, 2)
            assert cells("groups", moment, topic="other") == []
            (topic,) = cells("topics", moment)
            assert (topic["topic"], topic["perm"], topic["write"], topic["brokers"]) == ("orders", "rw", 2, 2)
            brokers = cells("brokers", moment)
            assert [each["broker"] for each in brokers] == ["broker-a", "broker-b"]
            assert brokers[0]["in"] == 10
            assert brokers[0]["out"] is None
            assert brokers[0]["state"] == "ok"
            assert brokers[0]["version"] == "V5_5_0"
            (server,) = cells("nameservers", moment)
            assert (server["state"], server["brokers"], server["topics"]) == ("ok", 2, 1)
            (client,) = cells("clients", moment)
            assert (client["client"], client["groups"]) == ("c1", "g")
            assert cells("clients", moment, group="other") == []

    run(test)


def test_topics_of_the_system_are_shown_when_asked_for():
    on = {"broker-a": TopicQueues(1, 1, 4)}
    names = ["orders", "%RETRY%g", "%DLQ%g", "SCHEDULE_TOPIC_XXXX", "broker-a", "C_REPLY_TOPIC"]
    moment = Moment(
        time_ms=1,
        topics_ms=1,
        topics={name: TopicSeen(topic=name, on=on) for name in names},
        brokers={"a:1": BrokerSeen(address="a:1", cluster="C", broker_name="broker-a", broker_id=0)},
    )
    (orders,) = cells("topics", moment)
    assert (orders["topic"], orders["perm"], orders["in"]) == ("orders", "r", None)
    kinds = {each["topic"]: each["kind"] for each in cells("topics", moment, all="1")}
    assert list(kinds.values()) == ["ordinary", "retry", "dead letters", "system", "system", "system"]
    assert len(cells("topics", moment)) == 1, "what was made before with other options is not shown"
    assert [total.value for total in totals(FakeModel(moment)) if total.title == "Topics"] == ["1"]


def test_a_master_lacks_nothing_of_its_own_log():
    found = Moment(
        time_ms=1,
        brokers={
            f"a:{number}": BrokerSeen(
                address=f"a:{number}", cluster="C", broker_name="a", broker_id=number, figures=figures
            )
            for number, figures in enumerate(({}, {"gap_bytes": 5.0}, {}))
        },
    )
    gaps = {each["broker"]: each["gap"] for each in cells("brokers", found)}
    assert gaps == {"a": NOTHING, "a#1": 5.0, "a#2": None}
    place = brokers_at(found).place("gap")
    assert place is not None
    assert {row.cells[0]: row.cells[place] for row in brokers_at(found).rows} == gaps


@pytest.mark.parametrize(
    ("health", "note"),
    [
        (Health.OK, "there is no alarm"),
        (Health.UNKNOWN, "whether anything is wrong is not known yet"),
        (Health.CRITICAL, "no alarm yet: what is wrong becomes one after 8 s"),
    ],
)
def test_no_alarm_is_good_news_only_where_all_is_well(health, note):
    found = Moment(time_ms=1, verdict=Verdict(health, (Said("as it is"),)))
    assert BY_NAME["alarms"].table(found, Address("alarms")).note == note


def test_name_servers_that_do_not_agree():
    one, other = ("C", "broker-a", 0, "a:1"), ("C", "broker-b", 0, "b:1")
    servers = [
        NameServerSeen(address="n1", answered_ms=1, brokers=frozenset({one, other}), topics=9),
        NameServerSeen(address="n2", answered_ms=1, brokers=frozenset({one}), topics=9),
        NameServerSeen(address="n3", answered_ms=1, brokers=frozenset({one, other}), topics=7),
        NameServerSeen(address="n4", failing_since=1, failure=Failure("n4", "connection refused")),
        NameServerSeen(address="n5"),
        refusing("n6"),
    ]
    moment = Moment(time_ms=1, name_servers={server.address: server for server in servers})
    table = BY_NAME["nameservers"].table(moment, Address("nameservers"))
    assert [row.health for row in table.rows] == [
        Health.OK,
        Health.CRITICAL,
        Health.WARNING,
        Health.CRITICAL,
        Health.UNKNOWN,
        Health.CRITICAL,
    ]
    assert [each["why"] for each in cells("nameservers", moment)] == [
        "",
        "does not list broker-b (b:1)",
        "lacks 2 topics",
        "connection refused",
        "",
        "no permission",
    ]
    states = [each["state"] for each in cells("nameservers", moment)]
    assert states == ["ok", "disagrees", "disagrees", "does not answer", "unknown", "refuses to answer"]
    assert cells("nameservers", moment)[4]["brokers"] is None
    assert [str(row.opens) for row in table.rows][:2] == [":name-server/n1", ":name-server/n2"]


def test_a_client_that_produces_and_consumes_has_two_rows():
    make = {"address": "a", "language": "JAVA", "version": "V5_0_0"}
    clients = {
        "c": ClientSeen(client_id="c", groups=("g",), **make),
        "c producer": ClientSeen(client_id="c", groups=("p",), producer=True, **make),
    }
    moment = Moment(time_ms=1, clients=clients)
    assert [each["kind"] for each in cells("clients", moment)] == ["consumer", "producer"]
    table = BY_NAME["clients"].table(moment, Address("clients"))
    assert len({row.key for row in table.rows}) == 2


def test_each_kind_of_topic_has_its_chinese():
    own = {"broker-a"}
    names = ("orders", "%RETRY%g", "%DLQ%g", "TBW102", "C_REPLY_TOPIC", "broker-a")
    kinds = {kind_of(name, own) for name in names}
    assert kinds == {"ordinary", "retry", "dead letters", "system"}
    assert {kind for kind in kinds if chinese().message(kind) == kind} == set()


@pytest.mark.parametrize("name", ["clients", "groups", "topics"])
def test_many_rows_are_made_between_pauses(name: str) -> None:
    many = range(1000)
    moment = Moment(
        time_ms=NOW_MS,
        topics={f"t{n}": TopicSeen(topic=f"t{n}", on={"broker-a": TopicQueues(8, 8, 6)}) for n in many},
        groups={f"g{n}": group(f"g{n}", n) for n in many},
        clients={
            f"c{n}": ClientSeen(client_id=f"c{n}", address="a", language="JAVA", version="5", groups=("g1",))
            for n in many
        },
    )
    paused: list[int] = []
    table = BY_NAME[name].table(moment, Address(name), lambda: paused.append(1))
    assert len(table.rows) == 1000
    assert len(paused) >= 5
