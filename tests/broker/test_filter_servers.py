"""Filter servers of 4.x: kept as long as they announce themselves, in the routes of the name server; class filters."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.common.addresses import format_address
from rocketmq_ops.remoting.bodies import TopicRouteData
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.config import NettyClientConfig
from rocketmq_ops.remoting.headers import GetRouteInfoRequestHeader
from tests.broker.support import Session, bodies, consumer, run, running, until
from tests.namesrv.support import name_server

REGISTER = RequestCode.REGISTER_FILTER_SERVER


async def announce(session: Session, client: RemotingClient, address: str) -> RemotingCommand:
    request = RemotingCommand.request(REGISTER, ext_fields={"filterServerAddr": address})
    return await client.invoke(session.address, request, 5000)


def test_an_address_that_is_none_is_refused_without_a_stack_trace(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(session: Session) -> None:
        answer = await announce(session, session.client, "nowhere")
        assert answer.code != ResponseCode.SUCCESS and "HOST:PORT" in (answer.remark or "")
        assert not session.broker.filter_servers.addresses()

    run(tmp_path, body)
    assert "refused" in caplog.text and "Traceback" not in caplog.text


def test_a_filter_server_is_in_the_routes_as_long_as_it_is_connected(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            name_server(tmp_path) as (namesrv, asking),
            running(tmp_path / "store", namesrvAddr=namesrv.address) as session,
        ):
            broker = session.broker

            async def table() -> dict[str, list[str]]:
                await broker.register_all()
                route = await asking.invoke_namesrv(RemotingCommand.of(GetRouteInfoRequestHeader(topic="TBW102")))
                return TopicRouteData.decode(route.body_bytes).filter_server_table

            assert await table() == {}
            first, second = RemotingClient(NettyClientConfig()), RemotingClient(NettyClientConfig())
            answer = await announce(session, first, "127.0.0.1:3901")
            assert answer.ext_fields == {"brokerName": "broker-a", "brokerId": "0"}
            await announce(session, second, "127.0.0.1:3902")
            # A connection is one filter server, known by what it said first.
            await announce(session, second, "127.0.0.1:3999")
            assert await table() == {broker.address: ["127.0.0.1:3901", "127.0.0.1:3902"]}
            # Topics that change between two registrations do not take them away.
            await broker.outer.register_topics([broker.topics.table["TBW102"]])
            assert list(namesrv.routes.filter_servers.values()) == [["127.0.0.1:3901", "127.0.0.1:3902"]]
            await first.close()
            await until(lambda: broker.filter_servers.addresses() == ["127.0.0.1:3902"])
            assert await table() == {broker.address: ["127.0.0.1:3902"]}
            await second.close()
            await until(lambda: not broker.filter_servers.addresses())
            assert await table() == {}

    asyncio.run(main())


def test_a_silent_filter_server_is_dropped_after_30_s(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        servers = session.broker.filter_servers
        now = session.broker.clock()
        servers._clock = lambda: now
        await session.ask(REGISTER, {"filterServerAddr": "127.0.0.1:3901"})
        now += 30_000
        servers.scan_inactive()
        await session.ask(REGISTER, {"filterServerAddr": "127.0.0.1:3901"})
        now += 30_000
        servers.scan_inactive()
        (channel,) = servers.table
        now += 1
        servers.scan_inactive()
        assert servers.addresses() == [] and channel.closed

    run(tmp_path, body)


@pytest.mark.parametrize("fields", [{}, {"filterServerAddr": "nowhere"}])
def test_what_is_not_an_address_is_refused(tmp_path: Path, fields: dict[str, str]) -> None:
    async def body(session: Session) -> None:
        answer = await session.ask(REGISTER, fields)
        assert answer.code == ResponseCode.SYSTEM_ERROR and answer.remark
        assert session.broker.filter_servers.addresses() == []

    run(tmp_path, body)


def test_a_filter_class_is_not_taken_by_a_broker(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        fields = {"consumerGroup": "g", "topic": "T", "className": "F", "classCRC": "1"}
        answer = await session.ask(RequestCode.REGISTER_MESSAGE_FILTER_CLASS, fields)
        assert (answer.code, answer.remark) == (
            ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
            "request type 302 not supported",
        )

    run(tmp_path, body)


@pytest.mark.parametrize("kind", ["TAG", None])
def test_a_class_filters_subscription_is_answered_unfiltered(tmp_path: Path, kind: str | None) -> None:
    """The filter server pulls all of it and filters itself; held pulls too."""

    async def body(session: Session) -> None:
        await session.send("T", b"a", properties={"TAGS": "a"})
        await session.send("T", b"b", properties={"TAGS": "b"})
        for class_filter_mode in (True, False):
            group = f"g{class_filter_mode}"
            beat = consumer(
                group,
                "T",
                sub_string="a",
                tags_set=["a"],
                code_set=[97],
                class_filter_mode=class_filter_mode,
                expression_type=kind,
            )
            await session.heartbeat(client_id="c", consumer_data_set=[beat])
            fields = {"sysFlag": "8", "subVersion": "1"}
            found = bodies(await session.pull("T", group, **fields))
            assert found == ([b"a", b"b"] if class_filter_mode else [b"a"])
        held = asyncio.create_task(session.pull("T", "gTrue", offset=2, sysFlag="10", subVersion="1"))
        await until(lambda: bool(session.broker.held_pulls.table))
        await session.send("T", b"c", properties={"TAGS": "c"})
        assert bodies(await held) == [b"c"]

    run(tmp_path, body)


def test_addresses_of_ipv6_are_taken(tmp_path: Path) -> None:
    async def body(session: Session) -> None:
        address = format_address("::1", 3901)
        assert (await session.ask(REGISTER, {"filterServerAddr": address})).code == 0
        assert session.broker.filter_servers.addresses() == [address]

    run(tmp_path, body)
