"""Times of stages: noted for messages that ask for them, read by a request that Apache's brokers answer as well."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.broker.send.known_sends import KnownSends
from rocketmq_ops.broker.stats import stage_times
from rocketmq_ops.broker.stats.stage_times import NotedStages
from rocketmq_ops.common.message_codec import decode_messages
from rocketmq_ops.common.stage_times import PROPERTY_STAGES, STAGES_OF_TOPIC, StageTimes, split_stage_keys, stage_keys
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.support import Session, run, until

ASKING = {PROPERTY_STAGES: "1"}


async def times_of(session: Session, topic: str) -> dict[tuple[int, int], StageTimes]:
    answer = await session.ask(RequestCode.GET_BROKER_RUNTIME_INFO, {STAGES_OF_TOPIC: topic})
    figures, flush, times = split_stage_keys(KVTable.decode(answer.body_bytes).table)
    assert flush == session.broker.store_config.flushDiskType
    assert "bootTimestamp" in figures and not [key for key in figures if key.startswith("stage")]
    return times


async def answered_pull(session: Session, topic: str, offset: int) -> None:
    answer = await session.pull(topic, offset=offset, sysFlag="6", suspendTimeoutMillis="5000")
    assert answer.code == 0


async def held(session: Session, topic: str) -> None:
    await until(lambda: topic in session.broker.held_pulls.table)


def test_a_message_that_asks_has_the_time_of_each_stage(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        assert (await session.send("T")).code == 0
        assert await times_of(session, "T") == {}, "nobody asked for them"
        for offset in (1, 2):
            pull = asyncio.create_task(answered_pull(session, "T", offset))
            await held(session, "T")
            assert (await session.send("T", properties=ASKING)).code == 0
            await pull
            [(place, noted)] = (await times_of(session, "T")).items()
            assert place == (0, offset)
            assert noted.flushed is None or noted.flushed > 0
            stages = [noted.appended, noted.dispatched, noted.woken, noted.answered]
            assert None not in stages and stages == sorted(stages, key=lambda value: value or 0)
            assert session.broker.held_pulls.onlooker is None, "pulls of others are not looked at any more"
        assert await times_of(session, "T") == {}, "they are forgotten when they have been read"

    run(tmp_path, body)


def test_under_sync_flush_a_pull_is_woken_after_the_sync(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        assert (await session.send("T")).code == 0
        pull = asyncio.create_task(answered_pull(session, "T", 1))
        await held(session, "T")
        assert (await session.send("T", properties=ASKING)).code == 0
        await pull
        noted = (await times_of(session, "T"))[0, 1]
        assert noted.dispatched is not None and noted.flushed is not None and noted.woken is not None
        assert noted.dispatched <= noted.flushed <= noted.woken

    run(tmp_path, body, flushDiskType="SYNC_FLUSH")


def test_without_a_waiting_pull_there_is_no_waking(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", properties=ASKING)
        noted = (await times_of(session, "T"))[0, 0]
        assert noted.dispatched is not None and noted.woken is noted.answered is None

    run(tmp_path, body)


def test_a_pull_that_nobody_answers_is_not_watched_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_times, "WATCH_SECONDS", 0.01)

    async def body(session: Session) -> None:
        await session.send("T")
        pull = asyncio.create_task(session.pull("T", offset=1, sysFlag="6", subscription="other"))
        await held(session, "T")
        await session.send("T", properties=ASKING)
        assert session.broker.held_pulls.onlooker is not None
        await until(lambda: session.broker.held_pulls.onlooker is None)
        session.broker.held_pulls.wake_all()
        await pull
        assert (await times_of(session, "T"))[0, 1].woken is None

    run(tmp_path, body)


def test_the_property_changes_nothing_else(tmp_path: Path) -> None:
    """The record holds it as it would any, the answer is the usual one, and plain sends of the connection stay short."""

    async def body(session: Session) -> None:
        await session.send("T")
        asking = await session.send("T", properties=ASKING)
        usual = await session.send("T", properties={"OTHER": "1"})
        assert set(asking.ext_fields) == set(usual.ext_fields)
        views = session.broker.store.get_message("t", "T", 0, 1, 2).views
        records = list(decode_messages(b"".join(views)))
        assert [record.properties.pop(name) for record, name in zip(records, (PROPERTY_STAGES, "OTHER"), strict=True)]
        assert records[0].properties == records[1].properties
        [channel] = session.broker.server.channels
        assert isinstance(channel.attrs["known sends"], KnownSends)

    run(tmp_path, body)


def test_delayed_messages_are_delivered_without_times(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", properties={**ASKING, "DELAY": "1"})
        assert await times_of(session, "T") == {}
        assert session.broker.store.max_offset("SCHEDULE_TOPIC_XXXX", 0) == 1

    run(tmp_path, body)


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage_times, "MAX_MESSAGES", 3)

    async def body(session: Session) -> None:
        session.broker.stages = NotedStages(session.broker)
        for _ in range(8):
            await session.send("T", properties=ASKING)
        assert 1 <= len(await times_of(session, "T")) <= 3

    run(tmp_path, body)


def test_what_cannot_be_read_is_left_out() -> None:
    known = {(1, 7): StageTimes(appended=1, dispatched=2, woken=30, answered=31)}
    keys = stage_keys(known, "ASYNC_FLUSH")
    assert split_stage_keys({"a": "b", **keys}) == ({"a": "b"}, "ASYNC_FLUSH", known)
    broken = {
        "stageTimes_x_1": "1,2,3,4,5",
        "stageTimes_1": "1,2,3,4,5",
        "stageTimes_1_1": "1,2",
        "stageTimes_1_2": "a,,,,",
    }
    assert split_stage_keys(broken) == ({}, None, {})
