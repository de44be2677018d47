"""A master and a slave in this process, without a name server, for the tests of replication."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from rocketmq_ops.broker.controller import BrokerController
from rocketmq_ops.remoting.client import RemotingClient
from rocketmq_ops.store.message_store import MessageStore
from tests.broker.support import Session, new_broker

#: Small intervals, so that nothing in a test waits for seconds.
QUICK: dict[str, Any] = {"brokerIP2": "127.0.0.1", "haSendHeartbeatInterval": 200, "haHousekeepingInterval": 5000}
#: Nobody waits so long but where a slave stalls.
SYNC: dict[str, Any] = {"brokerRole": "SYNC_MASTER", "slaveTimeout": 20_000}


class Pair:
    """The folders `master` and `slave` of one test, with a broker on each that runs at the moment."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self._root = root
        self._settings = QUICK | settings
        self._stack = AsyncExitStack()
        self.client = RemotingClient()

    async def __aenter__(self) -> Pair:
        await self._stack.enter_async_context(self.client)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def start_master(self, **settings: Any) -> Session:
        """Start a broker on the master's folder."""
        self.master = new_broker(self._root / "master", **(self._settings | settings))
        await self._start(self.master)
        return Session(self.master, self.client)

    async def start_slave(self, folder: str = "slave", *, known: bool = True, **settings: Any) -> BrokerController:
        """Start a slave of the master that was started last, and let it know where that is; without `known` only
        where it replicates from."""
        more = {"brokerRole": "SLAVE", "brokerId": 1}
        slave = new_broker(self._root / folder, **(self._settings | more | settings))
        await self._start(slave)
        slave.master.learn(self.master.address if known else None, self.master.ha_address)
        return slave

    async def _start(self, broker: BrokerController) -> None:
        await broker.start()
        self._stack.push_async_callback(broker.stop)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Let the loop run until `condition()`; fails after `seconds`."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def caught_up(master: BrokerController, slave: BrokerController) -> None:
    """Wait until the slave has all of the master's commitlog, and has dispatched it."""
    replica = slave.store.replica
    assert replica is not None
    await until(lambda: replica.dispatched == master.store.max_phy_offset)


def stall(slave: BrokerController) -> Any:
    """Let a slave read nothing more; what is returned lets it go on."""
    client = slave.ha.client
    assert client is not None
    assert client._feed is not None
    transport = client._feed._transport
    assert transport is not None
    transport.pause_reading()
    return transport.resume_reading


def log_bytes(store: MessageStore) -> bytes:
    """The whole commitlog."""
    log, end = store.commit_log, store.max_phy_offset
    pieces, at = [], max(log.min_offset, 0)
    while at < end:
        pieces.append(log.data_from(at, end - at))
        at += len(pieces[-1])
    return b"".join(pieces)


def units(store: MessageStore) -> dict[tuple[str, int], list[tuple[int, int, int] | None]]:
    """All units of all queues."""
    return {
        (queue.topic, queue.queue_id): [queue.unit(offset) for offset in range(queue.min_offset, queue.max_offset)]
        for queue in store.queues
    }


def assert_alike(master: BrokerController, slave: BrokerController) -> None:
    """The slave's store holds what the master's does: records, queues and keys."""
    assert log_bytes(slave.store) == log_bytes(master.store)
    assert units(slave.store) == units(master.store)
