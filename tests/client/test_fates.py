"""What becomes of each message of a batch: by the listener's answer, and by what it says of single ones."""

import asyncio

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import ConsumeContext, ConsumeResult, ConsumeSettings, Producer, PushConsumer
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET
from rocketmq_ops.client.consumer.listener import call_listener
from rocketmq_ops.common.message import Message, MessageExt, MessageQueue

SUCCESS, LATER = ConsumeResult


@pytest.mark.parametrize("orderly", [False, True], ids=["concurrent", "orderly"])
@pytest.mark.parametrize("answer", [SUCCESS, LATER], ids=["success", "later"])
def test_what_was_not_tried_comes_again_whatever_the_answer_and_it_alone(tmp_path, monkeypatch, answer, orderly):
    monkeypatch.setattr("rocketmq_ops.client.consumer.consume_services.CONSUME_AGAIN_SECONDS", 0.01)

    async def main():
        got = []

        async def listener(messages, context):
            got.append([m.body for m in messages])
            if len(got) > 2:
                return SUCCESS
            context.untried = messages[:1]
            context.consumed = messages[1:]
            return answer

        async with cluster(tmp_path, Orders=1) as c:
            async with Producer("p", c.options) as producer:
                for body in (b"1", b"2", b"3"):
                    await producer.send(Message("Orders", body))
            settings = ConsumeSettings(
                consume_from_where=FROM_FIRST_OFFSET,
                batch_size=3,
                max_reconsume_times=0,
                orderly=orderly,
                suspend_queue_ms=1,
            )
            consumer = PushConsumer("G", listener, c.options, settings=settings)
            consumer.subscribe("Orders")
            async with consumer:
                await until(lambda: c.broker.offsets.query("G", "Orders", 0) == 3)
            assert got == [[b"1", b"2", b"3"], [b"1"], [b"1"]]
            assert [c.broker.store.max_offset(topic, 0) for topic in ("%RETRY%G", "%DLQ%G")] == [0, 0]

    asyncio.run(main())


def test_a_message_that_was_not_tried_is_no_success():
    """CONSUME_MESSAGE_DIRECTLY, hooks and traces go by this answer."""
    host = ("127.0.0.1", 1)
    messages = [MessageExt("T", 0, i, 0, 100, b"x", 0, 0, 0, 0, host, 0, host, 0, 0, {}, "id") for i in range(3)]

    async def listener(given, context):
        context.untried, context.ack_index = given[:1], 1

    async def main():
        context = ConsumeContext(MessageQueue("T", "b", 0))
        assert await call_listener(listener, None, messages, context, None) == LATER
        assert [m.queue_offset for m in context.consumed] == [1]

    asyncio.run(main())
