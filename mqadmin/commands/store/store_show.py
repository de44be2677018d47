"""`mqadmin store show`: one record with everything that belongs to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from rocketmq_ops.common.errors import Failure
from rocketmq_ops.common.record_layout import RECORD
from rocketmq_ops.mqadmin.declare import Opt, command
from rocketmq_ops.mqadmin.errors import not_found, usage
from rocketmq_ops.mqadmin.options.messages import Queue
from rocketmq_ops.mqadmin.options.store import CommitLogDir, IndexSlots, StoredId, StoreDir
from rocketmq_ops.mqadmin.options.topics import TopicName
from rocketmq_ops.mqadmin.render.hexview import colours_wanted, hex_view, legend
from rocketmq_ops.mqadmin.render.outcome import Outcome, Table
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.store_options import open_store, time_text
from rocketmq_ops.mqadmin.values import natural, one_of
from rocketmq_ops.store.inspect.view.record_view import RecordView

if TYPE_CHECKING:
    from rocketmq_ops.store.inspect.reading.scan import Block
    from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory

_SHOWN_BODY = 2000


@command(
    result=RecordView,
    offline=True,
    more_outputs=("jsonl",),
    example="mqadmin store show /data/store --offset 0",
)
async def store_show(
    run: Run,
    store_dir: StoreDir,
    offset: Annotated[
        int | None, Opt("--offset", help="commitlog offset where the record begins", parse=natural)
    ] = None,
    topic: Annotated[TopicName | None, "topic name, with --queue and --queue-offset"] = None,
    queue: Queue | None = None,
    queue_offset: Annotated[int | None, Opt("--queue-offset", help="queue offset", parse=natural)] = None,
    message_id: StoredId | None = None,
    full: Annotated[bool, Opt("--full", help="all bytes of a long record, and the whole body")] = False,
    color: Annotated[
        str,
        Opt(
            "--color",
            help="auto (a terminal, without NO_COLOR), always or never",
            parse=one_of("auto", "always", "never"),
        ),
    ] = "auto",
    slots: IndexSlots | None = None,
    commitlog: CommitLogDir | None = None,
) -> Outcome:
    """Name the record by --offset, by --id, or by --topic, --queue and --queue-offset. Exit code 4 when it is not
    there."""
    from rocketmq_ops.store.inspect.view.record_view import NoRecordError, view_at, view_of

    store = open_store(store_dir, commitlog)
    by_queue = (topic, queue, queue_offset)
    if sum((offset is not None, message_id is not None, any(part is not None for part in by_queue))) != 1:
        raise usage("give --offset, or --id, or --topic with --queue and --queue-offset")
    try:
        if offset is not None:
            view = view_at(store, offset, slots=slots)
        else:
            view = view_of(store, _find(store, topic, queue, queue_offset, message_id, slots), slots=slots)
    except NoRecordError as error:
        hint = (
            f"try --offset {error.nearest}" if error.nearest is not None else "`mqadmin store ls` lists what there is"
        )
        raise not_found(str(error), hint) from error
    wrong = [Failure(f"offset {view.position}", problem) for problem in view.problems]
    if view.unit.state in ("missing", "different"):
        wrong.append(
            Failure(view.unit.file, f"its consumequeue unit is {view.unit.state}", "run `mqadmin store check`")
        )
    return Outcome(
        data=view,
        blocks=_blocks(view, colours_wanted(color), full),
        errors=wrong,
        status="partial" if wrong else "ok",
    )


def _find(
    store: StoreDirectory,
    topic: str | None,
    queue: int | None,
    queue_offset: int | None,
    message_id: str | None,
    slots: int | None,
) -> Block:
    from rocketmq_ops.store.inspect.reading.blocks import NO_LIMIT
    from rocketmq_ops.store.inspect.reading.selection import Selection
    from rocketmq_ops.store.inspect.reading.selector import Selector

    if message_id is not None:
        want = Selection(message_id=message_id)
        name = f"id {message_id}"
    else:
        if topic is None or queue is None or queue_offset is None:
            raise usage("--topic, --queue and --queue-offset belong together")
        low, high = queue_offset, queue_offset + 1
        want = Selection(
            topic=topic, queue_id=queue, begin_queue_offset=low, end_queue_offset=high, end_offset=NO_LIMIT
        )
        name = f"queue offset {queue_offset} of {topic} queue {queue}"
    selector = Selector(store, want, on_broken=lambda _: None, with_broken=True, slots=slots)
    for block, rows in selector.found():
        return block.part(slice(int(rows[0]), int(rows[0]) + 1))
    raise not_found(f"no message with {name}", "`mqadmin store dump` lists messages")


def _blocks(view: RecordView, colour: bool, full: bool) -> list[Table | str]:
    message, record = view.message, bytes.fromhex(view.hex)
    body = view.body_text
    if body is None:
        shown = f"({message['bodyLength']} bytes that are not text)"
    else:
        shown = body if full or len(body) <= _SHOWN_BODY else f"{body[:_SHOWN_BODY]}… (--full shows all)"
    blocks: list[Table | str] = [
        f"record at {view.next_offset - len(record)} ({view.file}, position {view.position}), "
        f"next at {view.next_offset}",
        "",
    ]
    blocks += [f"problem: {problem}" for problem in view.problems]
    blocks += legend(view.fields, _values(view, record), colour=colour)
    blocks += ["", "message"]
    derived = {name: message[name] for name in ("msgId", "offsetMsgId", "bodyLength", "bodySha256")}
    blocks += [f"  {name:<12}  {value}" for name, value in derived.items()]
    blocks += [f"  {'property':<12}  {name} = {value}" for name, value in message["properties"].items()]
    blocks += [f"  {'body':<12}  {shown}", "", "bytes"]
    blocks += hex_view(record, view.fields, view.position, colour=colour, full=full)
    blocks += ["", "consumequeue unit", *_unit_lines(view), "", "index entries", *_index_lines(view)]
    blocks += ["", "dispatched to", *(f"  {place}" for place in view.dispatch)]
    return blocks


def _values(view: RecordView, record: bytes) -> dict[str, str]:
    """What the legend says of each field; bodies and properties stand below it."""
    message = view.message
    values: dict[str, str] = {name: str(message[name]) for name in (
        "storeSize", "bodyCRC", "queueId", "flag", "queueOffset", "commitLogOffset", "bornHost", "storeHost",
        "reconsumeTimes", "preparedTransactionOffset", "topic",
    )}  # fmt: skip
    values["magic"] = f"0x{record[RECORD.slice_of('magic')].hex()} ({view.magic})"
    values["sysFlag"] = f"{message['sysFlag']} ({', '.join(view.sys_flags) or 'none'})"
    for name in ("bornTimestamp", "storeTimestamp"):
        values[name] = f"{message[name]} ({time_text(message[name])})"
    for field in view.fields:
        if field["name"] in ("body", "properties"):
            values[field["name"]] = f"{field['length']} bytes"
        elif field["name"].endswith("Length"):
            values[field["name"]] = str(
                int.from_bytes(record[field["offset"] : field["offset"] + field["length"]], "big")
            )
    return values


def _unit_lines(view: RecordView) -> list[str]:
    unit = view.unit
    if unit.state == "none":
        return ["  it gets none"]
    where = f"{unit.file}, position {unit.position}" if unit.found is not None else unit.file
    lines = [f"  {where}: {unit.state}", f"  found     {_named(unit.found)}"]
    return lines if unit.state == "ok" else [*lines, f"  expected  {_named(unit.expected)}"]


def _named(values: dict[str, int] | None) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items()) if values else "nothing"


def _index_lines(view: RecordView) -> list[str]:
    if not view.index:
        return ["  it gets none"]
    lines = []
    for one in view.index:
        if one.state == "ok":
            lines.append(f"  {one.key}: {one.file}, entry {one.number} in slot {one.slot}, hash {one.key_hash}")
        else:
            lines.append(f"  {one.key}: {one.state}")
    return lines
