"""`mqadmin store dump`: messages or raw units of a store, filtered and streamed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.options.messages import Limit, Queue
from rocketmq_ops.mqadmin.options.store import CommitLogDir, IndexSlots, StoredFrom, StoredId, StoreDir, StoredUntil
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.outcome import Cell, Outcome
from rocketmq_ops.mqadmin.render.streaming import Stream
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import (
    NO_LIMIT,
    BrokenList,
    offset_range,
    open_store,
    pattern,
    time_text,
    write_note,
)
from rocketmq_ops.mqadmin.values import one_of, tag_expression

if TYPE_CHECKING:
    from rocketmq_ops.store.inspect.reading.selection import Selection
    from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

_RANGE = "A|A:B|A:|:B"
_BATCH = 1000
_TABLE = ("OFFSET", "TOPIC", "QUEUE", "QUEUE_OFFSET", "STORED", "SIZE", "TAGS", "KEYS", "BODY")


class DumpReport(msgspec.Struct, rename="camel"):
    """The messages (field names of the client's MessageExt), or the units of `--raw`."""

    messages: list[dict[str, Any]]


@command(
    result=DumpReport,
    rows="messages",
    offline=True,
    streams=True,
    more_outputs=("jsonl",),
    example="mqadmin store dump /data/store --topic Orders --key order-17 --body json --output jsonl",
)
async def store_dump(
    run: Run,
    store_dir: StoreDir,
    raw: Annotated[
        str | None,
        Opt(
            "--raw",
            help="units instead: consumequeue, index, checkpoint, delay-offsets, transactions (op messages)",
            parse=one_of("consumequeue", "index", "checkpoint", "delay-offsets", "transactions"),
            metavar="KIND",
        ),
    ] = None,
    offset: Annotated[
        tuple[int, int] | None, Opt("--offset", help="commitlog offsets", parse=offset_range, metavar=_RANGE)
    ] = None,
    topic: TopicName | None = None,
    queue: Queue | None = None,
    queue_offset: Annotated[
        tuple[int, int] | None, Opt("--queue-offset", help="queue offsets", parse=offset_range, metavar=_RANGE)
    ] = None,
    begin: StoredFrom | None = None,
    end: StoredUntil | None = None,
    tag: Annotated[
        str | None, Opt("-s", "--tag", help="tags, for example 'TagA || TagB'", parse=tag_expression)
    ] = None,
    key: Annotated[str | None, Opt("-k", "--key", help="a key, or the unique key; found through the index")] = None,
    message_id: StoredId | None = None,
    body_pattern: Annotated[
        re.Pattern[bytes] | None,
        Opt("--body-pattern", help="regular expression, searched in the plain body", parse=pattern, metavar="REGEX"),
    ] = None,
    body: Annotated[
        str | None,
        Opt(
            "--body",
            help="show the body, decompressed: utf-8, hex, base64, json (default none)",
            parse=one_of("none", "utf-8", "hex", "base64", "json"),
            metavar="FORM",
        ),
    ] = None,
    as_stored: Annotated[bool, Opt("--as-stored", help="leave compressed bodies compressed")] = False,
    keep_flags: Annotated[
        bool, Opt("--keep-flags", help="sysFlag as stored also where the body is decompressed, as a 4.9 client does")
    ] = False,
    with_broken: Annotated[bool, Opt("--with-broken", help="also records whose body fails its CRC")] = False,
    no_index: Annotated[bool, Opt("--no-index", help="read the log itself, not index or consumequeue")] = False,
    limit: Limit | None = None,
    follow: Annotated[
        bool, Opt("--follow", help="go on with what a live broker appends (from the end, or from --offset)")
    ] = False,
    slots: IndexSlots | None = None,
    commitlog: CommitLogDir | None = None,
) -> Outcome:
    """One JSON object a message with --output jsonl. Broken records are named on stderr and left out (exit code 5).

    A key or id is looked up in the index, a queue offset in the consumequeue; where they cannot be trusted the log is
    read. --queue-offset without --topic and --queue reads the log.
    """
    from rocketmq_ops.store.inspect.reading.selection import Selection

    offsets, numbers = offset or (0, NO_LIMIT), queue_offset or (0, NO_LIMIT)
    want = Selection(
        begin_offset=offsets[0],
        end_offset=offsets[1],
        topic=topic,
        queue_id=queue,
        begin_queue_offset=numbers[0],
        end_queue_offset=numbers[1],
        begin_time=0 if begin is None else begin,
        end_time=NO_LIMIT if end is None else end,
        tag=tag,
        key=key,
        message_id=message_id,
        body=body_pattern,
    )
    if follow and raw:
        raise usage("--follow shows messages, not the units of --raw", "leave one of them out")
    if follow and run.options.output in ("json", "yaml"):
        raise usage(f"--follow has no end, so {run.options.output} cannot hold it", "use --output jsonl")
    dump = _Dump(run, open_store(store_dir, commitlog), want, limit)
    if raw:
        return dump.raw(raw, slots)
    shown = body or ("utf-8" if run.options.output in ("table", "wide") else "none")
    return dump.messages(shown, as_stored, keep_flags, with_broken, not no_index, slots, follow, offset is not None)


class _Dump:
    """One run: where rows go, what was broken, and how many are still wanted."""

    def __init__(self, run: Run, store: StoreDirectory, want: Selection, limit: int | None) -> None:
        self._run = run
        self._store = store
        self._want = want
        self._left = limit
        self._broken = BrokenList(run.name)
        self._notes: list[str] = []

    def raw(self, kind: str, slots: int | None) -> Outcome:
        """The units of `--raw`."""
        from rocketmq_ops.store.inspect.view.raw_rows import ROW_OF_KIND, raw_rows

        columns, version = ROW_OF_KIND[kind].__struct_encode_fields__, self._run.declaration.schema
        stream = Stream(self._run.name, self._run.options.output, "units", columns, version=version)
        rows = iter(raw_rows(self._store, kind, self._want, self._broken, slots))
        if self._left is not None:
            rows = islice(rows, self._left)
        while batch := list(islice(rows, _BATCH)):
            stream.rows(batch)
        return self._finish(stream)

    def messages(
        self,
        body: str,
        as_stored: bool,
        keep_flags: bool,
        with_broken: bool,
        use_index: bool,
        slots: int | None,
        follow: bool,
        from_offset: bool,
    ) -> Outcome:
        """The messages."""
        from rocketmq_ops.store.inspect.reading.selector import Selector
        from rocketmq_ops.store.inspect.view.message_lines import FIELDS, MessageLines

        lines = MessageLines(body, as_stored=as_stored, keep_flags=keep_flags, on_broken=self._broken)
        columns = [
            *FIELDS,
            *(["body", "bodyBase64"] if body in ("utf-8", "json") else ["body"] if body != "none" else []),
        ]
        version = self._run.declaration.schema
        stream = Stream(
            self._run.name, self._run.options.output, "messages", columns, (_TABLE, _cells), version=version
        )
        selector = Selector(
            self._store,
            self._want,
            on_broken=self._broken,
            note=self._note,
            with_broken=with_broken,
            use_index=use_index,
            slots=slots,
        )
        found = self._following(selector, from_offset) if follow else selector.found()
        for block, rows in found:
            if self._left is not None:
                rows = rows[: self._left]
                self._left -= len(rows)
            stream.lines(lines.lines(block, rows))
            if follow:
                stream.flush()
            if self._left == 0:
                break
        return self._finish(stream)

    def _following(self, selector: Any, from_offset: bool) -> Iterator[Any]:
        from rocketmq_ops.store.inspect.reading.follow import Follower, end_of_log

        last, start = end_of_log(self._store.commitlog)
        if from_offset:
            # The last record may still be being written: it is left to the follower, which waits for its end.
            start = last
            yield from selector.before(last)
        for block in Follower(self._store, start, self._broken).blocks():
            match = selector.match(block)
            if match is not None:
                yield match

    def _note(self, text: str) -> None:
        self._notes.append(text)
        write_note(self._run.name, text)

    def _finish(self, stream: Stream) -> Outcome:
        status = "partial" if self._broken.count else "ok" if stream.count else "empty"
        stream.finish(status, self._broken.problems, self._notes)
        outcome = Outcome(data=DumpReport([]), text="", notes=self._broken.summary())
        outcome.status = "partial" if self._broken.count else "ok" if stream.count else "empty"
        if outcome.status == "empty":
            write_note(self._run.name, "nothing matches")
        return outcome


def _cells(row: dict[str, Any]) -> list[Cell]:
    properties = row["properties"]
    body = row.get("body")
    if body is None:
        shown = f"({row['bodyLength']} bytes that are not text)" if "bodyBase64" in row else ""
    else:
        shown = body if isinstance(body, str) else msgspec.json.encode(body).decode()
    return [
        row["commitLogOffset"], row["topic"], row["queueId"], row["queueOffset"], time_text(row["storeTimestamp"]),
        row["storeSize"], properties.get("TAGS", ""), properties.get("KEYS", ""),
        shown if len(shown) <= 60 else shown[:59] + "…",
    ]  # fmt: skip
