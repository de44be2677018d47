"""Requests that name a message by its place in the commitlog: the topic of what lies there counts, under accounts of 4.x
and users of 5.x alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from rocketmq_ops.common.message_codec import decode_message, encode_message_id
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.remoting.codes import RequestCode as C
from rocketmq_ops.remoting.codes import ResponseCode as R
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.acl.test_plain_acl import Client as Account
from tests.broker.acl.test_plain_acl import with_acl
from tests.broker.auth.test_auth import ROOT, with_users
from tests.broker.auth.test_auth import Client as User
from tests.broker.signing_client import HEAD_SIZE, SigningClient, create_topic, forged, offset_of
from tests.broker.support import Session, run, send_fields

TOPICS = ("open", "closed", "%RETRY%own", "%RETRY%other")
ACCOUNTS = """
accounts:
  - {accessKey: operator, secretKey: a-long-secret, admin: true}
  - {accessKey: application, secretKey: a-long-secret, topicPerms: [open=PUB|SUB], groupPerms: [own=SUB]}
"""
REFUSED = ("No default permission", "no permission to access", "an administrator alone may look there")
TO_COMMIT = {"TRAN_MSG": "true", "PGROUP": "p"}


class Both:
    """Who may do everything, and who may use the topic open and the group own alone."""

    def __init__(self, session: Session, operator: SigningClient, application: SigningClient) -> None:
        self.session = session
        self.store = session.broker.store
        self.operator = operator
        self.application = application

    async def sent(self, topic: str, body: bytes = b"x", **properties: str) -> int:
        """The place of a message that the operator sends (bytes)."""
        answer = await self.operator(C.SEND_MESSAGE_V2, send_fields(topic, properties=properties), body)
        assert answer.code == R.SUCCESS
        return offset_of(answer)

    async def refused(self, code: int, fields: dict[str, str]) -> bool:
        """Whether the application may not; the operator may."""
        return is_refused(await self.application(code, fields))

    def id_of(self, at: int) -> str:
        record = self.store.message_at(at)
        assert record is not None
        return decode_message(record).offset_msg_id


def is_refused(answer: RemotingCommand) -> bool:
    return any(words in (answer.remark or "") for words in REFUSED)


def accounts(root: Path, test: Callable[[Both], Awaitable[None]]) -> None:
    async def body(session: Session) -> None:
        for topic in TOPICS:
            create_topic(session.broker, topic)
        await test(Both(session, Account(session, "operator"), Account(session, "application")))

    with_acl(root, body, ACCOUNTS)


def users(root: Path, test: Callable[[Both], Awaitable[None]]) -> None:
    async def body(session: Session) -> None:
        operator = User(session, ROOT)
        for topic in TOPICS:
            create_topic(session.broker, topic)
        assert await operator.create_user("application") == (0, "")
        await operator.allow("application", "Topic:open", "Pub,Sub,Get,Update")
        await operator.allow("application", "Group:own", "Sub,Get")
        await test(Both(session, operator, User(session, "application")))

    with_users(root, body)


both = pytest.mark.parametrize("with_access", [accounts, users], ids=["accounts", "users"])
Kind = Callable[[Path, Callable[[Both], Awaitable[None]]], None]


@both
def test_looking_at_a_message(tmp_path: Path, with_access: Kind) -> None:
    async def test(both: Both) -> None:
        async def refused(at: int) -> bool:
            """Whoever names a topic, as clients of 5.x do, is judged alike."""
            verdicts = {
                await both.refused(C.VIEW_MESSAGE_BY_ID, {"offset": str(at)} | named)
                for named in ({}, {"topic": "open"})
            }
            assert not is_refused(await both.operator(C.VIEW_MESSAGE_BY_ID, {"offset": str(at)}))
            assert len(verdicts) == 1
            return verdicts.pop()

        assert not await refused(await both.sent("open"))
        assert await refused(await both.sent("closed"))
        assert not await refused(await both.sent("%RETRY%own"))
        assert await refused(await both.sent("%RETRY%other"))
        assert not await refused(await both.sent("open", DELAY="3")), "a message that waits"
        assert await refused(await both.sent("closed", DELAY="3"))
        assert await refused(await both.sent("closed", **TO_COMMIT))
        assert not await refused(both.store.max_phy_offset), "there is nothing"

    with_access(tmp_path, test)


@both
def test_what_only_looks_like_a_message_is_shown_to_nobody(tmp_path: Path, with_access: Kind) -> None:
    """A body with the head of a record that claims to reach over the messages behind it."""

    async def test(both: Both) -> None:
        whole = await both.sent("open", b"w" * 1000)
        at = both.store.max_phy_offset + HEAD_SIZE
        body = forged(both.session, whole, at, {})
        await both.sent("open", body[: len(body) // 2])
        await both.sent("closed", b"s" * 1000)
        view = both.store.message_at(at)
        assert view is not None and b"sss" in bytes(view), "it would be shown"
        assert await both.refused(C.VIEW_MESSAGE_BY_ID, {"offset": str(at)})
        back = {"group": "own", "offset": str(at), "delayLevel": "1"}
        assert await both.refused(C.CONSUMER_SEND_MSG_BACK, back)

    with_access(tmp_path, test)


@both
def test_giving_a_message_back(tmp_path: Path, with_access: Kind) -> None:
    async def test(both: Both) -> None:
        both.session.broker.config.autoCreateSubscriptionGroup = True
        for topic, wanted in (("open", False), ("closed", True), ("%RETRY%own", False), ("%RETRY%other", True)):
            at = await both.sent(topic)
            before = both.store.max_offset(SCHEDULE_TOPIC, 0)
            back = {"group": "own", "offset": str(at), "delayLevel": "1", "originTopic": "open"}
            assert await both.refused(C.CONSUMER_SEND_MSG_BACK, back) == wanted, topic
            assert both.store.max_offset(SCHEDULE_TOPIC, 0) - before == (not wanted), "nothing of it is stored"

    with_access(tmp_path, test)


@both
def test_having_a_message_consumed(tmp_path: Path, with_access: Kind) -> None:
    async def test(both: Both) -> None:
        for topic, group, wanted in (("open", "own", False), ("closed", "own", True), ("open", "other", True)):
            fields = {"consumerGroup": group, "clientId": "nobody", "msgId": both.id_of(await both.sent(topic))}
            for named in ({}, {"topic": "open"}):
                assert await both.refused(C.CONSUME_MESSAGE_DIRECTLY, fields | named) == wanted

    with_access(tmp_path, test)


@both
def test_ending_a_transaction(tmp_path: Path, with_access: Kind) -> None:
    async def test(both: Both) -> None:
        for number, (topic, wanted) in enumerate((("open", False), ("closed", True))):
            at = await both.sent(topic, UNIQ_KEY=topic, **TO_COMMIT)
            end = {
                "producerGroup": "p", "tranStateTableOffset": str(number), "commitLogOffset": str(at),
                "commitOrRollback": "8", "fromTransactionCheck": "false", "msgId": topic,
            }  # fmt: skip
            # Clients of 5.x that were asked name the topic of half messages.
            for named in ({"topic": "RMQ_SYS_TRANS_HALF_TOPIC"}, {"topic": "open"}, {}):
                assert await both.refused(C.END_TRANSACTION, end | named) == wanted
            assert both.store.max_offset(topic, 0) == (not wanted), "ended once, or not at all"

    with_access(tmp_path, test)


def test_having_a_transaction_checked_again(tmp_path: Path) -> None:
    async def test(both: Both) -> None:
        fields = {"topic": "open", "msgId": both.id_of(await both.sent("closed", **TO_COMMIT))}
        for named in (fields, {"msgId": fields["msgId"]}):
            assert await both.refused(C.RESUME_CHECK_HALF_MESSAGE, named)
        assert not await both.refused(C.RESUME_CHECK_HALF_MESSAGE, {"msgId": encode_message_id(bytes(8), 1 << 40)})

    users(tmp_path, test)


def test_a_key_that_looks_like_another_finds_nothing_of_another_topic(tmp_path: Path) -> None:
    """The index knows 32 bits of topic and key: here those of two topics are the same."""

    async def test(session: Session) -> None:
        await session.send("ordersBB", b"x", properties={"KEYS": "k"})
        fields = {
            "key": "k",
            "maxNum": "9",
            "beginTimestamp": "0",
            "endTimestamp": str(session.broker.clock() + 60_000),
        }
        found = await session.ask(C.QUERY_MESSAGE, fields | {"topic": "ordersBB"})
        assert found.code == R.SUCCESS
        assert (await session.ask(C.QUERY_MESSAGE, fields | {"topic": "ordersAa"})).code == R.QUERY_NOT_FOUND

    run(tmp_path, test)
