"""The time axis: what was kept is what was live, seeking, stepping, comparing, and recordings of others."""

import asyncio
import shutil
import sqlite3
from contextlib import closing

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.bundle.bundle import Bundle
from rocketmq_ops.housekeeping.doctor.facts import Facts
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.history.slice import bytes_of
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model import overview
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.moment import ClientSeen, Moment
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.tape import Tape, ring_file
from rocketmq_ops.tui.model.views.clients import Clients
from tests.tui.model.cluster import NAME_SERVER, START, Cluster, run

B = "10.0.0.2:10911"


@pytest.fixture(autouse=True)
def _state(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


async def settled(model):
    while model.busy:  # noqa: ASYNC110
        await asyncio.sleep(0.001)


def as_kept(moment: Moment) -> Moment:
    """A live moment as a recording gives it: clients are not kept with when they were seen."""
    clients = {key: msgspec.structs.replace(client, seen_ms=0) for key, client in moment.clients.items()}
    return msgspec.structs.replace(moment, live=False, time_ms=moment.groups_ms, clients=clients)


def same(one: Moment, other: Moment) -> None:
    for field in Moment.__struct_fields__:
        assert getattr(one, field) == getattr(other, field), field


def test_what_was_recorded_is_what_was_live(tmp_path):
    async def test():
        cluster = Cluster()
        cluster.slaves["10.0.1.1:10911"] = "broker-a"
        cluster.clients["stalled"] = ["c1", "c2"]
        cluster.group("ok", 100, 100)
        cluster.group("stalled", 500, 100)
        live: dict[int, Moment] = {}
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(45):
                for broker, groups in cluster.offsets.items():
                    for group, queues in groups.items():
                        for offsets in queues.values():
                            offsets[0] += 7 + turn
                            offsets[1] += 5 if group == "ok" else 0
                    assert broker
                if turn == 20:
                    cluster.down[B] = "refused"
                if turn == 25:
                    cluster.perms["new"] = 4
                    cluster.settings["10.0.0.1:10911"] = {"brokerPermission": "4"}
                if turn == 30:
                    del cluster.down[B]
                await cluster.clock.advance(10_000)
                live[model.moment().groups_ms] = model.kept
        assert len(live) == 45
        assert any(moment.alarms for moment in live.values())
        assert any(moment.clients for moment in live.values())
        async with Replay(tmp_path / "session") as replay:
            assert replay.mode is Mode.BACK
            for time_ms, moment in [*live.items()][::3]:
                replay.seek(time_ms + 1)
                await settled(replay)
                same(replay.moment(), as_kept(moment))

    run(test)


def test_a_copy_of_the_file_alone_lacks_the_last_minute_of_the_session_at_most(tmp_path):
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        async with cluster.watched(session=tmp_path / "session") as model:
            for turn in range(20):
                await cluster.clock.advance(10_000)
                if model.kept is None:
                    continue
                copy = tmp_path / f"copy-{turn}"
                shutil.copyfile(tmp_path / "session", copy)
                async with Replay(copy) as replay:
                    assert 0 <= model.moment().groups_ms - replay.span().last_ms <= 60_000
            assert turn and model.kept is not None

    run(test)


def test_a_full_disk_of_the_one_file_costs_the_other_nothing(tmp_path, monkeypatch):
    append = History.append

    async def test(full):
        cluster = Cluster()
        cluster.group("g", 100, 100)
        session = tmp_path / full
        async with cluster.watched(ring=True, session=session) as model:
            await cluster.clock.advance(20_000)

            def refused(history, *more):
                if (history.path == session) is (full == "session"):
                    raise HistoryError("no space is left", "make room")
                append(history, *more)

            with monkeypatch.context() as patch:
                patch.setattr(History, "append", refused)
                await cluster.clock.advance(60_000)
            assert model.moment().verdict.parts[0].text == "recording: no space is left"
            last_ms = model.moment().groups_ms
            copied = model.copied
            assert (copied.failing_since is not None) is (full == "session")
            if full == "session":
                assert copied.last_ms < copied.failing_since <= last_ms
                assert (copied.cause, copied.lost > 4) == ("no space is left", True)
            assert (model.span().last_ms == last_ms) is (full == "session"), "what there is can be gone through"
        async with Replay(session) as replay:
            assert (replay.moment().groups_ms == last_ms) is (full == "ring")

    run(lambda: test("ring"))
    run(lambda: test("session"))


@pytest.mark.parametrize("what", ["file", "folder", "other"])
def test_a_recording_that_goes_from_under_it_is_not_written_on_in_silence(tmp_path, what):
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        folder = tmp_path / "records"
        folder.mkdir()
        session = folder / "session"
        async with cluster.watched(session=session) as model:
            await cluster.clock.advance(30_000)
            before = model.copied
            assert (before.lost, before.failing_since) == (0, None)
            assert before.looks > 1
            if what == "folder":
                shutil.rmtree(folder)
            else:
                session.unlink()
            if what == "other":
                session.write_bytes(b"")
            await cluster.clock.advance(60_000)
            copied = model.copied
            assert (copied.looks, copied.last_ms) == (before.looks, before.last_ms)
            assert copied.lost > 4
            assert copied.failing_since > copied.last_ms
            assert copied.cause == f"cannot write the recording {session}: it was moved or deleted"
        assert model.copied.lost >= copied.lost, "it is known when all is closed"

    run(test)


def test_the_recording_of_another_cluster_is_not_gone_on_with(tmp_path):
    async def test():
        path = tmp_path / "session"
        with History.open(path) as history:
            history.append(Run(time_ms=1_000, texts={"name-server/here:9876": "{}", "broker/b:10911": "{}"}))
        tape = Tape()
        with pytest.raises(HistoryError, match="is of the cluster behind here:9876, not behind there:9876"):
            await tape.open_session(path, ["there:9876"])
        await tape.close()
        for known in (["here:9876", "second:9876"], []):
            tape = Tape()
            await tape.open_session(path, known)
            await tape.close()

    run(test)


def test_a_name_server_by_another_name_is_the_same_cluster(tmp_path):
    async def test():
        path = tmp_path / "session"
        with History.open(path) as history:
            history.append(Run(time_ms=1_000, texts={"name-server/127.0.0.1:9876": "{}"}))
        tape = Tape()
        await tape.open_session(path, ["localhost:9876"])
        await tape.close()
        tape = Tape()
        with pytest.raises(HistoryError, match="not behind localhost:9877"):
            await tape.open_session(path, ["localhost:9877"])
        await tape.close()

    run(test)


def test_two_sessions_are_not_copied_into_one_file(tmp_path):
    async def test():
        (tmp_path / "other-name").symlink_to(tmp_path / "session")
        first, second = Tape(), Tape()
        await first.open_session(tmp_path / "session")
        for name in ("session", "other-name"):
            with pytest.raises(HistoryError, match="another dashboard writes the recording"):
                await second.open_session(tmp_path / name)
        await first.close()
        await second.open_session(tmp_path / "session")  # and goes on with it
        await second.close()
        assert sorted(path.name for path in tmp_path.iterdir()) == ["other-name", "session"]

    run(test)


def pasts(model):
    """The sparklines of all brokers, and those of all of the cluster."""
    table = overview.brokers(model)
    places = [at for at, column in enumerate(table.columns) if column.key.endswith("_past")]
    lines = {row.key: [row.cells[place] for place in places] for row in table.rows}
    return lines | {total.title: [total.past] for total in overview.totals(model) if total.title in ("In", "Out")}


def test_sparklines_end_where_a_broker_ends_in_recordings_too(tmp_path):
    async def test():
        cluster = Cluster()
        cluster.group("g", 100, 100)
        cluster.runtime = {address: {"getTransferredTps": "5.0 5.0 5.0"} for address in cluster.names}
        async with cluster.watched(session=tmp_path / "session") as model:
            await cluster.clock.advance(610_000)
            cluster.down[B] = "refused"
            await cluster.clock.advance(240_000)
            live, at = pasts(model), model.moment().groups_ms
        (other,) = live.keys() - {B, "In", "Out"}
        assert all(len(line.rstrip()) == len(line) for line in live[other])
        for target in (B, "In", "Out"):  # a sum of which a part is not known is not known
            for line in live[target]:
                assert line.strip()
                assert len(line) - len(line.rstrip()) in (3, 4)
        async with Replay(tmp_path / "session") as replay:
            replay.seek(at)
            await settled(replay)
            pasts(replay)
            await settled(replay)
            assert pasts(replay) == live

    run(test)


def test_scrubbing_back_and_forth_and_to_now():
    async def test():
        cluster = Cluster(1)
        cluster.group("g", 100, 100)
        async with cluster.watched(ring=True) as model:
            for turn in range(20):
                cluster.offsets["broker-a"]["g"]["orders", 0][0] = 100 + turn
                await cluster.clock.advance(10_000)
            first, last, runs = model.span()
            assert runs >= 20
            model.seek(last - 100_000)
            await settled(model)
            assert model.mode is Mode.BACK
            moment = model.moment()
            assert not moment.live
            assert moment.time_ms <= last - 100_000
            assert [value for _, value in model.series("group.lag", "g")] == []
            await settled(model)
            points = model.series("group.lag", "g")
            assert points[-1] == (moment.time_ms, moment.groups["g"].lag.lag)
            model.seek(moment.time_ms + 1, after=True)
            await settled(model)
            assert model.moment().time_ms > moment.time_ms
            model.seek(moment.time_ms, after=True)
            await settled(model)
            assert model.moment().time_ms == moment.time_ms
            model.move(1)  # to the next one, however near that is
            await settled(model)
            assert model.moment().time_ms > moment.time_ms
            model.move(-1)
            await settled(model)
            assert model.moment().time_ms == moment.time_ms
            for by_ms in (-30_000, 10_000, 10_000, 10_000):  # keys that come before the file is read
                model.move(by_ms)
            await settled(model)
            assert model.moment().time_ms == moment.time_ms, "they add up"
            model.seek(0)
            await settled(model)
            assert model.moment().time_ms == first
            model.move(-300_000)
            await settled(model)
            assert model.moment().time_ms == first
            model.move(3_600_000)
            await settled(model)
            assert model.moment().time_ms == last
            model.move(10_000)
            await settled(model)
            assert model.mode is Mode.LIVE
            assert model.moment().live

    run(test)


def test_compared_with_a_minute_ago():
    async def test():
        made = []

        def lags(moment):
            made.append(moment.groups_ms)
            return {name: seen.lag.lag for name, seen in moment.groups.items()}

        cluster = Cluster(1)
        cluster.group("g", 100, 100)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(65_000)
            assert model.before(120_000, lags) is None, "nothing was recorded then"
            cluster.group("g", 130, 100)
            await cluster.clock.advance(60_000)
            assert model.before(60_000, lags) is None, "it is read first"
            await settled(model)
            before = model.before(60_000, lags)
            now = model.moment()
            assert now.groups["g"].lag.lag - before["g"] == 30
            assert 60_000 <= now.groups_ms - made[-1] <= 130_000
            version = model.version
            assert model.before(60_000, lags) is before
            assert model.version == version, "it is not read again"
            await cluster.clock.advance(60_000)
            assert model.before(60_000, lags) is before, "what was compared with stands in meanwhile"
            await settled(model)
            assert model.before(60_000, lags) == {"g": 30}

    run(test)


def test_the_last_of_several_seeks_is_shown():
    async def test():
        cluster = Cluster(1)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(100_000)
            first, last, _ = model.span()
            for time_ms in (last, first + 30_000, first):
                model.seek(time_ms)
            await settled(model)
            assert model.moment().time_ms == first

    run(test)


def test_it_is_known_that_another_moment_is_on_its_way(monkeypatch):
    async def broken(*_: object) -> None:
        raise HistoryError("it is damaged", "none")

    async def test():
        cluster = Cluster(1)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(200_000)
            first, _, _ = model.span()
            assert not model.seeking
            for go in (lambda: model.seek(first), lambda: model.move(10_000), lambda: model.move(-3_600_000)):
                go()
                assert model.seeking
                await settled(model)
                assert not model.seeking
            model.go_live()
            model.before(60_000, lambda moment: moment.time_ms)
            assert model.busy and not model.seeking, "that is to be compared with"
            model.move(10_000)
            model.go_live()
            assert not model.seeking
            await settled(model)
            monkeypatch.setattr(model._tape, "moment", broken)
            model.seek(first)
            await settled(model)
            assert not model.seeking and model.file_failures

    run(test)


def test_two_dashboards_of_a_cluster_have_rings_of_their_own():
    async def test():
        cluster = Cluster(1)
        async with cluster.watched(ring=True) as one, cluster.watched(ring=True) as other:
            await cluster.clock.advance(30_000)
            assert one.span().runs == other.span().runs
        assert ring_file([NAME_SERVER]).exists()
        assert ring_file([NAME_SERVER], 2).exists()
        async with cluster.watched(ring=True) as again:
            await cluster.clock.advance(10_000)
            assert again.span().first_ms < START + 10_000, "the ring of before is there"

    run(test)


def test_without_a_place_for_the_ring_it_goes_on_and_says_so(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))

    async def test():
        cluster = Cluster(1)
        async with cluster.watched(ring=True) as model:
            await cluster.clock.advance(5_000)
            assert model.span() is None
            assert [failure.target for failure in model.moment().failures] == ["recording"]
            assert model.moment().brokers

    run(test)


