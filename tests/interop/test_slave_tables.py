"""A pair of one of Apache's brokers and one of ours, either as the master: the slave has the master's tables, the progress of
its delay levels and its timers, and what a group consumes from our slave is not lost when Apache's master comes back."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Broker
from tests.interop.raw import SilentClient
from tests.interop.test_replication import SLAVE, Group, OurBroker

from rocketmq_ops.client.api import groups, offsets, topics
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers import CreateTopicRequestHeader

TOPIC, GROUP, NEW_GROUP, MESSAGES = "Tables", "table-readers", "readers-of-the-outage", 10
#: A slave of Apache's learns how far its master's timers are from what that has flushed.
MASTER = {"brokerRole": "ASYNC_MASTER", "brokerClusterName": "DefaultCluster", "timerFlushIntervalMs": "1000"}


async def until(condition: Callable[[], Any], seconds: int = 90) -> None:
    """Wait until an awaited condition holds; what cannot be asked for does not."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await condition():
                    return
            except (RemotingError, BrokerError, CorruptDataError):
                pass
            await asyncio.sleep(0.2)


async def send(session: Session, master: Broker | OurBroker, properties: str = "") -> None:
    """One message for queue 0; `properties` as they are in a request."""
    fields = {
        "a": "p", "b": TOPIC, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": str(int(time.time() * 1000)), "h": "0",
        "i": properties, "j": "0", "k": "false", "m": "false",
    }  # fmt: skip
    sent = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=b"hello")
    await session.call(master.address, sent)


async def fill(session: Session, master: Broker | OurBroker, *, timers: bool) -> None:
    """A topic of 3 queues with messages, one of which was delayed and with `timers` one waits for an hour, a group, and
    its offset 4 in queue 0."""
    header = CreateTopicRequestHeader(
        topic=TOPIC, default_topic="TBW102", read_queue_nums=3, write_queue_nums=3, perm=6,
        topic_filter_type="SINGLE_TAG", topic_sys_flag=0, order=False,
    )  # fmt: skip
    await topics.put_topic(session, master.address, header)
    config = SubscriptionGroupConfig(group_name=GROUP, retry_max_times=5)
    create = RemotingCommand.request(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=config.encode())
    await session.call(master.address, create)
    for _ in range(MESSAGES):
        await send(session, master)
    await send(session, master, "DELAY\x011\x02")
    if timers:
        await send(session, master, f"TIMER_DELIVER_MS\x01{int(time.time() * 1000) + 3_600_000}\x02")
    await offsets.update_consumer_offset(session, master.address, GROUP, TOPIC, 0, 4)


def delay_progress(broker: Broker | OurBroker) -> dict[int, int]:
    """Delay level -> how many of its messages are delivered, as a slave has it for the time when it is promoted: Apache's
    of 4.9 keeps that in the file alone."""
    try:
        document = fastjson.loads((broker.store / "config" / "delayOffset.json").read_bytes())
    except FileNotFoundError:
        return {}
    return {int(level): offset for level, offset in document["offsetTable"].items()}


async def waiting_timers(session: Session, broker: Broker | OurBroker) -> tuple[int, int]:
    """How many timers of the topic wait, and how many the master has enqueued, as a broker of 5.x says."""
    asked = await session.call(broker.address, RemotingCommand.request(RequestCode.GET_TIMER_METRICS))
    counts = fastjson.loads(asked.body_bytes)["timingCount"]
    asked = await session.call(broker.address, RemotingCommand.request(RequestCode.GET_TIMER_CHECK_POINT))
    return counts.get(TOPIC, {}).get("count", 0), struct.unpack_from(">qqqq", asked.body_bytes)[3]


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
@pytest.mark.parametrize("ours", ["slave", "master"])
def test_tables_of_a_mixed_pair(tmp_path: Path, version: str, ours: str) -> None:
    kinds = {"master": version, "slave": version} | {ours: "ours"}
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        master = group.start(kinds["master"], "master", MASTER)

        async def scenario() -> None:
            async with RemotingClient() as client:
                session = Session(client, [group.namesrv.address], timeout_ms=3000)
                timers = version != "4.9.7"
                await fill(session, master, timers=timers)
                # The slave looks at its start first.
                slave = group.start(kinds["slave"], "slave", SLAVE)

                async def taken() -> bool:
                    config = (await topics.topic_configs(session, slave.address)).get(TOPIC)
                    there = (await groups.group_configs(session, slave.address)).get(GROUP)
                    offset = (await offsets.all_consumer_offsets(session, slave.address)).get(f"{TOPIC}@{GROUP}")
                    return (
                        config is not None and config.read_queue_nums == 3
                        and there is not None and there["retryMaxTimes"] == 5
                        and offset == {0: 4}
                        and delay_progress(slave).get(1) == 1
                        and (not timers or await waiting_timers(session, slave) == (1, 1))
                    )  # fmt: skip

                await until(taken)
                if ours == "slave":
                    await fail_back(session, slave)

        async def fail_back(session: Session, slave: Broker | OurBroker) -> None:
            key = f"{TOPIC}@{GROUP}"
            master.child.kill()
            await offsets.update_consumer_offset(session, slave.address, GROUP, TOPIC, 0, 9)
            # A group that the master has never heard of.
            with SilentClient(slave.address, group=NEW_GROUP, client_id="reader", topic=TOPIC):
                await offsets.update_consumer_offset(session, slave.address, NEW_GROUP, TOPIC, 0, 7)
            again = group.start(version, "master", MASTER)

            async def handed_back() -> bool:
                found = await offsets.all_consumer_offsets(session, again.address)
                return found.get(key) == {0: 9} and found.get(f"{TOPIC}@{NEW_GROUP}") == {0: 7}

            await until(handed_back)
            assert (await offsets.all_consumer_offsets(session, slave.address))[key] == {0: 9}

        asyncio.run(scenario())
