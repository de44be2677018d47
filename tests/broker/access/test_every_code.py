"""Every request that the broker serves: what it needs is decided, or that it is open to everybody who is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from rocketmq_ops.broker.acl.permission import ADMIN_CODES
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies import LockBatchRequestBody
from rocketmq_ops.remoting.codes import RequestCode as C
from tests.broker.access.test_rights_on_messages import Both, Kind, accounts, both, users

#: Looking at the broker as a whole, and at nobody's messages; a user's client asks 46 and 400.
OPEN = frozenset(
    {
        C.GET_ALL_TOPIC_CONFIG, C.GET_BROKER_CONFIG, C.GET_BROKER_RUNTIME_INFO, C.GET_ALL_CONSUMER_OFFSET,
        C.GET_ALL_DELAY_OFFSET, C.CHECK_CLIENT_CONFIG, C.GET_TIMER_CHECK_POINT, C.GET_TIMER_METRICS,
        C.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, C.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, C.QUERY_ASSIGNMENT,
        C.GET_ALL_MESSAGE_REQUEST_MODE, C.GET_BROKER_HA_STATUS,
    }
)  # fmt: skip
#: Looking at topics, groups and clients, which accounts of 4.x cannot be kept from.
OPEN_TO_ACCOUNTS = OPEN | {
    C.QUERY_CONSUMER_OFFSET, C.SEARCH_OFFSET_BY_TIMESTAMP, C.GET_MAX_OFFSET, C.GET_MIN_OFFSET,
    C.GET_EARLIEST_MSG_STORETIME, C.GET_TOPIC_STATS_INFO, C.GET_CONSUMER_CONNECTION_LIST,
    C.GET_PRODUCER_CONNECTION_LIST, C.GET_CONSUME_STATS, C.INVOKE_BROKER_TO_GET_CONSUMER_STATUS,
    C.QUERY_TOPIC_CONSUME_BY_WHO, C.QUERY_CONSUME_TIME_SPAN, C.GET_CONSUMER_RUNNING_INFO, C.QUERY_CORRECTION_OFFSET,
    C.VIEW_BROKER_STATS_DATA, C.GET_BROKER_CONSUME_STATS, C.QUERY_CONSUME_QUEUE, C.GET_ALL_PRODUCER_INFO,
    C.QUERY_TOPICS_BY_CONSUMER, C.QUERY_SUBSCRIPTION_BY_CONSUMER, C.GET_TOPIC_CONFIG, C.GET_SUBSCRIPTIONGROUP_CONFIG,
}  # fmt: skip
LOCK = LockBatchRequestBody(
    client_id="c", consumer_group="other", mq_set=[MessageQueue(topic="open", broker_name="broker-a", queue_id=0)]
)
#: Of each code fields by which anybody who has no rights at all would be refused.
FIELDS = {
    "a": "other", "b": "closed", "topic": "closed", "group": "other", "consumerGroup": "other", "groupName": "other",
    "destGroup": "other", "srcGroup": "own", "offset": "0", "commitLogOffset": "0", "compareGroup": "other",
    "delayLevel": "1", "producerGroup": "p", "tranStateTableOffset": "0", "msgId": "x", "commitOrRollback": "8",
    "clientID": "c", "queueId": "0", "commitOffset": "0", "timestamp": "0", "subject": "User:x", "username": "x",
}  # fmt: skip
REFUSED = ("No default permission", "Need admin permission", "no permission to access", "context error")


@both
def test_what_every_request_needs_is_decided(tmp_path: Path, with_access: Kind) -> None:
    """A heartbeat for nobody is refused for its body here, and by the tests of each kind of access for what it says."""
    is_open = OPEN if with_access is users else OPEN_TO_ACCOUNTS

    async def test(both: Both) -> None:
        served = both.session.broker.server.handlers.registered_codes()
        assert is_open < served
        await both.sent("closed")
        for code in sorted(served):
            body = LOCK.encode() if code in (C.LOCK_BATCH_MQ, C.UNLOCK_BATCH_MQ) else b"no heartbeat"
            answer = await both.application(code, FIELDS, body)
            refused = any(words in (answer.remark or "") for words in REFUSED)
            if code == C.HEART_BEAT:
                assert answer.code in (1, 16)
            else:
                assert refused == (code not in is_open), (code, answer.remark)

    with_access(tmp_path, test)


def test_what_changes_others_is_for_administrators(tmp_path: Path) -> None:
    async def test(both: Both) -> None:
        served = both.session.broker.server.handlers.registered_codes()
        for code in sorted(ADMIN_CODES & served):
            remark = (await both.application(code, {"topic": "open", "group": "own"})).remark or ""
            assert "Need admin permission" in remark, code

    accounts(tmp_path, test)


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (C.INVOKE_BROKER_TO_RESET_OFFSET, {"group": "own", "topic": "open", "timestamp": "0"}),
        (C.CLONE_GROUP_OFFSET, {"srcGroup": "x", "destGroup": "own", "topic": "open"}),
    ],
    ids=["reset", "clone"],
)
def test_an_account_sets_the_offsets_of_its_own_groups(tmp_path: Path, code: int, fields: dict[str, str]) -> None:
    async def test(both: Both) -> None:
        assert not await both.refused(code, fields)
        for other in ({"group": "other", "destGroup": "other"}, {"topic": "closed"}):
            assert await both.refused(code, fields | {name: value for name, value in other.items() if name in fields})

    accounts(tmp_path, test)


def test_an_account_locks_the_queues_of_its_own_groups(tmp_path: Path) -> None:
    async def test(both: Both) -> None:
        for code in (C.LOCK_BATCH_MQ, C.UNLOCK_BATCH_MQ):
            for group, topic, wanted in (
                ("own", "open", 0),
                ("own", "%RETRY%own", 0),
                ("own", "closed", 1),
                ("other", "open", 1),
            ):
                queue = MessageQueue(topic=topic, broker_name="broker-a", queue_id=0)
                body = LockBatchRequestBody(client_id="c", consumer_group=group, mq_set=[queue])
                answer = await both.application(code, {}, body.encode())
                assert ("No default permission" in (answer.remark or "")) == bool(wanted), (code, group, topic)

    accounts(tmp_path, test)
