"""Flushing: when written bytes are made durable, and who waits for it (mirrors FlushRealTimeService,
GroupCommitService and FlushConsumeQueueService).

What lives here: the timers, the group commit and the one worker thread in which files are synced. All state is
owned by the asyncio loop; the worker only runs `MappedFileQueue.sync` and the like. What does not: which bytes
are dirty (`files/mapped_file_queue.py`), recovery.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.tasks import Tasks
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.errors import LostFileError
from rocketmq_ops.store.files.checkpoint import StoreCheckpoint
from rocketmq_ops.store.files.mapped_file import MappedFile
from rocketmq_ops.store.files.mapped_file_queue import MappedFileQueue
from rocketmq_ops.store.index.index_service import IndexService
from rocketmq_ops.store.queue.consume_queue_store import ConsumeQueueStore
from rocketmq_ops.store.running_flags import FILE_LOST, RunningFlags

T = TypeVar("T")

log = logging.getLogger(__name__)

_PAGE = 4096
_MAX_WATCHING = 2_048
_Batch = list[tuple[MappedFile, int]]


class FlushService:
    """The flushing of one store. `wake` and `when_flushed` are for the loop's thread alone."""

    def __init__(
        self,
        config: MessageStoreConfig,
        log_files: MappedFileQueue,
        queues: ConsumeQueueStore,
        index: IndexService,
        checkpoint: StoreCheckpoint,
        on_log_flushed: Callable[[int], None],
        flags: RunningFlags,
    ) -> None:
        """`on_log_flushed` is called with the commitlog offset up to which all is durable by now.

        A lost commitlog file is noted in `flags`, so that no more messages are taken."""
        self._config = config
        self._log_files = log_files
        self._queues = queues
        self._index = index
        self._checkpoint = checkpoint
        self._on_log_flushed = on_log_flushed
        self._flags = flags
        #: One line says it all while a sync fails again and again.
        self._log_failures, self._queue_failures = LogRate(), LogRate()
        #: Under SYNC_FLUSH consumers see a message, and its sender is answered, after the sync.
        self.is_awaited = config.flushDiskType == "SYNC_FLUSH"
        self._is_stopped = False
        self._worker = ThreadPoolExecutor(1, "store-flush")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks = Tasks()
        self._waiting: deque[tuple[int, float, Callable[[bool], None]]] = deque()
        #: Who wants to know when the log is durable up to an offset, without asking for a sync.
        self._watching: list[tuple[int, Callable[[], None]]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._scheduled = False
        #: A sync was asked for while one was running.
        self._again = False
        self._sync_running: asyncio.Future[None] | None = None
        self._last_thorough_log = 0.0
        self._last_thorough_queues = 0.0
        self._files_at_last_thorough = -1
        #: A file before those that are written is lost: no sync says so, and one that succeeds says nothing of it.
        self._has_gap = False
        #: Where the log ended when its files were looked for last.
        self._looked_until = -1
        #: Files at the head of the log that somebody else has removed.
        self._gone_first = 0

    def start(self) -> None:
        """Begin the periodic flushes on the running loop."""
        self._loop = asyncio.get_running_loop()
        now = self._loop.time()
        self._last_thorough_log = self._last_thorough_queues = now
        self._tasks.start(self._flush_log_periodically(), "flush-commitlog")
        self._tasks.start(self._flush_queues_periodically(), "flush-consumequeues")

    async def stop(self) -> bool:
        """End the periodic flushes and flush everything; True when all is durable."""
        self._is_stopped = True
        await self._tasks.stop()
        while self._sync_running is not None:
            await asyncio.wait([self._sync_running])
        done = await self._final_flush()
        if self._timer is not None:
            self._timer.cancel()
        while self._waiting:
            self._answer_first(False)
        await asyncio.to_thread(self._worker.shutdown)
        self._loop = None
        return done

    async def _final_flush(self) -> bool:
        try:
            batch = self._log_files.unflushed()
            await self.in_worker(lambda: self._log_files.sync(batch))
            self._mark_log_flushed(batch)
            await self._flush_queues(thorough=True)
        except OSError as error:
            log.error("the store could not be flushed on its stop: %s", error)
            return False
        if self._index.is_behind:
            log.error("the index lacks messages for want of disk space, the next start builds it anew")
            return False
        return True

    # -- commitlog

    def when_flushed(self, end_offset: int, callback: Callable[[bool], None]) -> None:
        """Call back with True once the commitlog is durable up to `end_offset`, with False when its sync fails or
        takes longer than syncFlushTimeout; at once, in this call, when it is durable already, or flushing has ended.

        `end_offset` is `wrote_offset + wrote_bytes` of a put."""
        if self._is_stopped:
            callback(False)
            return
        if self._log_files.flushed_where >= end_offset:
            callback(True)
            return
        loop = self._loop
        if loop is None:
            callback(self._flush_log_now() and self._log_files.flushed_where >= end_offset)
            return
        deadline = loop.time() + self._config.syncFlushTimeout / 1000
        self._waiting.append((end_offset, deadline, callback))
        if self._timer is None or deadline < self._timer.when():  # syncFlushTimeout may have become shorter
            self._time_at(loop, deadline)
        self.wake()

    async def until_flushed(self, end_offset: int) -> bool:
        """Wait for what `when_flushed` calls back with."""
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.when_flushed(end_offset, lambda ok: None if done.done() else done.set_result(ok))
        return await done

    @property
    def waiting(self) -> int:
        """How many wait for a sync."""
        return len(self._waiting)

    def longest_wait_ms(self) -> int:
        """How long the first of them has waited."""
        return self._waited_ms(self._waiting[0][1]) if self._waiting else 0

    def _waited_ms(self, deadline: float) -> int:
        if self._loop is None:
            return 0
        return max(0, int((self._loop.time() - deadline) * 1000) + self._config.syncFlushTimeout)

    def after_flush(self, end_offset: int, callback: Callable[[], None]) -> None:
        """Call back once the commitlog is durable up to `end_offset`, whenever that is; no sync is asked for.

        Of more than so many who wait, the next is never called."""
        if self._log_files.flushed_where >= end_offset:
            callback()
        elif len(self._watching) < _MAX_WATCHING:
            self._watching.append((end_offset, callback))

    def wake(self) -> None:
        """Sync the commitlog soon: after this turn of the loop, so that all its messages share the sync."""
        if not self._scheduled and self._loop is not None:
            self._scheduled = True
            self._loop.call_soon(self._sync_log)

    def _flush_log_now(self) -> bool:
        try:
            self._log_files.flush()
        except OSError as error:
            self._note_failure(error)
            return False
        self._on_log_flushed(self._log_files.flushed_where)
        return True

    def _sync_log(self) -> None:
        self._scheduled = False
        if self._loop is None:
            return
        if self._sync_running is not None:
            self._again = True
            return
        batch = self._log_files.unflushed()
        if not batch:
            return
        self._sync_running = self._loop.create_future()
        job = self._worker.submit(self._log_files.sync, batch)
        loop = self._loop
        job.add_done_callback(lambda done: loop.call_soon_threadsafe(self._log_synced, batch, done))

    def _log_synced(self, batch: _Batch, done: Future[None]) -> None:
        running, self._sync_running = self._sync_running, None
        error = done.exception()
        if error is None:
            self._mark_log_flushed(batch)
        else:
            self._log_sync_failed(batch, error)
        if self._waiting or self._again:
            self._again = False
            self._sync_log()
        if running is not None:
            running.set_result(None)

    def _note_failure(self, error: BaseException) -> None:
        """Say it, and take no more messages where they would go into a file that is lost."""
        if self._log_failures.due(time.monotonic_ns() // 1_000_000):
            log.error("the commitlog could not be synced: %s", error)
        if isinstance(error, LostFileError) and self._flags.set(FILE_LOST):
            log.error(
                "no more messages are taken: those that were put since the last sync are in memory alone. Consume or "
                "copy what is needed while the broker runs, put the very file back, or restart the broker"
            )

    def _note_gap(self, lost: LostFileError | None) -> None:
        """Take no more messages while a file in the middle is lost: a start would not find those behind it."""
        had_gap, self._has_gap = self._has_gap, lost is not None
        if lost is not None and self._flags.set(FILE_LOST):
            log.error(
                "%s; no more messages are taken: without it this store does not start again. Put the very file back; "
                "or consume what is needed while the broker runs, and then have `mqadmin store salvage` make a store "
                "of the rest", lost,
            )  # fmt: skip
        elif lost is None and had_gap:
            self._file_is_back()

    def _file_is_back(self) -> None:
        if self._flags.clear(FILE_LOST):
            log.info("the commitlog file is back, messages are taken again")

    def _mark_log_flushed(self, batch: _Batch) -> None:
        self._log_files.mark_flushed(batch)
        if self._flags.bits & FILE_LOST and not self._has_gap:
            self._file_is_back()
        flushed = self._log_files.flushed_where
        timestamp = max((file.last_timestamp for file, wrote in batch if file.wrote == wrote), default=0)
        if timestamp:
            self._checkpoint.physic_msg_timestamp = timestamp
        if self._watching:
            self._tell_watching(flushed)
        self._on_log_flushed(self._log_files.flushed_where)
        waiting = self._waiting
        while waiting and waiting[0][0] <= flushed:
            self._answer_first(True)

    def _tell_watching(self, flushed: int) -> None:
        done = [callback for end, callback in self._watching if end <= flushed]
        self._watching = [item for item in self._watching if item[0] > flushed]
        for callback in done:
            callback()

    def _log_sync_failed(self, batch: _Batch, error: BaseException) -> None:
        self._note_failure(error)
        end = batch[-1][0].base + batch[-1][1]
        for file, _ in batch:
            file.dirty_again()
        while self._waiting and self._waiting[0][0] <= end:
            self._answer_first(False)

    def _answer_first(self, ok: bool) -> None:
        callback = self._waiting.popleft()[2]
        try:
            callback(ok)
        except Exception:
            log.exception("an answer after a sync failed")

    def _time_at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(deadline, self._expire)

    def _expire(self) -> None:
        """Answer False to those who have waited for syncFlushTimeout."""
        self._timer = None
        loop = self._loop
        if loop is None:
            return
        now = loop.time()
        while self._waiting and self._waiting[0][1] <= now:
            self._answer_first(False)
        if self._waiting:
            self._time_at(loop, self._waiting[0][1])

    async def _flush_log_periodically(self) -> None:
        config = self._config
        while True:
            await asyncio.sleep(config.flushIntervalCommitLog / 1000)
            now = asyncio.get_running_loop().time()
            least = config.flushCommitLogLeastPages * _PAGE
            if now >= self._last_thorough_log + config.flushCommitLogThoroughInterval / 1000:
                self._last_thorough_log = now
                least = 1
            dirty = self._log_files.dirty_bytes()
            # Under SYNC_FLUSH nothing is left to sync of what was put since the last look.
            end, before = self._log_files.max_offset, self._looked_until
            self._looked_until = end
            lost = (dirty > 0 or end != before or self._has_gap) and await self._log_is_lost()
            if dirty >= max(least, 1) or lost:
                self._sync_log()

    async def _log_is_lost(self) -> bool:
        """Whether a file with bytes to sync is there no more, or was not: its sync says so, and is not put off.

        Of those before it is said here that one is lost."""
        batch = [mapped for mapped, _ in self._log_files.unflushed()]
        earlier = [mapped for mapped in self._log_files.files if not batch or mapped.base < batch[0].base]
        try:
            there, gap, gone = await self.in_worker(lambda: (_first_lost(batch) is None, *_gap_of(earlier)))
        except OSError:
            return False  # a sync will tell
        self._note_gap(gap)
        if gone > self._gone_first:
            log.warning(
                "the first %d files of the commitlog were removed by somebody else: what is in them can be read until "
                "the broker stops, and only then are their blocks free", gone,
            )  # fmt: skip
        self._gone_first = gone
        return not there or self._flags.bits & FILE_LOST != 0

    # -- consumequeues, index, checkpoint

    async def _flush_queues_periodically(self) -> None:
        config = self._config
        while True:
            await asyncio.sleep(config.flushIntervalConsumeQueue / 1000)
            now = asyncio.get_running_loop().time()
            # Recovery begins at a commitlog file, so a new file is worth a checkpoint that allows to begin there.
            files = len(self._log_files.files)
            interval = config.flushConsumeQueueThoroughInterval / 1000
            thorough = now >= self._last_thorough_queues + interval or files != self._files_at_last_thorough
            try:
                await self._flush_queues(thorough=thorough)
                if thorough:
                    self._last_thorough_queues = now
                    self._files_at_last_thorough = files
            except OSError as error:
                if self._queue_failures.due(time.monotonic_ns() // 1_000_000):
                    log.error("the consumequeues could not be synced: %s", error)
            except Exception:
                log.exception("flushing the consumequeues failed, it is tried again")

    async def _flush_queues(self, *, thorough: bool) -> None:
        """Sync the consumequeues with enough dirty pages; if `thorough` all of them, and the checkpoint after."""
        timestamp = self._queues.last_dispatched_timestamp
        newest = max((queue.last_physical_offset for queue in self._queues), default=0) if thorough else 0
        least = 1 if thorough else max(1, self._config.flushConsumeQueueLeastPages * _PAGE)
        failure: OSError | None = None
        for queue in list(self._queues):
            files = queue.file_queue
            if files.dirty_bytes() < least:
                continue
            batch = files.unflushed()
            try:
                await self.in_worker(lambda files=files, batch=batch: files.sync(batch))  # type: ignore[misc]
            except OSError as error:
                for file, _ in batch:
                    file.dirty_again()
                failure = failure or error
                continue
            files.mark_flushed(batch)
        if failure is not None:
            raise failure
        index_synced = await self._flush_index(at_once=thorough)
        if thorough and timestamp:
            self._checkpoint.logics_msg_timestamp = timestamp
            if newest > 0:
                self._checkpoint.logics_physical_offset = newest
        if thorough or index_synced:
            self._checkpoint.write()
            await self.in_worker(self._checkpoint.sync)

    async def _flush_index(self, *, at_once: bool) -> bool:
        index = self._index
        index.retry()
        if not at_once and not index.sync_due():
            return False
        sync = index.begin_sync()
        await self.in_worker(lambda: index.run_sync(sync))
        index.end_sync(sync)
        return True

    def in_worker(self, work: Callable[[], T]) -> Awaitable[T]:
        """Do some work in the thread of the syncs."""
        return asyncio.get_running_loop().run_in_executor(self._worker, work)


def _first_lost(files: list[MappedFile]) -> LostFileError | None:
    """The error of the first of some files that is there no more. Raises OSError."""
    for mapped in files:
        try:
            mapped.file.check_there()
        except LostFileError as error:
            return error
    return None


def _gap_of(files: list[MappedFile]) -> tuple[LostFileError | None, int]:
    """The error of the first lost file that has one before it; and how many are lost at the beginning, which costs
    what is in them alone. Raises OSError."""
    gone = next((at for at, mapped in enumerate(files) if _first_lost([mapped]) is None), len(files))
    return _first_lost(files[gone:]), gone
