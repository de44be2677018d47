"""The history's file: what it gives back, how it stays bounded, and what goes wrong with it."""

import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.history import file
from rocketmq_ops.housekeeping.history.database import HistoryError, NoHistoryError
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.place import history_file
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run

MINUTE = 60_000
START = 1_700_000_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "h.sqlite"


def group(name, *offsets, members=None, topic="orders", broker="broker-a"):
    return GroupOffsets(
        group=name,
        members=members,
        queues=[QueueOffsets(QueueKey(topic, broker, number), *pair) for number, pair in enumerate(offsets)],
    )


def run(number, groups=(), **more):
    return Run(time_ms=START + number * MINUTE, groups=list(groups), **more)


def test_what_went_in_comes_out(path):
    first = [group("a", (100, 90), (7, None), (None, 5), (3, 10), members=2), group("b", (5, 5))]
    later = [group("a", (2**40, 91), (7, 0), (None, 6), (4, 10)), group("c", (9, 1), members=0)]
    with History.open(path) as history:
        history.append(run(0, first))
        history.append(run(1, later))
        assert history.offsets_at(START) == first
        assert sorted(history.ends_at(START), key=str) == sorted(
            ((g.group, q.queue.topic, q.end, q.committed is not None) for g in first for q in g.queues), key=str
        )
        assert list(history.ends_at(START - 1)) == []
        assert history.offsets_at(START + MINUTE) == later
        assert history.offsets_at(START + MINUTE, "c") == [later[1]]
        assert history.span() == (START, START + MINUTE, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with History.read(path) as history:
        assert history.offsets_at(START) == first


def test_a_window_has_gaps_where_nothing_was_known(path):
    with History.open(path) as history:
        for number in range(4):
            history.append(run(number, [] if number == 2 else [group("a", (100 + number, 50), members=1)]))
        window = history.window("a", START, START + 3 * MINUTE)
        assert window.members == [1, 1, None, 1]
        (queue,) = window.queues.values()
        assert (queue.ends, queue.committed) == ([100, 101, None, 103], [50, 50, None, 50])
        assert history.window("nobody", START, START + MINUTE).queues == {}
        assert history.window("nobody", START, START + MINUTE).members == [None, None]
        assert list(history.last_windows(2, {"a"})) == ["a"]
        assert history.last_windows(2, {"b"}) == {}
        assert history.last_windows(2, {"a"})["a"].times == [START + 2 * MINUTE, START + 3 * MINUTE]


def test_that_clients_pull_by_themselves_is_kept(path):
    with History.open(path) as history:
        for number, (members, pulling) in enumerate([(1, False), (2, True), (None, False)]):
            told = group("a", (5, 5), members=members)
            told.pulling = pulling
            history.append(run(number, [told, group("b", (5, 5), members=1)]))
            assert history.offsets_at(START + number * MINUTE, "a") == [told]
            assert history.offsets_with_unknown(START + number * MINUTE, ())[0] == told
        times = [START + number * MINUTE for number in range(3)]
        assert [history.window("a", START, end_ms).pulling for end_ms in times] == [False, True, True]
        window = history.window("a", times[0], times[2])
        assert (window.last(1).pulling, window.members) == (True, [1, 2, None])
        assert not history.window("b", times[0], times[2]).pulling


def test_groups_whose_names_begin_alike_are_apart(path):
    with History.open(path) as history:
        history.append(run(0, [group(name, (10, index)) for index, name in enumerate(["a", "a-b", "a%", "aa", "b"])]))
        history.append(run(1, [group("a!", (1, 1))]))
        for index, name in enumerate(["a", "a-b", "a%", "aa", "b"]):
            assert history.offsets_at(START, name) == [group(name, (10, index))]


def test_figures_routes_and_failures(path):
    lost = Failure("broker-b", "timeout", "look at it")
    with History.open(path) as history:
        history.append(run(0, figures=[Figure("disk.ratio", "a", 0.5)], routes={"t": "r1", "u": "r"}))
        history.append(run(1, figures=[Figure("disk.ratio", "a", 0.25), Figure("host.x", "h", 1)], failures=[lost]))
        history.append(run(2, routes={"t": "r2"}))
        assert history.figures(START, START + 2 * MINUTE, "disk.") == {
            ("disk.ratio", "a"): [(START, 0.5), (START + MINUTE, 0.25)]
        }
        assert history.figures(START, START + 2 * MINUTE)[("host.x", "h")] == [(START + MINUTE, 1.0)]
        assert history.failures(START, START + 2 * MINUTE) == {START + MINUTE: [lost]}
        assert history.routes_at(START + MINUTE) == {"t": "r1", "u": "r"}
        assert history.routes_at(START + 2 * MINUTE) == {"t": "r2"}


def test_texts_are_kept_when_they_change(path):
    with History.open(path) as history:
        history.append(run(0, texts={"a": "1", "b": "x"}))
        history.append(run(1))
        history.append(run(2, texts={"a": "2"}))
        assert history.texts_at(START - 1) == {}
        assert history.texts_at(START + MINUTE) == {"a": "1", "b": "x"}
        assert history.texts_at(START + 2 * MINUTE) == {"a": "2"}
        history.drop_later(START - 10 * MINUTE)
        assert history.texts_at(START + 2 * MINUTE) == {}


def test_texts_of_the_oldest_run_stay_when_older_ones_go(path):
    with History.open(path, keep_ms=100 * MINUTE) as history:
        for number in range(400):
            history.append(run(number, [group("a", (number, 0))], texts={"still": "here", "turn": str(number)}))
        first, last, _ = history.span()
        assert history.texts_at(first) == {"still": "here", "turn": str((first - START) // MINUTE)}
        assert history.texts_at(last)["turn"] == "399"
        assert history.texts_at(first - MINUTE) == {"still": "here"}


def test_a_file_of_before_there_were_texts_is_read_and_appended_to(path):
    with History.open(path) as history:
        history.append(run(0, [group("a", (1, 1))]))
    with sqlite3.connect(path) as database:
        database.execute("DROP TABLE text")
    database.close()
    with History.read(path) as history:
        assert history.texts_at(START) == {}
    with History.open(path) as history:
        history.append(run(1, texts={"a": "1"}))
        assert history.texts_at(START + MINUTE) == {"a": "1"}


def test_queues_of_which_a_run_knew_nothing_are_given_where_they_are_asked_for(path):
    with History.open(path) as history:
        for number in range(2):
            history.append(run(number, [group("a", (5, 4)), group("b", (5, 4), broker="broker-b")]))
        history.append(run(2, [group("a", (5, 4)), group("b", (None, None), (None, None), broker="broker-b")]))
        time_ms = START + 2 * MINUTE
        found = {g.group: g.queues for g in history.offsets_with_unknown(time_ms, {"broker-b"})}
        assert found["b"] == group("b", (None, None), (None, None), broker="broker-b").queues
        assert found["a"] == group("a", (5, 4)).queues
        assert history.offsets_with_unknown(START - 1, set()) == []


def test_runs_of_one_time_are_both_kept_and_an_earlier_one_finds_its_place(path):
    with History.open(path) as history:
        for number, committed in ((5, 1), (5, 2), (1, 3)):
            history.append(run(number, [group("a", (10, committed))]))
        (queue,) = history.window("a", 0, 2 * START).queues.values()
        assert queue.committed == [3, 1, 2]


def test_what_is_old_goes_and_what_is_kept_reads_as_before(path):
    keep = 200 * MINUTE
    with History.open(path, keep_ms=keep) as history:
        for number in range(400):
            routes = {"t": f"route {number // 100}"}
            history.append(run(number, [group("a", (1000 * number, 999 * number))], routes=routes))
        span = history.span()
        assert span is not None
        oldest = (span.first_ms - START) // MINUTE
        assert 400 - 200 - 64 - file.MOST_LATER <= oldest <= 200
        assert history.offsets_at(span.first_ms) == [group("a", (1000 * oldest, 999 * oldest))]
        assert history.routes_at(span.first_ms) == {"t": f"route {oldest // 100}"}


def test_a_run_with_a_wrong_clock_lets_nothing_go_and_is_taken_back(path):
    year = 365 * 24 * 60
    with History.open(path, keep_ms=100 * MINUTE) as history:
        for number in range(90):
            history.append(run(number, [group("a", (1000, number))], routes={"t": "right"}))
        for ahead in (year, year + 1):
            history.append(run(ahead, [group("a", (1000, 1))], routes={"t": "wrong"}))
        assert history.span().runs == 92
        history.drop_later(START + 90 * MINUTE)
        assert history.span() == (START, START + 89 * MINUTE, 90)
        assert history.routes_at(START + 2 * year * MINUTE) == {"t": "right"}
        history.append(run(90, [group("a", (1000, 90))], routes={"t": "right"}))
        (queue,) = history.last_windows(3, {"a"})["a"].queues.values()
        assert queue.committed == [88, 89, 90]
        history.append(run(-year, [group("a", (1000, 1))]))
        (queue,) = history.last_windows(3, {"a"})["a"].queues.values()
        assert queue.committed == [88, 89, 90], "nor is anything judged by one that was behind"
        history.drop_later(START + 86 * MINUTE)
        assert history.span().runs == 92, "processes at once are not minutes apart"
        with pytest.raises(HistoryError, match=r"the clock of this machine is behind .*: 76 runs .* by 1h20m"):
            history.drop_later(START + 10 * MINUTE - 1)
        assert history.span().runs == 92


def test_an_empty_file_is_a_history_that_has_not_begun(path):
    path.parent.mkdir()
    path.touch()
    with pytest.raises(NoHistoryError, match="there is no history yet"):
        History.read(path)
    with History.open(path) as history:
        history.append(run(0))
    with History.read(path) as history:
        assert history.span().runs == 1


def test_what_is_no_file_is_refused_and_nothing_is_made_beside_it(path, tmp_path):
    for place, kind in ((Path("/dev/null"), "not a file"), (tmp_path, "a folder")):
        for way in (History.open, History.read):
            with pytest.raises(HistoryError, match=f"cannot use the history {place}: it is {kind}"):
                way(place)
    assert list(tmp_path.iterdir()) == []


def test_the_size_is_bounded(path, monkeypatch):
    monkeypatch.setattr(file, "LEAST_BYTES", 1 << 20)
    chance = random.Random(1)

    def scattered():
        """Offsets that no compression makes small."""
        return group("a", *((chance.getrandbits(50), chance.getrandbits(50)) for _ in range(300)))

    with History.open(path, most_bytes=1 << 20) as history:
        last = None
        for number in range(400):
            last = scattered()
            history.append(run(number, [last]))
        span = history.span()
        assert span is not None
        assert 64 <= span.runs < 280
        assert history.offsets_at(span.last_ms) == [last]
    assert path.stat().st_size < 1 << 21
    with pytest.raises(HistoryError, match="invalid size 1000"):
        History.open(path, most_bytes=1000)


KILLED = """
import sys
from pathlib import Path
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets, Run
history = History.open(Path(sys.argv[1]))
for number in range(100_000):
    queues = [QueueOffsets(QueueKey("t", "b", q), number + q, number) for q in range(200)]
    history.append(Run(time_ms=1 + number, groups=[GroupOffsets(group="g", queues=queues)]))
    print(number, flush=True)
"""


def test_a_killed_process_leaves_all_runs_that_it_had_finished(path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout as lines:
        for line in lines:
            if int(line) == 70:
                break
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        rest = [int(line) for line in lines]
    done = max([70, *rest])
    with History.open(path) as history:
        span = history.span()
        assert span is not None
        assert span.runs in (done + 1, done + 2)
        for time_ms in history.times(0, 1 << 40):
            (found,) = history.offsets_at(time_ms)
            assert [queue.committed for queue in found.queues] == [time_ms - 1] * 200
        history.append(Run(time_ms=1 << 39))


def test_processes_append_at_the_same_time(path):
    processes = [
        subprocess.Popen([sys.executable, "-c", KILLED.replace("100_000", "40"), str(path)], stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert [process.wait() for process in processes] == [0, 0, 0]
    with History.read(path) as history:
        span = history.span()
        assert span is not None
        assert span.runs == 120


def test_it_is_read_while_another_holds_it_for_writing(path):
    with History.open(path) as history:
        history.append(run(0, [group("a", (2, 1))]))
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with History.read(path) as reader:
            assert reader.offsets_at(START) == [group("a", (2, 1))]
        other.execute("ROLLBACK")
        other.close()


def test_it_is_read_where_nothing_may_be_written(path, monkeypatch):
    with History.open(path) as history:
        history.append(run(0, [group("a", (2, 1))]))
    whole = sqlite3.connect

    def refused(place, **how):
        """As SQLite does in a folder that it cannot write to."""
        if "immutable" not in str(place):
            raise sqlite3.OperationalError("unable to open database file")
        return whole(place, **how)

    monkeypatch.setattr(sqlite3, "connect", refused)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with History.read(path) as history:
        assert history.offsets_at(START) == [group("a", (2, 1))]


def test_a_newer_a_foreign_a_damaged_and_a_missing_file_are_named(path, tmp_path):
    with pytest.raises(HistoryError, match="there is no history yet"):
        History.read(path)
    History.open(path).close()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    for attempt in (History.open, History.read):
        with pytest.raises(HistoryError, match="newer version: its schema is 99"):
            attempt(path)
    foreign = tmp_path / "foreign.sqlite"
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE mine(x)")
    database.close()
    before = foreign.read_bytes()
    for attempt in (History.open, History.read):
        with pytest.raises(HistoryError, match="is not a history"):
            attempt(foreign)
    assert foreign.read_bytes() == before
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"no database at all" * 1000)
    for attempt in (History.open, History.read):
        with pytest.raises(HistoryError, match="is damaged") as raised:
            attempt(damaged)
        assert "move it away" in raised.value.next_step


def test_a_damaged_row_is_an_error_and_no_offset(path):
    with History.open(path) as history:
        history.append(run(0, [group("a", (2, 1))]))
    with sqlite3.connect(path) as database:
        database.execute("UPDATE run SET ends = x'00'")
    database.close()
    with History.read(path) as history, pytest.raises(HistoryError, match="is damaged"):
        history.offsets_at(START)


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(HistoryError, match="cannot write the history"):
        History.open(tmp_path / "file" / "h.sqlite")


def test_names_cannot_break_the_rows(path):
    with History.open(path) as history:
        history.append(run(0, [group("a\nb", (2, 1), broker="x\x1fy")]))
        (found,) = history.offsets_at(START)
    assert found.group == "a?b"
    assert found.queues[0].queue.broker == "x?y"


def test_name_servers_share_a_file_in_whatever_order(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    one = history_file(["10.0.0.1:9876", "10.0.0.2:9876"])
    assert one == history_file(["10.0.0.2:9876", "10.0.0.1:9876"])
    assert one.parent == tmp_path / "rocketmq-ops" / "history"
    assert one != history_file(["10.0.0.1:9876"])
