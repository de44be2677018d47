"""A slave whose commitlog is not the beginning of its master's says so, and nothing of it is changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.processors.admin import broker as broker_admin
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.ha.pairs import Pair, assert_alike, caught_up, log_bytes, until
from tests.broker.support import Session


async def problem_of(slave: BrokerController) -> str:
    client = slave.ha.client
    assert client is not None
    await until(lambda: client.problem)
    return client.problem


async def send(broker: Session, bodies: list[bytes]) -> None:
    for body in bodies:
        await broker.send("T", body)


async def replicated(pair: Pair, bodies: list[bytes]) -> bytes:
    """Have a slave that has replicated these, and is stopped; its commitlog."""
    master = await pair.start_master()
    slave = await pair.start_slave()
    await send(master, bodies)
    await caught_up(pair.master, slave)
    kept = log_bytes(slave.store)
    await slave.stop()
    await pair.master.stop()
    return kept


@pytest.mark.parametrize("asked", [True, False], ids=["by requests", "by the protocol alone"])
def test_a_slave_that_is_ahead(tmp_path: Path, asked: bool) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            kept = await replicated(pair, [b"one", b"two"])
            other = await pair.start_master(storePathRootDir=str(tmp_path / "other"))
            await send(other, [b"one"])
            slave = await pair.start_slave(known=asked)
            problem = await problem_of(slave)
            if asked:
                assert f"up to {len(kept)}, and the master up to {other.broker.store.max_phy_offset} only" in problem
                assert "move its store away and start it empty" in problem
            else:
                assert "closed the connection" in problem
            assert log_bytes(slave.store) == kept

    asyncio.run(scenario())


def test_a_last_message_that_is_another_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            kept = await replicated(pair, [b"one", b"two"])
            other = await pair.start_master(storePathRootDir=str(tmp_path / "other"))
            await send(other, [b"one", b"TWO", b"three"])
            slave = await pair.start_slave()
            assert "the two have gone different ways" in await problem_of(slave)
            status = await Session(slave, pair.client).ask(RequestCode.GET_BROKER_RUNTIME_INFO)
            assert "different ways" in KVTable.decode(status.body_bytes).table["haProblem"]
            assert log_bytes(slave.store) == kept

    asyncio.run(scenario())


def test_another_last_message_of_another_length(tmp_path: Path) -> None:
    """Where the slave's last message begins the master has the middle of one."""

    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            kept = await replicated(pair, [b"one", b"two"])
            other = await pair.start_master(storePathRootDir=str(tmp_path / "other"))
            await send(other, [bytes(1000)])
            slave = await pair.start_slave()
            assert "the two have gone different ways" in await problem_of(slave)
            assert log_bytes(slave.store) == kept

    asyncio.run(scenario())


def refuse(_channel: Channel, request: RemotingCommand, _header: None) -> RemotingCommand:
    """Answer as a master does that does not know the slave's account."""
    return request.reply(ResponseCode.NO_PERMISSION, "No acl config")


async def shown(slave: BrokerController, client: RemotingClient) -> str:
    """What `mqadmin haStatus` says of a slave."""
    status = await Session(slave, client).ask(RequestCode.GET_BROKER_RUNTIME_INFO)
    return KVTable.decode(status.body_bytes).table["haProblem"]


@pytest.mark.parametrize("why", ["not known", "refuses"])
def test_what_could_not_be_compared_at_first_is_compared_when_it_can_be(
    tmp_path: Path, why: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its last message is the master's then, and the one before it is not."""

    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            kept = await replicated(pair, [b"one", b"two"])
            other = await pair.start_master(storePathRootDir=str(tmp_path / "other"))
            await send(other, [b"one", b"TWO", b"three"])
            if why == "refuses":
                other.broker.server.register(RequestCode.GET_BROKER_RUNTIME_INFO, None, refuse)
            slave = await pair.start_slave(known=why == "refuses")
            await caught_up(pair.master, slave)
            assert slave.ha.client is not None and slave.ha.client.problem == ""
            assert "is its master's is not known" in await shown(slave, pair.client)
            if why == "refuses":
                broker_admin.install(other.broker)
                slave.ha.client._wake.set()
            else:
                slave.master.learn(pair.master.address, pair.master.ha_address)
            assert f"the message at {len(kept) // 2} of the commitlog" in await problem_of(slave)
            assert "different ways" in await shown(slave, pair.client)

    asyncio.run(scenario())
    assert "whether this slave's commitlog is its master's is not known" in caplog.text


def test_a_master_that_is_known_late_is_compared_without_a_new_connection(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            await replicated(pair, [b"one", b"two"])
            master = await pair.start_master()
            slave = await pair.start_slave(known=False)
            client = slave.ha.client
            assert client is not None
            await until(lambda: client.is_connected)
            feed = client._feed
            assert "not known" in await shown(slave, pair.client)
            await send(master, [b"three"])
            await caught_up(pair.master, slave)
            slave.master.learn(pair.master.address, pair.master.ha_address)
            await until(lambda: not client.not_compared)
            assert client._feed is feed and await shown(slave, pair.client) == ""

    asyncio.run(scenario())


@pytest.mark.parametrize("asked", [True, False], ids=["by requests", "by the protocol alone"])
def test_a_master_that_has_deleted_what_the_slave_needs(
    tmp_path: Path, asked: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            kept = await replicated(pair, [b"one"])
            master = await pair.start_master()
            await send(master, [bytes(90_000)] * 8)
            pair.master.store.commit_log.file_queue.remove_first(2)
            slave = await pair.start_slave(known=asked)
            problem = await problem_of(slave)
            assert "older files are deleted" in (problem if asked else caplog.text)
            assert log_bytes(slave.store) == kept

    asyncio.run(scenario())


def test_files_of_another_size(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            await send(master, [bytes(90_000)] * 8)
            slave = await pair.start_slave(mappedFileSizeCommitLog=1 << 20)
            assert "set mappedFileSizeCommitLog as on the master" in await problem_of(slave)
            assert slave.store.max_phy_offset == 0

    asyncio.run(scenario())


def test_what_is_no_record_is_not_kept(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            await send(master, [b"one"])
            await caught_up(pair.master, slave)
            kept = log_bytes(slave.store)
            await slave.stop()
            await send(master, [b"two"])
            view = pair.master.store.commit_log.file_queue.files[0].view
            was = bytes(view[len(kept) : len(kept) + 8])
            view[len(kept) : len(kept) + 8] = b"\x00\x00\x00\x7fgarb"
            slave = await pair.start_slave()
            assert "is no record" in await problem_of(slave)
            assert log_bytes(slave.store) == kept
            view[len(kept) : len(kept) + 8] = was
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)

    asyncio.run(scenario())


def test_a_place_that_does_not_speak_the_protocol(tmp_path: Path) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" + b"\xff" * 20)
        await reader.read(1)
        await reader.read(100)
        writer.close()

    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            server = await asyncio.start_server(talk, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            await pair.start_master()
            slave = await pair.start_slave(haMasterAddress=f"127.0.0.1:{port}")
            assert "does not speak the protocol of replication" in await problem_of(slave)
            assert slave.store.max_phy_offset == 0
            server.close()

    asyncio.run(scenario())
