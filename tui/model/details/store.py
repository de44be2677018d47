"""A store directory that is opened offline: its files, a map of its commitlog, what the check finds, its records.

Reading is done in threads, each of which opens the store for itself; what is damaged is said, and the rest is shown.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.check.check_store import CheckResult, check_store
from rocketmq_ops.store.inspect.check.findings import Finding
from rocketmq_ops.store.inspect.reading.blocks import Broken, readable_blocks
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.listing import FileRow, StoreListing, list_store
from rocketmq_ops.store.inspect.view.missing_log import MissingLog, missing_log
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Fact, Once, Part, Section, also, table_of, worst
from rocketmq_ops.tui.model.table import Column, Health, Kind, Row, worst_first

_FILES: Final = (
    Column(key="file", title="File", least=24),
    Column(key="kind", title="Kind", kind=Kind.STATE, drop=2),
    Column(key="size", title="Size", kind=Kind.BYTES),
    Column(key="used", title="Used", kind=Kind.BYTES),
    Column(key="allocated", title="On disk", kind=Kind.BYTES, drop=1),
    Column(key="first", title="First", kind=Kind.MOMENT),
    Column(key="last", title="Last", kind=Kind.MOMENT),
    Column(key="state", title="State", kind=Kind.STATE),
)
_QUEUES: Final = (
    Column(key="topic", title="Topic", least=16),
    Column(key="queue", title="Queue", kind=Kind.COUNT),
    Column(key="messages", title="Messages", kind=Kind.COUNT),
    Column(key="lost", title="Lost", kind=Kind.COUNT),
    Column(key="min", title="First offset", kind=Kind.COUNT, drop=2),
    Column(key="max", title="End", kind=Kind.COUNT, drop=1),
    Column(key="files", title="Files", kind=Kind.COUNT, drop=3),
    Column(key="first", title="First", kind=Kind.MOMENT, drop=2),
    Column(key="last", title="Last", kind=Kind.MOMENT),
)
_SMALL: Final = (
    Column(key="file", title="File", least=20),
    Column(key="size", title="Size", kind=Kind.BYTES),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="changed", title="Changed", kind=Kind.MOMENT),
    Column(key="backup", title="Backup", kind=Kind.STATE),
    Column(key="detail", title="Evidence", kind=Kind.SENTENCE, least=20, drop=1),
)
_FINDINGS: Final = (
    Column(key="severity", title="Severity", kind=Kind.STATE),
    Column(key="id", title="Finding", least=8),
    Column(key="message", title="Evidence", kind=Kind.SENTENCE, least=24),
    Column(key="place", title="Place", least=16, drop=1),
    Column(key="action", title="Remedy", kind=Kind.SENTENCE, least=24, drop=2),
)
_RECORDS: Final = (
    Column(key="offset", title="Offset", kind=Kind.COUNT),
    Column(key="size", title="Size", kind=Kind.BYTES),
    Column(key="stored", title="Stored", kind=Kind.MOMENT),
    Column(key="topic", title="Topic", least=14),
    Column(key="queue", title="Queue", kind=Kind.COUNT),
    Column(key="number", title="Queue offset", kind=Kind.COUNT),
    Column(key="state", title="State", kind=Kind.STATE),
    Column(key="detail", title="Evidence", kind=Kind.SENTENCE, least=16, drop=1),
)
_HEALTH: Final = {
    "info": Health.INFO,
    "warning": Health.WARNING,
    "error": Health.CRITICAL,
    "critical": Health.CRITICAL,
}
#: What a check has mostly examined; the other counts have the names that the report gives them.
_EXAMINED: Final = {
    "records": "Records examined",
    "units": "Units examined",
    "indexEntries": "Index entries examined",
}
#: Records that are shown at once, and cells of a file in the map.
SLICE: Final = 200
CELLS: Final = 50
#: Signs of the map: what is written, damaged, not written.
WRITTEN, DAMAGED, EMPTY = "█", "✗", "·"


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """A store to be looked at. `progress` hears, in another thread, the share that is checked; `left` says whether
    nobody waits any more."""

    address: Address
    progress: Callable[[float], None] = lambda share: None
    left: Callable[[], bool] = lambda: False


class LeftError(RocketMQError):
    """Nobody waits for it any more."""


def parts(opening: Opening) -> Sequence[Part]:
    """The parts of `:store/DIRECTORY`; `?at=OFFSET` is where the records begin."""
    path = opening.address.name
    listing = Once(lambda: asyncio.to_thread(_listed, path))
    checked = Once(lambda: asyncio.to_thread(_checked, opening))

    async def findings() -> Section:
        return finding_section(path, await checked(), (await listing())[0])

    async def log_map() -> Section:
        result = await checked()
        return map_section(*await listing(), result.report.findings, result.end_offset)

    async def files() -> Section:
        return file_section(*await listing())

    async def queues() -> Section:
        return queue_section(*await listing())

    async def small() -> Section:
        return small_section((await listing())[0])

    async def records() -> Section:
        at = opening.address.option("at") or "0"
        return await asyncio.to_thread(_records, path, int(at) if at.isdecimal() else 0)

    return (
        Part("findings", "Findings", findings),
        Part("map", "Map", log_map),
        Part("files", "Files", files),
        Part("queues", "Queues", queues),
        Part("small", "Small files", small),
        Part("records", "Records", records),
    )


@contextmanager
def opened(path: str) -> Iterator[StoreDirectory]:
    """A store to be read, which is closed afterwards."""
    store = StoreDirectory(Path(path).expanduser())
    try:
        yield store
    finally:
        store.close()


def _listed(path: str) -> tuple[StoreListing, MissingLog]:
    with opened(path) as store:
        listing = list_store(store)
        return listing, missing_log(store, running=bool(listing.lock.held))


def _checked(opening: Opening) -> CheckResult:
    with opened(opening.address.name) as store:
        low, high = store.commitlog.min_offset, store.commitlog.max_offset

        def progress(offset: int) -> None:
            if opening.left():
                raise LeftError("the check was left", "open it again")
            opening.progress((offset - low) / max(high - low, 1))

        return check_store(store, None, progress)


def finding_section(path: str, result: CheckResult, listing: StoreListing) -> Section:
    """What the check has found, the worst first; where there was nothing to check, it says so. Enter shows the record
    that a finding is about."""
    report = result.report
    rows = []
    for number, finding in enumerate(report.findings):
        place = finding.file + ("" if finding.position is None else f" +{finding.position:,}")
        opens = None
        if finding.offset is not None:
            opens = Address("record", path, (("at", str(finding.offset)),))
        rows.append(
            Row(
                key=f"{number} {finding.id} {place}",
                cells=(finding.severity, finding.id, finding.message, place, finding.action),
                health=_HEALTH[finding.severity],
                opens=opens,
            )
        )
    rows.sort(key=lambda row: worst_first(row.health))
    facts = [
        Fact("Findings", sum(report.counts.values()), Kind.COUNT, worst(row.health for row in rows)),
        *(
            Fact(_EXAMINED.get(name, f"examined: {name}"), count, Kind.COUNT)
            for name, count in sorted(report.facts.items(), key=lambda fact: -fact[1])
        ),
        Fact("The log ends at", result.end_offset, Kind.COUNT),
    ]
    listed = Counter(finding.id for finding in report.findings)
    more = [f"{kind}: {count - listed[kind]:,}" for kind, count in report.counts.items() if count > listed[kind]]
    if more:
        facts.append(Fact("Not listed", ", ".join(more)))
    empty = not any(row.kind == "commitlog" for row in listing.files)
    none = "there was nothing to check: it has no commitlog file" if empty else "nothing is damaged"
    section = also(table_of(_FINDINGS, rows, none), (), *facts)
    return msgspec.structs.replace(section, health=Health.UNKNOWN) if empty and not rows else section


def map_section(listing: StoreListing, missing: MissingLog, findings: Iterable[Finding], end: int) -> Section:
    """The files of the commitlog as lines of cells: written up to `end`, damaged, empty. What is missing is damaged:
    the rest of a file that is too short, a file between others, and those behind the last that queues lead to."""
    damaged: dict[str, list[tuple[int, int]]] = {}
    lengths: dict[str, int] = {}
    for finding in findings:
        if finding.id == "CL-LENGTH":
            lengths[finding.file] = int(finding.evidence["expected"])
        elif finding.position is not None and _HEALTH[finding.severity] in (Health.WARNING, Health.CRITICAL):
            damaged.setdefault(finding.file, []).append((finding.position, finding.length or 1))
    lines = [
        file_line(row, damaged.get(row.path, ()), end, lengths.get(row.path, 0))
        for row in listing.files
        if row.kind == "commitlog"
    ]
    facts = (
        Fact("Written", WRITTEN),
        Fact("Damaged", DAMAGED),
        Fact("Empty", EMPTY),
        Fact("Offsets", f"{listing.min_offset:,} … {max(listing.max_offset, end):,}"),
    )
    if not lines:
        return Section(note="it has no commitlog")
    lines = sorted([*lines, *(f"{base:020d}  {DAMAGED * CELLS}" for base in missing.files)])
    health = Health.CRITICAL if any(DAMAGED in line for line in lines) else Health.OK
    return Section(facts=facts, lines=tuple(lines), health=health)


def file_line(row: FileRow, damaged: Iterable[tuple[int, int]], end: int, length: int = 0) -> str:
    """One file: its name, and a cell for each fiftieth of it. A cell with any damage in it is damaged. `length`: how
    long it has to be, where it is not; of one without anything in it nothing was lost."""
    size = max(row.size, length if row.size else 0, 1)
    written = min(max(end - row.begin, row.used), row.size)
    used = -(-written * CELLS // size)
    cells = [WRITTEN] * used + [EMPTY] * (CELLS - used)
    for position, extent in (*damaged, (row.size, size - row.size)):
        if extent > 0 and row.size:
            for cell in range(position * CELLS // size, min((position + extent - 1) * CELLS // size, CELLS - 1) + 1):
                cells[cell] = DAMAGED
    return f"{Path(row.path).name}  {''.join(cells)}"


def file_section(listing: StoreListing, missing: MissingLog) -> Section:
    """Files of commitlog, consumequeues and index, those first that are missing or cannot be read to their end."""
    rows = [
        Row(
            key=row.path,
            cells=(row.path, row.kind, row.size, row.used, row.allocated, row.first_time, row.last_time, row.state),
            health=Health.CRITICAL if row.state.startswith("broken") else Health.OK,
            opens=Address("store", listing.directory, (("at", str(row.begin)), ("part", "records")))
            if row.kind == "commitlog"
            else None,
        )
        for row in listing.files
    ]
    for base in missing.files:
        path = f"commitlog/{base:020d}"
        cells = (path, "commitlog", None, None, None, None, None, "missing")
        rows.append(Row(key=path, cells=cells, health=Health.CRITICAL))
    rows.sort(key=lambda row: worst_first(row.health))
    lock = listing.lock
    state = "a broker is running on it" if lock.held else "no broker is running on it" if lock.held is False else None
    facts = (
        Fact("State", state, Kind.STATE),
        Fact("Stopped", None if lock.held else "not cleanly" if listing.abort else "cleanly", Kind.STATE),
        Fact("Topics", len(listing.topics), Kind.COUNT),
        Fact("Queues", len(listing.queues), Kind.COUNT),
        Fact("Last message", listing.last_time, Kind.MOMENT),
    )
    return also(table_of(_FILES, rows, "it has no files"), (), *facts)


def queue_section(listing: StoreListing, missing: MissingLog) -> Section:
    """The queues, those first that have lost messages: they lead to where there is no commitlog file."""
    rows = [
        Row(
            key=f"{queue.topic}:{queue.queue_id}",
            cells=(
                queue.topic,
                queue.queue_id,
                queue.max_offset - queue.min_offset,
                missing.lost.get((queue.topic, queue.queue_id), 0),
                queue.min_offset,
                queue.max_offset,
                queue.files,
                queue.first_time,
                queue.last_time,
            ),
            health=Health.CRITICAL if (queue.topic, queue.queue_id) in missing.lost else Health.OK,
        )
        for queue in listing.queues
    ]
    rows.sort(key=lambda row: worst_first(row.health))
    lost = sum(missing.lost.values())
    why = [Fact("Lost", "their commitlog is missing", Kind.SENTENCE, Health.CRITICAL)] if lost else []
    return also(table_of(_QUEUES, rows, "it has no queues"), (), *why)


def small_section(listing: StoreListing) -> Section:
    """The files of config/, and the checkpoint."""
    rows = [
        Row(
            key=each.name,
            cells=(each.name, each.size, each.state, each.modified, each.backup_state, each.detail),
            health=Health.CRITICAL if each.state == "broken" else Health.OK,
        )
        for each in listing.configs
    ]
    checkpoint = listing.checkpoint or {}
    facts = [
        Fact(name, value, Kind.MOMENT if name.endswith("Timestamp") else Kind.COUNT)
        for name, value in checkpoint.items()
        if value
    ]
    return also(table_of(_SMALL, rows, "it has no folder config"), (), *facts)


def _records(path: str, start: int) -> Section:
    with opened(path) as store:
        return record_slice(store, path, start)


def record_slice(store: StoreDirectory, path: str, start: int) -> Section:
    """The records from an offset on, with what cannot be read between them."""
    rows: list[Row] = []

    def broken(found: Broken) -> None:
        rows.append(
            Row(
                key=f"broken {found.offset}",
                cells=(
                    found.offset,
                    found.length or None,
                    None,
                    "",
                    None,
                    None,
                    "damaged",
                    _why(found),
                ),
                health=Health.CRITICAL,
            )
        )

    following: int | None = None
    for block in readable_blocks(store.commitlog, broken, start=start):
        topics = block.slices(block.topic_at, block.topic_length)
        for at in range(block.count):
            offset, head = int(block.offsets[at]), block.head
            if offset < start:
                continue
            if len(rows) >= SLICE:
                following = offset
                break
            whole = block.crc_ok is None or bool(block.crc_ok[at])
            rows.append(
                Row(
                    key=str(offset),
                    cells=(
                        offset,
                        int(head["size"][at]),
                        int(head["store_timestamp"][at]),
                        topics[at].decode("utf-8", "replace"),
                        int(head["queue_id"][at]),
                        int(head["queue_offset"][at]),
                        "whole" if whole else "damaged",
                        "" if whole else "the body does not match its CRC",
                    ),
                    health=Health.OK if whole else Health.CRITICAL,
                    opens=Address("record", path, (("at", str(offset)),)),
                )
            )
        if following is not None:
            break
    facts = [Fact("From offset", start, Kind.COUNT), Fact("Shown", len(rows), Kind.COUNT)]
    more = None
    if following is not None:
        facts.append(Fact("Next", following, Kind.COUNT))
        more = Address("store", path, (("at", str(following)), ("part", "records")))
    section = also(table_of(_RECORDS, rows, "there is no record from this offset on"), (), *facts)
    return msgspec.structs.replace(section, more=more)


def _why(found: Broken) -> str:
    if found.reason == "zero":
        return "nothing is written here"
    return found.detail or found.reason
