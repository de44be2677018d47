"""Delay levels, and messages that consumers send back."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from rocketmq_ops.broker import turns
from rocketmq_ops.broker.schedule import schedule_message_service
from rocketmq_ops.broker.schedule.delay_evidence import delivered
from rocketmq_ops.common.fastjson import loads
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.remoting.bodies import QueryConsumeQueueResponseBody
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.support import Session, bodies, new_broker, run, until

R = ResponseCode


def stored(session: Session, topic: str, queue_id: int = 0, offset: int = 0) -> MessageExt:
    result = session.broker.store.get_message("t", topic, queue_id, offset, 1)
    return decode_message(result.views[0])


def test_delayed_message_is_parked_then_delivered(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        await session.send("T", b"now")
        answer = await session.send("T", b"later", 2, {"DELAY": "3", "TAGS": "t", "KEYS": "k"})
        assert answer.code == 0 and answer.ext_fields["queueId"] == "2"
        parked = stored(session, SCHEDULE_TOPIC, 2)
        assert (parked.properties["REAL_TOPIC"], parked.properties["REAL_QID"]) == ("T", "2")
        due = parked.store_timestamp + 10_000
        queue = broker.store.consume_queue(SCHEDULE_TOPIC, 2)
        assert queue is not None and queue.unit(0)[2] == due  # type: ignore[index]
        assert broker.delay.deliver_due(due - 1) == 0 and broker.store.max_offset("T", 2) == 0
        assert broker.delay.deliver_due(due) == 1 and broker.delay.table[3] == 1
        delivered = stored(session, "T", 2)
        assert delivered.body == b"later" and delivered.properties == parked.properties
        assert bodies(await session.pull("T", queue_id=2, subscription="t")) == [b"later"]
        assert broker.delay.deliver_due(due + 100_000) == 0

    run(tmp_path, body)


def test_a_unit_that_leads_into_an_extension_file_is_due_by_its_record(tmp_path: Path) -> None:
    """Apache's broker writes such units under enableConsumeQueueExt: none is delivered early, and none is taken for
    delivered when the file of offsets is lost."""

    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        answer = await session.send("T", b"later", 2, {"DELAY": "3", "UNIQ_KEY": "0A"})
        assert answer.code == 0
        parked = stored(session, SCHEDULE_TOPIC, 2)
        queue = broker.store.consume_queue(SCHEDULE_TOPIC, 2)
        assert queue is not None
        queue.rewrite_unit(0, parked.commit_log_offset, parked.store_size, 40 - (1 << 63))
        assert delivered(broker.store, {3: 0}) == {3: set()}
        due = parked.store_timestamp + 10_000
        assert broker.delay.deliver_due(due - 1) == 0
        assert broker.delay.deliver_due(due) == 1 and stored(session, "T", 2).body == b"later"
        fields = {"topic": SCHEDULE_TOPIC, "queueId": "2", "index": "0", "count": "1"}
        shown = (await session.ask(RequestCode.QUERY_CONSUME_QUEUE, fields)).body_bytes
        (unit,) = QueryConsumeQueueResponseBody.decode(shown).queue_data
        assert unit.msg == f"Cq extend not exist!addr: {40 - (1 << 63)}"

    run(tmp_path, body)


def test_level_above_the_highest_counts_as_the_highest(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", properties={"DELAY": "99"})
        assert stored(session, SCHEDULE_TOPIC, 17).properties["DELAY"] == "18"

    run(tmp_path, body)


def test_delivery_on_its_own_and_offsets_survive_a_restart(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await session.send("T", b"soon", properties={"DELAY": "1"})
        await until(lambda: session.broker.store.max_offset("T", 0) == 1)

    run(tmp_path, body, messageDelayLevel="1s 1h")
    document = loads((tmp_path / "config" / "delayOffset.json").read_bytes())
    assert document["offsetTable"][1] == 1 and "dataVersion" in document

    async def nothing_again(session: Session) -> None:
        assert session.broker.delay.table[1] == 1
        assert session.broker.delay.deliver_due(session.broker.clock() + 10**7) == 0

    run(tmp_path, nothing_again, messageDelayLevel="1s 1h")


def test_a_backlog_does_not_wait_for_the_next_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one turn of the loop leaves is delivered in the next ones, after clients had theirs."""
    monkeypatch.setattr(turns, "TURN_SECONDS", 0)
    monkeypatch.setattr(schedule_message_service, "TICK_MS", 3_600_000)

    async def body(session: Session) -> None:
        broker = session.broker
        for _ in range(10):
            await session.send("T", b"later", properties={"DELAY": "1"})
        clock = broker.clock
        broker.clock = lambda: clock() + 1_001
        broker.delay._turns._begin()
        await until(lambda: broker.delay.table.get(1) == 10)
        assert bodies(await session.pull("T")) == [b"later"] * 10

    run(tmp_path, body)


