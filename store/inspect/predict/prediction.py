"""What a broker's recovery will do to a store on its next start: Apache's 4.9, 5.3 and 5.5, and ours. Nothing is
changed.

This module holds the result and what all brokers have in common; `apache.py` follows Apache's code step by
step, `own.py` runs our own recovery over a file system whose changes are forgotten.
"""

from __future__ import annotations

from typing import Final

import msgspec

from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.store.inspect.reading.queue_units import usual_file_size
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

BROKERS: Final = ("5.5", "5.3", "4.9", "ours")
DEFAULT_RESERVED_HOURS: Final = 72


class PredictOptions(msgspec.Struct, kw_only=True):
    """The settings of the broker that will start. File sizes (bytes) are taken from the files where they are None;
    `reserved_hours` is fileReservedTime."""

    log_file_size: int | None = None
    queue_file_size: int | None = None
    max_hash_slot_num: int | None = None
    max_index_num: int | None = None
    check_crc: bool = True
    reserved_hours: int = DEFAULT_RESERVED_HOURS
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
