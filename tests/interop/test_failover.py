"""Apache's Java clients on a pair of ours: its consumers go on at the slave while the master is away, and at the master when
that is back, without consuming anew and without a loss; what they committed to the slave the master has then."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.interop.apache import Broker, Driver, DriverError, wait_until
from tests.interop.ours import OurBroker
from tests.interop.raw import call, wait_for_route
from tests.interop.test_java_clients import Consumer, bodies, make_topic, send
from tests.interop.test_replication import Group
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.common import fastjson
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode

TOPIC, QUEUES = "Failover", 4
PAIR = {"haSendHeartbeatInterval": "500", "slaveReadEnable": "true", "brokerClusterName": "DefaultCluster"}
MASTER = PAIR | {"brokerRole": "SYNC_MASTER"}
SLAVE = PAIR | {"brokerRole": "SLAVE", "brokerId": "1"}


def committed(broker: Broker | OurBroker, group: str) -> int:
    """How many messages of the topic the group has consumed, as the broker knows."""
    answer = call(broker.address, RequestCode.GET_ALL_CONSUMER_OFFSET)
    table = fastjson.loads(answer.body)["offsetTable"]
    return sum(table.get(f"{TOPIC}@{group}", {}).values())


def handed_out(broker: Broker | OurBroker) -> int:
    """How many messages the broker has given to consumers since its start."""
    answer = call(broker.address, RequestCode.GET_BROKER_RUNTIME_INFO)
    return int(KVTable.decode(answer.body).table["msgGetTotalTodayNow"])


class Sender:
    """Sends messages whose bodies are numbers; those that were answered SEND_OK are in `acked`."""

    def __init__(self, driver: Driver, pair: Any) -> None:
        self._driver, self._pair = driver, pair
        self._numbers = itertools.count()
        self.acked: list[str] = []

    def try_one(self) -> str:
        """The status of one send, or why the client could not."""
        at = next(self._numbers)
        message = {"topic": TOPIC, "body": str(at), "queue": at % QUEUES}
        try:
            (sent,) = send(self._driver, self._pair, [message], group="failover_producer")
        except DriverError as error:
            return str(error)
        if sent["status"] == "SEND_OK":
            self.acked.append(str(at))
        return str(sent["status"])

    def ok(self, count: int, seconds: float = 60.0) -> None:
        """Send until `count` more have been answered SEND_OK."""
        goal = len(self.acked) + count
        wait_until(lambda: self.try_one() == "SEND_OK" and len(self.acked) >= goal, f"{count} are sent", seconds)


def once_each(consumer: Consumer, acked: list[str]) -> None:
    """The consumer gets all of `acked`, and nothing twice."""
    wait_until(lambda: set(acked) <= set(bodies(consumer.received(0))), "all that was acknowledged comes", 75)
    assert max(Counter(bodies(consumer.received(0))).values()) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_java_client_fails_over_and_back(tmp_path: Path, drivers: Callable[[str], Driver], version: str) -> None:
    driver = drivers(version)
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        pair = SimpleNamespace(
            namesrv_address=group.namesrv.address, cluster="DefaultCluster", broker_name="broker-a", version="ours"
        )
        master = group.start("ours", "master", MASTER)
        slave = group.start("ours", "slave", SLAVE)
        assert isinstance(master, OurBroker)
        wait_for_route(pair.namesrv_address, "TBW102", "broker-a")
        make_topic(driver, pair, TOPIC, QUEUES)
        sender = Sender(driver, pair)
        stack.callback(driver.ask, "producer.close", namesrv=pair.namesrv_address, group="failover_producer")

        def consumer(group_name: str, instance: str) -> Consumer:
            return stack.enter_context(Consumer(driver, pair, f"{instance}-{version}", group_name, TOPIC))

        # One group consumes all the time; the other has consumed a part when the master goes.
        staying = consumer("staying", "staying")
        first = consumer("pausing", "before")
        sender.ok(20)
        once_each(staying, sender.acked)
        once_each(first, sender.acked)
        before = len(sender.acked)
        wait_until(lambda: first.committed(pair, QUEUES), "the master has the offsets", 60)
        first.close()
        read = committed(master, "pausing")
        wait_until(lambda: committed(slave, "pausing") == read, "the slave has the offsets", 60)
        sender.ok(20)
        lies_there = sender.acked[before:]

        master.child.kill()
        assert sender.try_one() not in ("SEND_OK", "FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
        second = consumer("pausing", "meanwhile")
        once_each(second, lies_there)
        assert not set(bodies(second.received(0))) & set(sender.acked[:before])
        once_each(staying, sender.acked)
        stored = read + len(second.received(0))

        def has_committed() -> bool:
            driver.ask("consumer.commit", name=second.consumer)
            return committed(slave, "pausing") == stored

        wait_until(has_committed, "the slave has the offsets that were made on it", 60)
        second.close()

        master.start_again()
        stack.callback(master.child.kill)
        master.wait_ready()
        wait_until(lambda: committed(master, "pausing") == stored, "the slave has handed the offsets back", 60)
        known = set(sender.acked)
        sender.ok(20)
        third = consumer("pausing", "after")
        once_each(third, sender.acked[-20:])
        assert not set(bodies(third.received(0))) & known
        once_each(staying, sender.acked)
        wait_until(lambda: handed_out(master) > 0, "consumers read from the master again", 60)
        slave.child.kill()
        assert sender.try_one() in ("FLUSH_SLAVE_TIMEOUT", "SLAVE_NOT_AVAILABLE")
        last = str(int(sender.acked[-1]) + 1)
        wait_until(lambda: last in bodies(staying.received(0)), "the master's message comes", 60)
