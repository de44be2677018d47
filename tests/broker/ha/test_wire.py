"""The protocol byte by byte, with a slave or a master made of bytes alone on the other side."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from rocketmq_ops.broker.ha import ha_service
from rocketmq_ops.remoting.bodies import HARuntimeInfo
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.ha.pairs import Pair, assert_alike, caught_up, log_bytes, until
from tests.broker.support import Session

FRAME = struct.Struct(">qi")


class FakeSlave:
    """Reads frames, and reports what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def report(self, offset: int) -> None:
        self.writer.write(struct.pack(">q", offset))

    async def frame(self) -> tuple[int, bytes]:
        """The next frame, heartbeats too: where it begins, and its bytes."""
        async with asyncio.timeout(10):
            offset, size = FRAME.unpack(await self.reader.readexactly(FRAME.size))
            return offset, await self.reader.readexactly(size)

    async def frames_until(self, end: int) -> list[tuple[int, bytes]]:
        """All frames with data up to an offset."""
        found = []
        while not found or found[-1][0] + len(found[-1][1]) < end:
            offset, data = await self.frame()
            if data:
                found.append((offset, data))
        return found

    async def is_closed(self) -> bool:
        """Whether the master ends the connection."""
        async with asyncio.timeout(10):
            return not await self.reader.read(1)


@asynccontextmanager
async def fake_slave(pair: Pair) -> AsyncIterator[FakeSlave]:
    reader, writer = await asyncio.open_connection("127.0.0.1", pair.master.store_config.haListenPort)
    try:
        yield FakeSlave(reader, writer)
    finally:
        writer.close()


async def status(broker: Session) -> HARuntimeInfo:
    answer = await broker.ask(RequestCode.GET_BROKER_HA_STATUS)
    return HARuntimeInfo.decode(answer.body_bytes)


def test_frames_hold_the_commitlog_and_a_report_may_come_in_pieces(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, haTransferBatchSize=100) as pair:
            master = await pair.start_master()
            for at in range(5):
                await master.send("T", b"%d" % at)
            whole = log_bytes(pair.master.store)
            async with fake_slave(pair) as slave:
                slave.writer.write(bytes(3))
                await asyncio.sleep(0)
                slave.writer.write(bytes(5))
                frames = await slave.frames_until(len(whole))
                assert b"".join(data for _, data in frames) == whole
                assert [offset for offset, _ in frames] == list(range(0, len(whole), 100))
                slave.report(100)
                await until(lambda: pair.master.ha.connections[0].ack_offset == 100)
                info = await status(master)
                assert (info.master, info.master_commit_log_max_offset, info.in_sync_slave_nums) == (
                    True,
                    len(whole),
                    1,
                )
                (connection,) = info.ha_connection_info
                assert (connection.slave_ack_offset, connection.diff) == (100, len(whole) - 100)
                assert (connection.transfer_from_where, connection.in_sync) == (len(whole), True)
            await until(lambda: not pair.master.ha.connections)

    asyncio.run(scenario())


def test_heartbeats_go_on_while_there_is_nothing(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, haSendHeartbeatInterval=50) as pair:
            master = await pair.start_master()
            await master.send("T")
            end = pair.master.store.max_phy_offset
            async with fake_slave(pair) as slave:
                slave.report(end)
                assert [await slave.frame() for _ in range(3)] == [(end, b"")] * 3

    asyncio.run(scenario())


def test_a_silent_slave_and_one_that_invents_offsets_are_let_go(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, haSendHeartbeatInterval=60_000, haHousekeepingInterval=300) as pair:
            master = await pair.start_master()
            await master.send("T")
            end = pair.master.store.max_phy_offset
            async with fake_slave(pair) as slave:
                assert await slave.is_closed()
            pair.master.store_config.haHousekeepingInterval = 60_000
            for invented in (end + 1, -5, 1 << 62):
                async with fake_slave(pair) as slave:
                    slave.report(invented)
                    assert await slave.is_closed()
            async with fake_slave(pair) as slave:
                slave.report(0)
                await slave.frames_until(end)
                slave.report(end + 8)
                assert await slave.is_closed()
            assert pair.master.ha.acked(1) <= end

    asyncio.run(scenario())


def test_the_flow_to_a_slave_is_limited(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, haFlowControlEnable=True, maxHaTransferByteInSecond=1000) as pair:
            master = await pair.start_master()
            await master.send("T", bytes(5000))
            async with fake_slave(pair) as slave:
                slave.report(0)
                assert len((await slave.frame())[1]) == 1000
                assert (await slave.frame())[0] == 1000

    asyncio.run(scenario())


