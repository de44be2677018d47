"""Requests that no client should send: each is answered, nothing is harmed."""

from __future__ import annotations

import pytest

from rocketmq_ops.remoting.codes import RequestCode
from tests.broker.support import Session, bodies, pull_fields, run, send_fields

BACK = {"group": "g", "delayLevel": "0"}
END = {"producerGroup": "p", "tranStateTableOffset": "0", "commitOrRollback": "8", "msgId": "m"}
QUERY = {"topic": "T", "key": "k", "beginTimestamp": "0", "endTimestamp": "9223372036854775807"}
OFFSET = {"consumerGroup": "g", "topic": "T"}
CODES = {
    "pull with a negative offset": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", 0, -5), b""),
    "pull far ahead": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", 0, 2**62), b""),
    "pull of no messages": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", 0, 0, maxMsgNums="0"), b""),
    "pull of a negative number": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", 0, 0, maxMsgNums="-1"), b""),
    "pull of very many": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", 0, 0, maxMsgNums="2147483647"), b""),
    "pull of a negative queue": (RequestCode.PULL_MESSAGE, pull_fields("T", "g", -1, 0), b""),
    "pull without a group": (RequestCode.PULL_MESSAGE, {"consumerGroup": "g"}, b""),
    "send to a far queue": (RequestCode.SEND_MESSAGE_V2, send_fields("T", 2**31 - 1), b"x"),
    "send with a path as topic": (RequestCode.SEND_MESSAGE_V2, send_fields("../../etc"), b"x"),
    "send with a number that is none": (RequestCode.SEND_MESSAGE_V2, send_fields("T") | {"g": "soon"}, b"x"),
    "send with too big a number": (RequestCode.SEND_MESSAGE_V2, send_fields("T") | {"h": str(2**40)}, b"x"),
    "send of properties without values": (
        RequestCode.SEND_MESSAGE_V2,
        send_fields("T") | {"i": "\x02\x02a\x02\x01"},
        b"x",
    ),
    "batch of garbage": (RequestCode.SEND_BATCH_MESSAGE, send_fields("T", m="true"), b"\xff" * 50),
    "view inside a record": (RequestCode.VIEW_MESSAGE_BY_ID, {"offset": "7"}, b""),
    "view before the start": (RequestCode.VIEW_MESSAGE_BY_ID, {"offset": "-7"}, b""),
    "query of a negative number": (RequestCode.QUERY_MESSAGE, QUERY | {"maxNum": "-1"}, b""),
    "send back from inside a record": (RequestCode.CONSUMER_SEND_MSG_BACK, BACK | {"offset": "9"}, b""),
    "send back with a far level": (
        RequestCode.CONSUMER_SEND_MSG_BACK,
        BACK | {"offset": "0", "delayLevel": "99999"},
        b"",
    ),
    "end inside a record": (RequestCode.END_TRANSACTION, END | {"commitLogOffset": "11"}, b""),
    "end of a plain message": (RequestCode.END_TRANSACTION, END | {"commitLogOffset": "0"}, b""),
    "heartbeat of garbage": (RequestCode.HEART_BEAT, {}, b"{nonsense"),
    "heartbeat without a body": (RequestCode.HEART_BEAT, {}, b""),
    "locks of garbage": (RequestCode.LOCK_BATCH_MQ, {}, b"[1,2]"),
    "query of an offset of nothing": (RequestCode.QUERY_CONSUMER_OFFSET, OFFSET | {"queueId": "-3"}, b""),
    "commit of a negative offset": (
        RequestCode.UPDATE_CONSUMER_OFFSET,
        OFFSET | {"queueId": "0", "commitOffset": "-9"},
        b"",
    ),
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, str | None]]:
    """Code and remark of every answer, from one broker that got them all."""
    found: dict[str, tuple[int, str | None]] = {}

    async def body(session: Session) -> None:
        await session.send("T", b"first", properties={"KEYS": "k"})
        for name, (code, fields, content) in CODES.items():
            answer = await session.ask(code, fields, content)
            found[name] = (answer.code, answer.remark)
        assert bodies(await session.pull("T"))[0] == b"first"
        assert (await session.send("T", b"last")).code == 0
        assert session.broker.server.handlers.handler_failures == 0

    run(tmp_path_factory.mktemp("store"), body)
    return found


@pytest.mark.parametrize("name", CODES)
def test_it_is_answered(outcomes: dict[str, tuple[int, str | None]], name: str) -> None:
    accepted = {
        "pull of no messages",  # at least one message is read, as by Apache's broker
        "pull of a negative number",
        "pull of very many",
        "send of properties without values",
        "send back with a far level",
        "commit of a negative offset",
    }
    code, remark = outcomes[name]
    assert (code == 0) == (name in accepted), (code, remark)
    assert code == 0 or remark
