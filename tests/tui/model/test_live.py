"""The model of a running cluster: servers that die and come back, what is unknown, and how often anybody is asked."""

from collections import Counter

import pytest

from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model import known, periods
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.overview import totals
from rocketmq_ops.tui.model.puts import Puts
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.views.clients import Clients
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.model.views.topics import Topics
from tests.tui.model.cluster import NAME_SERVER, START, Cluster, run

A, B = "10.0.0.1:10911", "10.0.0.2:10911"


def test_the_first_answers_are_there_at_once_and_what_was_not_told_is_not_0():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(200)
            moment = model.moment()
            assert moment.time_ms <= START + 200
            assert {b.label: b.figures["in_rate"] for b in moment.brokers.values()} == {"broker-a": 10, "broker-b": 10}
            assert moment.brokers[A].figures.get("out_rate") is None
            assert moment.groups["g"].lag.lag == 20
            assert moment.groups["g"].lag.state is LagState.UNKNOWN
            assert moment.groups["g"].consume_rate is None
            assert moment.totals.lag == 20
            assert moment.totals.out_rate is None
            assert moment.topics["orders"].on.keys() == {"broker-a", "broker-b"}
            assert moment.name_servers[NAME_SERVER].topics == 1

    run(test)


@pytest.mark.parametrize("how", ["refused", "silent"])
def test_a_broker_that_dies_is_dead_with_its_age_while_all_else_goes_on_and_comes_back(how):
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        async with cluster.watched() as model:
            await cluster.clock.advance(12_000)
            assert model.moment().verdict.health is Health.OK
            cluster.down[B] = how
            cluster.group("g", 150, 120)
            died = cluster.clock.time_ms
            await cluster.clock.advance(40_000)
            moment = model.moment()
            broker = moment.brokers[B]
            assert broker.dead
            assert broker.failing_since - died <= 11_000
            assert broker.answered_ms <= died
            assert broker.failure.cause
            assert broker.figures["in_rate"] == 10, "what it said last stays"
            assert not moment.brokers[A].dead
            assert moment.time_ms - moment.brokers[A].answered_ms <= 5_000
            group = moment.groups["g"]
            assert group.lag.lag is None, "half of it is not known"
            assert moment.totals.lag_unknown == 1
            assert [(q.queue.broker, q.end, q.committed) for q in group.offsets.queues] == [
                ("broker-a", 150, 120),
                ("broker-b", None, None),
            ]
            assert moment.verdict.health is Health.CRITICAL
            assert (moment.verdict.parts[0].target, moment.verdict.parts[0].text) == ("broker-b", "does not answer")
            assert moment.verdict.parts[0].since_ms == broker.failing_since
            assert any(e.target == "broker-b" and e.text == "does not answer any more" for e in moment.events)

            del cluster.down[B]
            for _ in range(100):
                await cluster.clock.advance(200)
                if not model.moment().brokers[B].dead:
                    break
            moment = model.moment()
            assert not moment.brokers[B].dead
            assert B not in {failure.target for failure in moment.failures}, "it is asked again"
            await cluster.clock.advance(20_000)
            moment = model.moment()
            assert moment.brokers[B].failure is None
            assert moment.groups["g"].lag.lag == 60
            assert any(e.target == "broker-b" and e.text == "answers again" for e in moment.events)
            await cluster.clock.advance(30_000)
            assert not any(alarm.ended_ms is None and alarm.target == "broker-b" for alarm in model.moment().alarms)

    run(test)


def test_a_name_server_that_dies_leaves_what_is_known_of_brokers():
    async def test():
        cluster = Cluster()
        async with cluster.watched() as model:
            await cluster.clock.advance(1_000)
            cluster.down[NAME_SERVER] = "refused"
            await cluster.clock.advance(20_000)
            moment = model.moment()
            assert moment.name_servers[NAME_SERVER].failing_since is not None
            assert moment.verdict.parts[0].text == "no name server answers"
            assert not moment.brokers[A].dead

    run(test)


