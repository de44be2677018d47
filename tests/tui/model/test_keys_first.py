"""Work beside the keys stands still while one is answered, and not for ever."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.rows import AT_A_TIME
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.tui.model.derive import derive
from rocketmq_ops.tui.model.keys_first import ANSWER_S, MOST_S, KeysFirst
from rocketmq_ops.tui.model.looks import Looks


class Time:
    """Stands still but for sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def made() -> tuple[Time, KeysFirst]:
    time = Time()
    time.now = 100.0
    return time, KeysFirst(time.monotonic, time.sleep)


def test_work_in_a_thread_stands_still_until_a_key_is_answered() -> None:
    time, keys = made()
    work = keys.work()
    work.pause()
    assert time.now == 100.0
    keys.came()
    assert keys.answering
    work.pause()
    assert time.now >= 100.0 + ANSWER_S
    assert not keys.answering


def test_keys_without_an_end_hold_one_piece_of_work_up_for_so_long_alone() -> None:
    time, keys = made()
    work = keys.work()
    for _ in range(1000):
        keys.came()
        work.pause()
    assert MOST_S <= time.now - 100.0 < MOST_S + ANSWER_S
    keys.came()
    keys.work().pause()
    assert time.now - 100.0 >= MOST_S + ANSWER_S  # the next piece begins anew


def test_in_the_loop_others_have_their_turn() -> None:
    _, keys = made()

    async def main() -> list[str]:
        said: list[str] = []
        task = asyncio.create_task(keys.work().turn())
        asyncio.get_running_loop().call_soon(said.append, "another")
        await task
        said.append("on")
        return said

    assert asyncio.run(main()) == ["another", "on"]


def test_a_look_of_many_groups_pauses_between_them() -> None:
    paused: list[int] = []
    groups = [
        GroupOffsets(group=f"g{number}", queues=[QueueOffsets(QueueKey("t", "b", 0), 1, 1)])
        for number in range(5 * AT_A_TIME)
    ]
    Looks().add(1, groups, lambda: paused.append(1))
    assert len(paused) >= 10


def test_what_a_look_says_of_many_queues_pauses_among_them() -> None:
    groups = [
        GroupOffsets(group="g", queues=[QueueOffsets(QueueKey("t", "b", number), 2, 1) for number in range(20_000)])
    ]
    looks = Looks()
    looks.add(1, groups)
    looks.add(10_001, groups)
    paused: list[int] = []
    derive(looks, {}, lambda: paused.append(1))
    assert len(paused) >= 5


def test_a_run_of_many_queues_is_written_with_pauses(tmp_path: Path) -> None:
    queues = [QueueOffsets(QueueKey("t", "b", number), 2, 1) for number in range(2_000)]
    paused: list[int] = []
    with History.open(tmp_path / "ring.sqlite") as history:
        history.append(Run(time_ms=1, groups=[GroupOffsets(group="g", queues=queues)], texts={"a": "b"}))
        history.append(
            Run(time_ms=2, groups=[GroupOffsets(group="g", queues=queues)], texts={"a": "c"}), lambda: paused.append(1)
        )
        assert len(paused) >= 8
        window = history.window("g", 1, 2)
        assert window.times == [1, 2]
        assert {key: columns.committed for key, columns in window.queues.items()} == {
            each.queue: [1, 1] for each in queues
        }
