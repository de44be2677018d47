"""What a sender is answered under SYNC_MASTER: when its slaves have the message, or why they have not."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.broker.stats.runtime_info import runtime_info
from rocketmq_ops.common.topics import SCHEDULE_TOPIC
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.ha.pairs import SYNC, Pair, caught_up, stall, until

SHORT: dict[str, Any] = SYNC | {"slaveTimeout": 150}


async def in_sync(master: BrokerController, slaves: int = 1) -> None:
    await until(lambda: master.ha.in_sync() == slaves)


def test_without_a_slave_it_is_stored_and_said(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master()
            answer = await master.send("T")
            assert answer.code == ResponseCode.SLAVE_NOT_AVAILABLE
            assert answer.ext_fields["queueOffset"] == "0"
            assert pair.master.store.max_offset("T", 0) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize("flush", ["ASYNC_FLUSH", "SYNC_FLUSH"])
def test_an_answer_leaves_when_the_slave_has_the_message(tmp_path: Path, flush: str) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, flushDiskType=flush, **SYNC) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            await in_sync(pair.master)

            async def send(at: int) -> None:
                answer = await master.send("T", b"%d" % at)
                assert answer.code == ResponseCode.SUCCESS
                assert slave.store.max_offset("T", 0) > int(answer.ext_fields["queueOffset"])

            await asyncio.gather(*(send(at) for at in range(200)))

    asyncio.run(scenario())


def test_a_new_connection_tells_nothing_that_is_not_on_the_disk(tmp_path: Path) -> None:
    """Its first report comes when the sync has ended that was under way as the last connection was cut."""

    async def scenario() -> None:
        async with Pair(tmp_path, flushDiskType="SYNC_FLUSH", syncFlushTimeout=300, **SYNC) as pair:
            master = await pair.start_master(syncFlushTimeout=20_000)
            slave = await pair.start_slave()
            await in_sync(pair.master)
            assert slave.ha.client is not None
            disk, store = threading.Event(), slave.store
            store.flush._worker.submit(disk.wait)
            try:
                sent = asyncio.ensure_future(master.send("T"))
                await until(lambda: store.max_phy_offset > 0)
                assert slave.ha.client._feed is not None
                slave.ha.client._feed.close()
                await until(lambda: "could not be synced" in slave.ha.client.problem)  # type: ignore[union-attr]
                assert not sent.done()
                assert pair.master.ha.in_sync() == 0
            finally:
                disk.set()
            assert (await sent).code == ResponseCode.SUCCESS
            assert store.flush._log_files.flushed_where == store.max_phy_offset

    asyncio.run(scenario())


def test_a_slave_that_stalls_costs_slaveTimeout(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SHORT) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            await in_sync(pair.master)
            go_on = stall(slave)
            codes = {answer.code for answer in await asyncio.gather(*(master.send("T") for _ in range(20)))}
            assert codes == {ResponseCode.FLUSH_SLAVE_TIMEOUT}
            # That is how long these puts took. What the slave itself waits for is no put of its store.
            stats = pair.master.store.stats
            assert stats.put_times.longest_ms >= 100 and slave.store.stats.put_times.longest_ms == 0
            stats.put_times.turn(stats.put_messages)
            assert "[100~200ms]:20 " in stats.put_times.distribution() or stats.put_times.longest_ms >= 200
            assert (await master.send("T", properties={"WAIT": "false"})).code == ResponseCode.SUCCESS
            go_on()
            await caught_up(pair.master, slave)
            pair.master.store_config.slaveTimeout = 20_000
            assert (await master.send("T")).code == ResponseCode.SUCCESS

    asyncio.run(scenario())


def test_a_stop_answers_those_who_wait(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SHORT) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            await in_sync(pair.master)
            stall(slave)
            waiting = asyncio.ensure_future(master.send("T"))
            await until(lambda: pair.master.store.max_offset("T", 0) == 1)
            await pair.master.stop()
            assert (await waiting).code == ResponseCode.FLUSH_SLAVE_TIMEOUT

    asyncio.run(scenario())


def test_as_many_replicas_as_inSyncReplicas(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SHORT) as pair:
            master = await pair.start_master(inSyncReplicas=3)
            first = await pair.start_slave()
            await in_sync(pair.master)
            assert (await master.send("T")).code == ResponseCode.FLUSH_SLAVE_TIMEOUT
            second = await pair.start_slave("second", brokerId=2)
            await in_sync(pair.master, 2)
            pair.master.store_config.slaveTimeout = 20_000
            assert (await master.send("T")).code == ResponseCode.SUCCESS
            assert [slave.store.max_offset("T", 0) for slave in (first, second)] == [2, 2]

    asyncio.run(scenario())


def test_an_acting_master_refuses_before_it_stores(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SHORT) as pair:
            master = await pair.start_master(inSyncReplicas=2, enableSlaveActingMaster=True)
            answer = await master.send("T")
            assert (answer.code, answer.remark) == (ResponseCode.SYSTEM_ERROR, "in-sync replicas not enough")
            assert pair.master.store.max_phy_offset == 0
            pair.master.store_config.enableAutoInSyncReplicas = True
            assert (await master.send("T")).code == ResponseCode.SUCCESS
            pair.master.store_config.minInSyncReplicas = 2
            assert (await master.send("T")).code == ResponseCode.SYSTEM_ERROR

    asyncio.run(scenario())


def test_the_role_of_a_master_may_change_while_it_runs(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path) as pair:
            master = await pair.start_master()
            assert (await master.send("T")).code == ResponseCode.SUCCESS
            for role, code in (
                ("SYNC_MASTER", ResponseCode.SLAVE_NOT_AVAILABLE),
                ("ASYNC_MASTER", ResponseCode.SUCCESS),
            ):
                changed = await master.ask(RequestCode.UPDATE_BROKER_CONFIG, body=f"brokerRole={role}\n".encode())
                assert changed.code == ResponseCode.SUCCESS
                assert (await master.send("T")).code == code

    asyncio.run(scenario())


def test_what_a_consumer_sends_back_waits_too(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master()
            pair.master.delay.stop()
            sent = await master.send("T", properties={"TAGS": "t"})
            fields = {
                "offset": str(int(sent.ext_fields["msgId"][16:], 16)), "group": "g", "delayLevel": "3",
                "originMsgId": "U", "originTopic": "T", "unitMode": "false", "maxReconsumeTimes": "9",
            }  # fmt: skip
            alone = await master.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields)
            assert (alone.code, alone.remark) == (ResponseCode.SYSTEM_ERROR, "SLAVE_NOT_AVAILABLE")
            slave = await pair.start_slave()
            await in_sync(pair.master)
            assert (await master.ask(RequestCode.CONSUMER_SEND_MSG_BACK, fields)).code == ResponseCode.SUCCESS
            assert slave.store.max_offset(SCHEDULE_TOPIC, 2) == 2

    asyncio.run(scenario())


def test_no_more_sends_wait_than_the_send_queue_may_hold(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master()
            slave = await pair.start_slave()
            await in_sync(pair.master)
            assert (await master.send("T")).code == ResponseCode.SUCCESS
            go_on = stall(slave)
            pair.master.config.sendThreadPoolQueueCapacity = 5
            sends = [asyncio.ensure_future(master.send("T")) for _ in range(20)]
            await until(lambda: sum(send.done() for send in sends) == 15)
            assert {send.result().code for send in sends if send.done()} == {ResponseCode.SYSTEM_BUSY}
            # The first one's wait is seen where an operator looks for it.
            await until(lambda: int(runtime_info(pair.master)["sendThreadPoolQueueHeadWaitTimeMills"]) >= 50)
            assert runtime_info(pair.master)["sendThreadPoolQueueSize"] == "5"
            go_on()
            codes = [answer.code for answer in await asyncio.gather(*sends)]
            assert codes.count(ResponseCode.SUCCESS) == 5
            assert runtime_info(pair.master)["sendThreadPoolQueueHeadWaitTimeMills"] == "0"

    asyncio.run(scenario())


@pytest.mark.parametrize("key", ["haMaxGapNotInSync", "haSlaveFallbehindMax"])
def test_a_slave_that_is_too_far_behind_counts_as_none(tmp_path: Path, key: str) -> None:
    async def scenario() -> None:
        async with Pair(tmp_path, **SYNC) as pair:
            master = await pair.start_master(**{key: 500})
            slave = await pair.start_slave()
            await in_sync(pair.master)
            go_on = stall(slave)
            assert (await master.send("T", bytes(600), properties={"WAIT": "false"})).code == ResponseCode.SUCCESS
            assert (await master.send("T")).code == ResponseCode.SLAVE_NOT_AVAILABLE
            go_on()
            await caught_up(pair.master, slave)
            await in_sync(pair.master)
            assert (await master.send("T")).code == ResponseCode.SUCCESS

    asyncio.run(scenario())
