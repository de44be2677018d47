"""Changes of the journal as events."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import msgspec

from rocketmq_ops.client.admin.changes import Change
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import JournalEntry
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.changed import Changed
from rocketmq_ops.tui.model.events import SHOWN_MS
from rocketmq_ops.tui.model.table import Health
from tests.tui.fakes import MINUTE, NOW_MS
from tests.tui.model.cluster import Cluster, run


def entry(number: int, status: str, before_ms: int = 0, *, names: tuple[str, ...] = ("orders",), here: bool = True):
    return JournalEntry(
        id=number,
        time=datetime.fromtimestamp((NOW_MS - before_ms) / 1000, UTC).isoformat(),
        user="root",
        words=("updateTopicPerm", "-t", "orders", "-p", "4"),
        status=status,
        changes=[Change("10.0.0.1:10911", "topic", name, "update", "ok") for name in names],
        here=here,
    )


class Journal:
    def __init__(self, *entries: JournalEntry) -> None:
        self.entries = list(entries)

    async def __call__(self, most: int) -> list[JournalEntry]:
        return self.entries[:most]


def test_what_was_changed_in_the_last_ten_minutes_is_told_once_when_it_has_ended() -> None:
    journal = Journal(
        entry(7, "unfinished", 1_000),
        entry(6, "failed", 2_000),
        entry(5, "done", 3_000, names=("orders", "bills", "orders")),
        entry(4, "done", 4_000, here=False),
        entry(3, "partial", MINUTE, names=()),
        entry(2, "unfinished", 2 * MINUTE),
        entry(1, "no_effect", SHOWN_MS + 1),
    )
    changed = Changed(journal)
    found = asyncio.run(changed.look(NOW_MS))
    assert [(event.target, event.text, event.health) for event in found] == [
        ("orders", "updateTopicPerm by root failed", Health.CRITICAL),
        ("orders (+1)", "updateTopicPerm by root was done", Health.INFO),
        ("#3", "updateTopicPerm by root was done in part", Health.WARNING),
        ("orders", "updateTopicPerm by root has not come to its end", Health.CRITICAL),
    ]
    assert [event.time_ms for event in found] == [NOW_MS - ms for ms in (2_000, 3_000, MINUTE, 2 * MINUTE)]
    assert {event.opens for event in found} == {Address("journal")}
    assert asyncio.run(changed.look(NOW_MS)) == []
    journal.entries[0] = msgspec.structs.replace(journal.entries[0], status="done")
    journal.entries[5] = msgspec.structs.replace(journal.entries[5], status="no_effect")
    found = asyncio.run(changed.look(NOW_MS + 1_000))
    assert [event.text for event in found] == [
        "updateTopicPerm by root was done",
        "updateTopicPerm by root had no effect",
    ]


def test_who_opens_the_dashboard_later_sees_what_was_changed_meanwhile() -> None:
    """As after the page of a browser was closed while a change was under way."""

    async def test() -> None:
        cluster = Cluster()
        cluster.group("g", 100, 100)
        now = cluster.clock.now_ms()
        made = msgspec.structs.replace(
            entry(1, "done"), time=datetime.fromtimestamp((now - MINUTE) / 1000, UTC).isoformat()
        )
        broken = False

        async def journal(most: int) -> list[JournalEntry]:
            if broken:
                raise RocketMQError("cannot read the journal", "")
            return [made]

        async with cluster.watched(journal=journal) as model:
            await cluster.clock.advance(30_000)
            told = [event for event in model.moment().events if event.kind == "change"]
            assert [(event.time_ms, event.text) for event in told] == [
                (now - MINUTE, "updateTopicPerm by root was done")
            ]
            broken = True
            await cluster.clock.advance(30_000)
            assert not model.moment().failures

    run(test)
