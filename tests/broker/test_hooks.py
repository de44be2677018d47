"""Hooks: what they are shown of sends, pulls, messages sent back and requests; refusals; failures; and none at all."""

from __future__ import annotations

import asyncio
import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rocketmq_ops.broker.hooks.api import (
    AbortProcessError,
    ConsumeMessageContext,
    ConsumeMessageHook,
    RPCHook,
    SendMessageContext,
    SendMessageHook,
)
from rocketmq_ops.broker.hooks.registered import ENTRY_POINTS, RegisteredHooks
from rocketmq_ops.broker.processors.send_message import SendMessageProcessor
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.topics import namespace_of
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.support import Session, bodies, new_broker, pull_fields, run_with, running, send_fields, until

R = ResponseCode


class Recorder(SendMessageHook, ConsumeMessageHook, RPCHook):
    """Every kind of hook in one; keeps what it is shown."""

    def __init__(self) -> None:
        self.sends: list[SendMessageContext] = []
        self.after: list[SendMessageContext] = []
        self.pulls: list[ConsumeMessageContext] = []
        self.backs: list[ConsumeMessageContext] = []
        self.requests: list[int] = []
        self.answers: list[tuple[int, int | None]] = []

    def send_message_before(self, context: SendMessageContext) -> None:
        assert context.msg_id is None
        self.sends.append(context)

    def send_message_after(self, context: SendMessageContext) -> None:
        self.after.append(context)

    def consume_message_before(self, context: ConsumeMessageContext) -> None:
        self.pulls.append(context)

    def consume_message_after(self, context: ConsumeMessageContext) -> None:
        self.backs.append(context)

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        assert remote_addr.startswith("127.0.0.1:")
        self.requests.append(request.code)

    def do_after_response(self, remote_addr: str, request: RemotingCommand, response: RemotingCommand | None) -> None:
        self.answers.append((request.code, None if response is None else int(response.code)))


def with_hooks(root: Path, hooks: list[object], test: Any, **settings: Any) -> None:
    broker = new_broker(root, **settings)
    broker.hooks += hooks
    run_with(broker, test)


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_a_send_is_shown_before_and_after(tmp_path: Path, flush: str) -> None:
    """When the answer waits for the disk, after that; every send of a connection, the later ones too."""
    seen = Recorder()

    async def body(session: Session) -> None:
        for number in range(3):
            answer = await session.send("ns%T", b"hello", properties={"TAGS": "a"})
            assert answer.code == R.SUCCESS
            (context, *_), last = seen.sends, seen.after[-1]
            assert len(seen.sends) == len(seen.after) == number + 1 and seen.sends[-1] is last
            assert last.msg_id == answer.ext_fields["msgId"] and last.queue_offset == number
        assert (context.namespace, context.topic, context.producer_group) == ("ns", "ns%T", "p")
        assert (context.queue_id, context.body_length, context.msg_type) == (0, 5, "Normal_Msg")
        assert context.msg_unique_key == "0A0B0C0D" and context.born_time_stamp == 1795246590674
        assert context.broker_addr == session.broker.address and context.born_host.startswith("127.0.0.1:")
        assert (context.code, context.send_stat, context.send_msg_num) == (0, "SEND_SUCCESS", 1)
        assert context.send_msg_size > 5 and context.commercial_send_times == 1
        refused = await session.send("not/a topic", b"hello")
        assert refused.code != R.SUCCESS
        assert (seen.after[-1].send_stat, seen.after[-1].code) == ("SEND_FAILURE", refused.code)
        assert seen.after[-1].error_msg == refused.remark
        # Requests are shown once each, with the codes that the client got.
        assert seen.answers == [(310, 0)] * 3 + [(310, int(refused.code))]
        assert seen.requests == [310] * 4

    with_hooks(tmp_path, [seen], body, flushDiskType=flush)


