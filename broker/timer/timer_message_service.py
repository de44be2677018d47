"""Timers: messages of the timer topic go into the wheel, and into their own topic when their time has come.

What lives here: reading the timer topic, and what is delivered when (mirrors the services of TimerMessageStore). What
does not: one message (`timer_delivery.py`), the files (`store/timer/`), what a sender is answered (`timer_parking.py`).

Nothing is early: a moment is delivered when it is over. Nothing is lost: the checkpoint says what is done only after it
is on the disk. Nothing is doubled: after a kill the messages that were done since the last checkpoint are found out
from the commitlog (`delivered_timers.py`) and passed over. A broker without timers has no files.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rocketmq_ops.broker.timer.due_slot import DueSlot
from rocketmq_ops.broker.timer.timer_delivery import TimerDelivery, Waiting
from rocketmq_ops.broker.timer.timer_flush import TimerFlusher
from rocketmq_ops.broker.timer.timer_metrics import TimerMetrics
from rocketmq_ops.broker.timer.timer_rates import TimerRates
from rocketmq_ops.broker.turns import Turn, Turns
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.store.files.timer_files import ROCKSDB_FOLDER, TIMER_TOPIC, read_timer_checkpoint
from rocketmq_ops.store.timer.timer_checkpoint import TimerCheckpoint
from rocketmq_ops.store.timer.timer_log import TimerUnit
from rocketmq_ops.store.timer.timer_message_store import TimerMessageStore
from rocketmq_ops.store.timer.timer_recovery import UNKNOWN

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: Units of a slot that are looked at before the time of the turn is.
UNITS_AT_A_TIME = 256
CLEAN_INTERVAL_MS = 30_000
#: In place of the time at which a message came into the wheel: it was too late for it (Long.MAX_VALUE).
NEVER_ENQUEUED = 9223372036854775807


class TimerMessageService:
    """Delivers timers. `files` are what is on the disk of them, opened when there are any."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.files = TimerMessageStore(controller.store.fs, controller.store_config)
        self.metrics = TimerMetrics(controller)
        self._delivery = TimerDelivery(controller)
        self._due: DueSlot | None = None
        #: Commitlog offsets of messages that were delivered before the last kill and are still in queue or wheel.
        self._delivered: set[int] = set()
        self._delivered_behind = 0
        #: Commitlog offsets of messages that are in the wheel and are met again in the queue, which was put back.
        self._held: set[int] = set()
        #: So far the queue is read before another slot is begun: it may hold what is due in it, or recalled from it.
        self._read_first = 0
        #: Timers were on at some time since the start.
        self._driven = False
        #: The queue cannot be read on before slots of the wheel's last round are left.
        self._blocked = False
        self._jobs = PeriodicJobs()
        self._turns = Turns(controller, self._jobs, "timers", self._take_turn)
        self._flusher = TimerFlusher(controller, self.metrics)
        self._failures = LogRate()
        self.rates = TimerRates(controller.clock)
        #: Changes of the metrics in this turn, by topic.
        self._counts: dict[str, int] = {}

    # -- life

    @property
    def is_enabled(self) -> bool:
        """Whether this broker has timers."""
        return self._controller.store_config.timerWheelEnable

    @property
    def is_master(self) -> bool:
        """Whether this broker delivers: a slave only enqueues, as far as its master has."""
        return not self._controller.is_slave

    def ends(self) -> Iterator[tuple[str, int, int]]:
        """Topic, queue id and offset up to which the timer topic was read: so far its queue must have come."""
        config = self._controller.store_config
        checkpoint = read_timer_checkpoint(self._controller.store.fs, config.storePathRootDir)
        if self.is_enabled and checkpoint is not None and checkpoint.queue_offset:
            yield TIMER_TOPIC, 0, checkpoint.queue_offset

    def load(self) -> None:
        """Take up where the last run ended; the store is open. Raises OSError, CorruptDataError."""
        if not self.is_enabled:
            return
        self.metrics.load()
        if self.files.has_files() or self._queue_end():
            self._open()

    def _queue_end(self) -> int:
        queue = self._controller.store.consume_queue(TIMER_TOPIC, 0)
        return queue.max_offset if queue is not None else 0

    def _open(self) -> None:
        controller, files, store = self._controller, self.files, self._controller.store
        queue = store.consume_queue(TIMER_TOPIC, 0)
        behind = files.open(
            queue, store.max_phy_offset, controller.clock(), lambda offset: store.store_time(TIMER_TOPIC, 0, offset)
        )
        self._read_first = self._queue_end()
        if queue is None or not self.is_master or behind == store.max_phy_offset:
            return
        from rocketmq_ops.broker.timer.delivered_timers import delivered_before  # only then

        rocksdb = store.fs.is_dir(f"{controller.store_config.storePathRootDir}/{ROCKSDB_FOLDER}")
        self._delivered, self._held = delivered_before(
            store, queue, files, behind, controller.clock(), may_be_in_rocksdb=rocksdb
        )
        self._delivered_behind = UNKNOWN if behind is None else behind
        if self._delivered:
            log.info("%d timer messages that are still in the wheel were delivered already", len(self._delivered))

    def start(self) -> None:
        """Begin delivering on the running loop."""
        config = self._controller.store_config
        self._turns.start(lambda: self.files.precision / 10)
        self._jobs.every("timer checkpoint", lambda: max(10, config.timerFlushIntervalMs), self._flush_soon)
        self._jobs.every("timer log", lambda: CLEAN_INTERVAL_MS, self._clean)

    async def stop(self) -> None:
        """Deliver no more, and write down how far all is."""
        self._jobs.stop()
        await self._flusher.wait()
        self.files.touch()
        await self.flush()
        self.files.close()

    def _take_turn(self, turn: Turn) -> None:
        # What waits is delivered also after they were switched off, as by Apache's: only a start without leaves it.
        self._driven = self._driven or self.is_enabled
        if self._driven:
            self.run(self._controller.clock(), turn)

    def _flush_soon(self) -> None:
        self.rates.sample()
        self._flusher.soon(self.files, self._behind)

    def _clean(self) -> None:
        self.files.delete_expired(self._controller.store.min_phy_offset)

    # -- work

    def run(self, now: int, turn: Turn | None = None) -> int:
        """Enqueue what has come and deliver what is due at `now` (ms), as long as the turn lasts; how many of both."""
        done = self._run(now, turn or Turn(math.inf))
        for topic, count in self._counts.items():
            self.metrics.add(topic, count)
        self._counts.clear()
        return done

    def _count(self, topic: str, count: int) -> None:
        self._counts[topic] = self._counts.get(topic, 0) + count

    def _run(self, now: int, turn: Turn) -> int:
        files, config = self.files, self._controller.store_config
        if not files.is_open:
            if not self._queue_end():
                return 0
            self._open()
        done = 0
        if not config.timerStopEnqueue:
            done = self._enqueue(enqueuing := turn.half())
            turn.stopped = enqueuing.stopped
        files.move_write_time(now)
        if self.is_master and not config.timerStopDequeue:
            done += self._dequeue(turn)
        return done

    def _enqueue(self, turn: Turn) -> int:
        files = self.files
        queue = self._controller.store.consume_queue(TIMER_TOPIC, 0)
        if queue is None:
            return 0
        self._blocked = False
        start = offset = max(files.queue_offset, queue.min_offset)
        end = queue.max_offset if self.is_master else min(queue.max_offset, files.checkpoint.master_timer_queue_offset)
        while offset < end:
            unit = queue.unit(offset)
            if unit is not None and not self._guarded(self._take_in, unit[0], unit[1]):
                break
            offset += 1
            if turn.is_over():
                break
        if offset != files.queue_offset:
            files.queue_offset = offset
            files.touch()
        self.rates.enqueued += offset - start
        return offset - start

    def _guarded(self, work: Callable[..., bool], physical: int, size: int, *more: object) -> bool:
        """Do something with a message; False when it has to be tried again. What can never work is passed over."""
        try:
            return work(physical, size, *more)
        except OSError as error:
            if self._failures.due(self._controller.clock()):
                log.error("timer messages have to wait: %s", error)
            return False
        except Exception:
            log.exception("timer message at commitlog offset %d cannot be delivered and is skipped", physical)
            return True

    def _take_in(self, physical: int, size: int) -> bool:
        """Let a message of the queue wait, or deliver it if it is late."""
        if physical in self._held:
            self._held.discard(physical)
            return True
        if physical in self._delivered:
            self._passed(physical)
            return True
        waiting = self._delivery.read(physical, size)
        if waiting is None:
            return True
        time = waiting.time
        if not self._enqueue_one(waiting, time, physical, size):
            return False
        if (meters := self._controller.meters) is not None:
            meters.timer_enqueued(waiting.topic, (time - waiting.stored.record.born_timestamp) // 1000)
        return True

    def _enqueue_one(self, waiting: Waiting, time: int, physical: int, size: int) -> bool:
        files, deletes = self.files, waiting.deletes is not None
        if time >= files.read_time and (self._due is None or self._due.slot.time != time):
            if not files.has_room_for(time):
                self._blocked = True
                return False
            files.add(time, physical, size, tags_hash(waiting.topic), deletes=deletes)
            self._count(waiting.topic, -1 if deletes else 1)
        elif deletes:
            log.info("message %s is recalled too late", waiting.deletes)
        elif self.is_master:
            return self._put(waiting, NEVER_ENQUEUED, rolls=False)
        return True

    def _dequeue(self, turn: Turn) -> int:
        done = 0
        while True:
            due = self._due
            if due is None:
                if self._has_to_read():
                    break
                slot = self.files.next_due()
                if slot is None:
                    break
                # Some of it may have been delivered before the last kill.
                behind = self._delivered_behind if self._delivered else self._controller.store.max_phy_offset
                due = self._due = DueSlot(slot, self.files.units_of(slot), behind)
            if due.units is not None:
                self._look(due, due.units)
            elif due.found:
                found = due.found
                if not self._guarded(self._deliver, found[-3], found[-2] >> 1, due, found[-1], bool(found[-2] & 1)):
                    break
                del found[-3:]
                done += 1
            else:
                self.files.leave(due.slot)
                for topic in due.deleted.values():
                    self.metrics.add(topic, 1)  # there was nothing to recall
                self._due = None
            if turn.is_over():
                break
        return done

    def _has_to_read(self) -> bool:
        """Whether the queue comes before the next slot; not where it can only be read once slots are left."""
        unread = self.files.queue_offset < self._read_first
        return unread and not self._blocked and not self._controller.store_config.timerStopEnqueue

    def _look(self, due: DueSlot, units: Iterator[TimerUnit]) -> None:
        """Look at some units of a slot: which are to be delivered, and what they recall."""
        for _ in range(UNITS_AT_A_TIME):
            unit = next(units, None)
            if unit is None:
                due.units = None
                return
            if unit.deletes and not unit.rolls:
                self._guarded(self._recall, unit.physical_offset, unit.message_size, due)
            else:
                due.find(unit)

    def _recall(self, physical: int, size: int, due: DueSlot) -> bool:
        waiting = self._delivery.read(physical, size)
        if waiting is not None and waiting.deletes is not None:
            due.deleted[waiting.deletes] = waiting.topic
        return True

    def _deliver(self, physical: int, size: int, due: DueSlot, write_time: int, rolls: bool) -> bool:
        if physical in self._delivered:
            self._passed(physical)
            return True
        waiting = self._delivery.read(physical, size)
        if waiting is None:
            return True
        if due.deleted and not rolls and waiting.key in due.deleted:
            due.deleted[waiting.key] = None
            return True
        return self._put(waiting, write_time, rolls=rolls)

    def _put(self, waiting: Waiting, write_time: int, *, rolls: bool) -> bool:
        if not self._delivery.put(waiting, write_time, rolls=rolls):
            return False
        self.rates.dequeued += 1
        if (meters := self._controller.meters) is not None:
            meters.timer_dequeued(waiting.topic)
        if rolls:
            queue = self._controller.store.consume_queue(TIMER_TOPIC, 0)
            self._read_first = queue.next_offset if queue is not None else 0
        if write_time != NEVER_ENQUEUED:
            # A recall is put only to wait on.
            self._count(waiting.topic, 1 if rolls and waiting.deletes else -1)
        return True

    def _passed(self, physical: int) -> None:
        """A message that was delivered before is out of queue or wheel."""
        self._delivered.discard(physical)
        if not self._delivered:
            self.files.touch()

    async def flush(self) -> None:
        """Make durable what is done."""
        await self._flusher.flush(self.files, self._behind)

    def _behind(self, end: int) -> int:
        """Behind which offset of the commitlog, which ends at `end`, anything was delivered that may be met again."""
        if self._delivered or self._held:
            return self._delivered_behind
        return self._due.behind if self._due is not None else end

    # -- master and slave

    def take_over(self, checkpoint: bytes) -> None:
        """Follow a master by its answer to GET_TIMER_CHECK_POINT: what it has delivered is delivered, and no more is
        enqueued than it has enqueued (SlaveSynchronize.syncTimerCheckPoint)."""
        own, masters = self.files.checkpoint, TimerCheckpoint(self._controller.store.fs, "")
        masters.take(checkpoint)
        own.master_timer_queue_offset, own.version = masters.master_timer_queue_offset, masters.version
        self.files.read_time = max(self.files.read_time, masters.last_read_time)
        if not self.files.is_open:
            own.last_read_time = self.files.read_time

    # -- figures

    def encoded_checkpoint(self) -> bytes:
        """How far this broker is, as slaves ask for it (GET_TIMER_CHECK_POINT): what was durable at the last flush."""
        checkpoint = self.files.checkpoint
        if not self.files.is_open:  # there is nothing that would have to be read
            checkpoint.last_read_time = self._controller.clock()
        return checkpoint.encode()

    @property
    def enqueue_lag(self) -> int:
        """Messages of the timer topic that are not in the wheel yet."""
        return max(0, self._queue_end() - self.files.queue_offset)

    @property
    def enqueue_latency_ms(self) -> int:
        """How long the first of these has been in the timer topic."""
        if not self.enqueue_lag:
            return 0
        controller = self._controller
        return max(0, controller.clock() - controller.store.store_time(TIMER_TOPIC, 0, self.files.queue_offset))

    @property
    def dequeue_latency_ms(self) -> int:
        """How long ago the moment is that is delivered next."""
        return self._controller.clock() - self.files.read_time if self.files.is_open else 0

    def runtime_info(self) -> dict[str, str]:
        """The keys of brokerStatus."""
        files = self.files
        return {
            "timerReadBehind": str(self.dequeue_latency_ms // 1000),
            "timerOffsetBehind": str(self.enqueue_lag),
            "timerCongestNum": str(files.waiting),
            "timerEnqueueTps": f"{self.rates.enqueue_tps:.1f}",
            "timerDequeueTps": f"{self.rates.dequeue_tps:.1f}",
        }
