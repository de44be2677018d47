"""`mqadmin store stats`: figures of a store, with the rate by minute as a plot."""

from __future__ import annotations

from typing import Annotated

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.options.messages import Top
from rocketmq_ops.mqadmin.options.store import CommitLogDir, StoredFrom, StoreDir, StoredUntil
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome, Table
from rocketmq_ops.mqadmin.render.plot import bar_plot, bucketed
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import NO_LIMIT, BrokenList, open_store, time_text, write_note
from rocketmq_ops.mqadmin.values import positive
from rocketmq_ops.store.inspect.view.stats import NameRow, StoreStats


@command(
    result=StoreStats, rows="minutes", offline=True, more_outputs=("jsonl",), example="mqadmin store stats /data/store"
)
async def store_stats(
    run: Run,
    store_dir: StoreDir,
    topic: Annotated[TopicName | None, "only this topic"] = None,
    begin: StoredFrom | None = None,
    end: StoredUntil | None = None,
    top: Annotated[Top, "how many topics, tags, producers and gaps (default 10)"] = 10,
    gap: Annotated[
        int, Opt("--gap", help="shortest time without a message that is a gap, ms (default 60000)", parse=positive)
    ] = 60_000,
    commitlog: CommitLogDir | None = None,
) -> Outcome:
    """Every record counts, those of system topics and of transactions too. CSV and JSONL have one row a minute.

    Distinct keys are counted exactly up to 50,000, then with a HyperLogLog of 16,384 registers (standard error 0.8 %).
    """
    from rocketmq_ops.store.inspect.reading.selection import Selection
    from rocketmq_ops.store.inspect.reading.selector import Selector
    from rocketmq_ops.store.inspect.view.stats import StatsCollector

    broken = BrokenList(run.name)
    want = Selection(topic=topic, begin_time=0 if begin is None else begin, end_time=NO_LIMIT if end is None else end)
    selector = Selector(
        open_store(store_dir, commitlog),
        want,
        on_broken=broken,
        note=lambda text: write_note(run.name, text),
        use_index=False,
    )
    stats = StatsCollector(top=top, gap_ms=gap).run(selector)
    status = "partial" if broken.count else "ok" if stats.messages else "empty"
    outcome = Outcome(data=stats, blocks=_blocks(stats), errors=broken.problems, notes=broken.summary())
    outcome.status = "partial" if broken.count else "ok" if stats.messages else "empty"
    if status == "empty":
        outcome.notes = ["no message"]
    return outcome


def _blocks(stats: StoreStats) -> list[Table | str]:
    if not stats.messages or stats.first_time is None or stats.last_time is None:
        return []
    seconds = max(1, (stats.last_time - stats.first_time) / 1000)
    blocks: list[Table | str] = [
        f"messages   {stats.messages} in {stats.bytes} bytes ({stats.bytes // stats.messages} each), "
        f"bodies {stats.body_bytes}, {stats.compressed} compressed, {stats.transactional} transactional",
        f"stored     {time_text(stats.first_time)} to {time_text(stats.last_time)}, "
        f"{stats.messages / seconds:.1f} messages/s on average",
    ]
    if stats.backward_steps:
        blocks.append(
            f"clock      went back {plural(stats.backward_steps, 'time', 'times')} between neighbouring messages"
        )
    blocks += ["", *_plot(stats), ""]
    for title, rows in (("TOPIC", stats.topics), ("TAG", stats.tags), ("PRODUCER", stats.producers)):
        blocks += [_names(title, rows, stats.bytes), ""]
    sizes: list[list[Cell]] = [[f"{s.low}-{s.high - 1}", s.messages] for s in stats.sizes]
    distinct: list[list[Cell]] = [[d.what, d.values, d.distinct, d.method] for d in stats.distinct]
    gaps: list[list[Cell]] = [
        [time_text(g.begin), time_text(g.end), round(g.milliseconds / 1000, 3), g.commit_log_offset] for g in stats.gaps
    ]
    blocks += [Table(["RECORD_BYTES", "MESSAGES"], sizes), ""]
    blocks += [Table(["DISTINCT", "VALUES", "DISTINCT_VALUES", "METHOD"], distinct, ours=["DISTINCT", "METHOD"]), ""]
    if gaps:
        blocks.append(Table(["GAP_BEGIN", "GAP_END", "SECONDS", "NEXT_OFFSET"], gaps))
    else:
        blocks.append("no time gaps")
    return blocks


def _plot(stats: StoreStats) -> list[str]:
    values, begin, length = bucketed([(m.minute, m.messages) for m in stats.minutes])
    end = begin + length * len(values)
    minutes = length // 60_000
    title = f"messages a minute{'' if minutes == 1 else f' (mean of {minutes} minutes a column)'}"
    return [title, *bar_plot(values), f"  {time_text(begin)} - {time_text(end)}"]


def _names(title: str, rows: list[NameRow], total: int) -> Table:
    cells: list[list[Cell]] = [
        [
            r.name,
            r.messages,
            r.bytes,
            f"{r.bytes / total:.1%}",
            r.bytes // max(1, r.messages),
            time_text(r.first_time),
            time_text(r.last_time),
        ]
        for r in rows
    ]
    return Table([title, "MESSAGES", "BYTES", "SHARE", "EACH", "FIRST", "LAST"], cells)
