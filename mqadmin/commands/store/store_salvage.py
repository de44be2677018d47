"""`mqadmin store salvage`: everything that can be proven whole, into a new store on which a broker starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import command
from rocketmq_ops.mqadmin.options.store import IndexEntries, IndexSlots, LogFileSize, QueueFileSize, StoreDir, TargetDir
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.progress import progress_bar
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.reading.timers import read_timers
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage


class Salvaged(msgspec.Struct, rename="camel", kw_only=True):
    """Records kept (of them changed: moved up behind lost ones, or a field put right), ranges dropped and their bytes,
    and what was built. `doubtful` counts by id what a check finds in the new store: values that nothing could put
    right. `configs` says of each configuration file whether it was kept, taken from its .bak, changed or lost."""

    target: str
    kept: int
    changed: int
    dropped: int
    dropped_bytes: int
    doubtful: dict[str, int]
    queues: int
    units: int
    index_entries: int
    configs: dict[str, str]
    proof: str


@command(result=Salvaged, offline=True, example="mqadmin store salvage /data/rocketmq/store /data/salvaged")
async def store_salvage(
    run: Run,
    directory: Annotated[StoreDir, "the damaged store; it is only read"],
    target: TargetDir,
    log_size: Annotated[LogFileSize | None, "bytes; learnt from the files where there are several"] = None,
    queue_size: Annotated[QueueFileSize | None, "bytes; learnt from the store where it has queues"] = None,
    slots: Annotated[IndexSlots | None, "learnt from the store where it has an index"] = None,
    entries: IndexEntries | None = None,
) -> Outcome:
    """Stop the broker first. Records keep their commitlog offsets; queue offsets move up behind what is lost, and the
    offsets of the consumers with them. The proof lists every record kept, changed or dropped, and why: `mqadmin store
    verify` replays it."""
    store = StoreDirectory(directory)
    options = RebuildOptions(
        mapped_file_size_commit_log=log_size, mapped_file_size_consume_queue=queue_size, max_hash_slot_num=slots,
        max_index_num=entries,
    )  # fmt: skip
    with progress_bar("salvaging", store.commitlog.min_offset, store.commitlog.max_offset) as progress:
        done = salvage(store, Path(target), options, progress)
    timers = read_timers(store, store.commitlog.max_offset)
    store.close()
    data = Salvaged(target=target, **msgspec.structs.asdict(done))
    kept = plural(data.kept, "record", "records", grouped=True)
    dropped = plural(data.dropped, "range", "ranges", grouped=True)
    units, queues = plural(data.units, "unit", "units", grouped=True), plural(data.queues, "queue", "queues")
    indexed = plural(data.index_entries, "index entry", "index entries", grouped=True)
    dropped_bytes = plural(data.dropped_bytes, "byte", "bytes", grouped=True)
    blocks = [
        f"kept {kept}, {data.changed:,} changed; dropped {dropped}, {dropped_bytes}",
        f"built {units} in {queues} and {indexed}",
        *(f"config/{name}: {what}" for name, what in data.configs.items() if what != "kept"),
        *(f"kept though doubtful: {count} x {kind}" for kind, count in data.doubtful.items()),
        f"proof: {data.proof}",
    ]
    lost = [name for name, what in data.configs.items() if what == "lost"]
    notes = [f"config/{name} could not be saved, nor its .bak: the broker starts without it" for name in lost]
    if timers is not None and timers.waiting + timers.queued:
        waiting = timers.waiting + timers.queued
        notes.append(
            f"{plural(waiting, 'timer message waits', 'timer messages wait')} in the timer store, which is not "
            "salvaged: Apache's 5.x reads its queue again from the start, and delivers again what is due"
        )
    return Outcome(data=data, blocks=blocks, notes=notes)
