"""What a slave takes over from its master besides the log: topics, groups, offsets, delay levels, request modes,
timers.

Every SYNC_INTERVAL_MS, as Apache's slaves of 4.9 (5.x: once a minute); at once when a name server says where the master
is, and when the log brings a message of a topic that is not known yet, so that a topic with messages is there as soon
as they are. How far delay levels and timers are is asked more often (`followed_progress.py`). Each table is taken on
its own: one that cannot be had costs no other. Offsets that consumers committed to this slave are handed back first
(`hand_back.py`).

Mirrors org.apache.rocketmq.broker.slave.SlaveSynchronize.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.slave.followed_progress import NO_TIMERS, FollowedProgress
from rocketmq_ops.broker.slave.hand_back import hand_back
from rocketmq_ops.broker.slave.master_api import MasterApi, RefusedError
from rocketmq_ops.broker.slave.slave_offset_manager import SlaveOffsetManager
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.periodic import PeriodicJobs, guarded, repeat
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.errors import RemotingError

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

SYNC_INTERVAL_MS = 10_000
#: ms until a master that could not be reached is asked again: its first answer ends the outage for consumers.
RETRY_INTERVAL_MS = 1_000
#: ms between two looks for topics that the log has shown: there may be a new one with each message.
TOPIC_INTERVAL_MS = 1_000
#: ms between two looks at how far the master's delay levels and timers are.
PROGRESS_INTERVAL_MS = 3_000
#: ms until the name servers are asked again for a master that is away.
ASK_INTERVAL_MS = 3_000


class SlaveSynchronize:
    """The looks of one slave at its master. Used on the event loop alone."""

    def __init__(self, controller: BrokerController, offsets: SlaveOffsetManager) -> None:
        self._controller = controller
        self._offsets = offsets
        self._progress = FollowedProgress(controller)
        self._jobs = PeriodicJobs()
        self._tasks = Tasks()
        self._wanted = asyncio.Event()
        self._looking = False
        self._asked = self._looked = float("-inf")
        self._later: asyncio.TimerHandle | None = None
        self._reached = False
        self._failing: set[str] = set()

    @property
    def master_serves(self) -> bool:
        """Whether consumers are better off at the master: a name server knows it, and it answered when asked last."""
        return self._controller.master.address is not None and self._reached

    @property
    def is_looking(self) -> bool:
        """Whether a look at the master is under way or about to begin."""
        return self._looking or self._wanted.is_set()

    def start(self) -> None:
        """Begin on the running loop."""
        config = self._controller.config
        self._jobs.every("own commits", lambda: config.flushConsumerOffsetInterval, self._save_own)
        self._controller.master.on_change(self._master_changed)
        if (replica := self._controller.store.replica) is not None:
            replica.queue_begun = self._queue_begun
        self._tasks.start(self._looks(), "take-over-from-master")
        follow = repeat("following the master's delay levels and timers", PROGRESS_INTERVAL_MS, self._follow_progress)
        self._tasks.start(follow, "follow-progress-of-master")
        self.soon()

    async def stop(self) -> None:
        """Take over no more."""
        self._jobs.stop()
        if self._later is not None:
            self._later.cancel()
        await self._tasks.stop()
        with contextlib.suppress(RocketMQError):
            self._progress.take()

    def soon(self) -> None:
        """Look at the master now, or once more when a look is under way."""
        self._wanted.set()

    def _queue_begun(self, topic: str) -> None:
        """The log has the first message of a queue: look at the master if that is all that is known of its topic."""
        if topic in self._controller.topics.table or not self._reached or self._later is not None:
            return
        loop = asyncio.get_running_loop()
        self._later = loop.call_at(max(loop.time(), self._looked + TOPIC_INTERVAL_MS / 1000), self._look_for_topics)

    def _look_for_topics(self) -> None:
        self._later = None
        self.soon()

    def _interval(self) -> int:
        return SYNC_INTERVAL_MS if self._reached else RETRY_INTERVAL_MS

    def _save_own(self) -> None:
        if self._offsets.own.is_dirty:
            self._controller.files.save(self._offsets.own)

    def _master_changed(self) -> None:
        self._reached = False
        self._progress.forget()
        self.soon()

    async def _looks(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval() / 1000):
                    await self._wanted.wait()
            self._looking = True
            self._looked = asyncio.get_running_loop().time()
            self._wanted.clear()
            try:
                await self._ask_for_master()
                await guarded("taking over from the master", self.sync_all)
            finally:
                self._looking = False

    async def _ask_for_master(self) -> None:
        """Register while the master is away: the answer says where it is when it, or another one, has come."""
        now = asyncio.get_running_loop().time()
        if not self._reached and now - self._asked >= ASK_INTERVAL_MS / 1000:
            self._asked = now
            await self._controller.register_all()

    async def sync_all(self) -> None:
        """Take over every table of the master. Failures cost a line in the log."""
        controller = self._controller
        address = controller.master.address
        if address is None or address == controller.address:
            return
        master = MasterApi(controller, address)
        parts: tuple[tuple[str, Callable[[MasterApi], Awaitable[None]]], ...] = (
            ("consumer offsets", self._consumer_offsets),  # first: consumers ask a master that is back for them
            ("topics", self._topics),
            ("delay offsets", self._progress.look),
            ("groups", self._groups),
            ("request modes", self._request_modes),
            ("timers", self._timers),
        )
        for what, take in parts:
            try:
                await take(master)
            except RemotingError as error:
                self._failed(what, error)
                self._set_reached(False)
                return
            except RocketMQError as error:
                self._failed(what, error)
            else:
                self._failing.discard(what)
            self._set_reached(True)

    def _failed(self, what: str, error: RocketMQError) -> None:
        if what not in self._failing:
            self._failing.add(what)
            log.warning(
                "%s of the master at %s are not taken over: %s; trying again",
                what, self._controller.master.address, error,
            )  # fmt: skip

    def _set_reached(self, reached: bool) -> None:
        if reached == self._reached:
            return
        self._reached = reached
        if not reached:
            self._progress.forget()
        else:
            log.info("the master at %s answers", self._controller.master.address)
            # Consumers that wait here for a message are sent to it (PullRequestHoldService.notifyMasterOnline).
            self._controller.held_pulls.wake_all()

    # -- the tables ---------------------------------------------------------------------------------------------

    async def _topics(self, master: MasterApi) -> None:
        topics = self._controller.topics
        if topics.take_over(await master.document(RequestCode.GET_ALL_TOPIC_CONFIG)):
            log.info("topics taken over from %s: %d", master.address, len(topics.table))
            await self._controller.files.save(topics)

    async def _groups(self, master: MasterApi) -> None:
        groups = self._controller.groups
        document = await master.document(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG)
        if groups.take_over(document, keep={group for _, group, _, _ in self._offsets.own}):
            log.info("groups taken over from %s: %d", master.address, len(groups.table))
            await self._controller.files.save(groups)

    async def _consumer_offsets(self, master: MasterApi) -> None:
        masters, version = await master.consumer_offsets()
        groups = self._controller.groups
        made_here = [groups.table[group] for group in groups.made_here if group in groups.table]
        behind = await hand_back(master, self._offsets.own, masters, made_here)
        if behind:
            log.info("the master at %s was behind in %d queues of groups that consume here", master.address, behind)
        self._offsets.take_over(masters, version)
        self._save_own()

    async def _timers(self, master: MasterApi) -> None:
        timers = self._controller.timers
        if not timers.is_enabled:
            return
        try:
            timers.metrics.take_over(await master.document(RequestCode.GET_TIMER_METRICS))
        except RefusedError as error:
            if error.code not in NO_TIMERS:
                raise

    async def _request_modes(self, master: MasterApi) -> None:
        modes = self._controller.request_modes
        try:
            document = await master.document(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE)
        except RefusedError as error:
            if error.code == ResponseCode.REQUEST_CODE_NOT_SUPPORTED:  # a master of 4.9
                return
            raise
        if modes.take_over(document):
            await self._controller.files.save(modes)

    async def _follow_progress(self) -> None:
        """Between the looks at the tables: a slave that takes over delivers what its master has not."""
        address = self._controller.master.address
        if address is None or not self._reached:
            return
        with contextlib.suppress(RocketMQError):  # the next look at the tables says so
            await self._progress.look(MasterApi(self._controller, address))
