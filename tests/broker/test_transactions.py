"""Transactional messages: prepared, ended, and asked about."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.transaction import transactional_message_check, transactional_message_service
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import decode_message
from rocketmq_ops.common.topics import (
    CID_SYS_RMQ_TRANS,
    TRANS_CHECK_MAX_TIME_TOPIC,
    TRANS_HALF_TOPIC,
    TRANS_OP_HALF_TOPIC,
)
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers import CheckTransactionStateRequestHeader
from tests.broker.support import Session, bodies, producer, run

R = ResponseCode
COMMIT, ROLLBACK, UNKNOWN = "8", "12", "0"


def stored(session: Session, topic: str, queue_id: int = 0, offset: int = 0) -> MessageExt:
    result = session.broker.store.get_message("t", topic, queue_id, offset, 1)
    return decode_message(result.views[0])


async def prepare(session: Session, body: bytes = b"pay", **more: str) -> dict[str, str]:
    """Send a half message; the fields of its END_TRANSACTION but the decision."""
    properties = {"TRAN_MSG": "true", "PGROUP": "p", "UNIQ_KEY": f"U{body.decode()}", "TAGS": "x"} | more
    answer = await session.send("Tx", body, 1, properties, f="4", g=str(session.broker.clock()))
    assert answer.code == 0 and answer.ext_fields["queueId"] == "1"
    return {
        "producerGroup": "p", "tranStateTableOffset": answer.ext_fields["queueOffset"],
        "commitLogOffset": str(int(answer.ext_fields["msgId"][16:], 16)), "fromTransactionCheck": "false",
        "msgId": properties["UNIQ_KEY"],
    }  # fmt: skip


async def end(session: Session, fields: dict[str, str], decision: str, **more: str) -> RemotingCommand:
    return await session.ask(RequestCode.END_TRANSACTION, fields | {"commitOrRollback": decision} | more)


def later(session: Session, ms: int) -> None:
    """Move the broker's clock forward."""
    clock = session.broker.clock
    session.broker.clock = lambda: clock() + ms


def test_commit_and_rollback(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        first, second = await prepare(session, b"1"), await prepare(session, b"2")
        half = stored(session, TRANS_HALF_TOPIC)
        assert (half.sys_flag, half.properties["REAL_TOPIC"], half.properties["REAL_QID"]) == (0, "Tx", "1")
        assert half.properties["__transactionId__"] == "U1" and broker.store.max_offset("Tx", 1) == 0
        assert (await end(session, first, COMMIT)).code == 0
        assert (await end(session, second, ROLLBACK)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"1"]
        message = stored(session, "Tx", 1)
        assert (message.sys_flag, message.prepared_transaction_offset) == (8, half.commit_log_offset)
        assert message.properties == half.properties
        broker.transactions.write_ops()
        op = stored(session, TRANS_OP_HALF_TOPIC)
        assert (op.body, op.tags) == (b"0,1,", "d")
        broker.transactions.check()
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 2
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_OP_HALF_TOPIC, 0) == 1

    run(tmp_path, body)


