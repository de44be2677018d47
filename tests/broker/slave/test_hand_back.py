"""Offsets that are handed back to a master of Apache's: it loses one of two first ones that come together, and takes
what is behind its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest

from rocketmq_ops.broker.slave.hand_back import hand_back
from rocketmq_ops.broker.slave.master_api import MasterApi
from rocketmq_ops.broker.slave.own_commits import OwnCommits
from rocketmq_ops.common.topics import topic_at_group
from tests.offsets_of_apache import OffsetsOfApache


class Master(OffsetsOfApache):
    """What is asked of the master."""

    async def max_offset(self, topic: str, queue_id: int) -> int:
        return 100

    async def offset(self, group: str, topic: str, queue_id: int) -> int:
        return self.table.get((topic, group), {}).get(queue_id, -1)

    async def take(self, group: str, topic: str, queue_id: int, offset: int, *, forward: bool = True) -> str:
        await OffsetsOfApache.commit(self, group, topic, queue_id, offset)
        return ""

    commit = take  # type: ignore[assignment]


class Own:
    """Commits of the slave, and those that are settled."""

    def __init__(self, *commits: tuple[str, str, int, int]) -> None:
        self.commits, self.settled = commits, set[tuple[str, str, int, int]]()

    def __iter__(self) -> Iterator[tuple[str, str, int, int]]:
        return iter(self.commits)

    def settle(self, *commit: str | int) -> None:
        self.settled.add(cast("tuple[str, str, int, int]", commit))


def test_none_is_lost_where_the_master_has_nothing_of_the_group() -> None:
    master = Master()
    master.table["T", "known"] = {0: 1}
    own = Own(*(("T", group, queue, 9) for group in ("known", "new", "other") for queue in range(80)))
    masters = {topic_at_group("T", "known"): {0: 1}}
    behind = asyncio.run(hand_back(cast("MasterApi", master), cast("OwnCommits", own), masters))
    assert behind == 240 and own.settled == set(own.commits)
    assert master.table == {("T", group): dict.fromkeys(range(80), 9) for group in ("known", "new", "other")}
    assert masters == {topic_at_group("T", group): dict.fromkeys(range(80), 9) for group in ("known", "new", "other")}


@pytest.mark.parametrize("meanwhile", [12, 9, 4], ids=["further", "as far", "reset"])
def test_what_the_master_has_got_since_it_was_asked_is_kept(meanwhile: int) -> None:
    """A consumer that is back there, or a reset by a tool of 4.9."""
    master = Master()
    master.table["T", "g"] = {0: meanwhile, 1: 5}
    own, masters = Own(("T", "g", 0, 9), ("T", "g", 1, 9)), {topic_at_group("T", "g"): {0: 5, 1: 5}}
    asyncio.run(hand_back(cast("MasterApi", master), cast("OwnCommits", own), masters))
    assert master.table == {("T", "g"): {0: meanwhile, 1: 9}} and own.settled == set(own.commits)
    assert masters == {topic_at_group("T", "g"): {0: meanwhile, 1: 9}}


class Busy(Master):
    """Takes `commits` in turn, each just before the slave's next question about the offset is dealt with."""

    def __init__(self, *commits: int | None) -> None:
        super().__init__()
        self.commits, self.taken = list(commits), list[tuple[int, bool]]()

    async def offset(self, group: str, topic: str, queue_id: int) -> int:
        commit = self.commits.pop(0) if self.commits else None
        if commit is not None:
            self.table[topic, group][queue_id] = commit
        return await super().offset(group, topic, queue_id)

    async def commit(self, group: str, topic: str, queue_id: int, offset: int, *, forward: bool = True) -> str:  # type: ignore[override]
        self.taken.append((offset, forward))
        self.table[topic, group][queue_id] = offset
        return ""


@pytest.mark.parametrize(
    ("commits", "taken", "has"),
    [
        ((None, None), [(9, True)], 9),
        ((None, 12), [(9, True), (12, True)], 12),
        ((None, 12, None, 15), [(9, True), (12, True), (15, True)], 15),
        ((None, 2), [(9, True), (2, False)], 2),
        ((None, 12, 13), [(9, True)], 13),
    ],
    ids=["nobody", "a consumer", "twice", "a reset", "a consumer that commits again"],
)
def test_what_is_committed_between_question_and_hand_back_is_set_right(
    commits: tuple[int | None, ...], taken: list[tuple[int, bool]], has: int
) -> None:
    """A master of Apache's takes an offset that is behind its own."""
    master = Busy(*commits)
    master.table["T", "g"] = {0: 5}
    own, masters = Own(("T", "g", 0, 9)), {topic_at_group("T", "g"): {0: 5}}
    asyncio.run(hand_back(cast("MasterApi", master), cast("OwnCommits", own), masters))
    assert master.taken == taken and master.table == {("T", "g"): {0: has}} and own.settled == set(own.commits)
    assert masters == {topic_at_group("T", "g"): {0: has}}