def test_a_master_that_sends_byte_by_byte(tmp_path: Path) -> None:
    """And its frames end amid records and amid their own heads."""

    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            for at in range(4):
                await master.send("T", b"%d" % at, queue_id=at % 2, properties={"KEYS": f"k{at}"})
            whole = log_bytes(pair.master.store)
            reports = []

            async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                assert await reader.readexactly(8) == bytes(8)
                for at in range(0, len(whole), 97):
                    piece = whole[at : at + 97]
                    for byte in FRAME.pack(at, len(piece)) + piece:
                        writer.write(bytes([byte]))
                        await asyncio.sleep(0)
                while not reports or reports[-1] < len(whole):
                    reports.append(int.from_bytes(await reader.readexactly(8), "big"))
                await reader.read(1)
                writer.close()

            server = await asyncio.start_server(talk, "127.0.0.1", 0)
            port = server.sockets[0].getsockname()[1]
            slave = await pair.start_slave(haMasterAddress=f"127.0.0.1:{port}")
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)
            await until(lambda: reports and reports[-1] == len(whole))
            assert reports == sorted(reports)
            info = await status(Session(slave, pair.client))
            assert (info.master, info.ha_client_runtime_info.max_offset) == (False, len(whole))
            assert info.ha_client_runtime_info.master_addr == f"127.0.0.1:{port}"
            await slave.stop()
            server.close()

    asyncio.run(scenario())


def test_what_brokers_ask_each_other(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            slave = Session(await pair.start_slave(), pair.client)
            answer = await master.ask(RequestCode.EXCHANGE_BROKER_HA_INFO)
            assert answer.ext_fields == {
                "masterHaAddress": pair.master.ha_address, "masterAddress": pair.master.address,
                "masterFlushOffset": "0",
            }  # fmt: skip
            assert not (await slave.ask(RequestCode.EXCHANGE_BROKER_HA_INFO)).ext_fields
            for broker in (master, slave):
                told = await broker.ask(RequestCode.EXCHANGE_BROKER_HA_INFO, {"masterHaAddress": "127.0.0.1:1"})
                assert told.code == ResponseCode.NO_PERMISSION
                assert (await broker.ask(RequestCode.RESET_MASTER_FLUSH_OFFSET, {"masterFlushOffset": "77"})).code == 0
            assert (await status(slave)).ha_client_runtime_info.master_flush_offset == 77
            assert slave.broker.master.ha_address == pair.master.ha_address

    asyncio.run(scenario())


def test_who_is_not_among_the_allowed_addresses_counts_for_nothing(tmp_path: Path) -> None:
    """Not as a slave that has the messages, and not as one of those that are served at most; also when the key is set
    while somebody is connected."""

    async def scenario() -> None:
        async with Pair(tmp_path, brokerRole="SYNC_MASTER", slaveTimeout=300) as pair:
            master = await pair.start_master(haAllowedAddresses="10.0.0.0/8;192.0.2.1")
            for _ in range(2):
                async with fake_slave(pair) as stranger:
                    stranger.report(0)
                    assert await stranger.is_closed()
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            allow = b"haAllowedAddresses=10.0.0.0/8;127.0.0.0/30\n"
            assert (await master.ask(RequestCode.UPDATE_BROKER_CONFIG, body=allow)).code == ResponseCode.SUCCESS
            async with fake_slave(pair) as slave:
                end = pair.master.store.max_phy_offset
                slave.report(0)
                await slave.frames_until(end)
                slave.report(end)
                await until(lambda: pair.master.ha.acked(1) == end)
                assert (await status(master)).in_sync_slave_nums == 1
                forbid = b"haAllowedAddresses=10.0.0.0/8\n"
                assert (await master.ask(RequestCode.UPDATE_BROKER_CONFIG, body=forbid)).code == ResponseCode.SUCCESS
                async with asyncio.timeout(20):
                    while await slave.reader.read(65536):
                        pass
            await until(lambda: not pair.master.ha.connections)
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            for wrong in (b"haAllowedAddresses=here\n", b"haAllowedAddresses=10.0.0.0/8,10.0.0.1\n"):
                refused = await master.ask(RequestCode.UPDATE_BROKER_CONFIG, body=wrong)
                assert refused.code == ResponseCode.INVALID_PARAMETER and "10.1.0.0/16" in (refused.remark or "")

    asyncio.run(scenario())


def test_a_slave_from_an_allowed_address_is_served(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master(haAllowedAddresses="127.0.0.1")
            slave = await pair.start_slave()
            assert (await master.send("T")).code == ResponseCode.SUCCESS
            await caught_up(pair.master, slave)

    asyncio.run(scenario())


def test_what_a_slave_reports_for_whom_there_is_no_place_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ha_service, "MAX_SLAVES", 1)

    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            await master.send("T")
            end = pair.master.store.max_phy_offset
            async with fake_slave(pair) as slave:
                slave.report(0)
                await slave.frames_until(end)
                async with fake_slave(pair) as another:
                    another.report(end)
                    assert await another.is_closed()
                assert pair.master.ha.acked(1) == 0
                assert [each.ack_offset for each in pair.master.ha.connections] == [0]

    asyncio.run(scenario())
    assert "1 slaves are connected already" in caplog.text


@pytest.mark.parametrize("turns", range(5))
def test_who_was_accepted_just_before_a_stop_is_not_let_in(turns: int, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            await pair.start_master()
            with socket.create_connection(("127.0.0.1", pair.master.store_config.haListenPort)) as slave:
                slave.setblocking(False)
                for _ in range(turns):
                    await asyncio.sleep(0)
                await pair.master.ha.stop()
                async with asyncio.timeout(20):
                    with contextlib.suppress(ConnectionResetError):
                        assert await asyncio.get_running_loop().sock_recv(slave, 1) == b""
                assert not pair.master.ha.connections

    asyncio.run(scenario())