def test_a_name_server_that_refuses_is_said_to_refuse_with_why_and_since_when():
    async def test():
        cluster = Cluster()
        async with cluster.watched() as model:
            await cluster.clock.advance(1_000)
            cluster.denied.add(Code.GET_BROKER_CLUSTER_INFO)
            refused = cluster.clock.time_ms
            await cluster.clock.advance(40_000)  # meanwhile it tells the names of topics
            moment = model.moment()
            server = moment.name_servers[NAME_SERVER]
            assert (server.dead, server.refusing) == (False, True)
            assert refused <= server.refusing_since <= refused + 5_000
            first, why = moment.verdict.parts
            assert (first.text, first.since_ms) == ("no name server lists its brokers", server.refusing_since)
            assert "no permission" in why.text
            alarms = [(alarm.target, alarm.text) for alarm in moment.alarms]
            assert alarms == [(NAME_SERVER, "refuses to answer")]
            said = [event.text for event in moment.events if event.target == NAME_SERVER]
            assert said == ["refuses to answer"]
            assert not moment.brokers[A].outdated

            cluster.denied.clear()
            await cluster.clock.advance(6_000)
            moment = model.moment()
            assert not moment.name_servers[NAME_SERVER].outdated
            assert moment.events[0].text == "answers again"

    run(test)


def test_a_server_that_has_too_much_to_do_refuses_until_it_answers_again():
    async def test():
        cluster = Cluster(1)
        async with cluster.watched() as model:
            await cluster.clock.advance(15_000)
            cluster.denied.add(Code.GET_BROKER_RUNTIME_INFO)
            await cluster.clock.advance(15_000)
            broker = model.moment().brokers[A]
            assert broker.states[0].text == "refuses to answer"
            assert broker.states[0].since_ms == broker.refusing_since is not None
            cluster.denied.clear()
            await cluster.clock.advance(6_000)
            broker = model.moment().brokers[A]
            assert (broker.refusing_since, broker.health) == (None, Health.OK)
            texts = [event.text for event in model.moment().events if event.target == "broker-a"]
            assert texts == ["answers again", "refuses to answer"]

    run(test)


def test_a_broker_that_is_not_listed_any_more_stays_with_since_when(monkeypatch):
    monkeypatch.setattr(known, "GONE_MS", 60_000)

    async def test():
        cluster = Cluster()
        async with cluster.watched() as model:
            await cluster.clock.advance(1_000)
            cluster.unlisted.add(B)
            cluster.down[B] = "refused"
            await cluster.clock.advance(20_000)
            broker = model.moment().brokers[B]
            assert broker.unlisted_since is not None
            assert broker.health is Health.CRITICAL
            await cluster.clock.advance(70_000)
            assert B not in model.moment().brokers

    run(test)


def held(thing, address, seen=None):
    """The names of what is held under an address, in all mappings of a thing and of those that it has."""
    seen = set() if seen is None else seen
    found = []
    for name, value in vars(thing).items():
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, dict) and any(address == key or (type(key) is tuple and address in key) for key in value):
            found.append(name)
        elif type(value).__module__.startswith("rocketmq_ops.tui.model") and hasattr(value, "__dict__"):
            found += held(value, address, seen)
    return found


def test_of_a_broker_that_is_gone_nothing_is_held(monkeypatch):
    monkeypatch.setattr(known, "GONE_MS", 60_000)

    async def test():
        cluster = Cluster()
        cluster.perms["quiet"] = 6
        cluster.puts["quiet"] = 1.0
        cluster.producers[B] = {"shop": ["p@1"]}
        async with cluster.watched() as model:
            await cluster.clock.advance(40_000)
            assert "p@1 producer" in model.moment().clients
            assert {"_producers", "topics", "brokers", "_due", "_large"} <= set(held(model, B))
            cluster.unlisted.add(B)
            cluster.down[B] = "refused"
            await cluster.clock.advance(120_000)
            assert B not in model.moment().brokers
            assert held(model, B) == []
            assert "p@1 producer" not in model.moment().clients
            assert B not in {failure.target for failure in model.moment().failures}

    run(test)


def test_what_a_broker_told_as_a_master_is_forgotten_once_it_is_a_slave():
    async def test():
        cluster = Cluster()
        cluster.producers[B] = {"shop": ["p@1"]}
        async with cluster.watched() as model:
            await cluster.clock.advance(40_000)
            assert B in model._known.topics
            del cluster.names[B]
            cluster.names["10.0.0.3:10911"], cluster.slaves[B] = "broker-b", "broker-b"
            await cluster.clock.advance(70_000)
            assert model.moment().brokers[B].broker_id == 1
            assert B not in model._known.topics
            assert "p@1 producer" not in model.moment().clients

    run(test)