@pytest.mark.parametrize(
    ("properties", "kind"),
    [({"__SHARDINGKEY": "k"}, "Order_Msg"), ({"DELAY": "1"}, "Delay_Msg"), ({"TRAN_MSG": "true"}, "Trans_Msg_Half")],
)
def test_the_type_of_a_message(tmp_path: Path, properties: dict[str, str], kind: str) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        await session.send("T", properties=properties)
        assert [context.msg_type for context in seen.after] == [kind]
        assert seen.after[0].send_stat == "SEND_SUCCESS" and seen.after[0].send_msg_size > 5

    with_hooks(tmp_path, [seen], body)


def test_what_is_given_counts_once_for_each_4_kib_of_a_message(tmp_path: Path) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        session.broker.config.commercialBaseCount = 10
        for size in (10, 9_000):
            await session.send("T", b"x" * size)
        await session.pull("T")
        (context,) = seen.pulls
        assert (context.rcv_msg_num, context.commercial_rcv_msg_num, context.commercial_rcv_times) == (2, 4, 40)

    with_hooks(tmp_path, [seen], body)


def test_a_pull_is_shown_when_it_is_answered_at_once_or_later(tmp_path: Path) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        for text in (b"one", b"three"):
            await session.send("T", text)
        found = await session.pull("T", AUTH_TYPE="x")
        assert bodies(found) == [b"one", b"three"]
        (context,) = seen.pulls
        assert (context.consumer_group, context.topic, context.queue_id) == ("g", "T", 0)
        assert (context.rcv_stat, context.rcv_msg_num, context.success) == ("RCV_SUCCESS", 2, True)
        assert context.rcv_msg_size == len(found.body_bytes) and context.account_auth_type == "x"
        assert (await session.pull("T", offset=2)).code == R.PULL_NOT_FOUND
        assert (seen.pulls[1].rcv_stat, seen.pulls[1].rcv_msg_num) == ("RCV_EPOLLS", 0)
        assert (await session.pull("none")).code == R.TOPIC_NOT_EXIST
        assert len(seen.pulls) == 2, "a refusal is no consumption"
        fields = pull_fields("T", "g", 0, 2, sysFlag="6")
        held = asyncio.create_task(session.ask(RequestCode.PULL_MESSAGE, fields))
        await until(lambda: bool(session.broker.held_pulls.table))
        assert len(seen.pulls) == 2 and len(seen.answers) == 5
        await session.send("T", b"four")
        assert bodies(await held) == [b"four"]
        assert [context.rcv_msg_num for context in seen.pulls] == [2, 0, 1]
        assert seen.answers[-2:] in ([(11, 0), (310, 0)], [(310, 0), (11, 0)])

    with_hooks(tmp_path, [seen], body)


def test_a_pull_says_how_many_messages_its_filter_refused(tmp_path: Path) -> None:
    """Those that were read for it (filterMessageCount); whom tags leave out is not read. Of each pull its own."""
    seen = Recorder()

    async def body(session: Session) -> None:
        for number in range(5):
            await session.send("T", b"%d" % number, properties={"n": str(number), "TAGS": "ab"[number % 2]})
        for expression, kind, found, refused in (
            ("n > 2", "SQL92", [b"3", b"4"], 3),
            ("n > 9", "SQL92", [], 5),
            ("b", "TAG", [b"1", b"3"], 0),
            ("*", "TAG", [b"0", b"1", b"2", b"3", b"4"], 0),
        ):
            assert bodies(await session.pull("T", subscription=expression, expressionType=kind)) == found
            assert seen.pulls[-1].filter_message_count == refused, expression
        assert [context.rcv_stat for context in seen.pulls] == ["RCV_SUCCESS", "RCV_EPOLLS"] + ["RCV_SUCCESS"] * 2

    with_hooks(tmp_path, [seen], body, enablePropertyFilter=True)


