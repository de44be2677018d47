"""Groups with clients that have committed nothing: they are not well for that brokers tell nothing of them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.housekeeping.unsaved import Unsaved
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.ends import Ends
from rocketmq_ops.tui.model.figures import figure
from rocketmq_ops.tui.model.moment import GroupSeen
from rocketmq_ops.tui.model.periods import ENDS
from rocketmq_ops.tui.model.recording import BASES, Kept, run_of
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.table import Health, Kind
from rocketmq_ops.tui.model.views.groups import Groups
from tests.tui.model.cluster import Cluster, run

ASKED = Code.GET_TOPIC_STATS_INFO


@pytest.fixture(autouse=True)
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def hangs(cluster: Cluster, *, retries: bool = True) -> None:
    """`billing` has a client, and of `orders` no offset; it has one of its retries, as Java's consumers have at once."""
    for groups in cluster.offsets.values():
        groups["billing"] = {("%RETRY%billing", 0): [0, 0]} if retries else {}
    cluster.clients["billing"] = ["c@hangs"]
    cluster.subscribed["billing"] = ["orders", "%RETRY%billing"]
    cluster.ends["orders"] = 1000


def waits(seen: GroupSeen) -> str:
    return figure(seen.waits, Kind.COUNT, 0)


@pytest.mark.parametrize("retries", [True, False], ids=["with retries", "without"])
def test_a_group_that_hangs_at_its_first_message_is_seen_to(retries: bool, tmp_path: Path) -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster, retries=retries)
        cluster.group("well", 100, 100, topic="bills")
        live: list[GroupSeen] = []
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(50):
                seen = model.moment().groups.get("billing")
                assert seen is None or (seen.lag.lag, seen.lag.state) != (0, LagState.OK), "nobody knows that"
                await cluster.clock.advance(10_000)
                cluster.ends["orders"] += 5 if turn > 5 else 0
                live.append(model.moment().groups["billing"])
            moment = model.moment()
        assert {seen.lag.lag for seen in live[2:]} == {None}
        assert live[4].lag.state is LagState.UNKNOWN, "nothing has come: it may have nothing to do"
        assert live[-1].lag.state is LagState.STALLED
        assert int(waits(live[-1])[1:]) in range(400, 441), "what came on both brokers since it is watched"
        assert [(alarm.target, alarm.text) for alarm in moment.alarms] == [("billing", "stalled")]
        assert moment.verdict.health is Health.CRITICAL
        assert moment.verdict.parts[0].text == "1 of 2 groups stalled"
        table = Groups().table(moment, Address("groups"))
        row = next(row for row in table.rows if row.key == "billing")
        assert "committed no offset" in str(row.cells[-1])
        async with Replay(tmp_path / "session") as replay:
            then = replay.moment().groups["billing"]
            assert (then.lag, then.least, then.waiting_ms) == (live[-1].lag, live[-1].least, live[-1].waiting_ms)
            assert then.bases == live[-1].bases

    run(test)


def test_it_is_well_once_it_commits_and_its_topic_is_asked_for_no_longer() -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        async with cluster.watched(pace=0.4) as model:
            await cluster.clock.advance(100_000)
            asked = Counter(at for _, at, code in cluster.asked if code == ASKED)
            assert asked.keys() == cluster.names.keys()
            assert max(asked.values()) <= 100_000 / ENDS.period_ms
            cluster.group("billing", 1000, 1000)
            await cluster.clock.advance(20_000)
            assert model.moment().groups["billing"].lag.state is LagState.OK
            cluster.asked.clear()
            await cluster.clock.advance(60_000)
            assert ASKED not in {code for _, _, code in cluster.asked}

    run(test)


def test_of_a_group_that_broadcasts_no_broker_knows_how_far_it_is_and_that_is_no_doubt() -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        cluster.broadcasting.add("billing")
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            moment = model.moment()
            seen = moment.groups["billing"]
            assert (seen.lag.state, seen.lag.lag, seen.lag.evidence) == (LagState.UNKNOWN, None, Unsaved.OWN)
            (row,) = Groups().table(moment, Address("groups")).rows
            assert row.health is Health.INFO
            assert moment.verdict.health is Health.OK
            assert ASKED not in {code for _, _, code in cluster.asked}

    run(test)


def test_who_pulls_by_itself_may_keep_its_offsets_elsewhere_and_is_in_doubt() -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        cluster.pulling.add("billing")
        async with cluster.watched() as model:
            for _ in range(8):
                await cluster.clock.advance(10_000)
                cluster.ends["orders"] += 5
            moment = model.moment()
            seen = moment.groups["billing"]
            assert (seen.lag.state, seen.lag.lag, seen.lag.evidence) == (LagState.UNKNOWN, None, Unsaved.NO_OFFSET)
            assert not moment.alarms
            assert moment.verdict.parts[0].text.startswith("nothing is known to be wrong; too little is known of 1")

    run(test)