def test_a_topic_that_is_gone_is_held_no_longer_for_its_rate():
    puts = Puts()
    puts.consumed = ()
    puts.next("a", ["old", "new"], (), START)
    puts.told("a", "old", 1.0)
    assert puts.next("a", ["new"], (), START) == "new"
    assert puts.rate("old", ["a"], START) is None
    assert "old" not in puts._asked["a"]


def test_when_nobody_answers_any_more_that_is_recorded_and_nothing_is_known(tmp_path):
    async def test():
        cluster = Cluster(1)
        cluster.group("g", 100, 100)
        async with cluster.watched(session=tmp_path / "session") as model:
            await cluster.clock.advance(15_000)
            cluster.down[A] = cluster.down[NAME_SERVER] = "refused"
            died = cluster.clock.time_ms
            await cluster.clock.advance(60_000)
            kept = model.kept
            assert cluster.clock.time_ms - kept.time_ms <= 10_000
            assert kept.groups["g"].lag.lag is None
            said = [(part.target, part.text) for part in kept.verdict.parts]
            assert said == [("", "no name server answers"), ("broker-a", "does not answer")]
            assert kept.brokers[A].answered_ms <= died

    run(test)


def test_queues_of_a_broker_that_is_not_listed_any_more_are_unknown_and_not_gone():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(15_000)
            cluster.unlisted.add(B)
            await cluster.clock.advance(20_000)
            assert model.moment().groups["g"].lag.lag == 20, "it answers still"
            cluster.down[B] = "refused"
            await cluster.clock.advance(60_000)
            assert model.moment().groups["g"].lag.lag is None

    run(test)


def test_nobody_is_asked_more_often_than_declared():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched():
            await cluster.clock.advance(120_000)
        asked = Counter((addr, Code(code)) for _, addr, code in cluster.asked)
        assert asked[A, Code.GET_BROKER_RUNTIME_INFO] == 25
        assert asked[A, Code.GET_BROKER_CONSUME_STATS] in (12, 13)
        assert asked[A, Code.GET_ALL_TOPIC_CONFIG] in (4, 5)
        assert asked[NAME_SERVER, Code.GET_BROKER_CLUSTER_INFO] == 25
        assert sum(count for (addr, _), count in asked.items() if addr == A) < 120

    run(test)


#: The requests of each question.
CODES = {
    periods.LISTING: (Code.GET_BROKER_CLUSTER_INFO,),
    periods.NAMES: (Code.GET_ALL_TOPIC_LIST_FROM_NAMESERVER,),
    periods.RUNTIME: (Code.GET_BROKER_RUNTIME_INFO,),
    periods.SETTINGS: (Code.GET_BROKER_CONFIG,),
    periods.TOPICS: (Code.GET_ALL_TOPIC_CONFIG,),
    periods.GROUPS: (Code.GET_BROKER_CONSUME_STATS, Code.GET_ALL_CONSUMER_OFFSET),
    periods.PRODUCERS: (Code.GET_ALL_PRODUCER_INFO,),
    periods.MEMBERS: (Code.GET_CONSUMER_CONNECTION_LIST,),
    periods.PUTS: (Code.VIEW_BROKER_STATS_DATA,),
    periods.ENDS: (Code.GET_TOPIC_STATS_INFO,),
    periods.ROUTES: (Code.GET_ROUTEINFO_BY_TOPIC,),
    periods.RUNNING: (Code.GET_CONSUMER_RUNNING_INFO,),
}


def hanging(cluster):
    """A group hangs at its first messages, of more topics than there is time to ask for."""
    cluster.group("hangs", 5, 4, topic="%RETRY%hangs")
    cluster.clients["hangs"] = ["c@hangs"]
    cluster.subscribed["hangs"] = [f"never-{n}" for n in range(100)]
    for topic in cluster.subscribed["hangs"]:
        cluster.perms[topic], cluster.ends[topic] = 6, 7


