"""What a broker's recovery will do to a store on its next start: Apache's 4.9 and 5.3, and ours. Nothing is changed.

This module holds the result and what all brokers have in common; `predict_apache.py` follows Apache's code step by
step, `predict_own.py` runs our own recovery over a file system whose changes are forgotten.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import msgspec

from ...common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from .check_small_files import used_units
from .resync import next_record
from .scan import Block, Stop, walk_file
from .source import StoreDirectory, StoreFile

BROKERS: Final = ("5.3", "4.9", "ours")
DEFAULT_QUEUE_FILE: Final = 6_000_000  # 300,000 units


class PredictOptions(msgspec.Struct, kw_only=True):
    """The settings of the broker that will start. File sizes (bytes) are taken from the files where they are None."""

    log_file_size: int | None = None
    queue_file_size: int | None = None
    max_hash_slot_num: int | None = None
    max_index_num: int | None = None
    check_crc: bool = True
    delay_levels: list[int] | None = None


class QueueAfter(msgspec.Struct, rename="camel"):
    """A queue after recovery; `lost` messages are those it had and has no more."""

    topic: str
    queue_id: int
    min_offset: int
    max_offset: int
    lost: int = 0


class Prediction(msgspec.Struct, rename="camel", kw_only=True):
    """What one broker will do. Offsets are of the commitlog, in bytes.

    `refusals` say why it does not start; all else then says nothing. `recordsCut` are whole records behind the new end
    of the log, which `salvage` could keep. `redispatched` counts records that recovery reads and gives to consumequeue
    and index again, `unitsAdded` the units that come of it.
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
    lost: int = 0
    queues: list[QueueAfter] = []


def predict(store: StoreDirectory, broker: str, options: PredictOptions | None = None) -> Prediction:
    """The prediction for one of BROKERS. Raises RocketMQError when a file cannot be read."""
    options = options or PredictOptions()
    if broker == "ours":
        from .predict_own import predict_own

        return predict_own(store, options)
    from .predict_apache import ApachePrediction

    return ApachePrediction(store, broker, options).run()


def log_file_size(store: StoreDirectory, options: PredictOptions) -> int:
    """mappedFileSizeCommitLog in bytes."""
    return options.log_file_size or store.commitlog.file_size or 1 << 30


def queue_file_size(store: StoreDirectory, options: PredictOptions) -> int:
    """mappedFileSizeConsumeQueue in bytes: what most files have."""
    if options.queue_file_size:
        return options.queue_file_size
    sizes = Counter(file.size for chain in store.queues.values() for file in chain.files)
    return sizes.most_common(1)[0][0] if sizes else DEFAULT_QUEUE_FILE


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
    for file in files:
        position: int | None = max(0, end - file.base)
        while position is not None and position < file.size:
            stop: Stop | None = None
            for item in walk_file(file, position, crc=False):
                if isinstance(item, Stop):
                    stop = item
                    break
                found.update((t.decode("utf-8", "replace"), q) for t, q, _, _, _ in queued_records(item))
            position = None
            if stop is not None and stop.kind not in ("blank", "full"):
                position = next_record(file, stop.offset - file.base + 1)
    return found


def settle_lost(prediction: Prediction, store: StoreDirectory, files: list[StoreFile]) -> None:
    """Fill in which messages are lost: by the units that a queue had, and by the whole records that are cut."""
    cut = records_behind(files, prediction.end_offset)
    prediction.records_cut = sum(cut.values())
    known = {(queue.topic, queue.queue_id): queue for queue in prediction.queues}
    for key in {*cut, *store.queues} - set(known):
        known[key] = QueueAfter(key[0], key[1], 0, 0)
        prediction.queues.append(known[key])
    for key, queue in known.items():
        chain = store.queues.get(key)
        had = used_units(chain) if chain is not None else 0
        queue.lost = max(cut[key], had - queue.max_offset, 0)
    prediction.queues.sort(key=lambda q: (q.topic, q.queue_id))
    prediction.lost = sum(queue.lost for queue in prediction.queues)
