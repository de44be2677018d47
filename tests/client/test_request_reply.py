"""Request-reply against a broker of this repository."""

import asyncio

import pytest
from client_cluster import cluster, until

from rocketmq_ops.client import ConsumeSettings, NoReplyError, Producer, PushConsumer, reply_to
from rocketmq_ops.client.consumer.consume_settings import FROM_FIRST_OFFSET
from rocketmq_ops.client.errors import BrokerError, ClientError
from rocketmq_ops.common.message import Message


def test_replies_come_to_who_asked(tmp_path, caplog):
    async def main():
        async with cluster(tmp_path, Ask=4) as c, Producer("asking", c.options) as asker:
            held = asyncio.Event()
            async with Producer("answering", c.options) as answerer:

                async def listener(messages, context):
                    for message in messages:
                        if message.body == b"slow":
                            await held.wait()
                        answer = reply_to(message, message.body * 2)
                        answer.properties["by"] = "me"
                        await answerer.send(answer)

                consumer = PushConsumer(
                    "G", listener, c.options, settings=ConsumeSettings(consume_from_where=FROM_FIRST_OFFSET)
                )
                consumer.subscribe("Ask", "A")
                async with consumer:
                    bodies = [b"%d" % i for i in range(5)] + [b"compressed" * 1000]
                    replies = await asyncio.gather(
                        *(asker.request(Message("Ask", body, tags="A"), timeout_ms=15_000) for body in bodies)
                    )
                    assert [reply.body for reply in replies] == [body * 2 for body in bodies]
                    reply = replies[0]
                    assert (reply.topic, reply.properties["by"], reply.properties["MSG_TYPE"], reply.body_error) == (
                        "DefaultCluster_REPLY_TOPIC",
                        "me",
                        "reply",
                        None,
                    )
                    assert reply.born_host[0] == "127.0.0.1" and int(reply.properties["ARRIVE_TIME"]) > 0
                    with pytest.raises(NoReplyError, match="no reply to the request on topic 'Ask' came within 300 ms"):
                        await asker.request(Message("Ask", b"slow", tags="A"), timeout_ms=300)
                    held.set()
                    await until(lambda: "nobody waits for the reply from 127.0.0.1" in caplog.text)
                    assert asker.instance.replies._waiting == {}

    asyncio.run(main())


def test_what_cannot_be_asked_or_answered(tmp_path):
    async def main():
        async with cluster(tmp_path, Ask=4) as c, Producer("asking", c.options) as asker:
            with pytest.raises(ClientError, match="the message has an empty body"):
                await asker.request(Message("Ask"))
            async with PushConsumer("G", lambda *_: None, c.options) as consumer:
                asked = []

                async def listener(messages, context):
                    asked.extend(messages)

                consumer.listener = listener
                consumer.settings.consume_from_where = FROM_FIRST_OFFSET
                await asker.send(Message("Ask", b"plain"))
                consumer.subscribe("Ask")
                await until(lambda: asked)
            with pytest.raises(ClientError, match=f"message {asked[0].msg_id} of 'Ask' does not ask for a reply"):
                reply_to(asked[0], b"x")
            asked[0].properties |= {"CORRELATION_ID": "1", "REPLY_TO_CLIENT": "gone"}
            with pytest.raises(BrokerError, match="channel of <gone> not found"):
                await asker.send(reply_to(asked[0], b"x"))

    asyncio.run(main())
