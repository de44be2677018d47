"""A master and a slave: what one stores the other has, through cuts, restarts and full files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.broker.ha.pairs import Pair, assert_alike, caught_up, until


def test_a_slave_follows(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            await master.send("T", b"before", properties={"KEYS": "k1", "TAGS": "a"})
            slave = await pair.start_slave()
            await caught_up(pair.master, slave)
            for at in range(50):
                await master.send("T", b"x%d" % at, queue_id=at % 4, properties={"UNIQ_KEY": f"id{at}"})
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)
            assert len(slave.store.query_message("T", "k1", 5, 0, 1 << 60).views) == 1
            assert len(slave.store.query_message("T", "id7", 5, 0, 1 << 60).views) == 1

    asyncio.run(scenario())


def test_many_files_and_a_restart_of_the_slave(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            for at in range(40):
                await master.send("T", bytes(20_000), queue_id=at % 4)
            await caught_up(pair.master, slave)
            await slave.stop()
            for at in range(40):
                await master.send("T", bytes(20_000), queue_id=at % 4)
            slave = await pair.start_slave()
            await caught_up(pair.master, slave)
            assert len(slave.store.commit_log.file_queue.files) > 5
            assert_alike(pair.master, slave)

    asyncio.run(scenario())


def test_the_connection_is_cut_amid_records(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, haTransferBatchSize=777) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            for at in range(60):
                await master.send("T", bytes(3000), queue_id=at % 4)
                if at % 7 == 0:
                    for connection in pair.master.ha.connections:
                        connection._transport.abort()
            await caught_up(pair.master, slave)
            assert_alike(pair.master, slave)

    asyncio.run(scenario())


def test_a_slave_that_is_restarted_empty_begins_with_the_last_file(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            for at in range(40):
                await master.send("T", bytes(20_000), queue_id=at % 2)
            slave = await pair.start_slave()
            await caught_up(pair.master, slave)
            last = pair.master.store.commit_log.file_queue.files[-1].base
            assert slave.store.min_phy_offset == last > 0
            await master.send("T", b"more")
            await caught_up(pair.master, slave)
            assert slave.store.max_offset("T", 0) == pair.master.store.max_offset("T", 0)
            assert slave.store.min_offset("T", 0) > 0

    asyncio.run(scenario())


def test_a_slave_takes_no_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            await pair.start_master()
            slave = await pair.start_slave()
            await until(lambda: slave.ha.client.is_connected)
            assert slave.store.max_phy_offset == 0
            assert slave.store.flags.writeable is False

    asyncio.run(scenario())
