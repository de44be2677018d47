"""Which messages are lost by a predicted start: cut, without a unit, out of reach, or delivered again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, is_retry_topic
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inspect.predict.prediction import Prediction, PredictOptions, QueueAfter
from rocketmq_ops.store.inspect.predict.reach import (
    HOUR_MS,
    LogQueue,
    Reach,
    barely_began,
    gone_in_front,
    log_queues,
    queued_runs,
)
from rocketmq_ops.store.inspect.reading.batch_queues import Key, TopicMask, batch_bounds, batch_topics
from rocketmq_ops.store.inspect.reading.broker_config import TABLES, Loaded, in_rocksdb, is_user_topic, load_table
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchDeriver
from rocketmq_ops.store.inspect.reading.queue_units import units_in_log
from rocketmq_ops.store.inspect.reading.resync import whole_blocks
from rocketmq_ops.store.inspect.reading.scan import Stop, walk_file
from rocketmq_ops.store.inspect.reading.store_files import FileChain, StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.reading.timers import read_timers
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, OFFSET


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
    options: PredictOptions,
    first: Mapping[tuple[str, int], int] | None = None,
) -> None:
    """Fill in which messages are lost: whole records that are cut or that no unit leads to, units whose records are not
    there or not whole, those before the log's first file that a group was due, and what the broker's configuration puts
    out of reach. `files` may hold records behind the predicted end of the log; `first` has the first message of
    queues that begin with filler."""
    cut = records_behind(files, prediction.end_offset)
    prediction.records_cut = sum(cut.values())
    held, start = log_queues(store), store.commitlog.min_offset
    tables = {name: load_table(store, name, prediction.broker) for name in TABLES}
    topics, offsets, groups = (
        tables[name].entries for name in ("topics.json", "consumerOffset.json", "subscriptionGroup.json")
    )
    reach = Reach(topics, offsets, groups, tables["delayOffset.json"].table)
    known = {(queue.topic, queue.queue_id): queue for queue in prediction.queues}
    for key in {*cut, *held, *store.queues} - set(known):
        known[key] = QueueAfter(key[0], key[1], 0, 0)
        prediction.queues.append(known[key])
    configured = not in_rocksdb(store)
    limit = _possible_end(store)
    in_front = gone_in_front(store, reach, options.reserved_hours * HOUR_MS)
    batches = _settle_batches(prediction, store, known, in_front)
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
            f"the log begins at {start}, though its records are younger than fileReservedTime: what was before held "
            f"{plural(sum(in_front.values()), 'message', 'messages')} not yet consumed or delivered"
        )
    _settle_timers(prediction, store)
    prediction.queues.sort(key=lambda q: (q.topic, q.queue_id))
    prediction.lost = sum(queue.lost for queue in prediction.queues) + prediction.timers_lost
    prediction.out_of_reach = sum(queue.out_of_reach for queue in prediction.queues)
    if configured and not barely_began(store):
        _settle_positions(prediction, tables)


def _settle_batches(
    prediction: Prediction, store: StoreDirectory, known: dict[Key, QueueAfter], in_front: Mapping[Key, int]
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
        queue.lost += in_front.get(key, 0)
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
    if waiting and prediction.broker == "4.9":
        prediction.timers_lost = waiting
        prediction.warnings.append(
            f"{plural(waiting, 'timer message waits', 'timer messages wait')} in a timer store, which this broker does "
            "not have"
        )
    elif timers.ahead and prediction.broker != "ours":
        prediction.warnings.append(
            f"the timer store continues at {timers.offset} of {TIMER_TOPIC}, which then ends at {timers.end}: timer "
            "messages are skipped until the queue is that long again"
        )
    elif waiting:
        prediction.warnings.append(
            f"{plural(waiting, 'timer message waits', 'timer messages wait')} in the timer store, to be delivered when "
            "due"
        )


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
                "the offsets of the consumer groups are lost: a group begins where its client's consumeFromWhere "
                "says, by default behind the stored messages"
            )
    if tables["delayOffset.json"].table is None and prediction.broker != "ours":
        prediction.repeated = sum(
            queue.max_offset - queue.min_offset for queue in prediction.queues if queue.topic == SCHEDULE_TOPIC
        )
        if prediction.repeated:
            prediction.warnings.append(
                "the offsets of the delay levels are lost: each level is delivered again from its start"
            )


def batch_messages(store: StoreDirectory, topics: frozenset[str], log_end: int) -> dict[Key, tuple[int, int, int]]:
    """Of each batch queue how many messages it had, by its units or the log; how many of them lie whole in the log
    before `log_end`; and the queue offset after the last of these. Reads the log."""
    mask, deriver = TopicMask(topics), DispatchDeriver()
    whole: dict[Key, list[int]] = {}
    for block in whole_blocks(store.commitlog.files, 0):
        for key, units in mask.batches(block, deriver.derive(block)):
            before = units[units["offset"] < log_end]
            found = whole.setdefault(key, [0, 0, 0])
            found[0] += int(units["count"].sum())
            found[1] += int(before["count"].sum())
            found[2] = max([found[2], *(before["base"] + before["count"]).tolist()])
    for key, chain in store.batch_queues.items():
        low, high = batch_bounds(chain, store.commitlog.min_offset)
        found = whole.setdefault(key, [0, 0, 0])
        found[0] = max(found[0], high - low)
    return {key: (had, kept, end) for key, (had, kept, end) in whole.items()}