def test_a_history_of_the_prober_is_played_too(tmp_path):
    path = tmp_path / "history"
    with History.open(path) as history:
        for minute in range(5):
            queues = [QueueOffsets(QueueKey("orders", "broker-a", 0), 100 + minute, 50)]
            history.append(
                Run(
                    time_ms=START + minute * 60_000,
                    groups=[GroupOffsets(group="g", queues=queues, members=1)],
                    figures=[
                        Figure("probe.registered", "C/broker-a at 10.0.0.1:10911", 0.0),
                        Figure("broker.disk_ratio", "10.0.0.1:10911", 0.25),
                    ],
                    routes={"orders": "broker-a read 4 write 8 permission 6"},
                    failures=[Failure("10.0.0.9:10911", "cannot connect")],
                )
            )

    async def test():
        async with Replay(path) as replay:
            moment = replay.moment()
            assert moment.brokers["10.0.0.1:10911"].figures == {"disk_ratio": 0.25}
            assert moment.topics["orders"].on["broker-a"].write == 8
            assert moment.groups["g"].lag.state is LagState.STALLED
            assert [(alarm.target, alarm.since_ms) for alarm in moment.alarms] == [("g", moment.time_ms)]
            assert moment.failures[0].cause == "cannot connect"
            assert [part.text for part in moment.verdict.parts] == ["1 of 1 groups stalled"]
            assert replay.span().runs == 5

    run(test)


