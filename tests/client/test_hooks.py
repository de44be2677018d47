"""Hooks of applications into producers, consumers and requests."""

import asyncio
import re

import pytest
from client_cluster import cluster, until
from msgspec.structs import replace

from rocketmq_ops.client import (
    FROM_FIRST_OFFSET,
    CheckForbiddenHook,
    ConsumeMessageHook,
    ConsumeResult,
    ConsumeSettings,
    EndTransactionHook,
    FilterMessageHook,
    LitePullConsumer,
    Producer,
    PullConsumer,
    PushConsumer,
    RPCHook,
    SendMessageHook,
    SendSettings,
    TransactionProducer,
    TransactionState,
)
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.client.hooks.api import (
    CheckForbiddenContext,
    ConsumeMessageContext,
    EndTransactionContext,
    FilterMessageContext,
    SendMessageContext,
)
from rocketmq_ops.common.message import Message
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode

FIRST = ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)


class Sends(SendMessageHook):
    def __init__(self):
        self.seen = []

    def send_message_before(self, context):
        context.props["n"] = str(len(self.seen))
        self.seen.append(("before", context.communication_mode, context.msg_type, context.message.body))

    def send_message_after(self, context):
        outcome = context.exception or (context.send_result and context.send_result.status)
        self.seen.append(("after", context.props["n"], context.broker_addr, outcome))


class Broken(SendMessageHook, EndTransactionHook, ConsumeMessageHook, FilterMessageHook):
    """Fails at everything."""

    def fail(self, context):
        raise ValueError("a hook of the application")

    send_message_before = send_message_after = end_transaction = fail
    consume_message_before = consume_message_after = filter_message = fail


@pytest.mark.parametrize(
    ("context", "fields", "without"),
    [
        (
            SendMessageContext,
            "producerGroup message mq brokerAddr bornHost communicationMode sendResult exception mqTraceContext props "
            "producer msgType namespace",
            {"producer"},
        ),
        (
            ConsumeMessageContext,
            "consumerGroup msgList mq success status mqTraceContext props namespace accessChannel",
            {"accessChannel"},
        ),
        (FilterMessageContext, "consumerGroup msgList mq arg unitMode", {"arg", "unitMode"}),
        (
            CheckForbiddenContext,
            "nameSrvAddr group message mq brokerAddr communicationMode sendResult exception arg unitMode",
            {"sendResult", "exception", "arg", "unitMode"},
        ),
        (
            EndTransactionContext,
            "producerGroup message brokerAddr msgId transactionId transactionState fromTransactionCheck",
            set(),
        ),
    ],
)
def test_contexts_have_apaches_fields(context, fields, without):
    """Of 5.3.3; without what its client never fills (arg, and result and exception of what is yet to be sent), what is
    the same always here (no unit mode, no access channel), and the producer itself."""
    for field in fields.split():
        ours = re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", field)
        assert (field in without) != hasattr(context, ours), field


def test_every_try_to_send_is_seen(tmp_path):
    async def main():
        async with cluster(tmp_path, Seen=1) as c:
            sends = Sends()
            async with Producer("p", c.options, hooks=[sends, Broken()]) as producer:
                await producer.send(Message("Seen", b"1"))
                await (await producer.send_async(Message("Seen", b"2", delay_time_level=1)))
                await producer.send_oneway(Message("Seen", b"3"))
                await producer.send_batch([Message("Seen", b"4"), Message("Seen", b"5")])
                at = c.broker.address
                assert sends.seen == [
                    ("before", "SYNC", "Normal_Msg", b"1"),
                    ("after", "0", at, "SEND_OK"),
                    ("before", "ASYNC", "Delay_Msg", b"2"),
                    ("after", "2", at, "SEND_OK"),
                    ("before", "ONEWAY", "Normal_Msg", b"3"),
                    ("after", "4", at, None),
                    ("before", "SYNC", "Normal_Msg", b"4"),
                    ("after", "6", at, "SEND_OK"),
                ]
                sends.seen.clear()
                with pytest.raises(BrokerError):
                    await producer.send(Message("Seen", b"6", delay_time_ms=10 * 365 * 86_400_000))
                assert sends.seen[1][:2] == ("after", "0") and isinstance(sends.seen[1][3], BrokerError)

    asyncio.run(main())


def test_a_hook_that_fails_is_said_and_nothing_else(tmp_path, caplog):
    async def main():
        async with cluster(tmp_path, Failing=1) as c:
            async with Producer("p", c.options, hooks=[Broken()]) as producer:
                await producer.send(Message("Failing", b"1"))
            got = []
            consumer = PushConsumer("g", lambda m, _: got.extend(m), c.options, settings=FIRST, hooks=[Broken()])
            consumer.subscribe("Failing")
            async with consumer:
                await until(lambda: got)
        assert "Broken.fail failed, and is passed over" in caplog.text

    asyncio.run(main())


def test_a_hook_may_forbid_a_send(tmp_path):
    class Forbid(CheckForbiddenHook):
        def check_forbidden(self, context):
            assert context.broker_addr and context.name_srv_addr
            if context.message.tags == "secret":
                raise ClientError("secrets do not leave the house", "leave the tag out")

    async def main():
        async with cluster(tmp_path, Some=1) as c:
            sends = Sends()
            async with Producer("p", c.options, hooks=[Forbid(), sends]) as producer:
                await producer.send(Message("Some", b"1"))
                with pytest.raises(ClientError, match="do not leave"):
                    await producer.send(Message("Some", b"2", tags="secret"))
                with pytest.raises(ClientError, match="do not leave"):
                    await producer.send_oneway(Message("Some", b"2", tags="secret"))
                with pytest.raises(ClientError, match="do not leave"):
                    await producer.send_batch([Message("Some", b"2"), Message("Some", b"3", tags="secret")])
            assert [s[0] for s in sends.seen] == ["before", "after"]
            assert c.broker.store.max_offset("Some", 0) == 1

    asyncio.run(main())


