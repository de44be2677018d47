"""A pair of one of Apache's brokers and one of ours, either as the master: the slave has the master's tables, and what a
group consumes from our slave is not lost when Apache's master comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import Broker
from tests.interop.test_replication import SLAVE, Group, OurBroker

from rocketmq_ops.client.api import groups, offsets, topics
from rocketmq_ops.client.api.session import Session
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers import CreateTopicRequestHeader

TOPIC, GROUP, MESSAGES = "Tables", "table-readers", 10
MASTER = {"brokerRole": "ASYNC_MASTER", "brokerClusterName": "DefaultCluster"}


async def until(condition: Callable[[], Any], seconds: int = 90) -> None:
    """Wait until an awaited condition holds; what cannot be asked for does not."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                if await condition():
                    return
            except (RemotingError, BrokerError):
                pass
            await asyncio.sleep(0.2)


async def fill(session: Session, master: Broker | OurBroker) -> None:
    """A topic of 3 queues with messages, a group, and its offset 4 in queue 0."""
    header = CreateTopicRequestHeader(
        topic=TOPIC, default_topic="TBW102", read_queue_nums=3, write_queue_nums=3, perm=6,
        topic_filter_type="SINGLE_TAG", topic_sys_flag=0, order=False,
    )  # fmt: skip
    await topics.put_topic(session, master.address, header)
    config = SubscriptionGroupConfig(group_name=GROUP, retry_max_times=5)
    create = RemotingCommand.request(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, body=config.encode())
    await session.call(master.address, create)
    fields = {
        "a": "p", "b": TOPIC, "c": "TBW102", "d": "4", "e": "0", "f": "0", "g": "1", "h": "0", "i": "", "j": "0",
        "k": "false", "m": "false",
    }  # fmt: skip
    for _ in range(MESSAGES):
        send = RemotingCommand.request(RequestCode.SEND_MESSAGE_V2, ext_fields=fields, body=b"hello")
        await session.call(master.address, send)
    await offsets.update_consumer_offset(session, master.address, GROUP, TOPIC, 0, 4)


@pytest.mark.parametrize(("version", "ours"), [("5.3.3", "slave"), ("4.9.7", "master")])
def test_tables_of_a_mixed_pair(tmp_path: Path, version: str, ours: str) -> None:
    kinds = {"master": version, "slave": version} | {ours: "ours"}
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        master = group.start(kinds["master"], "master", MASTER)

        async def scenario() -> None:
            async with RemotingClient() as client:
                session = Session(client, [group.namesrv.address], timeout_ms=3000)
                await fill(session, master)
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
                    )  # fmt: skip

                await until(taken)
                if ours == "slave":
                    await fail_back(session, slave)

        async def fail_back(session: Session, slave: Broker | OurBroker) -> None:
            key = f"{TOPIC}@{GROUP}"
            master.child.kill()
            await offsets.update_consumer_offset(session, slave.address, GROUP, TOPIC, 0, 9)
            again = group.start(version, "master", MASTER)

            async def handed_back() -> bool:
                found = await offsets.all_consumer_offsets(session, again.address)
                return found.get(key) == {0: 9}

            await until(handed_back)
            assert (await offsets.all_consumer_offsets(session, slave.address))[key] == {0: 9}

        asyncio.run(scenario())