def bundle(path, history):
    made = Bundle(made_by="test", facts=Facts(taken_at=START), history=history)
    path.write_bytes(msgspec.json.encode(made))
    return path


def test_the_prober_s_runs_in_a_bundle_are_played_and_one_without_any_is_refused(tmp_path):
    group = GroupOffsets(group="g", queues=[QueueOffsets(QueueKey("orders", "broker-a", 0), 100, 50)])
    data = bytes_of(iter([Run(time_ms=START, groups=[group]), Run(time_ms=START + 60_000, groups=[group])]))

    async def test():
        async with Replay(bundle(tmp_path / "bundle", data)) as replay:
            assert replay.span() == (START, START + 60_000, 2)
            assert replay.moment().groups["g"].lag.lag == 50
        with pytest.raises(HistoryError, match="no history in the bundle"):
            async with Replay(bundle(tmp_path / "without", None)):
                pass

    run(test)


@pytest.mark.parametrize(
    ("pragma", "said"), [("user_version", "upgrade this"), ("application_id", "name another file")]
)
def test_of_a_file_that_is_whole_and_none_of_this_version_nothing_is_said_to_be_missing(tmp_path, pragma, said):
    path = tmp_path / "recording"
    with History.open(path):
        pass
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"PRAGMA {pragma} = 99")

    async def test():
        with pytest.raises(HistoryError) as refused:
            async with Replay(path):
                pass
        assert refused.value.next_step.startswith(said)

    run(test)