def test_the_end_of_transactions_is_seen(tmp_path):
    ends = []

    class Ends(EndTransactionHook):
        def end_transaction(self, context):
            ends.append((context.message.body, context.transaction_state, context.from_transaction_check))

    class Listener:
        async def execute(self, message, transaction_id, arg):
            return TransactionState.COMMIT

        async def check(self, message):
            return None

    async def main():
        async with (
            cluster(tmp_path, Pay=1) as c,
            TransactionProducer("p", Listener(), c.options, hooks=[Ends(), Broken()]) as producer,
        ):
            await producer.send_in_transaction(Message("Pay", b"1"))

    asyncio.run(main())
    assert ends == [(b"1", "COMMIT_MESSAGE", False)]


class Taken(ConsumeMessageHook):
    def __init__(self):
        self.seen = []

    def consume_message_before(self, context):
        context.mq_trace_context = [m.body for m in context.msg_list]

    def consume_message_after(self, context):
        kind = context.props.get("ConsumeContextType")
        self.seen.append((context.mq_trace_context, context.success, context.status, kind))


class OnlyEven(FilterMessageHook):
    def filter_message(self, context):
        context.msg_list[:] = [m for m in context.msg_list if int(m.body) % 2 == 0]


@pytest.mark.parametrize("orderly", [False, True])
def test_what_a_listener_gets_and_answers_is_seen(tmp_path, orderly):
    answers = [ConsumeResult.RECONSUME_LATER, ValueError("listener"), None]

    async def listener(messages, context):
        context.delay_level, context.suspend_ms = 1, 1
        answer = answers.pop(0) if answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def main():
        async with cluster(tmp_path, Taken=1) as c:
            taken = Taken()
            settings = replace(FIRST, orderly=orderly, suspend_queue_ms=1)
            consumer = PushConsumer("g", listener, c.options, settings=settings, hooks=[taken, OnlyEven()])
            consumer.subscribe("Taken")
            async with Producer("p", c.options) as producer:
                for i in range(3 if not orderly else 1):
                    await producer.send(Message("Taken", b"%d" % i))
            async with consumer:
                await until(lambda: len(taken.seen) >= (2 if not orderly else 3))
            later = "SUSPEND_CURRENT_QUEUE_A_MOMENT" if orderly else "RECONSUME_LATER"
            assert taken.seen[:2] == [
                ([b"0"], False, later, "FAILED"),
                ([b"0" if orderly else b"2"], False, later, "EXCEPTION"),
            ]
            if orderly:
                assert taken.seen[2] == ([b"0"], True, "SUCCESS", "SUCCESS")

    asyncio.run(main())


def test_what_is_pulled_and_polled_is_seen(tmp_path):
    async def main():
        async with cluster(tmp_path, Pulled=1) as c:
            async with Producer("p", c.options) as producer:
                for i in range(4):
                    await producer.send(Message("Pulled", b"%d" % i))
            taken = Taken()
            async with PullConsumer("g", c.options, hooks=[taken, OnlyEven()]) as pull:
                (queue,) = await pull.queues("Pulled")
                result = await pull.pull(queue, 0)
                assert [m.body for m in result.messages] == [b"0", b"2"] and result.next_begin_offset == 4
            async with LitePullConsumer("l", c.options, settings=FIRST, hooks=[taken, OnlyEven()]) as lite:
                lite.subscribe("Pulled")
                assert [m.body for m in await lite.poll()] == [b"0", b"2"]
            assert taken.seen == [([b"0", b"2"], True, "CONSUME_SUCCESS", None)] * 2

    asyncio.run(main())


def test_requests_are_seen_before_they_are_signed(tmp_path):
    class Rpc(RPCHook):
        def __init__(self):
            self.sent, self.answers = [], []

        def do_before_request(self, remote_addr, request):
            if request.code == RequestCode.GET_MAX_OFFSET:
                raise ClientError("not today", "ask tomorrow")
            request.ext_fields = {**request.ext_fields, "tenant": "blue"}
            self.sent.append(request.code)

        def do_after_response(self, remote_addr, request, response):
            self.answers.append((request.code, response.code))
            raise ValueError("an answer hook")

    async def main():
        async with cluster(tmp_path, Asked=1) as c:
            rpc, signed = Rpc(), []
            options = replace(c.options, rpc_hooks=[rpc], sign=lambda request: signed.append(dict(request.ext_fields)))
            async with Producer("p", options) as producer, PullConsumer("g", options) as pull:
                await producer.send(Message("Asked", b"1"))
                (queue,) = await pull.queues("Asked")
                with pytest.raises(ClientError, match="not today"):
                    await pull.max_offset(queue)
            assert RequestCode.SEND_MESSAGE_V2 in rpc.sent and RequestCode.GET_MAX_OFFSET not in rpc.sent
            assert (RequestCode.SEND_MESSAGE_V2, ResponseCode.SUCCESS) in rpc.answers
            assert signed and all(fields["tenant"] == "blue" for fields in signed)

    asyncio.run(main())


def test_what_is_no_hook_is_refused():
    with pytest.raises(ClientError, match="Taken is not a hook of a producer"):
        Producer("p", hooks=[Taken()])
    with pytest.raises(ClientError, match="Sends is not a hook of a consumer"):
        PushConsumer("g", lambda m, c: None, hooks=[Sends()])
    with pytest.raises(ClientError, match="is not a hook of a producer"):
        Producer("p", settings=SendSettings(), hooks=[print])
