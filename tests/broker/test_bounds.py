"""What one request can make the broker do: limits that are answered, queues that exist alone, slices in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.processors import client_manage, slices
from rocketmq_ops.broker.processors.slices import ALWAYS_REPORTED, MAX_ENTRIES, MAX_QUEUE_NUMS, in_slices, queues_of
from rocketmq_ops.remoting.bodies import (
    CheckClientRequestBody,
    ConsumeStats,
    ConsumeStatsList,
    CreateTopicListRequestBody,
    HeartbeatData,
    LockBatchRequestBody,
    QueryConsumeTimeSpanBody,
    ResetOffsetBody,
    SubscriptionGroupConfig,
    SubscriptionGroupList,
    TopicConfig,
    TopicStatsTable,
    UnlockBatchRequestBody,
)
from rocketmq_ops.remoting.bodies.base import CLIENT_BODY_BYTES
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.support import Session, bodies, consumer, producer, run

HUGE = 99_999_999


def topic_fields(topic: str, queues: int) -> dict[str, str]:
    return {
        "topic": topic, "defaultTopic": "TBW102", "readQueueNums": str(queues), "writeQueueNums": str(queues),
        "perm": "6", "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
    }  # fmt: skip


@pytest.mark.parametrize(("read", "write"), [(HUGE, 4), (4, HUGE), (MAX_QUEUE_NUMS + 1, MAX_QUEUE_NUMS + 1)])
def test_more_queues_than_the_limit_are_refused_with_the_limit(tmp_path: Path, read: int, write: int) -> None:
    async def body(session: Session) -> None:
        fields = topic_fields("T", read) | {"writeQueueNums": str(write)}
        one = await session.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, fields)
        configs = [TopicConfig(topic_name="T", read_queue_nums=read, write_queue_nums=write)]
        listed = await session.ask(
            RequestCode.UPDATE_AND_CREATE_TOPIC_LIST,
            body=CreateTopicListRequestBody(topic_config_list=configs).encode(),
        )
        for answer in (one, listed):
            assert answer.code == ResponseCode.INVALID_PARAMETER and str(MAX_QUEUE_NUMS) in (answer.remark or "")
        assert session.broker.topics.get("T") is None

    run(tmp_path, body)


def test_more_retry_queues_than_the_limit_are_refused(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        group = SubscriptionGroupConfig(group_name="g", retry_queue_nums=HUGE)
        answer = await session.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=group.encode())
        assert answer.code == ResponseCode.INVALID_PARAMETER and str(MAX_QUEUE_NUMS) in (answer.remark or "")
        session.broker.groups.table["g"] = group  # as an older version took it
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")])
        assert session.broker.topics.table["%RETRY%g"].read_queue_nums == MAX_QUEUE_NUMS

    run(tmp_path, body)


def test_more_topics_or_groups_in_one_request_than_the_limit_are_refused(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        names = [f"N{n}" for n in range(MAX_ENTRIES + 1)]
        topics = CreateTopicListRequestBody(topic_config_list=[TopicConfig(topic_name=name) for name in names])
        groups = SubscriptionGroupList(group_config_list=[SubscriptionGroupConfig(group_name=name) for name in names])
        for code, request in (
            (RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, topics),
            (RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, groups),
        ):
            answer = await session.ask(code, body=request.encode())
            assert answer.code == ResponseCode.INVALID_PARAMETER and "send them in several" in (answer.remark or "")
        assert session.broker.topics.get("N0") is None and not session.broker.groups.contains("N0")

    run(tmp_path, body)


def test_an_auto_created_topic_has_no_more_than_the_limit(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        assert (await session.send("T", d=str(HUGE))).code == 0
        assert session.broker.topics.table["T"].write_queue_nums == MAX_QUEUE_NUMS

    run(tmp_path, body, defaultTopicQueueNums=HUGE)


@pytest.mark.parametrize("server_side", [True, False])
def test_a_topic_of_an_older_version_with_a_hundred_million_queues_is_told_of_by_those_that_exist(
    tmp_path: Path, server_side: bool
) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.topics.table["T"] = TopicConfig(topic_name="T", read_queue_nums=HUGE, write_queue_nums=HUGE)
        broker.groups.find("g")
        for queue_id in (0, 5_000, 77_777_777):
            assert (await session.send("T", queue_id=queue_id)).code == 0
        broker.offsets.commit("g", "T", 5_000, 1)
        reported = [*range(ALWAYS_REPORTED), 5_000, 77_777_777]

        stats = TopicStatsTable.decode((await session.ask(RequestCode.GET_TOPIC_STATS_INFO, {"topic": "T"})).body_bytes)
        assert [queue.queue_id for queue in stats.offset_table] == reported
        assert [q.queue_id for q, offset in stats.offset_table.items() if offset.max_offset] == [0, 5_000, 77_777_777]

        answer = await session.ask(RequestCode.GET_CONSUME_STATS, {"consumerGroup": "g", "topic": "T"})
        progress = ConsumeStats.decode(answer.body_bytes).offset_table
        assert [queue.queue_id for queue in progress] == reported
        assert [w.broker_offset - w.consumer_offset for w in progress.values() if w.broker_offset] == [1, 0, 1]

        answer = await session.ask(RequestCode.GET_BROKER_CONSUME_STATS, {"isOrder": "false"})
        everything = ConsumeStatsList.decode(answer.body_bytes)
        of_group = next(stats["g"] for stats in everything.consume_stats_list if "g" in stats)
        assert len(of_group[0].offset_table) == len(reported) and everything.total_diff == 2

        spans = await session.ask(RequestCode.QUERY_CONSUME_TIME_SPAN, {"topic": "T", "group": "g"})
        assert len(QueryConsumeTimeSpanBody.decode(spans.body_bytes).consume_time_span_set) == len(reported)

        reset = await session.ask(
            RequestCode.INVOKE_BROKER_TO_RESET_OFFSET,
            {"topic": "T", "group": "g", "timestamp": "-1", "isForce": "true"},
        )
        if server_side:
            table = ResetOffsetBody.decode(reset.body_bytes).offset_table
            assert {q.queue_id: offset for q, offset in table.items() if offset} == {0: 1, 5_000: 1, 77_777_777: 1}
            assert broker.offsets.query("g", "T", 77_777_777) == 1
        else:
            assert reset.code == ResponseCode.SYSTEM_ERROR

    run(tmp_path, body, useServerSideResetOffset=server_side)


def test_few_queues_are_all_told_of(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        assert list(queues_of(session.broker, "T", 8)) == list(range(8))

    run(tmp_path, body)


def test_more_progress_than_fits_an_answer_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(session: Session) -> None:
        monkeypatch.setattr("rocketmq_ops.broker.processors.admin.stats.MAX_REPORTED_QUEUES", 10)
        session.broker.topics.table["T"] = TopicConfig(topic_name="T", read_queue_nums=16, write_queue_nums=16)
        session.broker.groups.find("g")
        session.broker.offsets.commit("g", "T", 0, 0)
        for code, fields in (
            (RequestCode.GET_CONSUME_STATS, {"consumerGroup": "g"}),
            (RequestCode.GET_BROKER_CONSUME_STATS, {"isOrder": "false"}),
        ):
            answer = await session.ask(code, fields)
            assert answer.code == ResponseCode.SYSTEM_ERROR and "at a time" in (answer.remark or "")

    run(tmp_path, body)


def test_other_work_is_done_between_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0)
    done: list[Any] = []

    async def main() -> None:
        work = asyncio.create_task(in_slices(range(3), done.append))
        await asyncio.sleep(0)
        while not work.done():
            done.append("other")
            await asyncio.sleep(0)

    asyncio.run(main())
    assert done[:5] == [0, "other", 1, "other", 2]


def test_a_heartbeat_of_many_groups_is_dealt_with_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0)
    groups = [f"G{n}" for n in range(600)]

    async def body(session: Session) -> None:
        beating = asyncio.create_task(
            session.heartbeat(client_id="c", consumer_data_set=[consumer(group, "T") for group in groups])
        )
        while not session.broker.groups.contains("G0"):  # noqa: ASYNC110 - the turn in which it comes is looked for
            await asyncio.sleep(0)
        assert not session.broker.groups.contains("G599"), "the loop had its turn meanwhile"
        answer = await beating
        assert answer.code == 0 and answer.ext_fields["IS_SUB_CHANGE"] == "true"
        table = json.loads((tmp_path / "config" / "topics.json").read_text())["topicConfigTable"]
        assert {f"%RETRY%{group}" for group in groups} <= set(table)
        listed = await session.ask(RequestCode.GET_CONSUMER_LIST_BY_GROUP, {"consumerGroup": "G599"})
        assert b'["c"]' in listed.body_bytes

    run(tmp_path, body)


def test_a_heartbeat_of_many_producers_is_dealt_with_in_slices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0)

    async def body(session: Session) -> None:
        table = session.broker.producers.table
        many = [producer(f"P{n}") for n in range(MAX_ENTRIES)]
        beating = asyncio.create_task(session.heartbeat(client_id="c", producer_data_set=many))
        while not table:  # noqa: ASYNC110 - the turn in which it comes is looked for
            await asyncio.sleep(0)
        assert len(table) < 1000, "the loop had its turn meanwhile"
        assert (await beating).code == 0 and len(table) == MAX_ENTRIES
        more = await session.heartbeat(client_id="c", producer_data_set=[*many, producer("more")])
        assert more.code == ResponseCode.INVALID_PARAMETER and "5000" in (more.remark or "")
        assert "more" not in table

    run(tmp_path, body)


@pytest.mark.parametrize(
    ("code", "body_of"),
    [
        (RequestCode.HEART_BEAT, lambda text: HeartbeatData(client_id="c", producer_data_set=[producer(text)])),
        (RequestCode.LOCK_BATCH_MQ, lambda text: LockBatchRequestBody(client_id="c", consumer_group=text)),
        (RequestCode.UNLOCK_BATCH_MQ, lambda text: UnlockBatchRequestBody(client_id="c", consumer_group=text)),
        (RequestCode.CHECK_CLIENT_CONFIG, lambda text: CheckClientRequestBody(client_id="c", group=text)),
    ],
)
def test_a_body_that_would_take_long_to_read_is_refused_unread(tmp_path: Path, code: int, body_of: Any) -> None:
    async def body(session: Session) -> None:
        room = CLIENT_BODY_BYTES - len(body_of("").encode())
        assert "limit" not in ((await session.ask(code, body=body_of("g" * room).encode())).remark or "")
        session.broker.producers.table.clear()
        answer = await session.ask(code, body=body_of("g" * (room + 1)).encode())
        assert answer.code == ResponseCode.SYSTEM_ERROR and f"limit of {CLIENT_BODY_BYTES}" in (answer.remark or "")
        assert not session.broker.producers.table

    run(tmp_path, body)


def test_what_a_client_says_after_a_heartbeat_in_slices_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has ended a consumer and a producer, and subscribed to something else, before their turn has come."""
    groups = [f"G{n}" for n in range(300)]

    async def body(session: Session) -> None:
        broker = session.broker
        said = asyncio.Event()

        async def one_and_then_the_rest(items: list[Any], work: Callable[[Any], object]) -> None:
            for item in items:
                work(item)
                await said.wait()

        monkeypatch.setattr(client_manage, "in_slices", one_and_then_the_rest)
        beating = asyncio.create_task(
            session.heartbeat(
                client_id="c",
                consumer_data_set=[consumer(group, "T") for group in groups],
                producer_data_set=[producer(group) for group in groups],
            )
        )
        while not broker.groups.contains("G0"):  # noqa: ASYNC110 - the turn in which it comes is looked for
            await asyncio.sleep(0)
        for fields in ({"consumerGroup": "G299"}, {"producerGroup": "G298"}):
            await session.ask(RequestCode.UNREGISTER_CLIENT, {"clientID": "c", **fields})
        await session.heartbeat(
            client_id="c", consumer_data_set=[consumer("G297", "U")], producer_data_set=[producer("G297")]
        )
        assert not beating.done() and "G296" not in broker.producers.table
        said.set()
        assert (await beating).code == 0
        assert broker.consumers.get("G299") is None and "G299" in broker.producers.table
        assert broker.consumers.get("G298") is not None and "G298" not in broker.producers.table
        again = broker.consumers.get("G297")
        assert again is not None and "U" in again.subscriptions and "T" not in again.subscriptions

    run(tmp_path, body)


