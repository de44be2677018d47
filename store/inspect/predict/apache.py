"""The prediction for Apache's brokers, by following what DefaultMessageStore.load and CommitLog.recover* do with the
files.

Mirrors 4.9.7, 5.3.3 and 5.5.0, whose differences are noted where they matter. Where Apache's code gives up or goes
wrong, so does this one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np

from rocketmq_ops.common.fastjson import FastjsonError, loads
from rocketmq_ops.common.record_layout import (
    MAGIC_V1,
    MAGIC_V2,
    RECORD,
    SIZE,
    STORE_TIMESTAMP,
    V6_FLAGS,
    store_timestamp_position,
)
from rocketmq_ops.store.files.checkpoint import SAFETY_MS
from rocketmq_ops.store.inspect.predict.lost import settle_lost
from rocketmq_ops.store.inspect.predict.prediction import (
    BROKERS,
    Prediction,
    PredictOptions,
    QueueAfter,
    log_file_size,
    queue_file_size,
    queued_records,
)
from rocketmq_ops.store.inspect.predict.queue import ApacheQueue
from rocketmq_ops.store.inspect.reading.batch_queues import (
    batch_topics,
    newest_offset,
    usual_batch_file_size,
    wrong_types,
)
from rocketmq_ops.store.inspect.reading.broker_config import TABLES, load_table
from rocketmq_ops.store.inspect.reading.checkpoint import read_checkpoint
from rocketmq_ops.store.inspect.reading.dledger import dledger_log
from rocketmq_ops.store.inspect.reading.index_files import read_entries, read_header, slots_of
from rocketmq_ops.store.inspect.reading.running import is_locked
from rocketmq_ops.store.inspect.reading.scan import Block, walk_file
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.reading.strangers import java_long, java_order, judge_stranger
from rocketmq_ops.store.layout.checkpoint import CHECKPOINT

# Files that a broker must be able to load, or their .bak, besides TABLES; those of the second tuple since 5.0.
CONFIGS: Final = ("consumerFilter.json",)
CONFIGS_5: Final = ("topicQueueMapping.json", "consumerOrderInfo.json")
_V1_TOPIC: Final = 127
_TO_STORE_TIME: Final = store_timestamp_position(V6_FLAGS) + STORE_TIMESTAMP.size
_MAGIC: Final = RECORD.slice_of("magic")
_SYS_FLAG: Final = RECORD.slice_of("sys_flag")
_MAX_PROPERTIES: Final = 0x7FFF
_RECOVER_AT_MOST: Final = 10  # files, commitLogRecoverMaxNum of 5.5
_ENTRIES_AT_A_TIME: Final = 100_000


def start_after_crash(store: StoreDirectory, options: PredictOptions | None = None) -> int:
    """The commitlog offset from which every one of Apache's brokers dispatches again after an unclean stop; 0 without
    files."""
    checkpoint = read_checkpoint(store) or dict.fromkeys(CHECKPOINT.labels, 0)
    starts = [ApachePrediction(store, broker, options or PredictOptions()) for broker in BROKERS if broker != "ours"]
    return max(start.base_after_crash(checkpoint) for start in starts)


class ApachePrediction:
    """One run; `version` is "4.9", "5.3" or "5.5"."""

    def __init__(self, store: StoreDirectory, version: str, options: PredictOptions) -> None:
        self.store = store
        self.five = version != "4.9"
        self.since_5_5 = self.five and version != "5.3"
        self.options = options
        self.file_size = log_file_size(store, options)
        self.queue_size = queue_file_size(store, options)
        self.files: list[StoreFile] = []
        self.queues: dict[tuple[str, int], ApacheQueue] = {}
        self._batch_topics = {name.encode() for name in batch_topics(store)} if self.five else set()
        self.prediction = Prediction(broker=version, crc_checked=options.check_crc)

    def run(self) -> Prediction:
        """Load, recover, dispatch what is behind."""
        prediction = self.prediction
        self._load_configs()
        self.files = self._load_log()
        self._load_queues()
        if (ledger := dledger_log(self.store)) is not None:
            prediction.warnings.append(
                f"the messages are in the log of a DLedger group, {ledger}: the prediction is for a start without "
                "enableDLegerCommitLog, which does not see it and begins a second log"
            )
        if prediction.refusals:
            prediction.starts = False
            return prediction
        clean = not (self.store.root / "abort").exists()
        prediction.recovery = "normal" if clean else "abnormal"
        checkpoint = read_checkpoint(self.store) or dict.fromkeys(CHECKPOINT.labels, 0)
        if not clean:
            self._drop_index(checkpoint["indexMsgTimestamp"])
        for queue in self.queues.values():
            queue.recover()
        units = sum(queue.max_offset for queue in self.queues.values())
        self._recover(clean, checkpoint)
        added = sum(queue.added for queue in self.queues.values())
        prediction.units_cut = max(0, units + added - sum(queue.max_offset for queue in self.queues.values()))
        self._correct_min()
        if not self.five:
            self._catch_up()
            self._correct_min()
        prediction.keys_lost = self._keys_lost()
        prediction.units_added = sum(queue.added for queue in self.queues.values())
        prediction.queues = [
            QueueAfter(topic, number, queue.min_offset, queue.max_offset)
            for (topic, number), queue in self.queues.items()
        ]
        if is_locked(self.store.root / "lock"):
            prediction.starts = False
            prediction.refusals.append(
                "another broker holds the lock: `Lock failed,MQ already started`, after recovery has run"
            )
        behind = [f for f in self.store.commitlog.files if f.base + self.file_size > prediction.end_offset]
        first = {key: queue.first_message for key, queue in self.queues.items()}
        settle_lost(prediction, self.store, behind, self.options, first)
        return prediction

    def base_after_crash(self, checkpoint: dict[str, int]) -> int:
        """The offset of the file from which it reads after an unclean stop, 0 without files."""
        self.files = self._load_log()
        return self.files[self._first_file(False, checkpoint, -1)].base if self.files else 0

    # -- loading

    def _load_configs(self) -> None:
        """ConfigManager.load: an empty or broken file is replaced by its .bak; when that is broken too, the broker
        gives up."""
        for name in TABLES:
            loaded = load_table(self.store, name, self.prediction.broker)
            if loaded.refused:
                self.prediction.refusals.append(f"neither config/{name} nor its .bak can be read")
            elif loaded.file.endswith(".bak"):
                self.prediction.warnings.append(f"config/{name} is {loaded.why}: its .bak is loaded")
            elif loaded.table is None and loaded.why != "missing":
                instead = "" if loaded.file else " and there is no .bak"
                self.prediction.warnings.append(f"config/{name} is {loaded.why}{instead}: the broker starts without")
        for name in CONFIGS + (CONFIGS_5 if self.five else ()):
            path = f"config/{name}"
            if (why := _unusable(self.store.small_file(path))) is None:
                continue
            backup = self.store.small_file(path + ".bak")
            if backup and _unusable(backup) is not None:
                if why == "empty" or _unusable(backup) != "empty":
                    self.prediction.refusals.append(f"neither config/{name} nor its .bak can be read")
            elif not backup and why != "missing":
                self.prediction.warnings.append(
                    f"config/{name} is {why} and there is no .bak: the broker starts without"
                )
            elif backup and why != "missing":
                self.prediction.warnings.append(f"config/{name} is {why}: its .bak is loaded")

    def _load_log(self) -> list[StoreFile]:
        return self._load_folder(self.store.commitlog_path, self.store.commitlog.files, self.file_size)

    def _load_queues(self) -> None:
        for topic, where in wrong_types(self.store) if self.five else ():
            self.prediction.refusals.append(f"{where}/{topic}: the topic is configured for the other queue type")
        if self.five:
            for chain in self.store.batch_queues.values():
                self._load_folder(chain.directory, chain.files, usual_batch_file_size(self.store))
        for key, chain in self.store.queues.items():
            kept = self._load_folder(chain.directory, chain.files, self.queue_size)
            self.queues[key] = ApacheQueue(replace(chain, files=kept), self.queue_size)

    def _load_folder(self, folder: Path, files: list[StoreFile], size: int) -> list[StoreFile]:
        """MappedFileQueue.load: the wrong length, or a name that is not a number, ends the start."""
        names = sorted((path.name for path in folder.iterdir()), key=java_order) if folder.is_dir() else []
        by_name = {file.path.name: file for file in files}
        kept: list[StoreFile] = []
        for name in names:
            path = folder / name
            verdict = judge_stranger(path, size, last=name == names[-1])
            if verdict.refused_by_5 if self.five else verdict.refused_by_4:
                self.prediction.refusals.append(f"{self._relative(path)}: {verdict.why}")
            elif self.five and (path.is_dir() or verdict.refused_by_4):
                if not path.is_dir():
                    self.prediction.warnings.append(f"{self._relative(path)} has no content and is removed")
            elif name in by_name:
                kept.append(by_name[name])
            elif (number := java_long(name)) is not None:
                self.prediction.warnings.append(f"{self._relative(path)} is {verdict.why}")
                kept.append(StoreFile(path, number))
        for before, after in pairwise(kept):
            if after.base - before.base != size:
                self.prediction.warnings.append(
                    f"files are missing between {self._relative(before.path)} and {after.path.name}: it starts "
                    f"nevertheless"
                )
        return kept

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self.store.root)) if path.is_relative_to(self.store.root) else str(path)

    def _drop_index(self, until: int) -> None:
        """IndexService.load after an unclean stop."""
        for file in self.store.index_files:
            header = read_header(file)
            if header is not None and header.end_timestamp > until:
                self.prediction.index_dropped.append(file.path.name)

    def _keys_lost(self) -> int:
        """Messages with entries in dropped files that stay in the log and are not dispatched again. IndexService passes
        over those before the end of the last file that is kept, of which the dropped files hold none."""
        start = self.store.commitlog.min_offset
        end = min(self.prediction.from_offset, self.prediction.end_offset)
        lost, last = 0, -1
        for file in self.store.index_files:
            if file.path.name not in self.prediction.index_dropped:
                continue
            header = read_header(file)
            slots = slots_of(file.size, self.options.max_hash_slot_num, self.options.max_index_num)
            if header is None or not slots:
                continue
            for first in range(1, header.count, _ENTRIES_AT_A_TIME):
                count = min(_ENTRIES_AT_A_TIME, header.count - first)
                offsets = read_entries(file, slots, first, count)["offset"].astype(np.int64)
                if len(offsets):
                    gone = np.concatenate(([offsets[0] != last], offsets[1:] != offsets[:-1]))
                    gone &= (offsets >= start) & (offsets < end)
                    for low, high in self.store.commitlog.gaps():
                        gone &= (offsets < low) | (offsets >= high)
                    lost += int(gone.sum())
                    last = int(offsets[-1])
        return lost

    # -- recovery

    def _recover(self, clean: bool, checkpoint: dict[str, int]) -> None:
        prediction = self.prediction
        if not self.files:
            prediction.end_reason = "no file"
            prediction.warnings.append("the commitlog has no files: all consumequeue files are deleted")
            for queue in self.queues.values():
                queue.destroy()
            return
        newest = max((queue.max_physic for queue in self.queues.values()), default=-1)
        if self.five:
            newest = max([newest, *map(newest_offset, self.store.batch_queues.values())])
        index = self._first_file(clean, checkpoint, newest)
        start = self.files[index]
        prediction.from_file, prediction.from_offset = start.path.name, start.base
        for block in self._walk(index):
            prediction.records_read += block.count
            if not clean:
                self._dispatch(block, -1)
            elif self.five:
                self._dispatch(block, newest)
        if self.since_5_5:  # asks the queues again, which were added to
            newest = max((queue.max_physic for queue in self.queues.values()), default=-1)
        if newest >= prediction.end_offset:
            for queue in self.queues.values():
                queue.truncate_dirty(prediction.end_offset)
        kept = [file for file in self.files if file.base <= prediction.end_offset]
        prediction.files_removed = [file.path.name for file in self.files[len(kept) :]]

    def _first_file(self, clean: bool, checkpoint: dict[str, int], newest: int) -> int:
        last = len(self.files) - 1
        if self.since_5_5:
            return self._first_file_since_5_5(clean, checkpoint, newest)
        if clean and self.five:
            return max((i for i in range(1, last + 1) if self.files[i].base <= newest), default=0)
        if clean:
            return max(0, last - 2)
        matched = (i for i in range(last, -1, -1) if self._matches(self.files[i], checkpoint))
        return next(matched, 0)

    def _first_file_since_5_5(self, clean: bool, checkpoint: dict[str, int], newest: int) -> int:
        """The last file that begins with a whole record which was dispatched for sure, but none earlier than the tenth
        from the end (commitLogRecoverMaxNum), whether those before it were dispatched or not."""
        last = len(self.files) - 1
        for i in range(last, 0, -1):
            record = self._first_record(self.files[i])
            if record is not None and self._was_dispatched(record, clean, checkpoint, newest):
                return i
            if last - i + 1 >= _RECOVER_AT_MOST:
                return i
        return 0

    @staticmethod
    def _was_dispatched(record: Block, clean: bool, checkpoint: dict[str, int], newest: int) -> bool:
        """ConsumeQueueStore.isMappedFileMatchedRecover, with messageIndexSafe off as by default."""
        time, physical = int(record.head["store_timestamp"][0]), int(record.head["physical_offset"][0])
        if time == 0:
            return False
        if clean:
            return physical <= newest
        if checkpoint["logicsPhysicalOffset"] <= 0:
            return time <= checkpoint["logicsMsgTimestamp"]
        return physical <= checkpoint["logicsPhysicalOffset"]

    def _first_record(self, file: StoreFile) -> Block | None:
        item = next(walk_file(file, crc=self.options.check_crc, window=1 << 16), None)
        return item if isinstance(item, Block) and self._sound(item) > 0 else None

    def _matches(self, file: StoreFile, checkpoint: dict[str, int]) -> bool:
        """CommitLog.isMappedFileMatchedRecover before 5.5, with messageIndexSafe off as by default."""
        head = file.read(0, _TO_STORE_TIME)
        magic = int.from_bytes(head[_MAGIC], "big", signed=True)
        if magic != MAGIC_V1 and not (self.five and magic == MAGIC_V2):
            return False
        flags = int.from_bytes(head[_SYS_FLAG], "big")
        at = store_timestamp_position(flags)
        time = int.from_bytes(head[at : at + STORE_TIMESTAMP.size], "big", signed=True)
        oldest = max(0, min(checkpoint["physicMsgTimestamp"], checkpoint["logicsMsgTimestamp"]) - SAFETY_MS)
        return time != 0 and time <= oldest

    def _walk(self, index: int) -> Iterator[Block]:
        """The records from a file on, until the first thing that is neither a record nor a blank."""
        prediction = self.prediction
        for file in self.files[index:]:
            prediction.end_offset = file.base
            for item in walk_file(file, crc=self.options.check_crc):
                if isinstance(item, Block):
                    count = self._sound(item)
                    if count:
                        yield item.part(slice(0, count))
                        prediction.end_offset = int(item.offsets[count - 1] + item.head["size"][count - 1])
                    if count < item.count:
                        prediction.end_reason = self._reason(item, count)
                        return
                elif item.kind != "blank" or not self._blank_counts(file, item.offset - file.base):
                    prediction.end_reason = "unused" if item.kind == "zero" else item.kind
                    return
        prediction.end_reason = "blank"

    def _sound(self, block: Block) -> int:
        """How many records of a block are so for checkMessageAndReturnSize."""
        first = block.head["magic"] == MAGIC_V1
        bad = (first & (block.topic_length > _V1_TOPIC)) | (block.properties_length > _MAX_PROPERTIES)
        if not self.five:
            bad |= ~first
        if block.crc_ok is not None:
            bad |= ~block.crc_ok
        return int(np.argmax(bad)) if bool(bad.any()) else block.count

    @staticmethod
    def _reason(block: Block, i: int) -> str:
        return "crc" if block.crc_ok is not None and not block.crc_ok[i] else "lengths"

    def _blank_counts(self, file: StoreFile, position: int) -> bool:
        """5.x takes a blank that is larger than the rest of the file for no blank."""
        size = int.from_bytes(file.read(position, SIZE.size), "big", signed=True)
        return not self.five or size <= file.size - position

    def _dispatch(self, block: Block, newest: int) -> None:
        """Records that say they lie behind the commitlog offset `newest` go to their queues again."""
        for topic, number, queue_offset, physical, size in queued_records(block):
            if topic in self._batch_topics:
                continue
            if physical <= newest and newest >= 0:
                continue
            self.prediction.redispatched += 1
            key = (topic.decode("utf-8", "replace"), number)
            queue = self.queues.get(key)
            if queue is None:
                queue = self.queues[key] = ApacheQueue(None, self.queue_size)
            queue.put(physical, size, queue_offset)

    def _correct_min(self) -> None:
        start = self.files[0].base if self.files and self.files[0].base <= self.prediction.end_offset else -1
        for queue in self.queues.values():
            if self.five:
                queue.correct_min_5(start)
            else:
                queue.correct_min_4(start)

    def _catch_up(self) -> None:
        """4.9 dispatches at its start what lies behind the newest unit (ReputMessageService from SetReputOffset)."""
        newest = max((queue.max_physic for queue in self.queues.values()), default=0)
        offset = max(newest, self.files[0].base if self.files else 0, 0)
        end = self.prediction.end_offset
        for file in self.files:
            if file.base + self.file_size <= offset or file.base > end:
                continue
            for item in walk_file(file, max(0, offset - file.base), crc=False):
                if not isinstance(item, Block):
                    break
                inside = int((item.offsets < end).sum())
                if inside:
                    self._dispatch(item.part(slice(0, inside)), -1)
                if inside < item.count:
                    return


def _unusable(data: bytes | None) -> str | None:
    if data is None:
        return "missing"
    if not data:
        return "empty"
    try:
        loads(data)
    except FastjsonError:
        return "broken"
    return None
