"""A clock that is set, forward or back: who is connected stays, and who is silent goes when his time is over."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from rocketmq_ops.common import clock as clocks
from rocketmq_ops.common.topics import TRANS_CHECK_MAX_TIME_TOPIC, TRANS_HALF_TOPIC
from rocketmq_ops.namesrv.config import NamesrvConfig
from rocketmq_ops.namesrv.controller import NamesrvController
from rocketmq_ops.remoting.bodies import ProducerTableInfo
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.config import NettyServerConfig
from tests.broker.support import Session, consumer, producer, pull_fields, run
from tests.namesrv.support import registration

DAY_MS = 86_400_000
QUEUE = ("T", "broker-a", 0)


class Clocks:
    """What name server and broker take for the time, ms: the wall clock, which is set, and the one that is not."""

    def __init__(self) -> None:
        self.wall = 1_795_246_590_000
        self.steady = 5_000_000

    def passes(self, ms: int) -> None:
        self.wall += ms
        self.steady += ms


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Clocks:
    at = Clocks()
    fake = SimpleNamespace(
        time_ns=lambda: at.wall * 1_000_000,
        clock_gettime_ns=lambda _: at.steady * 1_000_000,
        CLOCK_MONOTONIC=time.CLOCK_MONOTONIC,
    )
    monkeypatch.setattr(clocks, "time", fake)
    return at


@pytest.mark.parametrize("step", [300_000, DAY_MS, -300_000, -DAY_MS])
def test_a_broker_s_clients_stay_as_long_as_they_are_heard(tmp_path: Path, at: Clocks, step: int) -> None:
    async def body(session: Session) -> None:
        broker = session.broker

        async def heartbeat() -> None:
            await session.heartbeat(
                client_id="c", consumer_data_set=[consumer("g", "T")], producer_data_set=[producer("p")]
            )
            assert broker.locks.try_lock_batch("g", [QUEUE], "c") == [QUEUE]
            await session.ask(RequestCode.REGISTER_FILTER_SERVER, {"filterServerAddr": "127.0.0.1:3901"})

        def connected() -> tuple[bool, ...]:
            broker._scan_clients()
            groups = "g" in broker.consumers.table, "p" in broker.producers.table
            other = broker.consumers.find_subscription("silent", "T") is not None
            return (
                *groups,
                bool(broker.filter_servers.table),
                bool(broker.locks.try_lock_batch("g", [QUEUE], "o")),
                other,
            )

        await session.send("T")
        await session.ask(RequestCode.PULL_MESSAGE, pull_fields("T", "silent", 0, 0, sysFlag="4", subscription="*"))
        await heartbeat()
        at.wall += step
        assert connected() == (True, True, True, False, True)
        at.passes(20_000)
        assert connected() == (True, True, True, False, True)
        await heartbeat()
        shown = await session.ask(RequestCode.GET_ALL_PRODUCER_INFO, {})
        (info,) = ProducerTableInfo.decode(shown.body_bytes).data["p"]
        assert info.last_update_timestamp == at.wall
        at.passes(30_001)
        assert connected() == (True, True, False, False, True)
        at.passes(30_000)
        assert connected() == (True, True, False, True, True)
        at.passes(60_000)
        assert connected() == (False, False, False, True, True)
        at.passes(600_000)
        assert connected()[-1] is False

    run(tmp_path, body)


@pytest.mark.parametrize("step", [300_000, DAY_MS, -300_000, -DAY_MS])
def test_a_name_server_keeps_the_brokers_that_are_heard(at: Clocks, step: int) -> None:
    controller = NamesrvController(NamesrvConfig(), NettyServerConfig())
    routes = controller.routes
    routes.register_broker(registration())
    (key,) = routes.live
    at.wall += step
    assert controller.uptime_ms() == 0
    routes.scan_not_active()
    assert list(routes.live) == [key] and "TopicA" in routes.topic_queues
    at.passes(60_000)
    routes.touch(key)
    at.passes(120_000)
    routes.scan_not_active()
    assert list(routes.live) == [key]
    at.passes(1)
    routes.scan_not_active()
    assert not routes.live and "TopicA" not in routes.topic_queues


@pytest.mark.parametrize("step", [-DAY_MS, -600_000, 365 * DAY_MS])
def test_transactions_are_asked_about_and_none_is_given_up(tmp_path: Path, at: Clocks, step: int) -> None:
    async def body(session: Session) -> None:
        broker, store = session.broker, session.broker.store

        def halves() -> int:
            at.passes(1)
            broker.transactions.check()
            return store.max_offset(TRANS_HALF_TOPIC, 0)

        properties = {"TRAN_MSG": "true", "PGROUP": "p", "UNIQ_KEY": "U"}
        assert (await session.send("T", properties=properties, f="4", g=str(at.wall))).code == 0
        assert halves() == 1  # too young
        at.wall += step
        assert halves() == 2  # its producer was asked, had there been one
        assert store.max_offset(TRANS_CHECK_MAX_TIME_TOPIC, 0) == 0
        if step > 0:
            at.passes(DAY_MS)  # now the clock is believed
            halves()
            assert store.max_offset(TRANS_CHECK_MAX_TIME_TOPIC, 0) == 1

    run(tmp_path, body)


def test_a_dead_client_s_lock_is_given_on_after_a_minute_of_a_clock_that_was_set_back(
    tmp_path: Path, at: Clocks
) -> None:
    async def body(session: Session) -> None:
        async def locked(client: str) -> int:
            queue = {"brokerName": "broker-a", "queueId": 0, "topic": "T"}
            asked = json.dumps({"clientId": client, "consumerGroup": "g", "mqSet": [queue]}).encode()
            return len(json.loads((await session.ask(RequestCode.LOCK_BATCH_MQ, {}, asked)).body_bytes)["lockOKMQSet"])

        assert await locked("dead") == 1
        at.wall -= DAY_MS
        at.passes(60_000)
        assert await locked("other") == 0
        at.passes(1)
        assert await locked("other") == 1

    run(tmp_path, body)
