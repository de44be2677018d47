"""`mqadmin store predict`: what a broker's recovery will do to a store on its next start."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.lang import tr_message
from rocketmq_ops.mqadmin.options.store import (
    CommitLogDir,
    IndexSlots,
    LogFileSize,
    QueueFileSize,
    ReservedHours,
    StoreDir,
    WithoutCrc,
)
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of
from rocketmq_ops.store.inspect.predict.prediction import (
    BROKERS,
    DEFAULT_RESERVED_HOURS,
    Prediction,
    PredictOptions,
    predict,
)
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

_NAMES = {"5.5": "Apache 5.5", "5.3": "Apache 5.3", "4.9": "Apache 4.9", "ours": "mqbroker (ours)"}


class StorePredictions(msgspec.Struct, rename="camel", kw_only=True):
    """One prediction a kind of broker."""

    store: str
    predictions: list[Prediction]


@command(
    result=StorePredictions,
    rows="predictions",
    offline=True,
    example="mqadmin store predict /data/rocketmq/store --broker 5.3",
)
async def store_predict(
    run: Run,
    directory: StoreDir,
    broker: Annotated[
        str, Opt("--broker", help=f"{', '.join(BROKERS)} or all (default all)", parse=one_of(*BROKERS, "all"))
    ] = "all",
    commitlog: CommitLogDir | None = None,
    log_size: LogFileSize | None = None,
    queue_size: QueueFileSize | None = None,
    slots: IndexSlots | None = None,
    reserved_hours: ReservedHours = DEFAULT_RESERVED_HOURS,
    no_crc: Annotated[WithoutCrc, "the broker runs with checkCRCOnRecover=false"] = False,
) -> Outcome:
    """Whether it starts, from where it reads, where it cuts the log, which messages are lost, which index files are
    dropped. Nothing is changed. The exit code is 12 where a broker refuses to start or messages are lost, 10
    where only 4.9 of several refuses, or messages are only not found by key any more."""
    options = PredictOptions(
        log_file_size=log_size,
        queue_file_size=queue_size,
        max_hash_slot_num=slots,
        check_crc=not no_crc,
        reserved_hours=reserved_hours,
    )
    store = StoreDirectory(directory, commitlog)
    chosen = BROKERS if broker == "all" else (broker,)
    predictions = [predict(store, each, options) for each in chosen]
    store.close()
    # Where the others start, what ends the start of 4.9 alone is a warning, as it is to `store check`.
    refusing = {p.broker for p in predictions if not p.starts}
    old_alone = refusing == {"4.9"} and len(predictions) > 1
    bad = (refusing and not old_alone) or any(p.lost or p.unsure for p in predictions)
    warns = old_alone or any(p.keys_lost for p in predictions)
    return Outcome(
        data=StorePredictions(store=directory, predictions=predictions),
        blocks=[block for prediction in predictions for block in prediction_blocks(prediction)],
        exit_code=ExitCode.STORE_CRITICAL if bad else ExitCode.STORE_WARNING if warns else ExitCode.OK,
    )


def prediction_blocks(p: Prediction) -> list[Table | str]:
    """One prediction as text."""
    name = _NAMES[p.broker]
    if not p.starts:
        return [f"{name} refuses to start:", *(f"  {tr_message(reason)}" for reason in p.refusals)]
    lines = [
        f"{name} starts; {p.recovery} recovery, {'with' if p.crc_checked else 'without'} CRCs, "
        f"from {p.from_file or 'nothing'} (offset {p.from_offset})",
        f"  the commitlog ends at {p.end_offset} ({p.end_reason}); records read: {p.records_read}, whole ones cut "
        f"behind the end: {p.records_cut}",
        f"  records dispatched again: {p.redispatched}; units added: {p.units_added}, cut: {p.units_cut}",
    ]
    if p.files_removed:
        lines.append("  commitlog files removed: " + ", ".join(p.files_removed))
    if p.index_dropped:
        lines.append("  index files dropped: " + ", ".join(p.index_dropped))
    if p.keys_lost:
        lines.append(f"  {plural(p.keys_lost, 'message is', 'messages are')} not found by key any more")
    lines += [f"  {tr_message(warning)}" for warning in p.warnings]
    if p.lost:
        beyond = (
            f", {p.out_of_reach} of them out of reach: their topic or queue is not configured" if p.out_of_reach else ""
        )
        lines.append(f"  {plural(p.lost, 'message is', 'messages are')} lost{beyond}")
    if p.unsure:
        lines.append(
            f"  {plural(p.unsure, 'message', 'messages')} may be skipped or delivered again by the consumer groups"
        )
    if p.repeated:
        lines.append(f"  delivered again: up to {plural(p.repeated, 'delayed message', 'delayed messages')}")
    if not (p.lost or p.unsure or p.repeated):
        lines.append("  no message is lost")
    losing = [q for q in p.queues if q.lost]
    if not losing:
        return list(lines)
    rows: list[list[Cell]] = [[q.topic, q.queue_id, q.min_offset, q.max_offset, q.lost] for q in losing]
    return [*lines, Table(["#TOPIC", "#QUEUE", "#MIN", "#MAX", "#LOST"], rows)]
