"""RECALL_MESSAGE: handles, refusals, and that what is recalled does not come."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.support import Session, bodies, run

#: As Apache's 5.3.3 makes it (RecallMessageHandle.HandleV1.buildHandle).
APACHE_S = "djEgVGltZXJUZXN0IGJyb2tlci1hIDE3MDAwMDAwMDAwMDEgN0YwMDAwMDEwMDAx"


async def recall(session: Session, handle: str, topic: str = "T") -> RemotingCommand:
    fields = {"producerGroup": "p", "topic": topic, "recallHandle": handle}
    return await session.ask(RequestCode.RECALL_MESSAGE, fields)


def test_handles_are_apache_s() -> None:
    handle = RecallHandle("TimerTest", "broker-a", "1700000000001", "7F0000010001")
    assert handle.encode() == APACHE_S
    assert RecallHandle.decode(APACHE_S) == handle
    longer = RecallHandle("T", "b", "1", "ab").encode()
    assert longer.endswith("=") and RecallHandle.decode(longer.rstrip("=")) == RecallHandle.decode(longer)


@pytest.mark.parametrize("text", ["", "v1", "v1 T b 1", "v2 T b 1 k", "v1\tT b 1 k"])
def test_texts_that_are_no_handles(text: str) -> None:
    for encoded in (base64.urlsafe_b64encode(text.encode()).decode(), text, f"{text}*", "\xff"):
        with pytest.raises(CorruptDataError, match="recall handle is invalid"):
            RecallHandle.decode(encoded)


def test_a_message_is_recalled(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        answers = [await session.send("T", one, properties={"TIMER_DELAY_SEC": "60", "UNIQ_KEY": f"K{one.decode()}"})
                   for one in (b"a", b"b")]  # fmt: skip
        handle = answers[0].ext_fields["recallHandle"]
        assert RecallHandle.decode(handle)[:2] == ("T", "broker-a") and RecallHandle.decode(handle).message_id == "Ka"
        assert "recallHandle" not in (await session.send("T", b"now")).ext_fields
        answer = await recall(session, handle)
        assert (answer.code, answer.ext_fields["msgId"], answer.ext_fields["MSG_REGION"]) == (0, "Ka", "DefaultRegion")
        broker.timers.run(broker.clock())
        broker.timers.run(broker.clock() + 70_000)
        assert bodies(await session.pull("T")) == [b"now", b"b"]

    run(tmp_path, body, recallMessageEnable=True)


def test_refusals(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        await session.send("T")
        now = broker.clock()
        handle = RecallHandle("T", "broker-a", str(now + 60_000), "K").encode()

        async def refused(handle: str, topic: str = "T") -> tuple[int, str | None]:
            before = broker.store.max_phy_offset
            answer = await recall(session, handle, topic)
            assert broker.store.max_phy_offset == before
            return answer.code, answer.remark

        illegal = ResponseCode.ILLEGAL_OPERATION
        assert await refused(handle) == (ResponseCode.NO_PERMISSION, "recall failed, operation is forbidden")
        broker.config.recallMessageEnable = True
        assert await refused(handle, "X") == (ResponseCode.TOPIC_NOT_EXIST, "recall failed, the topic[X] not exist")
        assert await refused("x") == (illegal, "recall handle is invalid")
        await session.send("Other")
        assert await refused(handle, "Other") == (illegal, "recall failed, topic not match")
        other = RecallHandle("T", "broker-b", str(now + 60_000), "K").encode()
        assert await refused(other) == (illegal, "recall failed, broker service not available")
        for time in (str(now - 1), str(now + 300_000_000), "soon"):
            wrong = RecallHandle("T", "broker-a", time, "K").encode()
            assert await refused(wrong) == (illegal, "recall failed, timestamp invalid")
        unavailable = (ResponseCode.SERVICE_NOT_AVAILABLE, "recall failed, broker service not available")
        broker.config.startAcceptSendRequestTimeStamp = now + 600_000
        assert await refused(handle) == unavailable
        broker.config.startAcceptSendRequestTimeStamp = 0
        broker.config.brokerPermission, broker.config.allowRecallWhenBrokerNotWriteable = 4, False
        assert await refused(handle) == unavailable
        broker.config.allowRecallWhenBrokerNotWriteable = True
        assert (await recall(session, handle)).code == ResponseCode.SUCCESS
        broker.config.brokerPermission = 6
        broker.store_config.timerWheelEnable = False
        assert await refused(handle) == (ResponseCode.SYSTEM_ERROR, "recall failed, execute error")
        broker.store_config.timerWheelEnable = True

    run(tmp_path, body)


def test_slaves_are_told_how_far_timers_are(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        before = broker.clock()
        fresh = await session.ask(RequestCode.GET_TIMER_CHECK_POINT)
        assert len(fresh.body_bytes) == 56 and int.from_bytes(fresh.body_bytes[:8]) >= before
        await session.send("T", properties={"TIMER_DELAY_SEC": "60"})
        broker.timers.run(broker.clock())
        await broker.timers.flush()
        answer = await session.ask(RequestCode.GET_TIMER_CHECK_POINT)
        assert answer.body_bytes[:56] == (tmp_path / "config" / "timercheck").read_bytes()[:56]
        assert [int.from_bytes(answer.body_bytes[at : at + 8]) for at in (8, 16, 24)] == [52, 1, 1]
        metrics = await session.ask(RequestCode.GET_TIMER_METRICS)
        assert b'"T":{"count":1,' in metrics.body_bytes
        await broker.files.wait()
        assert (tmp_path / "config" / "timermetrics").exists()
        broker.timers.metrics.forget("T")
        assert broker.timers.metrics.count("T") == 0
        broker.store_config.timerWheelEnable = False
        for code in (RequestCode.GET_TIMER_CHECK_POINT, RequestCode.GET_TIMER_METRICS):
            assert (await session.ask(code)).code == ResponseCode.SYSTEM_ERROR
        broker.store_config.timerWheelEnable = True

    run(tmp_path, body)