#: What Apache's 5.3.3 declares in its contexts and its broker never fills.
UNFILLED = {
    SendMessageContext: {"originMsgId", "extProps", "isSuccess"},
    ConsumeMessageContext: {
        "clientHost", "storeHost", "messageIds", "bodyLength", "status", "mqTraceContext", "topicConfig",
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("context", "apache"),
    [
        (
            SendMessageContext,
            "namespace producerGroup topic msgId originMsgId queueId queueOffset brokerAddr bornHost bodyLength code "
            "errorMsg msgProps mqTraceContext extProps brokerRegionId msgUniqueKey bornTimeStamp requestTimeStamp "
            "msgType isSuccess accountAuthType accountOwnerParent accountOwnerSelf sendMsgNum sendMsgSize sendStat "
            "commercialSendMsgNum commercialOwner commercialSendStats commercialSendSize commercialSendTimes",
        ),
        (
            ConsumeMessageContext,
            "consumerGroup topic queueId clientHost storeHost messageIds bodyLength success status mqTraceContext "
            "topicConfig accountAuthType accountOwnerParent accountOwnerSelf rcvMsgNum rcvMsgSize rcvStat "
            "commercialRcvMsgNum commercialOwner commercialRcvStats commercialRcvTimes commercialRcvSize "
            "filterMessageCount namespace",
        ),
    ],
    ids=["send", "consume"],
)
def test_contexts_have_what_apaches_broker_fills(context: type, apache: str) -> None:
    ours = {re.sub("_(.)", lambda found: found[1].upper(), name) for name in context.__struct_fields__}  # type: ignore[attr-defined]
    assert ours == set(apache.split()) - UNFILLED[context]


@pytest.mark.parametrize(("level", "stat"), [("0", "SEND_BACK"), ("-1", "SEND_BACK_TO_DLQ")])
def test_a_message_sent_back_is_shown(tmp_path: Path, level: str, stat: str) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        await session.send("T")
        fields = {"offset": "0", "group": "ns%g", "delayLevel": level, "originTopic": "T", "unitMode": "false"}
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields)).code == 0
        assert seen.backs == [], "as Apache's broker, without the message's id"
        assert (await session.ask(RequestCode.CONSUMER_SEND_MSG_BACK, {**fields, "originMsgId": "0A"})).code == 0
        (context,) = seen.backs
        assert (context.namespace, context.consumer_group, context.topic, context.queue_id) == ("ns", "ns%g", "T", None)
        assert (context.rcv_stat, context.success, context.rcv_msg_num) == (stat, True, 1)

    with_hooks(tmp_path, [seen], body)


def test_a_hook_refuses_a_send_and_a_request(tmp_path: Path) -> None:
    class Sends(SendMessageHook):
        def send_message_before(self, context: SendMessageContext) -> None:
            if context.topic == "closed":
                raise AbortProcessError("closed today", R.NO_PERMISSION)

    class Requests(RPCHook):
        def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
            if request.code == RequestCode.GET_BROKER_CONFIG:
                raise AbortProcessError("not for you")

    async def body(session: Session) -> None:
        answer = await session.send("closed")
        assert (answer.code, answer.remark) == (R.NO_PERMISSION, "closed today")
        assert session.broker.topics.get("closed") is None
        assert (await session.send("open")).code == R.SUCCESS
        refused = await session.ask(RequestCode.GET_BROKER_CONFIG)
        assert (refused.code, refused.remark) == (R.SYSTEM_ERROR, "not for you")

    with_hooks(tmp_path, [Sends(), Requests()], body)


def test_a_hook_that_fails_breaks_nothing_and_is_logged_now_and_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(SendMessageHook, ConsumeMessageHook, RPCHook):
        def _fail(self, *_: object) -> None:
            raise KeyError("lost")

        send_message_before = send_message_after = consume_message_before = consume_message_after = _fail
        do_before_request = do_after_response = _fail

    class Late(SendMessageHook):
        def send_message_after(self, context: SendMessageContext) -> None:
            raise AbortProcessError("too late")

    seen = Recorder()

    async def body(session: Session) -> None:
        for _ in range(3):
            assert (await session.send("T")).code == R.SUCCESS
        assert len(bodies(await session.pull("T"))) == 3
        assert len(seen.after) == 3 and len(seen.pulls) == 1 and len(seen.answers) == 4, "those behind it are called"

    with caplog.at_level(logging.WARNING):
        with_hooks(tmp_path, [Broken(), Late(), seen], body)
    assert caplog.text.count("the hook Broken failed; the request goes on") == 1
    assert "the hook Late refuses what is done already: too late" in caplog.text


