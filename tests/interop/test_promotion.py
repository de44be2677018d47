"""`mqadmin promote` makes a slave the master of its pair: every step, up to the old master as its slave."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.interop import test_failover
from tests.interop.apache import Broker, Driver, wait_until
from tests.interop.ours import OurBroker, mqadmin
from tests.interop.raw import wait_for_route
from tests.interop.test_failover import QUEUES, Sender, once_each
from tests.interop.test_java_clients import Consumer, make_topic
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


class Promoted:
    """A pair, whose slave becomes the master in the steps of the command."""

    def __init__(self, tmp_path: Path, stack: ExitStack, kind: str) -> None:
        self._stack = stack
        group = Group(tmp_path, stack)
        self.namesrv_address = group.namesrv.address
        self.cluster, self.broker_name = "DefaultCluster", "broker-a"
        self.master = group.start(kind, "master", MASTER)
        wait_for_route(self.namesrv_address, "TBW102", "broker-a")
        self.slave = group.start(kind, "slave", SLAVE)
        self._end = 0

    def promote(self, *more: str) -> Any:
        words = ["-b", self.slave.address, "--configFile", str(self.slave.conf)]
        words += ["--oldConfigFile", str(self.master.conf), "--oldMaster", self.master.address, *more]
        return json.loads(mqadmin("promote", *words, namesrv=self.namesrv_address, output="json").out)["data"]

    def fence(self) -> None:
        first = self.promote()
        assert first["oldMaster"]["fenced"] and first["nextStep"] == "catchUp"
        assert 0 < first["producersLeaveInSeconds"] <= 30
        assert parse_properties(self.master.conf.read_text())["brokerPermission"] == "4"

    def wait_for_producers(self) -> None:
        left = wait_until(lambda: (found := self.promote())["nextStep"] == "stop" and found, "all have left", 90)
        assert (left["gapBytes"], left["producersLeaveInSeconds"]) == (0, 0)
        self._end = left["slave"]["maxOffset"]

    def stop_master(self) -> None:
        assert self.master.child.stop() >= 0

    def start_slave_as_master(self) -> None:
        def files_changed() -> bool:
            # Until the name server has noticed that the master is gone.
            found = self.promote("--masterEnd", str(self._end), "--role", "ASYNC_MASTER", "--yes")
            return found is not None and found["nextStep"] == "start"

        wait_until(files_changed, "the property files are changed", 150)
        self.slave.child.stop()
        self._start_again(self.slave)

        def verified() -> bool:
            # A broker of Apache's fails to give its figures in its first second.
            found = self.promote("--masterEnd", str(self._end))
            return found is not None and found["nextStep"] is None

        wait_until(verified, "it is verified")

    def start_master_as_slave(self) -> None:
        self._start_again(self.master)
        asyncio.run(sent_and_replicated(self.namesrv_address, self.slave, self.master))
        done = self.promote()
        assert (done["nextStep"], done["masters"]) == (None, {self.namesrv_address: self.slave.address})
        assert (done["oldMaster"]["role"], done["oldMaster"]["brokerId"]) == ("SLAVE", 1)

    def _start_again(self, broker: Broker | OurBroker) -> None:
        broker.start_again()
        self._stack.callback(broker.child.kill)
        broker.wait_ready()


@pytest.mark.parametrize("version", ["5.3.3", "4.9.7"])
def test_a_slave_of_apache_s_becomes_the_master(tmp_path: Path, version: str) -> None:
    with ExitStack() as stack:
        pair = Promoted(tmp_path, stack, version)
        asyncio.run(fill(pair.namesrv_address, 100))
        pair.fence()
        pair.wait_for_producers()
        pair.stop_master()
        pair.start_slave_as_master()
        pair.start_master_as_slave()


def test_a_java_client_goes_on_while_a_slave_of_ours_becomes_the_master(
    tmp_path: Path, drivers: Callable[[str], Driver]
) -> None:
    """Its producer has left the old master when that is stopped; its consumer gets all, and nothing twice."""
    driver = drivers("5.3.3")
    with ExitStack() as stack:
        pair = Promoted(tmp_path, stack, "ours")
        make_topic(driver, pair, test_failover.TOPIC, QUEUES)
        sender = Sender(driver, pair)
        stack.callback(driver.ask, "producer.close", namesrv=pair.namesrv_address, group="failover_producer")
        consumer = stack.enter_context(Consumer(driver, pair, "across", "across_promotion", test_failover.TOPIC))
        asyncio.run(fill(pair.namesrv_address, 100))
        sender.ok(20)
        once_each(consumer, sender.acked)
        pair.fence()
        pair.wait_for_producers()
        assert sender.try_one() != "SEND_OK"
        pair.stop_master()
        pair.start_slave_as_master()
        sender.ok(20)
        once_each(consumer, sender.acked)
        pair.start_master_as_slave()
        sender.ok(20)
        once_each(consumer, sender.acked)


async def sent_and_replicated(namesrv: str, master: Any, slave: Any) -> None:
    """The new master takes messages, and the old one follows it."""
    async with RemotingClient() as client, Producer("promoting", ClientOptions(name_servers=[namesrv])) as producer:
        before = sum(map(int, await queue_ends(client, master)))
        assert before >= 101
        for at in range(20):
            assert (await producer.send(Message(TOPIC, b"%d" % at))).status is SendStatus.SEND_OK
        assert sum(map(int, await queue_ends(client, master))) == before + 20
        await eventually_equal(client, master, slave)
