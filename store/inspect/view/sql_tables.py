"""The tables that SQL sees, as rows of tuples: only the columns that a query reads are worked out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.store.inspect.reading.blocks import OnBroken
from rocketmq_ops.store.inspect.reading.property_bytes import finder
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.selector import Selector
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.listing import list_queues
from rocketmq_ops.store.inspect.view.message_lines import MessageLines
from rocketmq_ops.store.inspect.view.raw_rows import index_rows, unit_rows

Row = tuple[Any, ...]

MESSAGE_COLUMNS: Final = {
    "topic": "TEXT", "queueId": "INTEGER", "queueOffset": "INTEGER", "commitLogOffset": "INTEGER",
    "storeSize": "INTEGER", "bornTimestamp": "INTEGER", "storeTimestamp": "INTEGER", "bornHost": "TEXT",
    "storeHost": "TEXT", "sysFlag": "INTEGER",
    "flag": "INTEGER", "bodyCRC": "INTEGER", "reconsumeTimes": "INTEGER", "preparedTransactionOffset": "INTEGER",
    "msgId": "TEXT", "offsetMsgId": "TEXT", "bodyLength": "INTEGER", "bodySha256": "TEXT", "properties": "TEXT",
    "tags": "TEXT", "keys": "TEXT", "uniqueKey": "TEXT", "body": "TEXT", "producer": "TEXT", "minute": "TEXT",
}  # fmt: skip
TABLES: Final[dict[str, dict[str, str]]] = {
    "messages": MESSAGE_COLUMNS,
    "queues": {
        "topic": "TEXT", "queueId": "INTEGER", "minOffset": "INTEGER", "maxOffset": "INTEGER", "files": "INTEGER",
        "size": "INTEGER", "firstTime": "INTEGER", "lastTime": "INTEGER",
    },
    "units": {
        "topic": "TEXT", "queueId": "INTEGER", "queueOffset": "INTEGER", "commitLogOffset": "INTEGER",
        "size": "INTEGER", "tagsCode": "INTEGER", "deliverTimestamp": "INTEGER", "preBlank": "INTEGER",
    },
    "index_entries": {
        "file": "TEXT", "number": "INTEGER", "slot": "INTEGER", "keyHash": "INTEGER", "commitLogOffset": "INTEGER",
        "seconds": "INTEGER", "storeTimestamp": "INTEGER", "previous": "INTEGER",
    },
}  # fmt: skip
# Columns of messages that are read straight from the fixed head of the records.
_HEAD: Final = {
    "queueId": "queue_id", "queueOffset": "queue_offset", "commitLogOffset": "physical_offset", "storeSize": "size",
    "bornTimestamp": "born_timestamp", "storeTimestamp": "store_timestamp", "flag": "flag", "bodyCRC": "body_crc",
    "reconsumeTimes": "reconsume_times", "preparedTransactionOffset": "prepared_transaction_offset",
}  # fmt: skip
_PROPERTY: Final = {"tags": b"TAGS", "keys": b"KEYS", "uniqueKey": b"UNIQ_KEY"}


def read_table(
    table: str, store: StoreDirectory, columns: list[str], want: Selection, on_broken: OnBroken, slots: int | None
) -> Iterator[list[Row]]:
    """Batches of the rows of one of TABLES with just these columns, in this order."""
    if table == "messages":
        yield from _Messages(columns, on_broken).batches(store, want)
        return
    rows: Iterator[Any]
    if table == "queues":
        rows = iter(list_queues(store))
    elif table == "units":
        rows = unit_rows(store, want)
    else:
        rows = index_rows(store, want, on_broken, slots)
    attribute_of = {wire: name for name, wire in _struct_names(table).items()}
    order = [attribute_of[column] for column in columns]
    batch: list[Row] = []
    for row in rows:
        batch.append(tuple([getattr(row, name) for name in order]))
        if len(batch) >= 4096:
            yield batch
            batch = []
    yield batch


def _struct_names(table: str) -> dict[str, str]:
    from rocketmq_ops.store.inspect.view.listing import QueueRow
    from rocketmq_ops.store.inspect.view.raw_rows import IndexRow, UnitRow

    kinds: dict[str, type[msgspec.Struct]] = {"queues": QueueRow, "units": UnitRow, "index_entries": IndexRow}
    kind = kinds[table]
    return dict(zip(kind.__struct_fields__, kind.__struct_encode_fields__, strict=True))


class _Messages:
    """Rows of messages; whole lines are only made when a column needs them."""

    def __init__(self, columns: list[str], on_broken: OnBroken) -> None:
        self._columns = columns
        self._on_broken = on_broken
        easy = {*_HEAD, *_PROPERTY, "topic", "minute", "producer"}
        self._decode = not set(columns) <= easy
        self._lines = MessageLines("utf-8" if "body" in columns else "none", on_broken=on_broken)
        self._minutes: Bounded[int, str] = Bounded(100_000)

    def batches(self, store: StoreDirectory, want: Selection) -> Iterator[list[Row]]:
        """The rows, a block at a time."""
        for block, rows in Selector(store, want, on_broken=self._on_broken, use_index=False).found():
            values = [self._column(block, rows, name) for name in self._columns]
            if self._decode:
                decoded = [msgspec.json.decode(line) for line in self._lines.lines(block, rows)]
                values = [
                    [_sql_value(message.get(name)) for message in decoded] if column is None else column
                    for name, column in zip(self._columns, values, strict=True)
                ]
            yield list(zip(*values, strict=True)) if values else [()] * len(rows)

    def _column(self, block: Block, rows: Column, name: str) -> list[Any] | None:
        """The values of a column that needs no whole line, else None."""
        if name in _HEAD:
            return list(block.head[_HEAD[name]][rows].tolist())
        if name in _PROPERTY:
            return self._property(block, rows, _PROPERTY[name])
        if name == "topic":
            return [t.decode("utf-8", "replace") for t in block.slices(block.topic_at[rows], block.topic_length[rows])]
        if name == "minute":
            minutes = (block.head["store_timestamp"][rows].astype("int64") // 60_000).tolist()
            return [self._minutes.get(m) or self._minute(m) for m in minutes]
        if name == "producer":
            return [host.rpartition(":")[0].lstrip("/") for host in self._lines.born_hosts(block, rows)]
        return None

    def _minute(self, minute: int) -> str:
        try:
            text = time.strftime("%Y-%m-%d %H:%M", time.localtime(minute * 60))
        except (ValueError, OverflowError, OSError):
            text = f"({minute})"
        self._minutes[minute] = text
        return text

    @staticmethod
    def _property(block: Block, rows: Column, name: bytes) -> list[str | None]:
        find = finder(name).findall
        found: list[str | None] = []
        for properties in block.slices(block.properties_at[rows], block.properties_length[rows]):
            values = find(properties)
            found.append(values[-1][1].decode("utf-8", "replace") if values else None)
        return found


def _sql_value(value: Any) -> Any:
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value).decode()
    return value
