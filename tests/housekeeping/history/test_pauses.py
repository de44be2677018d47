"""What a history pauses for while it writes: others may write then, and what they write counts."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from rocketmq_ops.housekeeping.history import file
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run

HOUR = 3_600_000


def run(time_ms: int, groups: int = 3, note: str = "") -> Run:
    found = [
        GroupOffsets(group=f"g{number}", queues=[QueueOffsets(QueueKey("t", "b", 0), time_ms, number)])
        for number in range(groups)
    ]
    return Run(
        time_ms=time_ms,
        groups=found,
        figures=[Figure("lag", "g0", float(time_ms))],
        routes={"t": f"route {note}"},
        texts={"alarms": f"text {note}", "events": "the same"},
    )


class Other:
    """A process that wants to write whenever the history pauses."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(path, isolation_level=None, timeout=0)
        self.pauses = 0

    def __call__(self) -> None:
        self.pauses += 1
        self.database.execute("BEGIN IMMEDIATE")  # raises where the history holds the file
        self.database.execute("ROLLBACK")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "h.sqlite"
    with History.open(path):
        pass
    return path


@pytest.mark.parametrize("groups", [3, 300], ids=["in the segment", "in a new segment"])
def test_while_a_run_pauses_others_may_write(path: Path, groups: int) -> None:
    other = Other(path)
    with History.open(path) as history:
        history.append(run(1), other)
        before, other.pauses = other.pauses, 0
        history.append(run(2, groups, "changed"), other)
        assert before > 10 and other.pauses > 10
        assert len(history.offsets_at(2)) == groups
        assert history.texts_at(2) == {"alarms": "text changed", "events": "the same"}
        assert history.texts_at(1) == {"alarms": "text ", "events": "the same"}
        assert (history.routes_at(1), history.routes_at(2)) == ({"t": "route "}, {"t": "route changed"})
    other.database.close()


def test_what_is_let_go_goes_in_pieces_and_others_may_write_between_them(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "MOST_LATER", 1)
    other = Other(path)
    with History.open(path) as history:
        for number in range(64 * 5):
            history.append(run(number, note=str(number)))
    with History.open(path, keep_ms=HOUR) as history:
        times = [2 * HOUR, 2 * HOUR + 1]
        history.append(run(times[0]))
        statements: list[str] = []
        history._database.set_trace_callback(statements.append)
        history.append(run(times[1]), other)
        assert history.times(0, 3 * HOUR) == times
        deletions = [place for place, text in enumerate(statements) if text.startswith("DELETE FROM segment")]
        commits = [place for place, text in enumerate(statements) if text == "COMMIT"]
        assert len(deletions) == 5
        assert all(any(one < place < another for place in commits) for one, another in pairwise(deletions))
        assert history.texts_at(times[0]) == {"alarms": "text ", "events": "the same"}
    other.database.close()


@pytest.mark.parametrize("place", [1, 4, 7, 10])
def test_what_another_writes_during_a_pause_counts(path: Path, place: int) -> None:
    """As where a run begins a segment meanwhile, has the same time, and changes a text or a route."""
    pauses = 0
    with History.open(path) as history, History.open(path) as another:
        history.append(run(1))

        def pause() -> None:
            nonlocal pauses
            pauses += 1
            if pauses == place:
                another.append(run(2, 300, "another's"))

        history.append(run(2, note="mine"), pause)
        assert pauses >= place
        assert history.times(0, HOUR) == [1, 2, 3]
        assert [len(history.offsets_at(time_ms)) for time_ms in (1, 2, 3)] == [3, 300, 3]
        texts = [history.texts_at(time_ms)["alarms"] for time_ms in (1, 2, 3)]
        assert texts == ["text ", "text another's", "text mine"]
        assert history.routes_at(3) == {"t": "route mine"}
        for time_ms in (1, 2, 3):
            assert another.offsets_at(time_ms) == history.offsets_at(time_ms)
        assert another.texts_at(3) == history.texts_at(3) == {"alarms": "text mine", "events": "the same"}