def test_no_question_costs_more_than_the_table_of_the_docs_says():
    """Of a cluster that always has something to ask for: more groups that are behind, and more topics that nobody
    consumes, than there is time for."""
    seconds = 120

    async def test():
        cluster = Cluster()
        hanging(cluster)
        for n in range(250):
            cluster.group(f"g{n}", 100, 90)
            cluster.perms[f"quiet-{n}"] = 6
        async with cluster.watched():
            await cluster.clock.advance(seconds * 1000)
        asked = Counter((addr, Code(code)) for _, addr, code in cluster.asked)
        assert {code for _, code in asked} <= {code for codes in CODES.values() for code in codes}
        for question, codes in CODES.items():
            for server in (NAME_SERVER,) if question.server == "name server" else (A, B):
                count = sum(asked[server, code] for code in codes)
                declared = question.requests * seconds * 1000 / question.period_ms
                first = 2 * question.requests  # at once, and a second look soon
                # Until groups are judged there are none to ask clients of: `test_running.py` has some. `test_untold.py`
                # has routes.
                least = 0 if question in (periods.RUNNING, periods.ROUTES) else declared * 0.4
                assert least <= count <= declared + first, (question.name, server)

    run(test)


def test_a_key_that_is_held_down_asks_each_question_within_its_bound():
    """And at once where that was asked long ago; what is asked of one group or topic at a time goes on as it does."""

    async def test():
        cluster = Cluster()
        hanging(cluster)
        for n in range(250):
            cluster.group(f"g{n}", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            assert model._known.ends.wanted
            before, settings = Counter(cluster.asked), Code.GET_BROKER_CONFIG
            seconds = 6
            for _ in range(seconds * 30):
                model.refresh()
                await cluster.clock.advance(1000 // 30)
            count = Counter((addr, Code(code)) for _, addr, code in (Counter(cluster.asked) - before).elements())
            assert count[A, settings] >= 1, "it was asked a minute ago"
            most = seconds * 1000 / periods.HURRY_MS + 2
            for question, codes in CODES.items():
                server = NAME_SERVER if question.server == "name server" else A
                if question in periods.IN_TURN:
                    most_of_it = seconds * 1000 / question.period_ms + 2
                else:
                    most_of_it = most * question.requests
                assert sum(count[server, code] for code in codes) <= most_of_it, question.name
            await cluster.clock.advance(60_000)
            after = Counter(cluster.asked)
            await cluster.clock.advance(10_000)
            again = Counter(code for _, addr, code in (Counter(cluster.asked) - after).elements() if addr == A)
            assert again[Code.GET_BROKER_RUNTIME_INFO] <= 3, "it is as it was once the key is let go"

    run(test)


@pytest.mark.parametrize("pace", [0.4, 6.0])
def test_another_interval_is_that_of_all_rounds_and_single_questions_are_no_more_often(pace):
    async def test():
        cluster = Cluster()
        for n in range(250):
            cluster.group(f"g{n}", 100, 90)
        seconds = int(60 * pace)  # as many rounds at each pace
        async with cluster.watched(pace=pace):
            await cluster.clock.advance(seconds * 1000)
        asked = Counter((addr, Code(code)) for _, addr, code in cluster.asked)
        assert abs(asked[A, Code.GET_BROKER_RUNTIME_INFO] - 12) <= 1
        assert abs(asked[A, Code.GET_BROKER_CONSUME_STATS] - 6) <= 1
        assert asked[A, Code.GET_CONSUMER_CONNECTION_LIST] <= 2 * seconds + 2

    run(test)


def test_a_topic_that_no_group_consumes_has_the_rate_that_brokers_count():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 90)
        cluster.perms |= {"quiet": 6, "busy": 6, "%RETRY%g": 6, "C": 6}
        cluster.puts = {"busy": 2.5}
        async with cluster.watched() as model:
            await cluster.clock.advance(30_000)
            topics = model.moment().topics
            assert (topics["busy"].in_rate, topics["busy"].out_rate) == (5.0, None)
            assert topics["quiet"].in_rate == 0.0, "nothing was counted since the brokers started"
            assert topics["%RETRY%g"].in_rate is None
            cluster.down[B] = "refused"
            await cluster.clock.advance(12 * 60_000)
            assert model.moment().topics["busy"].in_rate is None, "a part of it is not known for long"

    run(test)


def test_rates_of_topics_on_a_silent_broker_are_unknown_and_their_rows_have_its_age(tmp_path):
    async def test():
        cluster = Cluster()
        cluster.puts = {"orders": 7.0, "busy": 2.5}
        cluster.perms["busy"] = 6
        async with cluster.watched(session=tmp_path / "session") as model:
            await cluster.clock.advance(30_000)
            assert model.moment().topics["orders"].in_rate == 14.0, "counted, as no group consumes it yet"
            cluster.group("g", 100, 90)
            await cluster.clock.advance(90_000)
            assert model.moment().topics["orders"].in_rate == 0.0
            assert {row.stale_since for row in rows_of(model.moment())} == {None}
            points = len(model.series("topic.in_rate", "orders"))
            cluster.down[B] = "refused"
            await cluster.clock.advance(10_000)
            cluster.group("g", 200, 90)
            await cluster.clock.advance(50_000)
            for moment in (model.moment(), await on_tape(tmp_path / "session")):
                for topic in ("orders", "busy"):
                    seen = moment.topics[topic]
                    assert (seen.in_rate, seen.out_rate) == (None, None), "a part of it is not known"
                answered = moment.brokers[B].answered_ms
                assert {(row.health, row.stale_since) for row in rows_of(moment)} == {(Health.UNKNOWN, answered)}
            assert [total.value for total in totals(model) if total.title == "Topics"] == ["~2"]
            assert len(model.series("topic.in_rate", "orders")) == points, "no part is drawn as the whole"
            assert model.moment().topics is model.moment().topics
            del cluster.down[B]
            while model.moment().brokers[B].dead:
                await cluster.clock.advance(200)
            assert {row.stale_since for row in rows_of(model.moment())} == {None}
            assert model.moment().topics["orders"].in_rate != 14.0, (
                "what was counted before a group consumed it is over"
            )
            assert [total.value for total in totals(model) if total.title == "Topics"] == ["2"]

    run(test)


def test_no_rate_is_of_a_part_once_a_broker_is_back_that_was_dead_when_the_dashboard_was_started(tmp_path):
    async def test():
        cluster = Cluster()
        cluster.down[B] = "refused"
        found, turn = [], 0
        # One group has queues on both, one on the broker that is back alone.
        for topic in ("orders", "bills"):
            cluster.perms[topic] = 6

        async def look():
            nonlocal turn
            turn += 1
            at = 1_000 + 10 * turn
            cluster.group("g", at + 500, at)
            cluster.offsets["broker-a"]["h"] = {("bills", 0): [at, at]}
            cluster.offsets["broker-b"]["i"] = {("bills", 0): [at, at]}
            await cluster.clock.advance(10_000)
            moment = model.moment()
            assert moment.topics_ms is not None
            return moment

        async with cluster.watched(session=tmp_path / "session") as model:
            for _ in range(12):
                moment = await look()
            assert moment.groups["g"].consume_rate is None, "it may have queues on the other"
            table = Topics().table(moment, Address("topics"))
            assert table.note == Groups().table(moment, Address("groups")).note == "the queues on broker-b are unknown"
            del cluster.down[B]
            while model.moment().brokers[B].dead:
                await cluster.clock.advance(200)
            for _ in range(14):
                found.append(await look())
                if len(found) == 5:
                    recorded = await on_tape(tmp_path / "session")
            assert found[-1].groups["g"].consume_rate == 2.0
        for moment in (*found, recorded):
            assert moment.groups["g"].consume_rate in (None, 2.0), "of both brokers or of none"
            assert {moment.topics[topic].out_rate for topic in ("orders", "bills")} <= {None, 2.0}
            assert moment.totals.lag_change in (None, 0.0), "what was not known before has not come now"
            assert moment.groups["g"].drained_in_ms is None
        assert recorded.groups["g"].consume_rate is None
        assert found[0].groups["g"].waits == 1_000

    run(test)


def rows_of(moment):
    return Topics().table(moment, Address("topics")).rows


async def on_tape(path):
    """The last moment of a session."""
    async with Replay(path) as replay:
        return replay.moment()


def test_a_group_without_queues_is_unknown_while_its_broker_is_silent_and_not_gone():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        cluster.offsets["broker-b"]["billing"] = {}
        async with cluster.watched() as model:
            await cluster.clock.advance(20_000)
            assert model.moment().groups["billing"].lag.state is LagState.OK
            cluster.down[B] = "refused"
            await cluster.clock.advance(60_000)
            moment = model.moment()
            billing = moment.groups["billing"]
            assert (billing.lag.state, billing.lag.lag, billing.waiting_ms) == (LagState.UNKNOWN, None, None)
            assert moment.totals.lag_unknown == 2
            assert [total.value for total in totals(model) if total.title == "Groups"] == ["~2 (0 ✓)"]
            del cluster.down[B]
            cluster.offsets["broker-b"].pop("billing")
            await cluster.clock.advance(60_000)
            assert "billing" not in model.moment().groups, "now it is said that there is none"

    run(test)


def test_a_group_that_stops_is_stalled_and_is_an_alarm_that_ends():
    async def test():
        cluster = Cluster(1)
        cluster.clients["g"] = ["c1"]
        cluster.group("g", 100, 50)
        async with cluster.watched() as model:
            for _ in range(6):
                await cluster.clock.advance(10_000)
                cluster.offsets["broker-a"]["g"]["orders", 0][0] += 10
            group = model.moment().groups["g"]
            assert group.lag.state is LagState.STALLED
            assert group.consume_rate == 0
            assert [part.text for part in model.moment().verdict.parts] == ["1 of 1 groups stalled"]
            for _ in range(8):
                cluster.offsets["broker-a"]["g"]["orders", 0][1] = cluster.offsets["broker-a"]["g"]["orders", 0][0]
                await cluster.clock.advance(10_000)
            moment = model.moment()
            assert moment.groups["g"].lag.state is LagState.OK
            assert moment.groups["g"].since_ms is None
            assert moment.alarms[0].ended_ms is not None
            assert moment.verdict.health is Health.OK
            assert model.series("group.lag", "g")[-1][1] == 0

    run(test)


def test_paused_it_stays_and_samples_go_on():
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 90)
        async with cluster.watched() as model:
            await cluster.clock.advance(1_000)
            model.pause()
            paused, version = model.moment(), model.version
            cluster.group("g", 200, 90)
            await cluster.clock.advance(30_000)
            assert model.moment() is paused
            assert model.mode is Mode.PAUSED
            assert model.version > version
            model.go_live()
            assert model.moment().groups["g"].lag.lag == 220

    run(test)