def test_who_pulls_by_itself_has_nothing_to_commit_of_a_queue_that_never_had_a_message() -> None:
    """As `DefaultLitePullConsumer` does, which commits what it has consumed as others do."""

    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        cluster.pulling.add("billing")
        cluster.perms["main"] = 6
        cluster.subscribed["billing"].append("main")
        cluster.ends["orders"] = 0
        async with cluster.watched() as model:
            for turn in range(40):
                cluster.group("billing", 50_000 + 10 * turn, 3_195 + 10 * turn, topic="main")
                await cluster.clock.advance(10_000)
            seen = model.moment().groups["billing"]
            assert (seen.lag.state, waits(seen)) == (LagState.SLOW, "93,610"), "nothing can wait in `orders`"
            cluster.ends["orders"] = 7
            await cluster.clock.advance(20_000)
            assert waits(model.moment().groups["billing"]) == "≥93,610"

    run(test)


def test_a_group_stays_stalled_that_saves_what_it_begins_with_once_it_was_asked_what_it_does() -> None:
    """As Java's consumers do: 0 is saved of a queue of which nothing was consumed."""

    async def test() -> None:
        cluster = Cluster(1)
        hangs(cluster)
        cluster.ends["orders"] = 0
        async with cluster.watched() as model:
            states = []
            for turn in range(14):
                await cluster.clock.advance(10_000)
                cluster.ends["orders"] += 2
                seen = model.moment().groups["billing"]
                states.append((seen.lag.state, seen.since_ms))
                if turn == 8:
                    assert states[-1][0] is LagState.STALLED
                if turn >= 8:
                    offsets = cluster.offsets["broker-a"]["billing"]
                    offsets["orders", 0] = [cluster.ends["orders"], 0]
            assert len(set(states[8:])) == 1, "and since the same time"
            assert (seen.lag.lag, seen.waits) == (26, 26)

    run(test)


@pytest.mark.parametrize("retries", [True, False], ids=["with retries", "without"])
def test_who_pulls_queues_of_its_own_choice_and_has_committed_nothing_is_in_doubt(retries: bool) -> None:
    """It subscribes to nothing: of which topics it has committed nothing is not known (`DefaultLitePullConsumer.assign`)."""

    async def test() -> None:
        cluster = Cluster()
        hangs(cluster, retries=retries)
        cluster.pulling.add("billing")
        cluster.subscribed["billing"] = []
        async with cluster.watched() as model:
            await cluster.clock.advance(30_000)
            seen = model.moment().groups["billing"]
            assert (seen.lag.state, seen.lag.lag, seen.lag.evidence) == (LagState.UNKNOWN, None, Unsaved.NO_OFFSET)
            cluster.group("billing", 100, 100)
            await cluster.clock.advance(20_000)
            seen = model.moment().groups["billing"]
            assert (seen.lag.state, seen.lag.lag) == (LagState.OK, 0)

    run(test)


def test_a_group_with_offsets_of_its_retries_alone_is_not_well_before_it_was_asked_for_clients() -> None:
    """Who has many groups asks for a while."""

    async def test() -> None:
        cluster = Cluster(1)
        for number in range(60):
            cluster.group(f"other-{number:02}", 100, 90)
        hangs(cluster)
        async with cluster.watched() as model:
            found = set()
            while (seen := model.moment().groups.get("billing")) is None or seen.members is None:
                if seen is not None:
                    found.add((seen.lag.state, seen.unsaved, seen.waits))
                await cluster.clock.advance(10_000)
            assert found == {(LagState.UNKNOWN, Unsaved.NOT_ASKED, None)}

    run(test)


@pytest.mark.parametrize("pulling", [False, True], ids=["pushed to", "pulling"])
def test_who_pulls_by_itself_may_have_chosen_queues_to_which_nothing_comes(pulling: bool, tmp_path: Path) -> None:
    """As `DefaultLitePullConsumer` after `assign`, which subscribes to nothing; of the queues of a topic of which a group
    has an offset, brokers tell all."""

    async def test() -> None:
        cluster = Cluster()
        cluster.clients["billing"] = ["c@chose"]
        if pulling:
            cluster.pulling.add("billing")
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(40):
                for groups in cluster.offsets.values():
                    groups["billing"] = {("orders", 0): [500, 500], ("orders", 1): [1000 + 10 * turn, -1]}
                await cluster.clock.advance(10_000)
            moment = model.moment()
            seen = moment.groups["billing"]
            assert (seen.lag.state, seen.lag.lag) == (LagState.UNKNOWN if pulling else LagState.STALLED, None)
            assert waits(seen) == ("?" if pulling else "≥780")
            assert bool(moment.alarms) != pulling
        async with Replay(tmp_path / "session") as replay:
            then = replay.moment().groups["billing"]
            assert (then.lag, then.least, then.waiting_ms) == (seen.lag, seen.least, seen.waiting_ms)

    run(test)


def unused(cluster: Cluster, group: str, count: int = 30) -> None:
    """A client of the group subscribes to topics in which there is nothing, too: each has its turn to be asked for."""
    for number in range(count):
        topic = f"unused-{number}"
        cluster.perms[topic], cluster.ends[topic] = 6, 0
        cluster.subscribed[group].append(topic)