def test_wrong_ends_are_refused(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        fields = await prepare(session)
        wrong = [
            ({"producerGroup": "q"}, "The producer group wrong"),
            ({"tranStateTableOffset": "5"}, "The transaction state table offset wrong"),
            ({"commitLogOffset": "99999"}, "Find prepared transaction message failed"),
        ]
        for change, remark in wrong:
            answer = await end(session, fields | change, COMMIT)
            assert (answer.code, answer.remark) == (R.SYSTEM_ERROR, remark)
        assert session.broker.store.max_offset("Tx", 1) == 0
        session.broker.config.rejectTransactionMessage = True
        refused = await session.send("Tx", b"x", 1, {"TRAN_MSG": "true", "PGROUP": "p"}, f="4")
        assert refused.code == R.NO_PERMISSION

    run(tmp_path, body)


def test_producer_is_asked_and_its_answer_counts(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        asked: asyncio.Queue[tuple[Any, MessageExt]] = asyncio.Queue()
        session.client.register(
            RequestCode.CHECK_TRANSACTION_STATE,
            CheckTransactionStateRequestHeader,
            lambda channel, request, header: asked.put_nowait((header, decode_message(request.body_bytes))),
        )
        await session.heartbeat(client_id="c", producer_data_set=[producer("p")])
        fields = await prepare(session)
        broker.transactions.check()
        assert broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 1
        later(session, 10_000)
        broker.transactions.check()
        header, message = await asyncio.wait_for(asked.get(), 5)
        assert (message.topic, message.queue_id, message.body) == ("Tx", 1, b"pay")
        assert message.properties["TRANSACTION_CHECK_TIMES"] == "1"
        assert (header.msg_id, header.transaction_id, header.bname) == ("Upay", "Upay", "broker-a")
        assert header.tran_state_table_offset == 1
        answer = fields | {
            "tranStateTableOffset": str(header.tran_state_table_offset),
            "commitLogOffset": str(header.commit_log_offset),
            "fromTransactionCheck": "true",
        }
        assert (await end(session, answer, COMMIT)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"pay"]
        # The producer's own word was long on its way: it is about the same transaction, of which one copy is enough.
        for word in (COMMIT, ROLLBACK):
            assert (await end(session, fields, word)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"pay"]
        broker.transactions.check()
        assert asked.empty() and broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 2

    run(tmp_path, body)


def test_a_message_that_is_sent_again_is_another_transaction(tmp_path: Path) -> None:
    """An application that sends one message object twice means two messages, though both have its unique key."""

    async def body(session: Session) -> None:
        first = await prepare(session)
        later(session, 1)
        second = await prepare(session)
        for fields in (first, second):
            assert (await end(session, fields, COMMIT)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"pay", b"pay"]

    run(tmp_path, body)


def test_asked_too_often_is_given_up(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        await prepare(session)
        for _ in range(3):
            later(session, 10_000)
            broker.transactions.check()
        assert stored(session, TRANS_CHECK_MAX_TIME_TOPIC).properties["TRANSACTION_CHECK_TIMES"] == "2"
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 3
        later(session, 10_000)
        broker.transactions.check()
        assert broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 3

    run(tmp_path, body, transactionCheckMax=2)


def test_own_immunity_time(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        now = str(broker.clock())
        answer = await session.send(
            "Tx", b"x", 1, {"TRAN_MSG": "true", "PGROUP": "p", "CHECK_IMMUNITY_TIME_IN_SECONDS": "60"}, f="4", g=now
        )
        fields = {
            "producerGroup": "p", "tranStateTableOffset": "0", "msgId": "U", "fromTransactionCheck": "false",
            "commitLogOffset": str(int(answer.ext_fields["msgId"][16:], 16)),
        }  # fmt: skip
        later(session, 30_000)
        broker.transactions.check()
        postponed = stored(session, TRANS_HALF_TOPIC, offset=1)
        assert postponed.properties["TRAN_PREPARED_QUEUE_OFFSET"] == "0"
        later(session, 40_000)
        assert (await end(session, fields, COMMIT)).code == R.ILLEGAL_OPERATION
        assert broker.store.max_offset("Tx", 1) == 0

    run(tmp_path, body)


def test_a_round_reaches_what_is_behind_thousands_that_have_ended(tmp_path: Path) -> None:
    """A broker that ends many transactions a second asks about one of them as soon as one that ends few."""

    async def body(session: Session) -> None:
        broker = session.broker
        for number in range(1100):
            assert (await end(session, await prepare(session, b"%d" % number), COMMIT)).code == 0
        await prepare(session, b"open")
        later(session, 10_000)
        broker.transactions.check()
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 1101
        assert stored(session, TRANS_HALF_TOPIC, offset=1101).properties["TRANSACTION_CHECK_TIMES"] == "1"

    run(tmp_path, body)


def test_a_round_goes_on_after_a_pause(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transactional_message_check, "LOOKED_AT", 2)
    monkeypatch.setattr(transactional_message_check, "PASSED", 3)

    async def body(session: Session) -> None:
        broker = session.broker
        fields = [await prepare(session, b"%d" % number) for number in range(9)]
        later(session, 10_000)
        for one in fields[:4]:
            assert (await end(session, one, COMMIT)).code == 0
        broker.transactions.check()
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 3
        # What ends in the pause is not asked about; a second round does not begin meanwhile.
        assert (await end(session, fields[8], ROLLBACK)).code == 0
        broker.transactions.check()
        for _ in range(1000):
            if broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 9:
                break
            await asyncio.sleep(0.01)
        assert broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 9 + 4
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_OP_HALF_TOPIC, 0) == 2

    run(tmp_path, body)


def test_own_immunity_time_may_be_shorter_than_the_brokers(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        await prepare(session, CHECK_IMMUNITY_TIME_IN_SECONDS="1")
        later(session, 5_000)
        session.broker.transactions.check()
        asked = stored(session, TRANS_HALF_TOPIC, offset=1)
        assert asked.properties["TRANSACTION_CHECK_TIMES"] == "1"
        assert "TRAN_PREPARED_QUEUE_OFFSET" not in asked.properties, "it was not put back to wait"

    run(tmp_path, body, transactionTimeOut=60_000)


def test_what_was_put_back_and_has_ended_meanwhile_is_not_asked_about(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        broker = session.broker
        fields = await prepare(session, CHECK_IMMUNITY_TIME_IN_SECONDS="60")
        later(session, 30_000)
        broker.transactions.check()
        assert (await end(session, fields, COMMIT)).code == 0
        later(session, 40_000)
        broker.transactions.check()
        assert broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 2
        assert broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 2

    run(tmp_path, body)


def test_a_fresh_half_message_is_not_given_up_where_nothing_is_asked(tmp_path: Path) -> None:
    """With `transactionCheckMax=0` its producer still has the time to end it."""

    async def body(session: Session) -> None:
        fields = await prepare(session)
        session.broker.transactions.check()
        assert session.broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) <= 0
        assert (await end(session, fields, COMMIT)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"pay"]
        assert session.broker.store.max_offset(TRANS_CHECK_MAX_TIME_TOPIC, 0) == 0

    run(tmp_path, body, transactionCheckMax=0)


def test_an_end_that_comes_while_the_broker_stops_is_noted(tmp_path: Path) -> None:
    async def first(session: Session) -> None:
        fields, drain = await prepare(session), session.broker.ha.drain

        async def ended_meanwhile() -> None:
            assert (await end(session, fields, COMMIT)).code == 0
            await drain()

        session.broker.ha.drain = ended_meanwhile
        await session.broker.stop()

    async def second(session: Session) -> None:
        assert session.broker.store.max_offset("Tx", 1) == 1
        later(session, 10_000)
        session.broker.transactions.check()
        assert session.broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 1, "nobody is asked, to have it stored twice"

    for body in (first, second):
        run(tmp_path, body)


def test_what_was_put_back_and_has_ended_meanwhile_is_not_asked_about_after_a_restart(tmp_path: Path) -> None:
    async def first(session: Session) -> None:
        fields = await prepare(session)
        later(session, 10_000)
        session.broker.transactions.check()
        assert session.broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 2
        assert (await end(session, fields, COMMIT)).code == 0

    async def second(session: Session) -> None:
        later(session, 10_000)
        session.broker.transactions.check()
        assert session.broker.store.max_offset(TRANS_HALF_TOPIC, 0) == 2
        assert session.broker.offsets.query(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, 0) == 2

    for body in (first, second):
        run(tmp_path, body)


def test_a_slow_word_is_known_for_one_when_many_other_transactions_have_ended_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactional_message_service, "REMEMBERED_ENDS", 5)

    async def body(session: Session) -> None:
        fields = await prepare(session, b"slow")
        later(session, 10_000)
        session.broker.transactions.check()
        copy = stored(session, TRANS_HALF_TOPIC, offset=1)
        answer = fields | {"tranStateTableOffset": "1", "commitLogOffset": str(copy.commit_log_offset)}
        assert (await end(session, answer, COMMIT, fromTransactionCheck="true")).code == 0
        for number in range(9):
            assert (await end(session, await prepare(session, b"%d" % number), ROLLBACK)).code == 0
        assert (await end(session, fields, COMMIT)).code == 0
        assert bodies(await session.pull("Tx", queue_id=1)) == [b"slow"]

    run(tmp_path, body)
