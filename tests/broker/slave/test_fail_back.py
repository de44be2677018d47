"""Offsets that groups make on a slave while its master is away are the master's when it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.broker.processors.consumer_manage import ConsumerManageProcessor
from rocketmq_ops.broker.slave.master_api import MasterApi
from rocketmq_ops.broker.slave.slave_offset_manager import SlaveOffsetManager
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.headers import UpdateConsumerOffsetRequestHeader
from tests.broker.slave.support import Pair, pair
from tests.broker.support import new_broker, running, send_fields, until

MESSAGES = 10


def with_outage(root: Path, body: Callable[[Pair], Awaitable[None]]) -> None:
    """Run `body` when the master, whose queue has MESSAGES and whose group `g` has consumed 3 of them, is away."""

    async def run() -> None:
        async with pair(root) as both:
            for _ in range(MESSAGES):
                answer = await both.ask_master(RequestCode.SEND_MESSAGE_V2, send_fields("T"), b"hello")
                assert answer.code == 0
            both.master.groups.find("g")
            both.master.groups.find("h")
            for group in ("g", "h"):
                assert (await both.commit(both.master, group, "T", 3)).code == 0
            await both.slave_looks()
            assert await both.committed(both.slave.broker, "g", "T") == 3
            await both.master_goes()
            await body(both)

    asyncio.run(run())


def own(both: Pair) -> dict[str, dict[int, int]]:
    assert isinstance(both.slave.broker.offsets, SlaveOffsetManager)
    return both.slave.broker.offsets.own.table


def test_the_newer_offset_of_the_slave_is_handed_back_at_once(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", 7)).code == 0
        await both.master_comes_back()
        assert await both.committed(both.master, "g", "T") == 3
        await both.slave.broker.register_all()
        await until(lambda: not own(both))
        assert await both.committed(both.master, "g", "T") == 7
        await both.slave_looks()
        assert await both.committed(both.slave.broker, "g", "T") == 7
        # Nobody consumed for this one: the master's counts.
        assert await both.committed(both.master, "h", "T") == 3

    with_outage(tmp_path, body)


def test_an_older_offset_of_the_slave_does_not_move_the_master_back(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", 2)).code == 0
        await both.master_comes_back()
        await both.slave_looks()
        assert await both.committed(both.master, "g", "T") == 3
        assert not own(both) and await both.committed(both.slave.broker, "g", "T") == 3

    with_outage(tmp_path, body)


def test_a_reset_at_the_master_after_the_outage_counts(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", 7)).code == 0
        await both.master_comes_back()
        reset = {"group": "g", "topic": "T", "queueId": "0", "offset": "1", "timestamp": "-1", "isForce": "true"}
        assert (await both.ask_master(RequestCode.INVOKE_BROKER_TO_RESET_OFFSET, reset)).code == 0
        await both.slave_looks()
        assert await both.committed(both.master, "g", "T") == 1
        assert not own(both) and await both.committed(both.slave.broker, "g", "T") == 1

    with_outage(tmp_path, body)


def test_a_consumer_that_is_back_at_the_master_is_not_set_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It commits in the very moment between the slave's last question and its commit."""

    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", 7)).code == 0
        await both.master_comes_back()
        real = MasterApi.commit

        async def late(master: MasterApi, group: str, topic: str, queue_id: int, offset: int, **options: Any) -> str:
            assert (await both.commit(both.master, group, topic, 9)).code == 0
            return await real(master, group, topic, queue_id, offset, **options)

        monkeypatch.setattr(MasterApi, "commit", late)
        await both.slave_looks()
        assert await both.committed(both.master, "g", "T") == 9
        await both.slave_looks()
        assert not own(both) and await both.committed(both.slave.broker, "g", "T") == 9
        # Consumers themselves may go back, as at Apache's.
        assert (await both.commit(both.master, "g", "T", 8)).code == 0
        assert await both.committed(both.master, "g", "T") == 8

    with_outage(tmp_path, body)


