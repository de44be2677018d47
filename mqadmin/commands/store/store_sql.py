"""`mqadmin store sql`: a SELECT over the messages, queues, units and index entries of a store."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

import msgspec

from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import CommandError, usage
from rocketmq_ops.mqadmin.options.messages import Limit
from rocketmq_ops.mqadmin.options.store import CommitLogDir, IndexSlots, StoreDir
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.render.streaming import Stream
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import BrokenList, open_store, write_note

_BATCH = 1000


class SqlReport(msgspec.Struct, rename="camel"):
    """The rows of the answer, each an object of its columns."""

    rows: list[dict[str, Any]]


@command(
    result=SqlReport,
    rows="rows",
    offline=True,
    streams=True,
    more_outputs=("jsonl",),
    example='mqadmin store sql /data/store "select tags, count(*) from messages group by tags"',
)
async def store_sql(
    run: Run,
    store_dir: StoreDir,
    query: Annotated[str, Opt("QUERY", help="one SELECT in the SQL of sqlite")],
    limit: Annotated[Limit | None, "print no more rows than that"] = None,
    slots: IndexSlots | None = None,
    commitlog: CommitLogDir | None = None,
) -> Outcome:
    """Tables:

    messages: topic, queueId, queueOffset, commitLogOffset, storeSize, bornTimestamp, storeTimestamp, bornHost,
    storeHost, sysFlag, flag, bodyCRC, reconsumeTimes, preparedTransactionOffset, msgId, offsetMsgId, bodyLength,
    bodySha256, properties (JSON: properties->>'name'), tags, keys, uniqueKey, body (text), producer (ip), minute (local
    time).

    queues: topic, queueId, minOffset, maxOffset, files, size, firstTime, lastTime.

    units: topic, queueId, queueOffset, commitLogOffset, size, tagsCode, deliverTimestamp, preBlank.

    index_entries: file, number, slot, keyHash, commitLogOffset, seconds, storeTimestamp, previous.

    What the query needs is kept in a temporary file (TMPDIR), so memory stays small. Times are in ms.
    """
    from rocketmq_ops.store.inspect.view.sql import Database, QueryError

    broken = BrokenList(run.name)
    with Database(open_store(store_dir, commitlog), broken, slots) as database:
        try:
            answer = database.ask(query)
        except QueryError as error:
            raise usage(str(error), error.next_step) from error
        stream = Stream(run.name, run.options.output, "rows", _unique(answer.columns), version=run.declaration.schema)
        columns = _unique(answer.columns)
        rows = answer.rows if limit is None else islice(answer.rows, limit)
        try:
            while batch := list(islice(rows, _BATCH)):
                stream.rows([dict(zip(columns, map(_value, row), strict=True)) for row in batch])
        except QueryError as error:
            raise CommandError(str(error), error.next_step) from error
    outcome = Outcome(data=SqlReport([]), text="", notes=broken.summary())
    outcome.status = "partial" if broken.count else "ok" if stream.count else "empty"
    stream.finish(outcome.status, broken.problems, [])
    if outcome.status == "empty":
        write_note(run.name, "no rows")
    return outcome


def _unique(columns: list[str]) -> list[str]:
    """Names that differ: a second `count(*)` becomes `count(*):2`, as sqlite's shell does."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        names.append(column if seen[column] == 1 else f"{column}:{seen[column]}")
    return names


def _value(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value
