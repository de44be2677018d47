"""The admin session: fan-out with a bound, failover, signing, version names."""

from __future__ import annotations

import asyncio

import pytest

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.fanout import fan_out
from rocketmq_ops.common.errors import AllFailedError, RocketMQError
from rocketmq_ops.remoting.codes import RequestCode as Code
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import AclSigner
from rocketmq_ops.remoting.versions import version_text
from tests.golden_data import session_frames
from tests.mqadmin.fake_cluster import FakeCluster
from tests.mqadmin.replay import FakeTransport, decode_frame


def test_a_fan_out_has_a_bound_and_keeps_order_and_errors() -> None:
    running = 0
    most = 0

    async def call(number: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if number % 10 == 3:
            raise RocketMQError(f"no {number}")
        return number * 2

    fan = asyncio.run(fan_out(range(100), call, 7))
    assert most == 7
    assert list(fan.answers) == [number for number in range(100) if number % 10 != 3]
    assert [failure.target for failure in fan.failures] == [str(number) for number in range(3, 100, 10)]
    assert fan.answers[99] == 198


def test_a_fan_out_raises_what_is_no_expected_failure() -> None:
    async def call(number: int) -> int:
        raise KeyError(number)

    with pytest.raises((KeyError, ExceptionGroup)):
        asyncio.run(fan_out([1, 2], call))


def test_a_pair_that_failed_is_named_in_words() -> None:
    async def call(place: tuple[str, str]) -> int:
        raise RocketMQError("it is down")

    fan = asyncio.run(fan_out([("10.0.0.1:10911", "orders")], call))
    assert [failure.target for failure in fan.failures] == ["10.0.0.1:10911 orders"]


def test_all_failed_names_every_target() -> None:
    async def call(name: str) -> int:
        raise RocketMQError(f"{name} is down", "start it")

    fan = asyncio.run(fan_out(["a", "b"], call))
    with pytest.raises(AllFailedError, match="a is down; b is down") as caught:
        fan.require_some("asking")
    assert caught.value.next_step == "start it"
    assert asyncio.run(fan_out([], call)).require_some("asking").answers == {}


def test_two_thousand_groups_are_asked_with_a_bound() -> None:
    cluster = FakeCluster()
    broker = cluster["broker-a"]
    for number in range(2000):
        broker.add_topic(f"%RETRY%group-{number:04d}", 1)
        broker.committed[(f"group-{number:04d}", "T", 0)] = 0
    broker.ends = {("T", 0): 1}
    transport = cluster.transport
    running = 0
    most = 0
    plain = transport.invoke

    async def counting(addr: str, command: RemotingCommand, timeout_ms: int = 3000) -> RemotingCommand:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        try:
            return await plain(addr, command, timeout_ms)
        finally:
            running -= 1

    transport.invoke = counting  # type: ignore[method-assign]

    async def run() -> int:
        async with MQAdmin(cluster.name_servers, transport=transport, concurrency=16) as admin:
            return len((await admin.groups.listing()).groups)

    assert asyncio.run(run()) == 2000
    assert 2 <= most <= 16


def test_the_name_server_that_answered_is_asked_first_next_time() -> None:
    cluster = FakeCluster(name_servers=3)
    cluster.stop(cluster.name_servers[0])

    async def run() -> None:
        async with MQAdmin(cluster.name_servers, transport=cluster.transport) as admin:
            await admin.topics.names()
            await admin.topics.names()

    asyncio.run(run())
    assert [address for address, _ in cluster.transport.sent] == [
        cluster.name_servers[0],
        cluster.name_servers[1],
        cluster.name_servers[1],
    ]


def test_the_session_closes_its_transport() -> None:
    transport = FakeTransport()

    async def run() -> None:
        async with MQAdmin(["10.0.0.1:9876"], transport=transport):
            assert not transport.closed

    asyncio.run(run())
    assert transport.closed


def test_signatures_are_those_of_apaches_tool() -> None:
    """The recorded session was signed with the sample credentials of Apache's tools.yml."""
    signer = AclSigner("rocketmq2", "12345678")
    seen = 0
    for frame in session_frames():
        command = decode_frame(bytes.fromhex(frame["hex"]))
        signature = command.ext_fields.get("Signature")
        if command.is_response or signature is None:
            continue
        if command.ext_fields.get("_UNIQUE_KEY_QUERY") is not None:
            continue  # signed as by a client of 4.9.3: see below
        signer.sign(command)
        assert command.ext_fields["Signature"] == signature
        seen += 1
    assert seen > 100
    assert "12345678" not in repr(signer)


def test_a_query_is_signed_as_every_broker_verifies_it() -> None:
    """Brokers of 4.9 leave the field out of what they verify, those of 5.x for clients up to 4.9.3 (ordinal 399)."""
    signer = AclSigner("rocketmq2", "12345678")
    plain = RemotingCommand.request(12, ext_fields={"topic": "T", "key": "k"})
    query = RemotingCommand.request(12, ext_fields={"topic": "T", "key": "k", "_UNIQUE_KEY_QUERY": "true"})
    signer.sign(plain)
    signer.sign(query)
    assert query.ext_fields["Signature"] == plain.ext_fields["Signature"]
    assert query.ext_fields["_UNIQUE_KEY_QUERY"] == "true"
    assert (plain.version, query.version) == (479, 399)


def test_signing_covers_the_typed_header() -> None:
    from rocketmq_ops.remoting.headers import GetRouteInfoRequestHeader

    typed = RemotingCommand.request(Code.GET_ROUTEINFO_BY_TOPIC, GetRouteInfoRequestHeader(topic="T"))
    plain = RemotingCommand.request(Code.GET_ROUTEINFO_BY_TOPIC, ext_fields={"topic": "T"})
    signer = AclSigner("a", "s")
    signer.sign(typed)
    signer.sign(plain)
    assert typed.ext_fields["Signature"] == plain.ext_fields["Signature"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (479, "V5_3_3"),
        (478, "V5_3_3_SNAPSHOT"),
        (407, "V4_9_7"),
        (413, "V5_0_0"),
        (212, "V4_0_0_SNAPSHOT"),
        (5, "V3 (5)"),
    ],
)
def test_version_names(number: int, text: str) -> None:
    assert version_text(number) == text