def test_deleting_a_topic_leaves_the_loop_its_turn_and_spares_what_is_sent_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def body(session: Session) -> None:
        store = session.broker.store
        await session.ask(RequestCode.UPDATE_AND_CREATE_TOPIC, topic_fields("T", 4))
        for queue_id in range(4):
            await session.send("T", queue_id=queue_id)
        steps = store.deleting(["T"])
        next(steps)
        assert store.queue_ids("T", 4) == [1, 2, 3]
        assert (await session.send("T", b"new", 0)).ext_fields["queueOffset"] == "0"
        for _ in steps:
            pass
        assert store.queue_ids("T", 4) == [0] and store.max_offset("T", 0) == 1
        assert (await session.ask(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})).code == 0
        assert store.queue_ids("T", 4) == [] and not (tmp_path / "consumequeue" / "T").exists()

    run(tmp_path, body)


def test_a_query_that_follows_a_long_chain_is_answered_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rocketmq_ops.store.index.index_file.STEP", 10)
    monkeypatch.setattr(slices, "SLICE_SECONDS", 0)

    async def body(session: Session) -> None:
        for n in range(100):
            await session.send("T", b"%d" % n, properties={"KEYS": "k", "UNIQ_KEY": f"{n:032X}"})
        first = session.broker.store.store_time("T", 0, 0)
        fields = {"topic": "T", "key": "k", "maxNum": "100", "beginTimestamp": "0", "endTimestamp": str(first)}
        query, other = await asyncio.gather(
            session.ask(RequestCode.QUERY_MESSAGE, fields),
            session.ask(RequestCode.GET_MAX_OFFSET, {"topic": "T", "queueId": "0"}),
        )
        assert query.code == 0 and bodies(query)[0] == b"0"
        assert other.ext_fields["offset"] == "100"

    run(tmp_path, body)
