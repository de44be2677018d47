"""A bundle's history: the prober's last runs as they were, or its own readings."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.housekeeping.bundle.bundle import Bundle, read_bundle, write_bundle
from rocketmq_ops.housekeeping.bundle.runs import history_of_bundle, last_ms
from rocketmq_ops.housekeeping.doctor.facts import Ends
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.housekeeping.history.slice import MOST_RUNS, history_of, slice_of
from rocketmq_ops.housekeeping.lag import WINDOW_RUNS
from tests.housekeeping.doctor import healthy as h

MINUTE = 60_000


def test_the_last_runs_come_back_as_they_were(tmp_path: Path) -> None:
    key = QueueKey("T", "a", 3)
    with History.open(tmp_path / "h") as history:
        for number in range(MOST_RUNS + 5):
            offsets = QueueOffsets(key, None if number == 60 else number, number // 2)
            history.append(
                Run(
                    time_ms=h.NOW + number * MINUTE,
                    groups=[GroupOffsets(group="G", queues=[offsets], members=2)],
                    figures=[Figure("host.dirty_bytes", "a", float(number))],
                    failures=[Failure("a", "password=hunter2", "")] if number == 70 else [],
                )
            )
        begin, end = h.NOW + 5 * MINUTE, h.NOW + (MOST_RUNS + 4) * MINUTE
        data = slice_of(history, lambda text: text.replace("hunter2", "?"))
        window, figures = history.window("G", begin, end), history.figures(begin, end)
    assert data is not None and b"hunter2" not in data
    path = tmp_path / "b"
    write_bundle(str(path), Bundle(made_by="test", facts=h.facts(), history=data))
    with history_of_bundle(read_bundle(str(path))) as kept:
        span = kept.span()
        assert span is not None and (span.first_ms, span.last_ms, span.runs) == (begin, end, MOST_RUNS)
        assert (kept.window("G", begin, end), kept.figures(begin, end)) == (window, figures)
        assert [each[0].cause for each in kept.failures(begin, end).values()] == ["password=?"]
    assert not list(tmp_path.glob("rocketmq*"))


def test_without_a_history_its_readings_are_two_runs() -> None:
    facts = h.facts()
    later, facts.later = facts.later, None
    assert later is not None
    later.ends[h.A.address]["T"] = {0: Ends(0, 150), 1: Ends(0, 100)}
    bundle = Bundle(made_by="test", facts=facts, later=later)
    with history_of_bundle(bundle) as history:
        window = history.window("G", 0, last_ms(bundle))
        figures = history.figures(0, last_ms(bundle), "broker.reserved_hours")
    assert window.times == [h.NOW, h.NOW + 60_000] and window.members == [2, 2]
    queue = window.queues[QueueKey("T", "a", 0)]
    assert (queue.ends, queue.committed) == ([100, 150], [100, 100])
    assert figures["broker.reserved_hours", h.A.address] == [(h.NOW, 72.0), (h.NOW + 60_000, 72.0)]
    with history_of_bundle(msgspec.structs.replace(bundle, later=None)) as history:
        assert history.times(0, h.NOW) == [h.NOW]


def test_an_empty_history_has_no_slice(tmp_path: Path) -> None:
    with History.open(tmp_path / "h") as history:
        assert slice_of(history, str) is None


def test_of_a_large_cluster_are_so_many_runs_as_can_be_written_in_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with History.open(tmp_path / "h") as history:
        for number in range(40):
            queues = [QueueOffsets(QueueKey("T", "a", queue), number, number) for queue in range(5)]
            history.append(Run(time_ms=h.NOW + number * MINUTE, groups=[GroupOffsets(group="G", queues=queues)]))
        for most, kept in ((1_000, 40), (100, 20), (10, WINDOW_RUNS)):
            monkeypatch.setattr("rocketmq_ops.housekeeping.history.slice.MOST_OFFSETS", most)
            data = slice_of(history, str)
            assert data is not None
            with history_of(data) as part:
                span = part.span()
            assert span is not None and (span.runs, span.last_ms) == (kept, h.NOW + 39 * MINUTE)