def test_a_reply_is_shown_as_a_send_when_it_is_answered(tmp_path: Path) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        await session.send("T")
        fields = send_fields("T", properties={"REPLY_TO_CLIENT": "nobody"})
        answer = await session.ask(RequestCode.SEND_REPLY_MESSAGE_V2, fields, b"reply")
        assert answer.code == R.SYSTEM_ERROR
        last = seen.after[-1]
        assert (last.topic, last.send_stat, last.send_msg_size) == ("T", "SEND_FAILURE", 5)
        assert (last.code, last.error_msg) == (R.SYSTEM_ERROR, answer.remark)
        assert seen.answers[-1] == (325, 1)

    with_hooks(tmp_path, [seen], body)


def test_a_request_that_wants_no_answer(tmp_path: Path) -> None:
    seen = Recorder()

    async def body(session: Session) -> None:
        request = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("T"), body=b"x")
        await session.client.invoke_oneway(session.address, request)
        await until(lambda: bool(seen.answers))
        assert seen.answers == [(310, None)] and len(seen.after) == 1

    with_hooks(tmp_path, [seen], body)


def test_without_hooks_nothing_is_bound(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as session:
            broker = session.broker
            await session.send("T")
            await session.send("T")
            assert {type(channel) for channel in broker.server.channels} == {Channel}
            assert any(channel.raw_request_handler for channel in broker.server.channels), "known sends, undecoded"
            assert type(broker.processor_of(SendMessageProcessor)) is SendMessageProcessor
            assert not hasattr(broker, "hooks_in_use")

    asyncio.run(main())


def test_only_consumption_is_watched_where_no_hook_wants_more(tmp_path: Path) -> None:
    class Consumption(ConsumeMessageHook):
        pass

    async def body(session: Session) -> None:
        await session.send("T")
        assert {type(channel) for channel in session.broker.server.channels} == {Channel}
        assert type(session.broker.processor_of(SendMessageProcessor)) is SendMessageProcessor

    with_hooks(tmp_path, [Consumption()], body)


class _Point(SimpleNamespace):
    name: str

    def load(self) -> Any:
        return self.target


def test_hooks_are_loaded_by_entry_point(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = Recorder()

    def fail() -> object:
        raise RuntimeError("no licence")

    points = [
        _Point(name="seen", target=lambda: seen),
        _Point(name="odd", target=object),
        _Point(name="bad", target=fail),
    ]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points if group == ENTRY_POINTS else [])

    async def body(session: Session) -> None:
        await session.send("T")
        assert len(seen.after) == 1

    with_hooks(tmp_path, [], body, brokerHooks="seen")
    for names, said in (
        ("seen;other", "there is no hook 'other'"),
        ("odd", "object is not a hook"),
        ("bad", "the hook 'bad' cannot be made: RuntimeError: no licence"),
    ):
        with pytest.raises(ConfigError, match=said):
            with_hooks(tmp_path / "x", [], body, brokerHooks=names)


def test_hooks_of_a_kind_are_called_in_the_order_given() -> None:
    first, second = Recorder(), Recorder()
    assert RegisteredHooks([first, second]).send == [first, second]


@pytest.mark.parametrize(
    ("name", "namespace"),
    [("T", ""), ("ns%T", "ns"), ("%RETRY%ns%g", "ns"), ("%DLQ%g", ""), ("%RETRY%g", "")],
)
def test_the_namespace_of_a_name(name: str, namespace: str) -> None:
    assert namespace_of(name) == namespace
