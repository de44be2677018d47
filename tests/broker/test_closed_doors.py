"""Topics that the broker alone writes to: no request stores a message there, or carries one from there elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.common.message import (
    PROPERTY_MESSAGE_REPLY_TO_CLIENT,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TRANSACTION_PREPARED,
)
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.common.topics import NOT_ALLOWED_SEND_TOPICS, SCHEDULE_TOPIC, TRANS_HALF_TOPIC
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from tests.broker.signing_client import HEAD_SIZE, LONG_NAMES, create_topic, forged, offset_of
from tests.broker.support import Session, run, send_fields

R, C = ResponseCode, RequestCode
#: As a message has it that waits for its time or for the end of its transaction.
TO_VICTIM = {PROPERTY_REAL_TOPIC: "victim", PROPERTY_REAL_QUEUE_ID: "0", PROPERTY_PRODUCER_GROUP: "p"}
TO_COMMIT = {PROPERTY_TRANSACTION_PREPARED: "true", PROPERTY_PRODUCER_GROUP: "p"}
COMMIT = "8"
NONE_THERE = "Find prepared transaction message failed"
THE_BROKERS = sorted(NOT_ALLOWED_SEND_TOPICS | {TIMER_TOPIC})


def long_names(fields: dict[str, str]) -> dict[str, str]:
    return {LONG_NAMES[short]: value for short, value in fields.items()}


@pytest.mark.parametrize("topic", THE_BROKERS)
def test_nobody_sends_or_replies_to_a_topic_of_the_brokers_own(tmp_path: Path, topic: str) -> None:
    async def body(session: Session) -> None:
        create_topic(session.broker, topic)
        properties = TO_VICTIM | {PROPERTY_MESSAGE_REPLY_TO_CLIENT: "nobody", PROPERTY_TIMER_OUT_MS: "1"}
        new = send_fields(topic, properties=properties)
        for code in (
            C.SEND_MESSAGE_V2,
            C.SEND_MESSAGE,
            C.SEND_BATCH_MESSAGE,
            C.SEND_REPLY_MESSAGE_V2,
            C.SEND_REPLY_MESSAGE,
        ):
            fields = new | ({"m": "true"} if code == C.SEND_BATCH_MESSAGE else {})
            if code in (C.SEND_MESSAGE, C.SEND_REPLY_MESSAGE):
                fields = long_names(new)
            answer = await session.ask(code, fields, b"x")
            assert (answer.code, answer.remark) == (R.NO_PERMISSION, f"Sending message to topic[{topic}] is forbidden.")
        assert session.broker.store.max_phy_offset == 0

    run(tmp_path, body)


def test_a_reply_is_checked_as_a_send_is(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker

        async def reply(topic: str, queue_id: int = 0, **properties: str) -> tuple[int, str]:
            asker = {PROPERTY_MESSAGE_REPLY_TO_CLIENT: "nobody"} | properties
            answer = await session.ask(C.SEND_REPLY_MESSAGE_V2, send_fields(topic, queue_id, asker), b"x")
            return answer.code, answer.remark or ""

        assert (await reply("not a name"))[0] == R.INVALID_PARAMETER
        create_topic(broker, "T")
        assert (await reply("T", 1))[0] == R.INVALID_PARAMETER
        pushed = (R.SYSTEM_ERROR, "push reply message fail, channel of <nobody> not found.")
        assert await reply("T", -1) == pushed, "any queue"
        assert broker.store.max_offset("T", 0) == 1
        assert await reply("Made") == pushed
        assert broker.store.max_offset("Made", 0) == 1, "where topics come into being"
        assert await reply("T", DELAY="1") == pushed
        assert (broker.store.max_offset("T", 0), broker.store.max_offset(SCHEDULE_TOPIC, 0)) == (1, 1)
        broker.config.startAcceptSendRequestTimeStamp = broker.clock() + 60_000
        before = broker.store.max_phy_offset
        assert (await reply("T"))[0] == R.SYSTEM_ERROR
        broker.config.startAcceptSendRequestTimeStamp = 0
        broker.config.autoCreateTopicEnable = False
        assert (await reply("Nope"))[0] == R.TOPIC_NOT_EXIST
        assert broker.store.max_phy_offset == before

    run(tmp_path, body)


def test_only_a_half_message_is_committed(tmp_path: Path) -> None:
    """Neither another message, nor what looks like one in a message's body."""

    async def body(session: Session) -> None:
        broker = session.broker
        for topic in ("open", "victim"):
            create_topic(broker, topic)
        sent = await session.send("open", b"x", 0, TO_VICTIM)
        assert await _commit(session, offset_of(sent)) == NONE_THERE
        half = await session.send("open", b"y", 0, TO_COMMIT)
        at = broker.store.max_phy_offset + HEAD_SIZE
        await session.send("open", forged(session, offset_of(half), at, TO_COMMIT | TO_VICTIM))
        assert decode_message(session.broker.store.message_at(at)).topic == TRANS_HALF_TOPIC, "it is found there"
        assert await _commit(session, at) == NONE_THERE
        assert await _commit(session, offset_of(half)) is None
        assert (broker.store.max_offset("victim", 0), broker.store.max_offset("open", 0)) == (0, 3)

    run(tmp_path, body)


async def _commit(session: Session, at: int) -> str | None:
    fields = {
        "producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": str(at), "msgId": "x",
        "fromTransactionCheck": "false", "commitOrRollback": COMMIT,
    }  # fmt: skip
    return (await session.ask(C.END_TRANSACTION, fields)).remark


def test_only_a_half_message_is_checked_again(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        store = session.broker.store
        create_topic(session.broker, "open")
        sent = await session.send("open", b"x", 0, TO_VICTIM)
        before = store.max_phy_offset
        answer = await session.ask(C.RESUME_CHECK_HALF_MESSAGE, {"topic": "open", "msgId": sent.ext_fields["msgId"]})
        assert answer.code == R.SYSTEM_ERROR and "is not a half message" in (answer.remark or "")
        assert (store.max_offset(TRANS_HALF_TOPIC, 0), store.max_phy_offset) == (0, before)

    run(tmp_path, body)