def test_no_offset_goes_beyond_the_end_of_the_masters_queue(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", MESSAGES + 5)).code == 0
        await both.master_comes_back()
        await both.slave_looks()
        assert await both.committed(both.master, "g", "T") == MESSAGES

    with_outage(tmp_path, body)


def test_a_group_that_the_master_no_longer_has_is_let_go(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def body(both: Pair) -> None:
        assert (await both.commit(both.slave.broker, "g", "T", 7)).code == 0
        await both.master_comes_back()
        await both.ask_master(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "g", "cleanOffset": "false"})
        await both.slave_looks()
        assert not own(both)

    with_outage(tmp_path, body)
    assert any("offset 7 of g in queue 0 of T is not handed back" in line for line in caplog.messages)


def test_a_group_that_came_into_being_in_the_outage_is_made_at_the_master(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        both.slave.broker.groups.find("new")
        assert (await both.commit(both.slave.broker, "new", "T", 7)).code == 0
        await both.master_comes_back()
        await both.slave_looks()
        assert await both.committed(both.master, "new", "T") == 7
        assert not own(both) and "new" in both.slave.broker.groups.table
        # It is the master's now, and gone when it is deleted there.
        await both.master_goes()
        assert (await both.commit(both.slave.broker, "new", "T", 8)).code == 0
        await both.master_comes_back()
        await both.ask_master(RequestCode.DELETE_SUBSCRIPTIONGROUP, {"groupName": "new", "cleanOffset": "true"})
        await both.slave_looks()
        assert not own(both) and "new" not in both.master.groups.table

    with_outage(tmp_path, body)


def test_what_the_master_refuses_for_now_is_handed_back_later(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        both.slave.broker.groups.find("new")
        for group in ("g", "h", "new"):
            assert (await both.commit(both.slave.broker, group, "T", 7)).code == 0
        await both.master_comes_back()

        def busy(_channel: Any, request: Any, _header: Any) -> Any:
            return request.reply(ResponseCode.SYSTEM_BUSY, "busy")

        both.master.server.register(RequestCode.UPDATE_CONSUMER_OFFSET, None, busy)
        await both.slave_looks()
        assert own(both) == {"T@g": {0: 7}, "T@h": {0: 7}, "T@new": {0: 7}}
        # Until then consumers of the slave go on where they are, and all else is taken over.
        assert await both.committed(both.slave.broker, "g", "T") == 7
        both.master.server.serve(UpdateConsumerOffsetRequestHeader, ConsumerManageProcessor(both.master).update_offset)
        await both.slave_looks()
        assert not own(both)
        assert [await both.committed(both.master, group, "T") for group in ("g", "h", "new")] == [7, 7, 7]

    with_outage(tmp_path, body)


def test_a_slave_that_restarts_in_the_outage_still_hands_back(tmp_path: Path) -> None:
    async def body(both: Pair) -> None:
        both.slave.broker.groups.find("new")
        for group in ("g", "new"):
            assert (await both.commit(both.slave.broker, group, "T", 7)).code == 0
        await both.slave.broker.stop()
        settings = {"brokerRole": "SLAVE", "brokerId": 1, "namesrvAddr": both.slave.broker.config.namesrvAddr}
        async with running(tmp_path / "slave", **settings) as again:
            both.slave = again
            assert own(both) == {"T@g": {0: 7}, "T@new": {0: 7}}
            await both.master_comes_back()
            await both.slave_looks()
            assert [await both.committed(both.master, group, "T") for group in ("g", "new")] == [7, 7]
            assert not own(both)

    with_outage(tmp_path, body)


def test_commits_of_a_deleted_group_or_topic_are_forgotten(tmp_path: Path) -> None:
    broker = new_broker(tmp_path, brokerRole="SLAVE", brokerId=1)
    assert isinstance(broker.offsets, SlaveOffsetManager)
    for group, topic in (("g", "T"), ("g", "U"), ("h", "T")):
        broker.offsets.commit(group, topic, 0, 7)
    broker.offsets.remove_group("h")
    broker.offsets.remove_topics(["U"])
    assert broker.offsets.own.table == {"T@g": {0: 7}}
