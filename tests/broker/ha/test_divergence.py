"""A slave whose commitlog is not the beginning of its master's says so, and nothing of it is changed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode
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
