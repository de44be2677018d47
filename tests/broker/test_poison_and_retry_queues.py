"""Messages that can never be stored hold up nobody; retries go where consumers read them; long and empty names."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.send.inner_messages import encode_properties
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_topic_too_long
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig, SubscriptionGroupList
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus
from tests.broker.support import Session, consumer, run


def put(session: Session, topic: str, queue_id: int, properties: dict[str, str], **fields: Any) -> PutStatus:
    """Store a message as it is, past the checks of the processors."""
    message = InnerMessage(
        topic=topic,
        queue_id=queue_id,
        body=b"x",
        properties=properties,
        properties_bytes=encode_properties(properties),
        born_host=b"\x7f\0\0\1\0\0\0\0",
        born_timestamp=fields.pop("born_timestamp", 1),
        **fields,
    )
    return session.broker.store.put_message(message).status


async def update_group(session: Session, group: str, **settings: Any) -> Any:
    config = SubscriptionGroupConfig(group_name=group, **settings)
    return await session.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=config.encode())


async def send_back(session: Session, group: str, offset: int = 0, level: int = 1, **more: str) -> Any:
    fields = {"offset": str(offset), "group": group, "delayLevel": str(level), "originMsgId": "", "originTopic": "T"}
    return await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields | more)


@pytest.mark.parametrize(
    "poison",
    [
        {"REAL_TOPIC": "t" * 128, "REAL_QID": "0"},
        {"REAL_TOPIC": "%DLQ%" + "g" * 123, "REAL_QID": "0"},
        {"REAL_TOPIC": "%RETRY%" + "g" * 249, "REAL_QID": "0"},
        {"REAL_TOPIC": "a/b", "REAL_QID": "0"},
        {"REAL_TOPIC": "T", "REAL_QID": "9" * 30},
        {"REAL_TOPIC": "T", "REAL_QID": "²"},
        {"REAL_QID": "0"},
    ],
)
def test_a_message_that_cannot_be_delivered_does_not_hold_up_its_level(
    tmp_path: Path, poison: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        await session.send("T", b"now")
        for properties in (poison, {"REAL_TOPIC": "T", "REAL_QID": "1"}):
            assert put(session, SCHEDULE_TOPIC, 0, properties | {"DELAY": "1"}) is PutStatus.PUT_OK
        assert broker.delay.deliver_due(broker.clock() + 5_000) == 1
        assert broker.store.max_offset("T", 1) == 1 and broker.delay.table[1] == 2
        assert "skipped" in caplog.text

    run(tmp_path, body)


def test_a_full_disk_is_waited_for_and_delivered_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        for n in range(3):
            put(session, SCHEDULE_TOPIC, 0, {"REAL_TOPIC": "T", "REAL_QID": str(n), "DELAY": "1"})
        store_put, failures = broker.store.put_message, [None, OSError(5, "Input/output error")]

        def fails_once(message: InnerMessage) -> Any:
            error = failures.pop(0) if failures else None
            if error is not None:
                raise error
            return store_put(message)

        monkeypatch.setattr(broker.store, "put_message", fails_once)
        due = broker.clock() + 5_000
        broker.delay.deliver_due(due)
        broker.delay.deliver_due(due)
        assert [broker.store.max_offset("T", n) for n in range(3)] == [1, 1, 1]

    run(tmp_path, body)


def test_a_half_message_that_cannot_be_put_back_does_not_hold_up_the_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        long = {"REAL_TOPIC": "T", "REAL_QID": "0", "PGROUP": "p", "fill": "y" * 32_710}
        assert put(session, TRANS_HALF_TOPIC, 0, long) is PutStatus.PUT_OK
        assert (
            put(session, TRANS_HALF_TOPIC, 0, {"REAL_TOPIC": "T", "REAL_QID": "0", "PGROUP": "p"}) is PutStatus.PUT_OK
        )
        later = broker.clock() + 10
        broker.clock = lambda: later
        broker.config.transactionTimeOut = 0
        broker.store_config.fileReservedTime = 10**9
        broker.transactions.check()
        assert broker.offsets.query("CID_RMQ_SYS_TRANS", TRANS_HALF_TOPIC, 0) == 2
        assert broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 3, "the second one was put back and asked about"
        assert "given up" in caplog.text

    run(tmp_path, body)


@pytest.mark.parametrize("group", ["g" * 249, "g" * 255])
def test_a_retry_topic_that_would_be_too_long_is_refused(tmp_path: Path, group: str) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        answer = await send_back(session, group)
        assert (answer.code, answer.remark) == (ResponseCode.SYSTEM_ERROR, "MESSAGE_ILLEGAL")
        assert session.broker.store.max_offset(SCHEDULE_TOPIC, 0) == 0
        assert session.broker.topics.get("%RETRY%" + group) is None

    run(tmp_path, body)


def test_a_dead_letter_topic_that_would_be_too_long_is_refused_and_its_retries_are_not(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        group = "g" * 123
        await session.send("T")
        assert (await send_back(session, group)).code == 0
        dead = await send_back(session, group, level=-1)
        assert (dead.code, dead.remark) == (ResponseCode.SYSTEM_ERROR, "MESSAGE_ILLEGAL")
        assert (await send_back(session, "g" * 122, level=-1)).code == 0
        assert session.broker.store.max_offset("%DLQ%" + "g" * 122, 0) == 1

    run(tmp_path, body)


def test_the_store_takes_the_topics_that_apaches_takes() -> None:
    assert [is_topic_too_long(topic) for topic in ("t" * 127, "t" * 128, "%RETRY%" + "g" * 248)] == [False, True, False]
    assert (
        is_topic_too_long("%RETRY%" + "g" * 249) and is_topic_too_long("组" * 43) and not is_topic_too_long("组" * 42)
    )


def test_without_retry_queues_a_message_is_not_taken_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        assert (await update_group(session, "g", retry_queue_nums=0)).code == 0
        answer = await send_back(session, "g")
        assert answer.code == ResponseCode.SYSTEM_ERROR and "retryQueueNums 0" in (answer.remark or "")
        assert "retryQueueNums 0" in caplog.text
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")])
        lost = await session.send("%RETRY%g", queue_id=-1)
        assert lost.code == ResponseCode.INVALID_PARAMETER and "no queue" in (lost.remark or "")
        assert (await send_back(session, "g", level=-1)).code == 0, "a dead letter needs no retry queue"
        assert session.broker.store.max_offset("%DLQ%g", 0) == 1

    with caplog.at_level(logging.WARNING):
        run(tmp_path, body)


def test_raised_retry_queues_are_queues_of_the_retry_topic(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        await session.send("T")
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")])
        assert broker.topics.table["%RETRY%g"].read_queue_nums == 1
        assert (await update_group(session, "g", retry_queue_nums=4)).code == 0
        retries = broker.topics.table["%RETRY%g"]
        assert (retries.read_queue_nums, retries.write_queue_nums) == (4, 4)
        for _ in range(60):
            assert (await send_back(session, "g")).code == 0
        assert broker.delay.deliver_due(broker.clock() + 5_000) == 60
        held = [broker.store.max_offset("%RETRY%g", queue_id) for queue_id in range(5)]
        assert sum(held[:4]) == 60 and all(held[:4]) and not held[4]
        broker.offsets.commit("g", "%RETRY%g", 0, 0)
        stats = await session.ask(RequestCode.GET_CONSUME_STATS, {"consumerGroup": "g"})
        assert stats.body_bytes.count(b'"brokerOffset"') == 4

        assert (await update_group(session, "g", retry_queue_nums=1)).code == 0
        assert broker.topics.table["%RETRY%g"].read_queue_nums == 4, "what lies in the others is still to be read"
        for _ in range(20):
            assert (await send_back(session, "g")).code == 0
        assert broker.delay.deliver_due(broker.clock() + 5_000) == 20
        assert broker.store.max_offset("%RETRY%g", 0) == held[0] + 20

    run(tmp_path, body)


def test_a_group_that_was_raised_by_an_older_broker_widens_at_the_next_heartbeat_or_send_back(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        await session.send("T")
        for group in ("g", "h"):
            broker.topics.create_in_send_message_back(f"%RETRY%{group}", 1)
            broker.groups.table[group] = SubscriptionGroupConfig(group_name=group, retry_queue_nums=3)
        await session.heartbeat(client_id="c", consumer_data_set=[consumer("g", "T")])
        assert (await send_back(session, "h")).code == 0
        assert [broker.topics.table[f"%RETRY%{group}"].read_queue_nums for group in ("g", "h")] == [3, 3]

    run(tmp_path, body)


def test_a_retry_parked_for_a_queue_that_is_gone_goes_to_one_that_is_read(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        broker.topics.create_in_send_message_back("%RETRY%g", 2)
        put(session, SCHEDULE_TOPIC, 0, {"REAL_TOPIC": "%RETRY%g", "REAL_QID": "3", "DELAY": "1"})
        assert broker.delay.deliver_due(broker.clock() + 5_000) == 1
        assert [broker.store.max_offset("%RETRY%g", queue_id) for queue_id in range(4)] == [0, 1, 0, 0]
        stored = broker.store.get_message("t", "%RETRY%g", 1, 0, 1)
        assert decode_message(stored.views[0]).queue_id == 1

    run(tmp_path, body)


def test_a_group_without_a_name_is_refused_everywhere(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T")
        for name in ("", "  "):
            assert (await update_group(session, name)).code == ResponseCode.INVALID_PARAMETER
            several = SubscriptionGroupList(
                group_config_list=[SubscriptionGroupConfig(group_name=n) for n in ("good", name)]
            )
            listed = await session.ask(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, body=several.encode())
            assert listed.code == ResponseCode.INVALID_PARAMETER
            await session.heartbeat(client_id="c", consumer_data_set=[consumer(name, "T")])
            assert (await send_back(session, name)).code == ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST
            shown = await session.ask(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG, {"group": name})
            assert shown.code == ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST
            pulled = await session.pull("T", group=name)
            assert pulled.code == ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST
            await session.ask(RequestCode.UNREGISTER_CLIENT, {"clientID": "c", "consumerGroup": name})
            clone = {"srcGroup": "g", "destGroup": name, "topic": "T", "offline": "true"}
            cloned = await session.ask(RequestCode.CLONE_GROUP_OFFSET, clone)
            assert cloned.code == ResponseCode.INVALID_PARAMETER
            assert not session.broker.groups.contains(name) and session.broker.consumers.get(name) is None
        assert not session.broker.groups.contains("good")
        assert session.broker.topics.get("%RETRY%") is None

    run(tmp_path, body)
