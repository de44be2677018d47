"""What a slave answers: it takes nothing that its master would not know, and sends consumers where they belong."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.broker.slave.pulls_of_slave import PullsOfSlave
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.store.get_result import GetMessageResult, GetStatus
from tests.broker.slave.support import Pair, pair
from tests.broker.support import Session, new_broker, pull_fields, run, until

SLAVE = {"brokerRole": "SLAVE", "brokerId": 1}
FOUND, NOT_FOUND, RETRY, MOVED = 0, 19, 20, 21


def test_what_changes_something_is_refused(tmp_path: Path) -> None:
    async def body(slave: Session) -> None:
        sent = await slave.send("T")
        assert sent.code == ResponseCode.SYSTEM_BUSY and (sent.remark or "").startswith("[REJECTREQUEST]")
        topic = {
            "topic": "T", "defaultTopic": "TBW102", "readQueueNums": "4", "writeQueueNums": "4", "perm": "6",
            "topicFilterType": "SINGLE_TAG", "topicSysFlag": "0", "order": "false",
        }  # fmt: skip
        group = SubscriptionGroupConfig(group_name="g").encode()
        for code, fields, content in (
            (RequestCode.UPDATE_AND_CREATE_TOPIC, topic, b""),
            (RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "SELF_TEST_TOPIC"}, b""),
            (RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, group),
            (RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "g"}, b""),
        ):
            answer = await slave.ask(code, fields, content)
            assert answer.code == ResponseCode.SYSTEM_ERROR and "from slave broker" in (answer.remark or ""), code
        assert "T" not in slave.broker.topics.table and "SELF_TEST_TOPIC" in slave.broker.topics.table
        back = {"offset": "0", "group": "g", "delayLevel": "0", "originMsgId": "x", "originTopic": "T"}
        answer = await slave.ask(RequestCode.CONSUMER_SEND_MSG_BACK, back)
        assert (answer.code, answer.remark) == (1, "no master available along with 127.0.0.1")
        end = {
            "producerGroup": "p", "tranStateTableOffset": "0", "commitLogOffset": "0", "commitOrRollback": "8",
            "msgId": "x", "fromTransactionCheck": "false",
        }  # fmt: skip
        assert (await slave.ask(RequestCode.END_TRANSACTION, end)).code == ResponseCode.SLAVE_NOT_AVAILABLE
        assert slave.broker.store.max_phy_offset == 0

    run(tmp_path, body, **SLAVE)


def test_a_slave_that_may_not_be_read_refuses_pulls(tmp_path: Path) -> None:
    async def body(slave: Session) -> None:
        answer = await slave.pull("T")
        assert answer.code == ResponseCode.SYSTEM_BUSY and (answer.remark or "").startswith("[REJECTREQUEST]")

    run(tmp_path, body, **SLAVE)


class Look:
    """Whether the master serves."""

    def __init__(self, serves: bool) -> None:
        self.master_serves = serves


@pytest.mark.parametrize(
    ("serves", "slow", "status", "code", "expected"),
    [
        # The master serves: to it, and no waiting here.
        (True, False, GetStatus.FOUND, FOUND, (FOUND, 0)),
        (True, False, GetStatus.OFFSET_OVERFLOW_ONE, NOT_FOUND, (RETRY, 0)),
        (True, False, GetStatus.OFFSET_OVERFLOW_BADLY, MOVED, (RETRY, 0)),
        # A consumer that is far behind stays with the slave.
        (True, True, GetStatus.FOUND, FOUND, (FOUND, 1)),
        # The master is away: like a master, but no offset is corrected that may only not be replicated yet.
        (False, False, GetStatus.FOUND, FOUND, (FOUND, 1)),
        (False, False, GetStatus.OFFSET_OVERFLOW_ONE, NOT_FOUND, (NOT_FOUND, 1)),
        (False, False, GetStatus.OFFSET_OVERFLOW_BADLY, MOVED, (RETRY, 2)),
    ],
)  # fmt: skip
def test_code_and_suggested_broker(
    tmp_path: Path, serves: bool, slow: bool, status: GetStatus, code: int, expected: tuple[int, int]
) -> None:
    pulls = PullsOfSlave(new_broker(tmp_path, **SLAVE), Look(serves))  # type: ignore[arg-type]
    result = GetMessageResult(status, 5)
    result.suggest_pulling_from_slave = slow
    group = SubscriptionGroupConfig(group_name="g", broker_id=2)
    assert pulls.answer(code, 1, result, group) == expected


def test_offsets_are_corrected_where_the_configuration_says_so(tmp_path: Path) -> None:
    pulls = PullsOfSlave(new_broker(tmp_path, offsetCheckInSlave=True, **SLAVE), Look(False))  # type: ignore[arg-type]
    result = GetMessageResult(GetStatus.OFFSET_OVERFLOW_BADLY, 5)
    assert pulls.answer(MOVED, 1, result, SubscriptionGroupConfig(group_name="g")) == (MOVED, 1)


def test_consumers_wait_at_the_slave_for_the_time_of_the_outage(tmp_path: Path) -> None:
    async def pulled(both: Pair) -> tuple[int, str]:
        fields = pull_fields("T", "g", 0, 0, sysFlag="6")
        answer = await both.slave.ask(RequestCode.PULL_MESSAGE, fields, timeout_ms=20_000)
        return answer.code, answer.ext_fields["suggestWhichBrokerId"]

    async def main() -> None:
        async with pair(tmp_path) as both:
            both.master.topics.create_in_send_message_back("T", 1)
            await both.slave_looks()
            assert await pulled(both) == (RETRY, "0")
            await both.master_goes()
            waiting = asyncio.ensure_future(pulled(both))
            await until(lambda: len(both.slave.broker.held_pulls) == 1)
            await both.master_comes_back()
            await both.slave_looks()
            # The master is back: those that wait here are sent to it.
            assert await waiting == (RETRY, "0")

    asyncio.run(main())
