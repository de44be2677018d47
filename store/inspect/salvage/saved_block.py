"""A judged block as it stands in the new store: without dropped records, with new values, and its dispatch.

Queues, index and checks of the new store are made from these, so that the log need not be read again for them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from rocketmq_ops.common.record_layout import fields_of
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.scan import Block, Column
from rocketmq_ops.store.inspect.salvage.judge import Judge, Judged
from rocketmq_ops.store.inspect.salvage.record_fields import with_fields
from rocketmq_ops.store.layout.record_crc import CRC_PROPERTY

_COLUMNS: Final = {
    "sysFlag": "sys_flag",
    "storeTimestamp": "store_timestamp",
    "reconsumeTimes": "reconsume_times",
    "preparedTransactionOffset": "prepared_transaction_offset",
    "commitLogOffset": "physical_offset",
}
_IN_DATA: Final = ("topic", "properties")  # what dispatch reads from the bytes


def saved_block(
    judged: Judged, queue_ids: Column, queue_offsets: Column, judge: Judge
) -> tuple[Block, DispatchColumns]:
    """The block of what is written, and its dispatch. The bytes of fields other than topic and properties may still be
    the old ones, but for records that a CRC covers."""
    block, dispatch = judged.block, judged.dispatch
    head = block.head.copy()
    head["queue_id"], head["queue_offset"] = queue_ids, queue_offsets
    moved = np.flatnonzero(block.head["queue_offset"] != queue_offsets).tolist()
    covered = CRC_PROPERTY in block.data and (moved or judged.changes)
    if judged.changes or covered:
        data = bytearray(block.data)
        for i in sorted({*moved, *judged.changes}) if covered else ():
            at = int(block.starts[i])
            values = {**judged.changes.get(i, {}), "queueOffset": int(queue_offsets[i])}
            record = with_fields(block.record(i), values)
            data[at : at + len(record)] = record
        for i, changes in judged.changes.items():
            fields = {f.name: f for f in fields_of(block.record(i))}
            for name, value in changes.items():
                if name in _COLUMNS:
                    head[_COLUMNS[name]][i] = value
                elif not covered and name in _IN_DATA and isinstance(value, bytes):
                    at = int(block.starts[i]) + fields[name].offset
                    data[at : at + len(value)] = value
        block = replace(block, data=bytes(data), head=head)
        dispatch = judge.derive(block)
    else:
        block = replace(block, head=head)
    if bool(judged.good.all()):
        return block, dispatch
    rows = np.flatnonzero(judged.good)
    return block.part(rows), _dispatch_of(dispatch, rows)


def _dispatch_of(dispatch: DispatchColumns, rows: Column) -> DispatchColumns:
    wanted = rows.tolist()
    return replace(
        dispatch,
        topic_ids=dispatch.topic_ids[rows],
        queued=dispatch.queued[rows],
        indexed=dispatch.indexed[rows],
        tags_code=dispatch.tags_code[rows],
        tags=[dispatch.tags[i] for i in wanted],
        keys=[dispatch.keys[i] for i in wanted],
        unique_keys=[dispatch.unique_keys[i] for i in wanted],
        properties=[dispatch.properties[i] for i in wanted],
    )
