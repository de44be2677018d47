"""`mqadmin promote` makes a slave of Apache's the master of its pair: every step, up to the old master as its slave."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.interop.apache import wait_until
from tests.interop.ours import mqadmin
from tests.interop.raw import wait_for_route
from tests.interop.test_replication import MASTER, SLAVE, TOPIC, Group, eventually_equal, queue_ends, send_until_ok

from rocketmq_ops.client.api.send import SendStatus
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.common.message import Message
from rocketmq_ops.common.properties import parse_properties
from rocketmq_ops.remoting.client import RemotingClient


async def fill(namesrv: str, count: int) -> None:
    """Send messages that both brokers have."""
    async with Producer("promoting", ClientOptions(name_servers=[namesrv])) as producer:
        await send_until_ok(producer)
        for at in range(count):
            assert (await producer.send(Message(TOPIC, b"%d" % at))).status is SendStatus.SEND_OK


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
def test_a_slave_of_apache_s_becomes_the_master(tmp_path: Path, version: str) -> None:
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        namesrv = group.namesrv.address
        master = group.start(version, "master", MASTER)
        wait_for_route(namesrv, "TBW102", "broker-a")
        slave = group.start(version, "slave", SLAVE)

        def promote(*more: str) -> Any:
            words = ["-b", slave.address, "--configFile", str(slave.conf), "--oldConfigFile", str(master.conf)]
            ran = mqadmin("promote", *words, "--oldMaster", master.address, *more, namesrv=namesrv, output="json")
            return json.loads(ran.out)["data"]

        asyncio.run(fill(namesrv, 100))
        first = promote()
        assert first["oldMaster"]["fenced"] and first["nextStep"] == "catchUp"
        assert 0 < first["producersLeaveInSeconds"] <= 30
        assert parse_properties(master.conf.read_text())["brokerPermission"] == "4"
        left = wait_until(lambda: (found := promote())["nextStep"] == "stop" and found, "all have left", 90)
        assert (left["gapBytes"], left["producersLeaveInSeconds"]) == (0, 0)
        end = left["slave"]["maxOffset"]
        assert master.child.stop() >= 0

        def files_changed() -> bool:
            # Until the name server has noticed that the master is gone.
            found = promote("--masterEnd", str(end), "--role", "ASYNC_MASTER", "--yes")
            return found is not None and found["nextStep"] == "start"

        wait_until(files_changed, "the property files are changed", 150)
        slave.child.stop()
        slave.start_again()
        stack.callback(slave.child.kill)
        slave.wait_ready()

        def verified() -> bool:
            # A broker of Apache's fails to give its figures in its first second.
            found = promote("--masterEnd", str(end))
            return found is not None and found["nextStep"] is None

        wait_until(verified, "it is verified")

        master.start_again()
        stack.callback(master.child.kill)
        master.wait_ready()
        asyncio.run(sent_and_replicated(namesrv, slave, master))
        done = promote()
        assert (done["nextStep"], done["masters"]) == (None, {namesrv: slave.address})
        assert (done["oldMaster"]["role"], done["oldMaster"]["brokerId"]) == ("SLAVE", 1)


async def sent_and_replicated(namesrv: str, master: Any, slave: Any) -> None:
    """The new master takes messages, and the old one follows it."""
    async with RemotingClient() as client, Producer("promoting", ClientOptions(name_servers=[namesrv])) as producer:
        before = sum(map(int, await queue_ends(client, master)))
        assert before >= 101
        for at in range(20):
            assert (await producer.send(Message(TOPIC, b"%d" % at))).status is SendStatus.SEND_OK
        assert sum(map(int, await queue_ends(client, master))) == before + 20
        await eventually_equal(client, master, slave)
