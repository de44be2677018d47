"""A pair of Apache's broker and ours with waiting timers: the slave, promoted, delivers each of them once."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.interop import stores
from tests.interop.apache import Driver, wait_until
from tests.interop.raw import wait_for_route
from tests.interop.test_replication import Group
from tests.interop.test_timers import TOPIC, check_each_once, create, enqueued, send, wait_for

from rocketmq_ops.common.configuration import change_file

#: A timer of some seconds waits in the wheel for two seconds at a time, and is put into the timer topic again.
ROLLING = {
    **stores.SIZES, "timerRollWindowSlot": "3", "brokerClusterName": "DefaultCluster",
    # A JVM that has just started, on a busy machine, is no reason to refuse.
    "waitTimeMillsInSendQueue": "60000",
}  # fmt: skip
MASTER = ROLLING | {"brokerRole": "ASYNC_MASTER"}
SLAVE = ROLLING | {"brokerRole": "SLAVE", "brokerId": "1", "haSendHeartbeatInterval": "500"}
BODIES = [f"{i}" for i in range(40)]


def test_what_waits_in_a_pair_is_delivered_by_its_promoted_slave(
    tmp_path: Path, drivers: Callable[[str], Driver]
) -> None:
    driver = drivers("5.3.3")
    with ExitStack() as stack:
        group = Group(tmp_path, stack)
        namesrv = group.namesrv.address
        master = group.start("5.3.3", "master", MASTER)
        wait_for_route(namesrv, "TBW102", "broker-a")
        create(driver, namesrv)
        slave = group.start("ours", "slave", SLAVE)
        due = int(time.time() * 1000) + 8_000
        send(driver, namesrv, BODIES, TIMER_DELIVER_MS=due)
        wait_until(lambda: enqueued(slave.store) > len(BODIES), "the slave has taken all, and some that have rolled")
        master.child.kill()
        slave.child.kill()
        driver.ask("producer.close", namesrv=namesrv, group="timers")
        group.start("ours", "slave", MASTER)
        # Where this took longer than the timers, the master may have delivered some, and the slave has them or not.
        check_each_once(wait_for(driver, namesrv, BODIES), BODIES, due)


def test_what_waits_in_a_pair_is_delivered_by_apache_s_promoted_slave(
    tmp_path: Path, drivers: Callable[[str], Driver]
) -> None:
    """Without steps, which Apache's may deliver twice. Killed within 3 s of what its master has delivered, it delivers that
    again, too: it asks so often how far its master is.
    """
    driver = drivers("5.3.3")
    whole = {"timerRollWindowSlot": "172800", "timerFlushIntervalMs": "1000"}
    with ExitStack() as stack:
        group, begun = Group(tmp_path, stack), time.monotonic()
        namesrv = group.namesrv.address
        master = group.start("ours", "master", MASTER | whole)
        wait_for_route(namesrv, "TBW102", "broker-a")
        create(driver, namesrv)
        slave = group.start("5.3.3", "slave", SLAVE | whole)
        # A machine on which the two took long to start takes long for all else.
        due = int((time.time() + max(20, 3 * (time.monotonic() - begun))) * 1000)
        send(driver, namesrv, BODIES, TIMER_DELIVER_MS=due)
        wait_until(lambda: enqueued(slave.store) >= len(BODIES), "the slave has taken all", 60)
        topics = slave.store / "config" / "topics.json"
        wait_until(lambda: topics.exists() and TOPIC in topics.read_text("utf-8"), "the slave has the topic", 60)
        left = due / 1000 - time.time()
        if -10 < left < 1:
            time.sleep(left + 10)
        master.child.kill()
        slave.child.stop(60)
        driver.ask("producer.close", namesrv=namesrv, group="timers")
        change_file({"brokerRole": "ASYNC_MASTER", "brokerId": "0"}, str(slave.conf))
        slave.start_again()
        stack.callback(slave.child.kill)
        slave.wait_ready()
        wait_for_route(namesrv, TOPIC, "broker-a")
        check_each_once(wait_for(driver, namesrv, BODIES, 90 + max(0, due / 1000 - time.time())), BODIES, due)
