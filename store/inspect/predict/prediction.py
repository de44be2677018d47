"""What a broker's recovery will do to a store on its next start: Apache's 4.9, 5.3 and 5.5, and ours. Nothing is
changed.

This module holds the result and what all brokers have in common; `apache.py` follows Apache's code step by
step, `own.py` runs our own recovery over a file system whose changes are forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, is_retry_topic
from rocketmq_ops.store.inspect.check.queues import usual_file_size
from rocketmq_ops.store.inspect.predict.broker_config import TABLES, Loaded, in_rocksdb, is_user_topic, load_table
from rocketmq_ops.store.inspect.predict.reach import (
    LogQueue,
    Reach,
    barely_began,
    gone_in_front,
    log_queues,
    queued_runs,
    units_in_log,
)
from rocketmq_ops.store.inspect.reading.batch_queues import batch_messages, batch_topics
from rocketmq_ops.store.inspect.reading.resync import whole_blocks
from rocketmq_ops.store.inspect.reading.scan import Block, Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.reading.timers import TIMER_TOPIC, read_timers
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, OFFSET

BROKERS: Final = ("5.5", "5.3", "4.9", "ours")


class PredictOptions(msgspec.Struct, kw_only=True):
    """The settings of the broker that will start. File sizes (bytes) are taken from the files where they are None."""

    log_file_size: int | None = None
    queue_file_size: int | None = None
    max_hash_slot_num: int | None = None
    max_index_num: int | None = None
    check_crc: bool = True
    delay_levels: list[int] | None = None


class QueueAfter(msgspec.Struct, rename="camel"):
    """A queue after recovery; `lost` messages are those it had and has no more, or that no consumer can read from it
    any more (`outOfReach`, a part of `lost`)."""

    topic: str
    queue_id: int
    min_offset: int
    max_offset: int
    lost: int = 0
    out_of_reach: int = 0


class Prediction(msgspec.Struct, rename="camel", kw_only=True):
    """What one broker will do. Offsets are of the commitlog, in bytes.

    `refusals` say why it does not start; all else then says nothing. `recordsCut` are whole records behind the new end
    of the log, which `salvage` could keep. `redispatched` counts records that recovery reads and gives to consumequeue
    and index again, `unitsAdded` the units that come of it. `keysLost` are the messages whose keys are in an index file
    that is dropped and are not indexed again, so that they are found by offset, id and queue, but not by key.

    `lost` counts the messages that a consumer who was due to get them does not get: those that are gone, and those
    `outOfReach` since their topic or queue is not configured any more. `unsure` are those that a consumer may not get
    or may get again, since the positions of the groups are gone; `repeated` the delayed messages that may be delivered
    a second time; `timersLost`, a part of `lost`, wait in a timer store that the broker does not have.
    """

    broker: str
    starts: bool = True
    refusals: list[str] = []
    warnings: list[str] = []
    recovery: str = ""
    crc_checked: bool = True
    from_file: str = ""
    from_offset: int = 0
    end_offset: int = 0
    end_reason: str = ""
    files_removed: list[str] = []
    records_read: int = 0
    records_cut: int = 0
    redispatched: int = 0
    units_added: int = 0
    units_cut: int = 0
    index_dropped: list[str] = []
    keys_lost: int = 0
    lost: int = 0
    out_of_reach: int = 0
    unsure: int = 0
    repeated: int = 0
    timers_lost: int = 0
    queues: list[QueueAfter] = []


def predict(store: StoreDirectory, broker: str, options: PredictOptions | None = None) -> Prediction:
    """The prediction for one of BROKERS. Raises RocketMQError when a file cannot be read."""
    options = options or PredictOptions()
    if broker == "ours":
        from rocketmq_ops.store.inspect.predict.own import predict_own

        return predict_own(store, options)
    from rocketmq_ops.store.inspect.predict.apache import ApachePrediction

    return ApachePrediction(store, broker, options).run()


def log_file_size(store: StoreDirectory, options: PredictOptions) -> int:
    """mappedFileSizeCommitLog in bytes."""
    return options.log_file_size or store.commitlog.file_size or 1 << 30


def queue_file_size(store: StoreDirectory, options: PredictOptions) -> int:
    """mappedFileSizeConsumeQueue in bytes: what most files have."""
    return options.queue_file_size or usual_file_size(store)


def queued_records(block: Block) -> list[tuple[bytes, int, int, int, int]]:
    """Topic, queue id, queue offset, physical offset (as the record says it) and size of the records that get a
    unit."""
    head = block.head
    kinds = head["sys_flag"] & TRANSACTION_MASK
    queued = (kinds == TRANSACTION_NOT_TYPE) | (kinds == TRANSACTION_COMMIT_TYPE)
    topics = block.slices(block.topic_at, block.topic_length)
    columns = zip(
        topics, head["queue_id"].tolist(), head["queue_offset"].tolist(), head["physical_offset"].tolist(),
        head["size"].tolist(), queued.tolist(), strict=True,
    )  # fmt: skip
    return [(t, q, n, p, s) for t, q, n, p, s, wanted in columns if wanted]


def records_behind(files: list[StoreFile], end: int) -> Counter[tuple[str, int]]:
    """Whole records from offset `end` on by topic and queue, stepping over damage."""
    found: Counter[tuple[str, int]] = Counter()
    for block in whole_blocks(files, end):
        for key, numbers, _ in queued_runs(block):
            found[key] += len(numbers)
    return found


def _possible_end(store: StoreDirectory) -> int | None:
    """The commitlog offset that no message can have lain behind: where the last file ends, unless it is full, so that
    files after it may be missing (None). A broker puts nothing into a file before the one before it is full."""
    for file in reversed(store.commitlog.files):
        stop = next((item for item in walk_file(file, crc=False) if isinstance(item, Stop)), None)
        if stop is None or stop.kind != "zero" or stop.offset > file.base:
            return file.end if stop is not None and stop.kind not in ("blank", "full", "short") else None
    return None


def _believable_end(chain: FileChain, low: int, high: int, limit: int) -> int:
    """The queue offset behind the last of some units that does not point behind `limit`."""
    while low < high:
        middle = (low + high) // 2
        if int.from_bytes(chain.read(middle * CQ_UNIT_SIZE, OFFSET.size), "big", signed=True) < limit:
            low = middle + 1
        else:
            high = middle
    return high


def settle_lost(
    prediction: Prediction,
    store: StoreDirectory,
    files: list[StoreFile],
    first: Mapping[tuple[str, int], int] | None = None,
) -> None:
    """Fill in which messages are lost: whole records that are cut or that no unit leads to, units whose records are not
    there or not whole, those before the log's first file that a group was due, and what the broker's configuration puts
    out of reach. `files` may hold records behind the predicted end of the log; `first` tells the first message of
    queues that begin with filler."""
    cut = records_behind(files, prediction.end_offset)
    prediction.records_cut = sum(cut.values())
    held, start = log_queues(store), store.commitlog.min_offset
    tables = {name: load_table(store, name, prediction.broker) for name in TABLES}
    reach = Reach(*(tables[name].entries for name in ("topics.json", "consumerOffset.json", "subscriptionGroup.json")))
    known = {(queue.topic, queue.queue_id): queue for queue in prediction.queues}
    for key in {*cut, *held, *store.queues} - set(known):
        known[key] = QueueAfter(key[0], key[1], 0, 0)
        prediction.queues.append(known[key])
    configured = not in_rocksdb(store)
    limit = _possible_end(store)
    in_front = gone_in_front(store, reach)
    batches = _settle_batches(prediction, store, known)
    for key, queue in known.items():
        if key in batches:
            continue
        if key not in store.queues and configured and reach.deleted(queue.topic):
            continue
        whole = held.get(key, LogQueue())
        low = max(queue.min_offset, (first or {}).get(key, 0))
        aside = max(0, whole.count - whole.within(low, queue.max_offset) - cut[key])
        chain = store.queues.get(key)
        begin, end = units_in_log(chain, start) if chain is not None else (0, 0)
        if chain is not None and limit is not None:
            end = _believable_end(chain, begin, end, limit)
        # A record under a wrong number has its unit elsewhere: that is one message.
        queue.lost = cut[key] + max(aside, end - begin - whole.within(begin, end)) + in_front.get(key, 0)
        if configured:
            queue.out_of_reach = reach.out_of_reach(queue.topic, queue.queue_id, low, queue.max_offset)
            queue.lost += queue.out_of_reach
    if in_front:
        prediction.warnings.append(
            f"the log begins at {start}, though what it holds is younger than the time that files are kept: "
            f"{sum(in_front.values())} message(s) before it were still due to consumer groups"
        )
    _settle_timers(prediction, store)
    prediction.queues.sort(key=lambda q: (q.topic, q.queue_id))
    prediction.lost = sum(queue.lost for queue in prediction.queues) + prediction.timers_lost
    prediction.out_of_reach = sum(queue.out_of_reach for queue in prediction.queues)
    if configured and not barely_began(store):
        _settle_positions(prediction, tables)


def _settle_batches(
    prediction: Prediction, store: StoreDirectory, known: dict[tuple[str, int], QueueAfter]
) -> set[tuple[str, int]]:
    """Batch queues: what 5.x has of them afterwards; no other broker reads them. Returns the queues dealt with."""
    topics = batch_topics(store)
    found = batch_messages(store, topics, prediction.end_offset) if topics else {}
    reads = prediction.broker not in ("4.9", "ours")
    for key, (had, kept, end) in found.items():
        queue = known.get(key)
        if queue is None:
            queue = known[key] = QueueAfter(key[0], key[1], 0, 0)
            prediction.queues.append(queue)
        queue.lost, queue.out_of_reach = had - kept if reads else had, 0 if reads else kept
        if reads:
            queue.min_offset, queue.max_offset = end - kept, end
    if found and not reads:
        prediction.warnings.append(f"this broker does not read batch queues: {', '.join(sorted(topics))}")
    return {key for key in known if key[0] in topics}


def _settle_timers(prediction: Prediction, store: StoreDirectory) -> None:
    """Messages that wait in a timer store for a broker that has none, or that passes over what comes."""
    timers = read_timers(store, prediction.end_offset)
    if timers is None:
        return
    waiting = timers.waiting + timers.queued
    if waiting and prediction.broker in ("4.9", "ours"):
        prediction.timers_lost = waiting
        prediction.warnings.append(f"{waiting} timer message(s) wait in a timer store that this broker does not have")
    elif timers.ahead:
        prediction.warnings.append(
            f"the timer store goes on at {timers.offset} of {TIMER_TOPIC}, which then ends at {timers.end}: timer "
            "messages are passed over until the queue is as long again"
        )
    elif waiting:
        prediction.warnings.append(f"{waiting} timer message(s) wait in the timer store and are delivered when due")


def _settle_positions(prediction: Prediction, tables: Mapping[str, Loaded]) -> None:
    """What becomes of groups and delay levels whose offsets are gone."""
    if tables["consumerOffset.json"].table is None:
        prediction.unsure = sum(
            queue.max_offset - queue.min_offset - queue.out_of_reach
            for queue in prediction.queues
            if is_user_topic(queue.topic) or is_retry_topic(queue.topic)
        )
        if prediction.unsure:
            prediction.warnings.append(
                "the positions of the consumer groups are gone: a group starts where its client's consumeFromWhere "
                "says, by default behind what is stored"
            )
    if tables["delayOffset.json"].table is None and prediction.broker != "ours":
        prediction.repeated = sum(
            queue.max_offset - queue.min_offset for queue in prediction.queues if queue.topic == SCHEDULE_TOPIC
        )
        if prediction.repeated:
            prediction.warnings.append(
                "the offsets of the delay levels are gone: each level is delivered from its start"
            )
