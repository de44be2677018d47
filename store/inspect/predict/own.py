"""The prediction for our own broker: its recovery is run over the store, with every change kept in memory and
forgotten."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inspect.predict.lost import settle_lost
from rocketmq_ops.store.inspect.predict.overlay import OverlayFileSystem
from rocketmq_ops.store.inspect.predict.prediction import (
    Prediction,
    PredictOptions,
    QueueAfter,
    log_file_size,
    queue_file_size,
)
from rocketmq_ops.store.inspect.reading.broker_config import TABLES, load_table
from rocketmq_ops.store.inspect.reading.index_files import slots_of
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.index import capacity_of
from rocketmq_ops.store.message_store import MessageStore


def predict_own(store: StoreDirectory, options: PredictOptions) -> Prediction:
    """Run `MessageStore.load` on an overlay and say what it did."""
    prediction = Prediction(broker="ours", crc_checked=options.check_crc)
    config = _config(store, options)
    ours = MessageStore(
        config, store_host=("127.0.0.1", 10911), fs=OverlayFileSystem(), delay_levels=options.delay_levels
    )
    for name in TABLES:
        if (loaded := load_table(store, name, prediction.broker)).refused:
            prediction.starts = False
            prediction.refusals.append(f"config/{name} is {loaded.why} and there is no usable .bak")
    if prediction.refusals:
        return prediction
    before = {file.path.name for file in store.index_files}
    had = dict(store.queues)
    try:
        with _silent():
            report = ours.load()
    except (RocketMQError, OSError) as error:
        prediction.starts = False
        prediction.refusals.append(str(error))
        return prediction
    try:
        prediction.recovery = "normal" if report.clean else "abnormal"
        prediction.from_offset = report.start_offset
        place = store.commitlog.at(report.start_offset)
        prediction.from_file = place[0].path.name if place else ""
        prediction.end_offset = report.end_offset
        prediction.end_reason = report.end_reason
        prediction.records_read = report.records_read
        prediction.redispatched = report.units_written + report.units_repaired
        prediction.units_added = report.units_written
        prediction.units_cut = report.units_cut
        for damage in report.damaged:
            prediction.warnings.append(
                f"bytes {damage.offset} to {damage.end} hold no valid record ({damage.reason}) and are skipped"
            )
        if report.units_lost:
            prediction.warnings.append(f"{plural(report.units_lost, 'unit remains', 'units remain')} without a record")
        prediction.queues = [
            QueueAfter(topic, queue_id, ours.min_offset(topic, queue_id), ours.max_offset(topic, queue_id))
            for topic, queue_id in {*ours.queues.names(), *had}
        ]
        after = set(ours.fs.list_dir(f"{ours.root}/index"))
        prediction.index_dropped = sorted(before - after)
        kept = set(ours.fs.list_dir(ours.commit_log.file_queue.folder))
        prediction.files_removed = [f.path.name for f in store.commitlog.files if f.path.name not in kept]
    finally:
        ours.close()  # the store was never started: there is nothing to flush
    settle_lost(prediction, store, store.commitlog.files, options)
    return prediction


def _config(store: StoreDirectory, options: PredictOptions) -> MessageStoreConfig:
    config = MessageStoreConfig(
        storePathRootDir=str(store.root), storePathCommitLog=str(store.commitlog_path),
        mappedFileSizeCommitLog=log_file_size(store, options), mappedFileSizeConsumeQueue=queue_file_size(store,
        options),
        checkCRCOnRecover=options.check_crc,
    )  # fmt: skip
    for file in store.index_files[:1]:
        slots = slots_of(file.size, options.max_hash_slot_num, options.max_index_num)
        if slots:
            config.maxHashSlotNum = slots
            config.maxIndexNum = capacity_of(file.size, slots)
    return config


@contextmanager
def _silent() -> Iterator[None]:
    """What recovery would log is in the prediction."""
    logger = logging.getLogger("rocketmq_ops.store")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