def test_what_is_no_recording_is_refused(tmp_path):
    (tmp_path / "text").write_text("no database")

    async def test():
        for name in ("none", "text"):
            with pytest.raises(HistoryError) as refused:
                async with Replay(tmp_path / name):
                    pass
            assert refused.value.next_step.startswith(
                "look at the name" if name == "none" else "name a whole recording"
            )
        with pytest.raises(HistoryError) as refused:
            await Tape().open_session(tmp_path / "text")
        assert refused.value.next_step.startswith("name a file that is not there yet")
        with pytest.raises(HistoryError, match="there is no folder"):
            await Tape().open_session(tmp_path / "nosuch" / "recording")
        assert not (tmp_path / "nosuch").exists()
        with pytest.raises(HistoryError) as refused:
            await Tape().open_session(tmp_path)
        assert str(tmp_path) in refused.value.cause
        with History.open(tmp_path / "new") as history:
            shutil.copyfile(history.path, tmp_path / "copy")  # what was made is beside it
        with pytest.raises(HistoryError) as refused:
            async with Replay(tmp_path / "copy"):
                pass
        assert refused.value.cause.startswith("there is no recording in")
        assert "-wal" in refused.value.next_step
        with History.open(tmp_path / "empty"):
            pass
        with pytest.raises(HistoryError, match="nothing in"):
            async with Replay(tmp_path / "empty"):
                pass

    run(test)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1_000, 400_000), min_size=1, max_size=12),
    wanted=st.lists(st.integers(-10_000, 6_000_000), min_size=1, max_size=5),
)
def test_seeking_shows_the_last_run_that_is_not_later_whatever_the_times(tmp_path_factory, gaps, wanted):
    path = tmp_path_factory.mktemp("ring") / "ring"
    times = [START]
    for gap in gaps:
        times.append(times[-1] + gap)
    with History.open(path) as history:
        for number, time_ms in enumerate(times):
            key = QueueKey("orders", "broker-a", 0)
            group = GroupOffsets(group="g", queues=[QueueOffsets(key, 1000 + number, 1000)])
            history.append(Run(time_ms=time_ms, groups=[group]))

    async def test():
        async with Replay(path) as replay:
            for offset in wanted:
                replay.seek(START + offset)
                await settled(replay)
                expected = max((each for each in times if each <= START + offset), default=START)
                assert replay.moment().time_ms == expected
                assert replay.moment().groups["g"].lag.lag == times.index(expected)

    run(test)


def test_a_client_of_the_recording_has_its_groups():
    client = ClientSeen(client_id="c", address="a", language="JAVA", version="V", groups=("g",), seen_ms=5)
    moment = Moment(time_ms=2, groups_ms=1, clients={"c": client})
    kept = as_kept(moment)
    assert kept.clients["c"].seen_ms == 0
    # Unknown, not an age since 1970.
    (row,) = Clients().table(kept, Address("clients")).rows
    assert row.cells[-1] is None


def test_the_ring_of_a_cluster_is_beside_its_history(tmp_path):
    assert ring_file(["b:1", "a:1"]) == ring_file(["a:1", "b:1"])
    assert ring_file(["a:1"]).parent == tmp_path / "state" / "rocketmq-ops" / "dashboard"
