"""Arguments that cannot work are refused when they are given, with what to give instead."""

import asyncio

import pytest
from client_cluster import cluster

from rocketmq_ops.client import (
    ClientOptions,
    ConsumeSettings,
    LitePullConsumer,
    Producer,
    PushConsumer,
    SendSpool,
    Spooled,
    TransactionProducer,
)
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.message import Message

WRONG = {
    "invalid message: expected a Message, not NoneType": None,
    "body is of type str": Message("Orders", "text"),
    "body is of type NoneType": Message("Orders", None),
    "topic is of type NoneType": Message(None, b"x"),
    "tags is of type int": Message("Orders", b"x", tags=3),
    "keys is of type list": Message("Orders", b"x", keys=["a", "b"]),
    "delay_time_ms is of type float": Message("Orders", b"x", delay_time_ms=1500.5),
    "properties is of type NoneType": Message("Orders", b"x", properties=None),
    "property 'a' is 1": Message("Orders", b"x", properties={"a": 1}),
}


@pytest.mark.parametrize("namespace", [None, "shop"])
def test_what_is_no_message_is_not_sent(tmp_path, namespace):
    async def main():
        async with cluster(tmp_path) as pair:
            pair.options.namespace = namespace
            async with Producer("shop", pair.options) as producer:
                for problem, message in WRONG.items():
                    for send in (producer.send, producer.send_oneway, producer.request):
                        with pytest.raises(ClientError, match=problem):
                            await send(message)
                    with pytest.raises(ClientError, match=problem):
                        await producer.send_batch([message])
                await producer.send(Message("Orders", bytearray(b"x")))

    asyncio.run(main())


def test_a_spool_keeps_nothing_that_can_never_be_sent(tmp_path):
    """It would be DAMAGED as soon as it is read, and what it was is lost."""

    async def main():
        nobody = ClientOptions(name_servers=["127.0.0.1:1"])
        async with Producer("shop", nobody) as producer, SendSpool(tmp_path / "spool", producer) as spool:
            for problem, message in WRONG.items():
                with pytest.raises(ClientError, match=problem):
                    await spool.send(message)
            assert await spool.report() == []
            assert isinstance(await spool.send(Message("Orders", b"x")), Spooled)

    asyncio.run(main())


class OnlyExecutes:
    def execute(self, message, transaction_id, arg):
        return None


def test_listeners_that_cannot_be_called():
    with pytest.raises(ClientError, match="no method execute"):
        TransactionProducer("shop", None)
    with pytest.raises(ClientError, match="no method check"):
        TransactionProducer("shop", OnlyExecutes())
    with pytest.raises(ClientError, match="group 'shop' cannot be called"):
        PushConsumer("shop", None)


@pytest.mark.parametrize("topic", [None, "", " "])
def test_no_topic_is_subscribed(topic):
    consumer = LitePullConsumer("shop")
    with pytest.raises(ClientError, match="invalid topic"):
        consumer.subscribe(topic)
    assert consumer.subscriptions() == []


@pytest.mark.parametrize(
    "setting",
    [
        {"consume_from_where": "LAST"},
        {"message_model": "ALL"},
        {"consume_timestamp_ms": "20200101000000"},
        {"allocate": None},
        {"concurrency": 0},
        {"batch_size": 0},
    ],
)
def test_settings_that_nothing_can_be_consumed_with(setting):
    with pytest.raises(ClientError, match=f"invalid {next(iter(setting))} "):
        ConsumeSettings(**setting)
