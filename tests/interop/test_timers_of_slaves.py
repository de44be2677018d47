"""A pair of Apache's broker and ours with waiting timers: our slave, promoted, delivers each of them once.

The other way round takes half a minute: Apache's slave looks at its master's timers ten seconds after its start.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from tests.interop import stores
from tests.interop.apache import Driver, wait_until
from tests.interop.raw import wait_for_route
from tests.interop.test_replication import Group
from tests.interop.test_timers import check_each_once, create, enqueued, send, wait_for

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
