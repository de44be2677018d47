"""What the producer does about failing brokers, with scripted ones."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.client.errors import BrokerError, NoMasterError
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.client.producer.send_request import SendSettings
from rocketmq_ops.common.message import Message, MessageQueue
from rocketmq_ops.remoting.bodies import BrokerData, QueueData, TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD
from rocketmq_ops.remoting.config import NettyServerConfig
from rocketmq_ops.remoting.errors import RemotingConnectError, RemotingTimeoutError
from rocketmq_ops.remoting.headers import (
    GetRouteInfoRequestHeader,
    SendMessageRequestHeaderV2,
    SendMessageResponseHeader,
)
from rocketmq_ops.remoting.server import RemotingServer


def stored(channel, request, header):
    return request.reply(header=SendMessageResponseHeader(msg_id="00", queue_id=header.queue_id, queue_offset=1))


def refusal(error):
    """The code of a server's refusal."""
    assert type(error) is BrokerError
    return error.code


def answering(code):
    return lambda channel, request, header: request.reply(code, "scripted")


@asynccontextmanager
async def scripted(*brokers):
    """(options, list of brokers that got a send) with one broker for each handler; None is a broker that is down."""
    servers, sends, route = [], [], TopicRouteData()
    for i, handler in enumerate([*brokers, None]):
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1"))
        await server.start()
        address = f"127.0.0.1:{server.port}"
        if i == len(brokers):
            server.register(105, GetRouteInfoRequestHeader, lambda ch, r, h: r.reply(body=route.encode()))
        else:
            name = f"broker-{i}"

            def noted(channel, request, header, name=name, handler=handler):
                sends.append(name)
                return handler(channel, request, header)

            server.register(310, SendMessageRequestHeaderV2, noted)
            route.broker_datas.append(BrokerData(broker_name=name, cluster="c", broker_addrs={0: address}))
            route.queue_datas.append(QueueData(broker_name=name, read_queue_nums=1, write_queue_nums=1, perm=6))
            if handler is None:
                await server.stop()
        servers.append(server)
    try:
        yield ClientOptions(name_servers=[address], client_ip="127.0.0.1"), sends
    finally:
        for server in servers:
            await server.stop()


def send(*brokers, count=2, queue=None, **settings):
    """The results (or errors) of `count` sends, and which brokers were tried."""

    async def main():
        async with AsyncExitStack() as stack:
            options, sends = await stack.enter_async_context(scripted(*brokers))
            producer = await stack.enter_async_context(Producer("p", options, settings=SendSettings(**settings)))
            results = []
            for _ in range(count):
                try:
                    results.append(await producer.send(Message("T", b"x"), queue=queue))
                except Exception as error:
                    results.append(error)
            return results, sends

    return asyncio.run(main())


@pytest.mark.parametrize("code", [1, 2, 14, 16, 17, 1500])
def test_another_broker_is_tried_after_a_retriable_code(code):
    results, sends = send(answering(code), stored)
    assert [r.queue.broker_name for r in results] == ["broker-1", "broker-1"]
    assert "broker-0" in sends


def test_another_broker_is_tried_when_one_is_down():
    results, sends = send(None, stored)
    assert [r.status for r in results] == [SendStatus.SEND_OK] * 2 and set(sends) == {"broker-1"}


def test_the_last_error_is_raised_when_all_fail():
    results, sends = send(answering(2), answering(2), count=1)
    assert refusal(results[0]) == ResponseCode.SYSTEM_BUSY and len(sends) == 3 and len(set(sends)) == 2
    results, _ = send(None, None, count=1)
    assert type(results[0]) is RemotingConnectError and results[0].next_step


def test_a_refused_message_is_not_tried_elsewhere():
    results, sends = send(answering(13), answering(13), count=1)
    assert refusal(results[0]) == ResponseCode.MESSAGE_ILLEGAL and len(sends) == 1


def test_a_given_queue_is_the_only_one_tried():
    queue = MessageQueue("T", "broker-0", 0)
    results, sends = send(answering(2), stored, count=1, queue=queue)
    assert refusal(results[0]) == ResponseCode.SYSTEM_BUSY and sends == ["broker-0"]


@pytest.mark.parametrize("code", [10, 11, 12])
def test_weaker_storage_is_a_status(code):
    weak = lambda channel, request, header: request.reply(  # noqa: E731
        code, header=SendMessageResponseHeader(msg_id="00", queue_id=0, queue_offset=1)
    )
    results, _ = send(weak, weak, count=1)
    assert results[0].status in (
        SendStatus.FLUSH_DISK_TIMEOUT,
        SendStatus.SLAVE_NOT_AVAILABLE,
        SendStatus.FLUSH_SLAVE_TIMEOUT,
    )
    results, sends = send(weak, stored, count=2, retry_another_broker_when_not_store_ok=True)
    assert {r.status for r in results} == {SendStatus.SEND_OK} and "broker-0" in sends


@pytest.mark.parametrize("code", [2, 13, None], ids=["busy", "refused", "away"])
def test_what_one_broker_has_stored_is_no_failure_because_the_other_fails(code):
    weak = lambda channel, request, header: request.reply(  # noqa: E731
        12, header=SendMessageResponseHeader(msg_id="00", queue_id=0, queue_offset=1)
    )
    other = None if code is None else answering(code)
    results, _ = send(weak, other, count=2, retry_another_broker_when_not_store_ok=True)
    statuses = [getattr(result, "status", result) for result in results]
    assert SendStatus.FLUSH_SLAVE_TIMEOUT in statuses
    # Whose first try was at the broker that refuses for good is told so.
    assert all(status == SendStatus.FLUSH_SLAVE_TIMEOUT or refusal(status) == 13 for status in statuses)


def test_the_timeout_covers_all_tries():
    results, sends = send(lambda *_: HELD, lambda *_: HELD, count=1, send_timeout_ms=60)
    assert type(results[0]) is RemotingTimeoutError and len(sends) == 1


def test_while_the_master_is_away_a_message_goes_to_no_other_broker():
    """A known topic is not made anew where the template for automatic creation is."""
    asked = []

    async def main():
        server = RemotingServer(NettyServerConfig(bindAddress="127.0.0.1"))
        await server.start()
        address = f"127.0.0.1:{server.port}"

        def routed(channel, request, header):
            asked.append(header.topic)
            name, broker_id = ("broker-0", 1) if header.topic == "T" else ("broker-1", 0)
            route = TopicRouteData(
                broker_datas=[BrokerData(broker_name=name, cluster="c", broker_addrs={broker_id: address})],
                queue_datas=[QueueData(broker_name=name, read_queue_nums=1, write_queue_nums=1, perm=7)],
            )
            return request.reply(body=route.encode())

        server.register(105, GetRouteInfoRequestHeader, routed)
        options = ClientOptions(name_servers=[address], client_ip="127.0.0.1")
        try:
            async with Producer("p", options) as producer:
                with pytest.raises(NoMasterError, match="no master of broker-0 is registered") as caught:
                    await producer.send(Message("T", b"x"))
        finally:
            await server.stop()
        assert caught.value.next_step == "start the master; if it is lost, make its slave the master"

    asyncio.run(main())
    assert set(asked) == {"T"}
