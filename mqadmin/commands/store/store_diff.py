"""`mqadmin store diff`: two stores message by message."""

from __future__ import annotations

import sys
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from rocketmq_ops.common.plurals import plural
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.messages import Limit, Queue
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome
from rocketmq_ops.mqadmin.render.streaming import Stream
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import open_store
from rocketmq_ops.mqadmin.values import some_of
from rocketmq_ops.store.inspect.view.diff import (
    COMPARED,
    PLACEMENT,
    Difference,
    StoreDiff,
    Totals,
    beyond_units,
    is_salvaged,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = ("KIND", "TOPIC", "QUEUE", "QUEUE_OFFSET", "COUNT", "OFFSET_A", "OFFSET_B", "WHAT")


class DiffReport(msgspec.Struct, rename="camel"):
    """The differences; the totals are among the notes, and on stderr."""

    differences: list[Difference]


@command(
    result=DiffReport,
    rows="differences",
    offline=True,
    streams=True,
    more_outputs=("jsonl",),
    example="mqadmin store diff /data/master/store /data/slave/store",
)
async def store_diff(
    run: Run,
    store_a: Annotated[str, Opt("STORE_A", help="a broker's storePathRootDir")],
    store_b: Annotated[str, Opt("STORE_B", help="the other's storePathRootDir")],
    topic: Annotated[TopicName | None, "only this topic"] = None,
    queue: Annotated[Queue | None, "only this queue id"] = None,
    ignore: Annotated[
        tuple[str, ...] | None,
        Opt(
            "--ignore",
            help="fields that may differ, separated by commas, for example storeHost",
            parse=some_of(*COMPARED),
            metavar="FIELDS",
        ),
    ] = None,
    content: Annotated[
        bool,
        Opt(
            "--content",
            help="ignore where and when messages were stored: commitLogOffset, storeTimestamp, storeHost, storeSize",
        ),
    ] = False,
    limit: Annotated[Limit | None, "stop after so many differences"] = None,
) -> Outcome:
    """Messages are matched by topic, queue and queue offset, read through both consumequeues; where one store is a
    salvage (`store salvage`), by commitlog offset, so that it shows what is missing and not what moved up. Exit code 0
    when nothing differs, 9 when something does.

    A range of queue offsets that one side lacks is one difference with a count.
    """
    ignored = {*(ignore or ()), *(PLACEMENT if content else ())}
    stores = (open_store(store_a), open_store(store_b))
    by_place = any(map(is_salvaged, stores))
    comparison = StoreDiff(*stores, ignore=frozenset(ignored), topic=topic, queue_id=queue, by_place=by_place)
    stream = Stream(
        run.name,
        run.options.output,
        "differences",
        Difference.__struct_encode_fields__,
        (_COLUMNS, _cells),
        version=run.declaration.schema,
    )
    found: Iterator[Difference] = comparison.differences()
    if limit is not None:
        found = islice(found, limit)
    while batch := list(islice(found, 100)):
        stream.rows(batch)
    notes = [_summary(comparison.totals)]
    if by_place:
        notes.append(
            "one store is a salvage of another: messages are matched by their commitlog offset, which a salvage keeps; "
            f"{comparison.totals.moved} have another queue offset"
        )
    if unseen := sorted({name for store in stores for name, _ in store.batch_queues}):
        notes.append(f"batch queues are not compared: {', '.join(unseen)}")
    if limit is not None and stream.count == limit:
        notes.append(f"stopped after {limit} differences: raise --limit")
    if not comparison.totals.queues:
        notes.append("neither store has such a queue: `mqadmin store rebuild` makes consumequeues from a commitlog")
    for name, store in zip("AB", stores, strict=True):
        behind = beyond_units(store)
        if behind is not None:
            notes.append(f"{name} has records from offset {behind} on that no consumequeue unit leads to: not compared")
    stream.finish("ok", [], notes)
    sys.stdout.flush()
    outcome = Outcome(data=DiffReport([]), text="", notes=notes)
    if not comparison.totals.same:
        outcome.exit_code = ExitCode.DIFFERENT
    return outcome


def _summary(totals: Totals) -> str:
    messages = plural(totals.equal, "message", "messages")
    queues = plural(totals.queues, "queue", "queues")
    if totals.same:
        return f"no difference: {messages} in {queues}"
    return (
        f"the same: {messages} in {queues}; {totals.different} differ, "
        f"{totals.only_in_a} only in A, {totals.only_in_b} only in B, {totals.unreadable} unreadable"
    )


def _cells(row: dict[str, Any]) -> list[Cell]:
    fields = row.get("fields", {})
    what = row.get("detail") or ", ".join(f"{name}: {a} / {b}" for name, (a, b) in fields.items())
    return [
        row["kind"], row["topic"], row["queueId"], row["queueOffset"], row.get("count", 1), _dash(row.get("offsetA")),
        _dash(row.get("offsetB")), what,
    ]  # fmt: skip


def _dash(value: int | None) -> Cell:
    return "-" if value is None else value
