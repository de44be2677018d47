"""The slave's side of replication: it connects to the master, takes what it sends, and reports what it needs next.

What lives here: connecting again and again, and why it does not replicate. What does not: how a connection is made
(`master_link.py`), what comes over it (`ha_feed.py`), whether the two commitlogs agree (`tail_check.py`), the slave's
store (`store/log/replica_appender.py`). Mirrors DefaultHAClient.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.ha.flow_monitor import FlowMonitor
from rocketmq_ops.broker.ha.ha_feed import HAFeed
from rocketmq_ops.broker.ha.master_link import connect
from rocketmq_ops.broker.ha.tail_check import DivergedError, NotComparedError, check_tail
from rocketmq_ops.broker.slave.master_api import MasterApi
from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.store.log.replica_appender import RecordPlace

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Seconds until the next attempt: the first, then twice as much each time, up to Apache's 5.
_FIRST_RETRY_S, _LAST_RETRY_S = 0.25, 5.0
#: Seconds until a master whose commitlog could not be compared with this one is asked again.
_COMPARE_AGAIN_S = 5.0


class HAClient:
    """Replicates into the store of one slave, from `start` to `stop`."""

    def __init__(self, controller: BrokerController) -> None:
        replica = controller.store.replica
        assert replica is not None
        self._controller = controller
        self._master = controller.master
        self._replica = replica
        self._clock = controller.clock
        self._tasks = Tasks()
        self._wake = asyncio.Event()
        self._feed: HAFeed | None = None
        self._flow = FlowMonitor(controller.store_config, self._clock)
        self._retry_s = _FIRST_RETRY_S
        #: Why it does not replicate, and what to do; empty while it does.
        self.problem = ""
        #: Why it replicates without knowing whether its commitlog is the master's; empty where it knows.
        self.not_compared = ""
        #: The last record of this slave before the first connection since the logs were compared.
        self._last_compared: RecordPlace | None = None
        #: ms since the epoch of the last word from and to the master, 0 before the first one.
        self.last_read_ms = self.last_write_ms = 0

    @property
    def bytes_in_second(self) -> int:
        """Bytes that came in the last whole second."""
        return self._flow.bytes_in_second

    @property
    def is_connected(self) -> bool:
        return self._feed is not None

    @property
    def is_secured(self) -> bool:
        """Whether the connection to the master is over TLS."""
        return self._feed is not None and self._controller.ha.client_tls is not None

    def start(self) -> None:
        """Begin, as soon as the master is known."""
        self._master.on_change(self._master_changed)
        self._tasks.start(self._run(), "replicate")

    async def stop(self) -> None:
        """End the connection; the store is left with the whole records that came."""
        if self._feed is not None:
            self._feed.close()
        await self._tasks.stop()
        try:
            self._replica.drop_partial()
        except OSError as error:
            log.warning("the beginning of a record could not be cut off, the next start does it: %s", error)

    def read(self, count: int) -> None:
        """So many bytes came from the master."""
        self.last_read_ms = self._clock()
        self._flow.add(count)
        if self.problem or self._retry_s > _FIRST_RETRY_S:
            self.problem, self._retry_s = "", _FIRST_RETRY_S

    def wrote(self) -> None:
        """Something was reported."""
        self.last_write_ms = self._clock()

    def _master_changed(self) -> None:
        self._wake.set()
        if self._feed is not None and self._feed.address != self._master.ha_address:
            self._feed.close()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            try:
                await self._replicate()
            except RocketMQError as error:
                self._say(f"{error}; {error.next_step}" if error.next_step else str(error))
            except OSError as error:
                self._say(f"{error.filename}: {system_words(error)}" if error.filename else system_words(error))
            except Exception:
                log.exception("replication failed, it is tried again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._retry_s):
                    await self._wake.wait()
            self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)

    def _say(self, problem: str) -> None:
        """Note why it does not replicate; in the log once."""
        if problem != self.problem:
            log.warning("this slave does not replicate: %s", problem)
            self.problem = problem

    async def _replicate(self) -> None:
        """Replicate over one connection until it ends. Raises RocketMQError, OSError."""
        master = self._master
        address = master.ha_address
        if address is None:
            if self._retry_s >= _LAST_RETRY_S:
                self._say("no name server has said yet where the master is, and haMasterAddress is not set")
            return
        self._replica.drop_partial()
        self._replica.dispatch()
        await self._compare()
        await self._make_durable()
        feed = HAFeed(self, address, self._controller.store, self._controller.store_config)
        await connect(feed, address, self._controller.ha.client_tls)
        self._feed = feed
        with_tls = ", over TLS" if self.is_secured else ""
        log.info("replicating from %s, from %d on%s", address, self._replica.max_offset, with_tls)
        later = Tasks()
        if self.not_compared:
            later.start(self._compare_later(feed), "compare-with-master")
        try:
            await feed.closed
        finally:
            self._feed = None
            feed.close()
            await later.stop()

    async def _make_durable(self) -> None:
        """Under SYNC_FLUSH wait for the sync of what came over the last connection: the first report says that all of
        it is here, and a master under SYNC_MASTER answers by it. Raises RocketMQError."""
        flush = self._controller.store.flush
        if flush.is_awaited and not await flush.until_flushed(self._replica.max_offset):
            raise RocketMQError(
                "the end of this slave's commitlog could not be synced in time",
                "look at the disk of the store; the slave connects once its end is on the disk",
            )

    async def _compare(self) -> None:
        """Look whether this commitlog is the master's, or say why that is not known. Raises DivergedError."""
        last, address = self._replica.last_record, self._master.address
        if self._last_compared is None:
            self._last_compared = last
        places = dict.fromkeys(place for place in (self._last_compared, last) if place is not None)
        try:
            if address is None and self._replica.dispatched:
                raise NotComparedError("no name server has said yet where the master takes requests")
            if address is not None:
                master = MasterApi(self._controller, address)
                await check_tail(master, self._controller.store.commit_log, self._replica.dispatched, places)
        except NotComparedError as error:
            text = f"whether this slave's commitlog is its master's is not known: {error}"
            if text != self.not_compared:
                log.warning("%s; it is replicated all the same, and asked again", text)
                self.not_compared = text
            return
        if self.not_compared:
            log.info("this slave's commitlog is its master's")
        self.not_compared, self._last_compared = "", None

    async def _compare_later(self, feed: HAFeed) -> None:
        """Compare while something is replicated already; end that when the logs are different ones."""
        while self.not_compared:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_COMPARE_AGAIN_S):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._compare()
            except DivergedError:  # is said when the next connection is not made for it
                feed.close()
                return