def test_what_is_known_to_wait_is_said_before_each_topic_has_had_its_turn() -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        unused(cluster, "billing")
        cluster.group("billing", 30_000, 5_000, topic="main")
        async with cluster.watched() as model:
            await cluster.clock.advance(20_000)
            seen = model.moment().groups["billing"]
            assert (seen.lag.lag, waits(seen)) == (None, "≥50,000")
            assert figure(seen.waiting_ms, Kind.SPAN, 0).startswith(">")
            assert model.moment().totals.lag == 50_000

    run(test)


@pytest.mark.parametrize("well", ["aaa", "zzz"], ids=["told before", "told after"])
def test_what_comes_into_a_topic_is_by_who_has_offsets_in_it(well: str, tmp_path: Path) -> None:
    """A group that hangs, and whose topics have their turn one after the other, makes no rate another."""

    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        unused(cluster, "billing")
        rates: list[float | None] = []
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(60):
                cluster.group(well, 1000 + 100 * turn, 1000 + 100 * turn)
                cluster.ends["orders"] = 1000 + 100 * turn
                await cluster.clock.advance(10_000)
                rates.append(model.moment().topics["orders"].in_rate)
                assert "orders" not in {topic for topics in model._known.ends.wanted.values() for topic in topics}
        assert {rate is not None and round(rate, 1) for rate in rates[10:]} == {20.0}
        async with Replay(tmp_path / "session") as replay:
            assert round(replay.moment().topics["orders"].in_rate or 0.0, 1) == 20.0

    run(test)


def test_of_a_topic_that_a_group_consumes_on_one_broker_alone_the_rate_is_that_which_brokers_count(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        cluster.puts["orders"] = 10.0
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(30):
                cluster.offsets["broker-a"]["billing"]["orders", 0] = [1000 + 100 * turn] * 2
                cluster.ends["orders"] = 1000 + 100 * turn
                await cluster.clock.advance(10_000)
                seen = model.moment().topics["orders"]
                assert turn < 6 or (seen.in_rate, seen.out_rate and round(seen.out_rate, 1)) == (20.0, 10.0)
        async with Replay(tmp_path / "session") as replay:
            then = replay.moment().topics["orders"]
            assert (then.in_rate, then.out_rate) == (seen.in_rate, seen.out_rate)

    run(test)


def test_a_question_that_fails_once_leaves_what_has_come_before() -> None:
    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(30_000)
            cluster.ends["orders"] += 4_700
            await cluster.clock.advance(20_000)
            assert waits(model.moment().groups["billing"]) == "≥9,400"
            for ms in (20_000, 8 * 60_000):
                cluster.denied.add(ASKED)
                await cluster.clock.advance(ms)
                assert waits(model.moment().groups["billing"]) == "?"
                cluster.denied.clear()
                await cluster.clock.advance(20_000)
                assert waits(model.moment().groups["billing"]) == "≥9,400"

    run(test)


def test_while_its_broker_is_silent_nothing_is_known_of_what_came_there() -> None:
    async def test() -> None:
        cluster = Cluster(1)
        hangs(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            cluster.ends["orders"] += 7
            await cluster.clock.advance(30_000)
            assert waits(model.moment().groups["billing"]) == "≥7"
            cluster.down["10.0.0.1:10911"] = "refused"
            await cluster.clock.advance(30_000)
            seen = model.moment().groups["billing"]
            assert (seen.lag.state, waits(seen)) == (LagState.UNKNOWN, "?")
            del cluster.down["10.0.0.1:10911"]
            await cluster.clock.advance(30_000)
            assert waits(model.moment().groups["billing"]) == "≥7", "it has told of no commit"

    run(test)


def test_a_recording_from_before_that_was_kept_is_played(tmp_path: Path) -> None:
    """It knows of the queues that brokers told of, and nothing of what came to others."""

    async def test() -> None:
        cluster = Cluster()
        hangs(cluster)
        async with cluster.watched() as model:
            await cluster.clock.advance(60_000)
            assert model.kept is not None
            written = run_of(Kept(model.kept))
        kept = dict(written.texts or {})
        del kept[BASES]
        figures = [each for each in written.figures if each.name not in ("group.unsaved", "group.least")]
        with History.open(tmp_path / "old") as history:
            history.append(msgspec.structs.replace(written, texts=kept, figures=figures))
        async with Replay(tmp_path / "old") as replay:
            then = replay.moment().groups["billing"]
            assert (then.least, then.lag.state, then.lag.lag) == (0, LagState.UNKNOWN, None)

    run(test)


def test_each_topic_has_its_turn_and_what_is_not_wanted_is_forgotten() -> None:
    ends = Ends()
    ends.want({"x": {"a", "b"}, "y": {"a"}})
    assert [ends.next("x", now) for now in (1, 2, 3, 4)] == ["a", "b", "a", "b"]
    ends.told("x", "a", {0: 5})
    ends.told("y", "a", {0: 9})
    ends.want({"x": {"b"}, "y": {"a"}})
    assert ends.of("x", "a") is None
    assert ends.of("y", "a") == {0: 9}
    ends.forget("y")
    assert ends.of("y", "a") is None
    assert ends.next("y", 5) is None
    ends.want({})
    assert ends.next("x", 5) is None
