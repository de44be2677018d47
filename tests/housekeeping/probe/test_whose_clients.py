"""Whom the prober asks who is connected: a broker that was started anew knows no clients for up to a minute."""

from __future__ import annotations

import asyncio

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.client.admin.brokers.cluster import BrokerAddress
from rocketmq_ops.housekeeping.history.runs import GroupOffsets, QueueKey, QueueOffsets
from rocketmq_ops.housekeeping.probe.groups import GroupsSeen, add_clients
from rocketmq_ops.housekeeping.probe.turns import Turns
from rocketmq_ops.remoting.bodies import Connection, ConsumerConnection
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingConnectError
from tests.housekeeping.probe.faulty import Faulty

MASTERS = [BrokerAddress(f"{name}:1", name, 0, "c") for name in "abc"]


def seen_with(knows: dict[str, list[str] | None]) -> tuple[GroupsSeen, list[str]]:
    """A group that is behind on brokers a and b, of whose clients brokers know these (None: silent); who was asked."""
    transport = Faulty()

    async def clients(addr: str, command: RemotingCommand, forward: object) -> RemotingCommand:
        ids = knows[addr[0]]
        if ids is None:
            raise RemotingConnectError(f"cannot connect to {addr}", address=addr)
        if not ids:
            return command.reply(ResponseCode.CONSUMER_NOT_ONLINE)
        return command.reply(body=ConsumerConnection(connection_set=[Connection(client_id=i) for i in ids]).encode())

    transport.faults[RequestCode.GET_CONSUMER_CONNECTION_LIST] = clients
    queues = [QueueOffsets(QueueKey("T", name, number), 9, 1) for name in "ab" for number in (0, 1)]
    seen = GroupsSeen(1, {"g": GroupOffsets(group="g", queues=queues)}, [])

    async def run() -> None:
        async with MQAdmin(["n:1"], transport=transport) as admin:
            await add_clients(admin, seen, MASTERS, {}, (), Turns(None))

    asyncio.run(run())
    return seen, [addr[0] for addr, _ in transport.asked]


def test_a_broker_that_was_started_anew_does_not_make_a_group_offline() -> None:
    seen, asked = seen_with({"a": [], "b": ["one", "two"], "c": []})
    assert (seen.groups["g"].members, asked, seen.failures) == (2, ["a", "b"], [])


def test_one_broker_is_enough_where_it_knows_clients() -> None:
    seen, asked = seen_with({"a": ["one"], "b": ["one"], "c": []})
    assert (seen.groups["g"].members, asked) == (1, ["a"])


def test_nobody_is_connected_where_two_brokers_know_nobody() -> None:
    seen, asked = seen_with({"a": [], "b": [], "c": ["of another topic"]})
    assert (seen.groups["g"].members, asked) == (0, ["a", "b"])


def test_that_the_second_broker_was_silent_is_said() -> None:
    seen, _ = seen_with({"a": [], "b": None, "c": []})
    assert seen.groups["g"].members == 0
    assert [failure.target for failure in seen.failures] == ["g at b:1"]