def test_what_the_account_may_not_ask_is_not_known_and_no_broker_is_dead_for_it():
    async def test():
        cluster = Cluster()
        cluster.denied = {Code.GET_BROKER_CONSUME_STATS, Code.GET_ALL_PRODUCER_INFO}
        cluster.group("g", 100, 100)
        async with cluster.watched() as model:
            await cluster.clock.advance(12_000)
            moment = model.moment()
            assert not any(broker.dead or broker.refusing for broker in moment.brokers.values())
            assert (moment.totals.lag, moment.verdict.health) == (None, Health.WARNING)
            for view in (Groups(), Clients()):
                assert "no permission" in view.table(moment, Address(view.name)).note
            cluster.denied = {Code.GET_BROKER_RUNTIME_INFO}
            await cluster.clock.advance(60_000)
            moment = model.moment()
            assert all(broker.refusing and not broker.dead for broker in moment.brokers.values())
            assert moment.verdict.parts[0].text == "2 brokers: all refused"
            assert moment.groups["g"].lag.lag == 0, "what it may ask is known"
            cluster.denied = set()
            await cluster.clock.advance(60_000)
            assert model.moment().verdict.health is Health.OK

    run(test)


def test_a_group_is_stalled_since_when_its_alarm_says_also_when_its_broker_was_away():
    async def test():
        cluster = Cluster(1)
        cluster.group("g", 100, 90)
        cluster.clients["g"] = ["c"]
        async with cluster.watched() as model:
            await cluster.clock.advance(100_000)
            stalled = model.moment().groups["g"]
            assert (stalled.lag.state, stalled.begun_before) == (LagState.STALLED, True)
            since = stalled.since_ms
            await cluster.clock.advance(300_000)
            cluster.down[A] = "refused"
            await cluster.clock.advance(40_000)
            assert model.moment().groups["g"].lag.state is LagState.UNKNOWN
            del cluster.down[A]
            await cluster.clock.advance(60_000)
            moment = model.moment()
            (alarm,) = [each for each in moment.alarms if each.target == "g" and each.ended_ms is None]
            back = moment.groups["g"]
            assert (back.lag.state, back.since_ms, back.begun_before) == (LagState.STALLED, since, True)
            assert (alarm.since_ms, alarm.begun_before) == (since, True)
            (said,) = [part for part in moment.verdict.parts if "stalled" in part.text]
            assert (said.since_ms, said.begun_before) == (since, True)

    run(test)
