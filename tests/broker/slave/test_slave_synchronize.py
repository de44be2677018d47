"""What a slave takes over from its master, when, and where it is on the disk then."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.slave import slave_synchronize
from rocketmq_ops.broker.stats.runtime_info import runtime_info
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.bodies import SetMessageRequestModeRequestBody, SubscriptionGroupConfig
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from tests.broker.slave.support import Pair, pair
from tests.broker.support import new_broker, send_fields, until


async def fill(pair: Pair) -> None:
    """A topic, a group, an offset, delayed messages' progress and a request mode on the master."""
    await pair.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("T"), b"hello")
    group = SubscriptionGroupConfig(group_name="g", retry_max_times=3)
    await pair.ask_master(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, group.encode())
    await pair.ask_master(RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN, {"group": "g", "topic": "T", "readable": "false"})
    mode = SetMessageRequestModeRequestBody(topic="T", consumer_group="g", mode="PULL")
    await pair.ask_master(RequestCode.SET_MESSAGE_REQUEST_MODE, {}, mode.encode())
    assert (await pair.commit(pair.master, "g", "T", 1)).code == 0
    pair.master.delay.table[3] = 5
    pair.master.timers.metrics.add("T", 2)
    pair.master.timers.files.checkpoint.master_timer_queue_offset = 7


def test_every_table_of_the_master_is_taken_over_and_saved(tmp_path: Path) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            await fill(both)
            slave = both.slave.broker
            slave.topics.table["local"] = slave.topics.table["SELF_TEST_TOPIC"]
            slave.topics.next_version()
            await both.slave_looks()
            assert slave.topics.table == both.master.topics.table
            assert slave.topics.data_version == both.master.topics.data_version
            assert slave.groups.table == both.master.groups.table and slave.groups.table["g"].retry_max_times == 3
            assert slave.groups.forbidden("g", "T", 2)
            assert slave.offsets.table == {"T@g": {0: 1}}
            assert slave.delay.table[3] == 5
            assert slave.timers.metrics.count("T") == 2
            assert slave.timers.files.checkpoint.master_timer_queue_offset == 7
            assert slave.request_modes.table == both.master.request_modes.table and slave.request_modes.get("T", "g")
            files = tmp_path / "slave" / "config"
            for name, table in (("topics", "topicConfigTable"), ("subscriptionGroup", "subscriptionGroupTable")):
                assert json.loads((files / f"{name}.json").read_text())[table].keys() >= {
                    "T" if table[0] == "t" else "g"
                }
            assert "g" in (files / "messageRequestMode.json").read_text()
        assert '"T@g"' in (files / "consumerOffset.json").read_text()
        assert b"3:5" in (files / "delayOffset.json").read_bytes()

    asyncio.run(run())


def test_a_topic_is_there_as_soon_as_its_first_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slave_synchronize, "SYNC_INTERVAL_MS", 3_600_000)
    monkeypatch.setattr(slave_synchronize, "TOPIC_INTERVAL_MS", 20)

    async def run() -> None:
        async with pair(tmp_path) as both:
            await both.slave_looks()
            group = SubscriptionGroupConfig(group_name="g", retry_max_times=3)
            await both.ask_master(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, {}, group.encode())
            topics = both.slave.broker.topics.table
            await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("First"), b"hello")
            await until(lambda: "First" in topics)
            await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("Second"), b"hello")
            await until(lambda: "Second" in topics)
            assert both.slave.broker.groups.table["g"].retry_max_times == 3
            slave = both.slave.broker.slave
            assert slave is not None
            for queue_id in range(4):
                await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("First", queue_id), b"hello")
            await until(lambda: both.slave.broker.store.max_phy_offset == both.master.store.max_phy_offset)
            assert slave._later is None  # a further queue of a topic that is known brings nothing new

    asyncio.run(run())


def test_the_timers_of_the_master_are_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slave_synchronize, "PROGRESS_INTERVAL_MS", 20)

    async def run() -> None:
        async with pair(tmp_path) as both:
            both.master.timers.metrics.add("T", 3)
            await both.slave_looks()
            assert both.slave.broker.timers.metrics.count("T") == 3
            own = both.slave.broker.timers.files.checkpoint
            both.master.timers.files.checkpoint.master_timer_queue_offset = 77
            await until(lambda: own.master_timer_queue_offset == 77)

    asyncio.run(run())


