"""`mqadmin store rebuild`: consumequeue, index and checkpoint from the commitlog, into a new directory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.store import IndexEntries, IndexSlots, QueueFileSize, StoreDir, TargetDir
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.progress import progress_bar
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import one_of
from rocketmq_ops.store.inspect.check.findings import Severity
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions, rebuild

_MADE = ("consumequeue", "batchconsumequeue", "index", "checkpoint")


class Rebuilt(msgspec.Struct, rename="camel", kw_only=True):
    """What was written; `indexTags` says whether tags are indexed, `findings` are those of the commitlog that it was
    built from, by id."""

    target: str
    queues: int
    units: int
    index_files: int
    index_entries: int
    index_tags: bool
    findings: dict[str, int]


@command(result=Rebuilt, offline=True, example="mqadmin store rebuild /data/rocketmq/store /data/rebuilt")
async def store_rebuild(
    run: Run,
    directory: Annotated[StoreDir, "the broker's storePathRootDir; it is only read"],
    target: TargetDir,
    queue_size: Annotated[QueueFileSize | None, "bytes; learnt from the store where it has queues"] = None,
    slots: Annotated[IndexSlots | None, "learnt from the store where it has an index"] = None,
    entries: IndexEntries | None = None,
    tags: Annotated[
        str | None,
        Opt(
            "--index-tags",
            help="yes or no: index tags, as Apache does since 5.4; learnt where the store has an index, else no",
            parse=one_of("yes", "no"),
        ),
    ] = None,
) -> Outcome:
    """Stop the broker first. To use the result, replace `consumequeue`, `index` and `checkpoint` of the store by it."""
    store = StoreDirectory(directory)
    options = RebuildOptions(
        mapped_file_size_consume_queue=queue_size, max_hash_slot_num=slots, max_index_num=entries,
        index_tags=None if tags is None else tags == "yes",
    )  # fmt: skip
    with progress_bar("rebuilding", store.commitlog.min_offset, store.commitlog.max_offset) as progress:
        done = rebuild(store, Path(target), options, progress)
    store.close()
    data = Rebuilt(
        target=target, queues=done.queues, units=done.units, index_files=done.index_files,
        index_entries=done.index_entries, index_tags=done.index_tags, findings=done.report.counts,
    )  # fmt: skip
    units, queues = plural(data.units, "unit", "units", grouped=True), plural(data.queues, "queue", "queues")
    indexed = plural(data.index_entries, "entry", "entries", grouped=True)
    files = plural(data.index_files, "index file", "index files")
    text = (
        f"{units} in {queues}, {indexed} in {files} "
        f"({'with' if data.index_tags else 'without'} those for tags) -> {target}"
    )
    steps = _how_to_use(directory, target)
    worst = done.report.worst
    if worst is not None and worst >= Severity.ERROR:
        problem = Failure(
            target=directory, cause=f"the commitlog is damaged: {', '.join(sorted(data.findings))}",
            next_step="what is readable was built; `mqadmin store check` says more, `store salvage` saves what is "
            "whole",
        )  # fmt: skip
        return Outcome(data=data, blocks=[text, steps], status="partial", errors=[problem])
    return Outcome(data=data, blocks=[text, steps])


def _how_to_use(directory: str, target: object) -> str:
    made = [name for name in _MADE if os.path.exists(f"{target}/{name}")]
    return (
        f"to use it: stop the broker, move {', '.join(made)} of {directory} out of the way, move those of {target} in "
        f"their place, start the broker"
    )
