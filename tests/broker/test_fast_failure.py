"""SYSTEM_BUSY: requests that have waited too long for their turn, and too many sends that wait for the disk."""

import asyncio

import pytest

from rocketmq_ops.broker.fast_failure import OVERLOAD
from rocketmq_ops.broker.hooks.api import RPCHook
from rocketmq_ops.broker.stats.runtime_info import runtime_info
from rocketmq_ops.remoting import channel as channel_module
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from tests.broker.support import new_broker, pull_fields, run, run_with, send_fields, until


def sends(count: int) -> list[RemotingCommand]:
    """Sends that take the long way: each to a queue that the one before it did not go to, with its own properties."""
    return [
        RemotingCommand.request(
            RequestCode.SEND_MESSAGE_V2, ext_fields=send_fields("T", number % 4, {"K": f"{number}" * 3}), body=b"x"
        )
        for number in range(count)
    ]


async def answers(session, requests):
    return await asyncio.gather(*(session.client.submit(session.address, each, 20_000) for each in requests))


@pytest.fixture
def _short_turns(monkeypatch):
    """A turn ends with its first look at the clock but one, as under load."""
    monkeypatch.setattr(channel_module, "TURN_SECONDS", 0.0)


@pytest.mark.usefixtures("_short_turns")
def test_sends_that_have_waited_longer_than_their_limit_are_refused(tmp_path):
    async def body(session):
        assert (await session.send("T")).code == 0
        session.broker.config.waitTimeMillsInSendQueue = 0
        got = await answers(session, sends(40))
        busy = [answer for answer in got if answer.code == ResponseCode.SYSTEM_BUSY]
        assert busy and len(busy) < 40 and session.broker.fast_failure.timed_out == len(busy)
        assert busy[0].remark.startswith(
            "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: "
        )
        stored = sum(session.broker.store.max_offset("T", queue_id) for queue_id in range(4))
        assert stored == 1 + sum(answer.code == 0 for answer in got)
        assert (await session.send("T")).code == 0

    run(tmp_path, body)


@pytest.mark.usefixtures("_short_turns")
def test_hooks_see_requests_that_have_waited_too(tmp_path):
    seen: list[int] = []

    class Watch(RPCHook):
        def do_before_request(self, remote_addr, request):
            seen.append(request.code)

        def do_after_response(self, remote_addr, request, response):
            seen.append(response.code)

    async def body(session):
        assert (await session.send("T")).code == 0
        seen.clear()
        assert all(answer.code == 0 for answer in await answers(session, sends(40)))
        assert seen == [RequestCode.SEND_MESSAGE_V2, ResponseCode.SUCCESS] * 40

    broker = new_broker(tmp_path, waitTimeMillsInSendQueue=600_000)
    broker.hooks.append(Watch())
    run_with(broker, body)


@pytest.mark.usefixtures("_short_turns")
@pytest.mark.parametrize(
    "settings",
    [{"brokerFastFailureEnable": False, "waitTimeMillsInSendQueue": 0}, {"waitTimeMillsInSendQueue": 600_000}],
)
def test_within_the_limit_and_when_switched_off_all_are_stored(tmp_path, settings):
    async def body(session):
        assert (await session.send("T")).code == 0
        assert {answer.code for answer in await answers(session, sends(40))} == {0}

    run(tmp_path, body, **settings)


@pytest.mark.usefixtures("_short_turns")
def test_each_kind_of_request_has_its_own_limit(tmp_path):
    async def body(session):
        assert (await session.send("T")).code == 0
        session.broker.config.waitTimeMillsInSendQueue = 0
        pulls = [
            RemotingCommand.request(RequestCode.PULL_MESSAGE, ext_fields=pull_fields("T", "g", 0, 0)) for _ in range(40)
        ]
        assert {answer.code for answer in await answers(session, pulls)} == {0}
        session.broker.config.waitTimeMillsInPullQueue = 0
        assert ResponseCode.SYSTEM_BUSY in {answer.code for answer in await answers(session, pulls)}

    run(tmp_path, body)


def test_too_many_sends_that_wait_for_the_disk_are_refused(tmp_path):
    async def body(session):
        assert (await session.send("T")).code == 0
        session.broker.config.sendThreadPoolQueueCapacity = 3
        got = await answers(session, sends(20))
        codes = [answer.code for answer in got]
        assert codes[:3] == [0, 0, 0]
        refused = [answer for answer in got if answer.code == ResponseCode.SYSTEM_BUSY]
        assert refused and {answer.remark for answer in refused} == {OVERLOAD}
        assert session.broker.fast_failure.overloaded == len(refused)
        assert runtime_info(session.broker)["sendThreadPoolQueueSize"] == "0"
        assert (await session.send("T")).code == 0

    run(tmp_path, body, flushDiskType="SYNC_FLUSH")


def test_broker_status_shows_the_sends_that_wait(tmp_path):
    async def body(session):
        broker = session.broker
        assert (await session.send("T")).code == 0
        broker.store.flush._scheduled = True  # no sync begins
        first, second = (session.client.submit(session.address, each, 20_000) for each in sends(2))
        await until(lambda: broker.store.flush.waiting == 2)
        await until(lambda: broker.store.flush.longest_wait_ms() > 0)
        info = runtime_info(broker)
        assert info["sendThreadPoolQueueSize"] == "2" and int(info["sendThreadPoolQueueHeadWaitTimeMills"]) > 0
        broker.store.flush._scheduled = False
        broker.store.flush.wake()
        assert {(await first).code, (await second).code} == {0}
        assert broker.store.flush.longest_wait_ms() == 0

    run(tmp_path, body, flushDiskType="SYNC_FLUSH", flushIntervalCommitLog=600_000)