def test_a_master_without_timers_is_no_failure(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            both.master.store_config.timerWheelEnable = False
            await both.slave_looks()

    asyncio.run(run())
    assert not [line for line in caplog.messages if "not taken over" in line]


def test_what_the_master_deletes_goes_and_a_table_that_is_the_same_is_left_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            await fill(both)
            await both.slave_looks()
            kept = both.slave.broker.topics.table["T"]
            await both.slave_looks()
            assert both.slave.broker.topics.table["T"] is kept
            await both.ask_master(RequestCode.DELETE_TOPIC_IN_BROKER, {"topic": "T"})
            await both.ask_master(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "g", "cleanOffset": "false"})
            await both.slave_looks()
            assert "T" not in both.slave.broker.topics.table and "g" not in both.slave.broker.groups.table

    asyncio.run(run())


def test_one_table_that_cannot_be_had_costs_no_other(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            await fill(both)

            def refuse(document: dict[str, Any]) -> bool:
                raise CorruptDataError("unusable")

            both.slave.broker.topics.take_over = refuse  # type: ignore[method-assign]
            await both.slave_looks()
            await both.slave_looks()
            assert "g" in both.slave.broker.groups.table and both.slave.broker.offsets.table

    asyncio.run(run())
    lines = [line for line in caplog.messages if "topics of the master" in line]
    assert len(lines) == 1 and lines[0].endswith("are not taken over: unusable; trying again")


def test_a_master_of_4_9_that_knows_no_request_modes_is_no_failure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            code = RequestCode.GET_ALL_MESSAGE_REQUEST_MODE
            both.master.server.register(
                code, None, lambda _c, request, _h: request.reply(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, "unknown")
            )
            await both.slave_looks()

    asyncio.run(run())
    assert not [line for line in caplog.messages if "not taken over" in line]


def test_an_absent_master_is_noticed_and_asked_again_until_it_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slave_synchronize, "RETRY_INTERVAL_MS", 20)
    monkeypatch.setattr(slave_synchronize, "SYNC_INTERVAL_MS", 20)
    monkeypatch.setattr(slave_synchronize, "ASK_INTERVAL_MS", 20)

    async def run() -> None:
        async with pair(tmp_path) as both:
            slave = both.slave.broker.slave
            assert slave is not None
            await both.slave_looks()
            assert slave.master_serves
            # The name server still names the master: only that it cannot be reached shows the outage.
            await both.master.server.stop()
            await until(lambda: not slave.master_serves)
            assert both.slave.broker.master.address is not None
            await both.master.stop()
            await both.master_comes_back()
            await both.slave.broker.register_all()
            await until(lambda: slave.master_serves)
            await both.master.stop()
            await both.slave.broker.register_all()
            assert both.slave.broker.master.address is None and not slave.master_serves
            # From now on the name servers are asked by itself.
            await both.master_comes_back()
            await until(lambda: slave.master_serves)

    asyncio.run(run())


def test_a_slave_neither_delivers_delayed_messages_nor_asks_for_transactions(tmp_path: Path) -> None:
    async def run() -> None:
        async with pair(tmp_path) as both:
            assert both.master.delay._jobs and not both.slave.broker.delay._jobs
            before = dict(both.slave.broker.delay.table)
            await both.slave.broker.stop()
            assert both.slave.broker.delay.table == before

    asyncio.run(run())


def test_a_master_has_no_commits_of_its_own_time_as_a_slave(tmp_path: Path) -> None:
    folder = tmp_path / "config"
    folder.mkdir()
    for name in ("slaveOffset.json", "slaveOffset.json.bak"):
        (folder / name).write_text('{"offsetTable":{"T@g":{0:7}}}')

    async def run() -> None:
        broker = new_broker(tmp_path)
        assert broker.slave is None
        await broker.start()
        await broker.stop()

    asyncio.run(run())
    assert not list(folder.glob("slaveOffset*"))


def test_where_the_masters_log_ended_is_known_when_it_is_gone(tmp_path: Path) -> None:
    """Also what never came to the slave, so that a promotion notices that it lacks something."""

    async def run() -> None:
        async with pair(tmp_path) as both:
            slave = both.slave.broker
            await both.slave_looks()
            assert slave.ha.client is not None
            await until(lambda: slave.ha.client is not None and slave.ha.client.is_connected)
            assert runtime_info(slave)["haConnected"] == "true"
            await slave.ha.client.stop()
            await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("T"), b"hello")
            end = both.master.store.max_phy_offset
            await both.slave_looks()
            before = runtime_info(slave)
            assert before["haConnected"] == "false" and before["haMasterLogEnd"] == str(end)
            assert slave.store.max_phy_offset < end and int(before["haMasterLogEndTimestamp"]) <= now_ms()
            await both.master_goes()
            after = runtime_info(slave)
            assert after["haMasterLogEnd"] == str(end)
            # Another master's log is another one.
            slave.master.learn("127.0.0.1:1", None)
            assert "haMasterLogEnd" not in runtime_info(slave)

    asyncio.run(run())
