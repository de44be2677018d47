"""`mqadmin store ls`: the files of a store, its queues, and the state of its small files."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.store import CommitLogDir, IndexSlots, StoreDir
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import open_store, time_text
from rocketmq_ops.store.inspect.view.listing import FileRow, StoreListing, list_store


@command(
    result=StoreListing, rows="files", offline=True, more_outputs=("jsonl",), example="mqadmin store ls /data/store"
)
async def store_ls(
    run: Run,
    store_dir: StoreDir,
    queue_files: Annotated[bool, Opt("--queue-files", help="also list each file of each consumequeue")] = False,
    slots: IndexSlots | None = None,
    commitlog: CommitLogDir | None = None,
) -> Outcome:
    """Reads the heads of the commitlog's records, no bodies. CSV and JSONL have one row a file."""
    listing = list_store(open_store(store_dir, commitlog), slots)
    blocks: list[Table | str] = [*_state(listing), ""]
    shown = [row for row in listing.files if queue_files or row.kind != "consumequeue"]
    blocks += [_files(shown), ""]
    queues = [row for row in listing.files if row.kind == "consumequeue"]
    if queues and not queue_files:
        used, unused = sum(row.used for row in queues), sum(row.unused for row in queues)
        files, taken = plural(len(queues), "file", "files"), plural(used, "byte", "bytes")
        blocks += [f"consumequeue: {files}, {taken} used, {unused} allocated but unused", ""]
    blocks += [_queues(listing), "", _configs(listing)]
    if listing.others:
        blocks += ["", f"others: {', '.join(listing.others)}"]
    return Outcome(data=listing, blocks=blocks)


def _state(listing: StoreListing) -> list[Table | str]:
    lock = listing.lock
    if not lock.present:
        holder = "not there"
    elif lock.held is None:
        holder = "there; this system does not show who holds it"
    elif not lock.held:
        holder = "there, held by no process"
    else:
        holder = f"held by {lock.holder}: a broker is running on this store"
    cause = "a broker is running" if lock.held else "the last broker was not stopped cleanly"
    if listing.abort_pid:
        cause = f"{cause}, process {listing.abort_pid}"
    lines = [
        f"store       {listing.directory}",
        f"commitlog   offsets {listing.min_offset} to {listing.max_offset}, stored {time_text(listing.first_time)} to "
        f"{time_text(listing.last_time)}",
        f"topics      {len(listing.topics)}, {plural(len(listing.queues), 'queue', 'queues')}",
        f"abort       {f'there ({cause})' if listing.abort else 'not there (stopped cleanly, or never started)'}",
        f"lock        {holder}",
    ]
    if listing.checkpoint is None:
        return [*lines, "checkpoint  missing or too short"]
    for name, value in listing.checkpoint.items():
        shown = f"{value} ({time_text(value)})" if name.endswith("Timestamp") and value else str(value)
        lines.append(f"checkpoint  {name:<20} {shown}")
    return list(lines)


def _files(rows: list[FileRow]) -> Table:
    columns = ["FILE", "BEGIN", "END", "SIZE", "USED", "ON_DISK", "UNUSED", "FIRST", "LAST", "STATE"]
    cells: list[list[Cell]] = [
        [
            r.path,
            r.begin,
            r.end,
            r.size,
            r.used,
            r.allocated,
            r.unused,
            time_text(r.first_time),
            time_text(r.last_time),
            r.state,
        ]
        for r in rows
    ]
    return Table(columns, cells, ours=["STATE"])


def _queues(listing: StoreListing) -> Table:
    columns = ["TOPIC", "QUEUE", "MIN", "MAX", "FILES", "SIZE", "FIRST", "LAST"]
    cells: list[list[Cell]] = [
        [
            q.topic,
            q.queue_id,
            q.min_offset,
            q.max_offset,
            q.files,
            q.size,
            time_text(q.first_time),
            time_text(q.last_time),
        ]
        for q in listing.queues
    ]
    return Table(columns, cells)


def _configs(listing: StoreListing) -> Table:
    columns = ["CONFIG", "SIZE", "STATE", "MODIFIED", "BAK_SIZE", "BAK_STATE", "BAK_MODIFIED", "DETAIL"]
    cells: list[list[Cell]] = [
        [
            c.name, "-" if c.size is None else c.size, c.state, time_text(c.modified),
            "-" if c.backup_size is None else c.backup_size, c.backup_state, time_text(c.backup_modified), c.detail,
        ]
        for c in listing.configs
    ]  # fmt: skip
    return Table(columns, cells, ours=["STATE", "BAK_STATE", "DETAIL"])