def test_offsets_outside_their_queue_are_corrected(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir(parents=True)
    (folder / "delayOffset.json").write_text(json.dumps({"offsetTable": {"2": 40}}))

    async def main() -> None:
        broker = new_broker(tmp_path)
        await broker.start()
        assert broker.delay.table[2] == 0
        await broker.stop()

    asyncio.run(main())


def back(session: Session, offset: int, **more: str) -> dict[str, str]:
    return {
        "offset": str(offset), "group": "g", "delayLevel": "0", "originMsgId": "U", "originTopic": "T",
        "unitMode": "false", "maxReconsumeTimes": "2",
    } | more  # fmt: skip


def test_send_back(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        broker.delay.stop()
        sent = await session.send("T", b"again", properties={"TAGS": "t"})
        offset = int(sent.ext_fields["msgId"][16:], 16)
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, back(session, offset))).code == 0
        parked = stored(session, SCHEDULE_TOPIC, 2)
        properties = parked.properties
        assert (properties["REAL_TOPIC"], properties["RETRY_TOPIC"], properties["DELAY"]) == ("%RETRY%g", "T", "3")
        assert properties["ORIGIN_MESSAGE_ID"] == sent.ext_fields["msgId"] and parked.reconsume_times == 1
        assert broker.delay.deliver_due(broker.clock() + 11_000) == 1
        retry = stored(session, "%RETRY%g")
        assert retry.body == b"again" and retry.reconsume_times == 1
        assert broker.topics.table["%RETRY%g"].perm == 6
        again = back(session, retry.commit_log_offset, delayLevel="1")
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, again)).code == 0
        assert broker.delay.deliver_due(broker.clock() + 11_000) == 1
        second = stored(session, "%RETRY%g", offset=1)
        assert second.properties["ORIGIN_MESSAGE_ID"] == sent.ext_fields["msgId"] and second.reconsume_times == 2
        last = back(session, second.commit_log_offset)
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, last)).code == 0
        dead = stored(session, "%DLQ%g")
        assert (dead.body, dead.reconsume_times, dead.properties["RETRY_TOPIC"]) == (b"again", 3, "T")

    run(tmp_path, body)


def test_send_back_straight_to_the_dead_letter_topic_and_refusals(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        sent = await session.send("T")
        offset = int(sent.ext_fields["msgId"][16:], 16)
        code = RequestCode.CONSUMER_SEND_MSG_BACK
        assert (await session.ask(code, back(session, offset, delayLevel="-1"))).code == 0
        assert broker.store.max_offset("%DLQ%g", 0) == 1
        missing = await session.ask(code, back(session, 10**9))
        assert (missing.code, missing.remark) == (R.SYSTEM_ERROR, "look message by offset failed, 1000000000")
        broker.config.brokerPermission = 4
        assert (await session.ask(code, back(session, offset))).code == R.NO_PERMISSION
        broker.config.brokerPermission, broker.config.autoCreateSubscriptionGroup = 6, False
        unknown = await session.ask(code, back(session, offset, group="unknown"))
        assert unknown.code == R.SUBSCRIPTION_GROUP_NOT_EXIST

    run(tmp_path, body)
