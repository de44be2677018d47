"""Apache's Java clients on a pair of ours, or of one of ours and one of Apache's: consumers go on at the slave while the
master is away, and at the master when that is back, without consuming anew and without a loss; what they committed to a slave
of ours the master has then."""

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
from tests.interop.test_replication import QUICK, Group
from tests.interop.toolchain import VERSIONS

from rocketmq_ops.common import fastjson
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode

TOPIC, QUEUES = "Failover", 4
PAIR = QUICK | {"slaveReadEnable": "true"}
MASTER = PAIR | {"brokerRole": "SYNC_MASTER", "inSyncReplicas": "2"}
SLAVE = PAIR | {"brokerRole": "SLAVE", "brokerId": "1"}


def committed(broker: Broker | OurBroker, group: str) -> int:
    """How many messages of the topic the group has consumed, as the broker knows."""
    return consumed(call(broker.address, RequestCode.GET_ALL_CONSUMER_OFFSET).body, group)


def consumed(offsets: bytes, group: str) -> int:
    """The same, as a broker's table of offsets says, or its file."""
    return sum(fastjson.loads(offsets)["offsetTable"].get(f"{TOPIC}@{group}", {}).values())


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


#: Master, slave, and the version of the client.
PAIRS = [("ours", "ours", version) for version in VERSIONS] + [
    pair for version in ("5.3.3", "4.9.7") for pair in ((version, "ours", version), ("ours", version, version))
]


@pytest.mark.parametrize(("kind", "of_slave", "version"), PAIRS, ids=["-".join(pair) for pair in PAIRS])
def test_a_java_client_fails_over_and_back(
    tmp_path: Path, drivers: Callable[[str], Driver], kind: str, of_slave: str, version: str
) -> None:
    driver = drivers(version)
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        pair = SimpleNamespace(
            namesrv_address=group.namesrv.address, cluster="DefaultCluster", broker_name="broker-a", version="ours"
        )
        master = group.start(kind, "master", MASTER)
        wait_for_route(pair.namesrv_address, "TBW102", "broker-a")
        slave = group.start(of_slave, "slave", SLAVE)
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
        if of_slave != "ours":
            # It will not give them back to a master that was killed before it wrote them.
            file = master.store / "config" / "consumerOffset.json"
            wait_until(lambda: consumed(file.read_bytes(), "pausing") == read, "the master has written them", 60)
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
        known = set(sender.acked)
        if of_slave == "ours":
            wait_until(lambda: committed(master, "pausing") == stored, "the slave has handed the offsets back", 60)
        else:
            # Apache's does not: what the group has consumed there comes again.
            known.difference_update(lies_there)
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
