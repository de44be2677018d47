"""Checks of records that need their topic and properties: flags that contradict them, retry counts, the form of the
properties, and the CRC over the whole record where the store was written with enabledAppendPropCRC.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.message import PROPERTY_CRC32
from rocketmq_ops.common.sysflag import (
    INNER_BATCH_FLAG,
    MULTI_TAGS_FLAG,
    NEED_UNWRAP_FLAG,
    TRANSACTION_COMMIT_TYPE,
    TRANSACTION_MASK,
)
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_dlq_topic, is_retry_topic
from rocketmq_ops.store.inspect.check.findings import Report
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.property_bytes import has_property
from rocketmq_ops.store.inspect.reading.scan import Block
from rocketmq_ops.store.layout.record_crc import CRC_PROPERTY, has_record_crc, record_crc_of, record_crc_ok

# A value is the application's and may hold any character but the separator; names are Java constants and plain text.
# Either may be empty: a client may send that, and a broker keeps the bytes. A run of NULs is a block never written.
_NAME: Final = rb"[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"
_WELL_FORMED: Final = re.compile(rb"(?:" + _NAME + rb"*+\x01[^\x02]*+(?:\x02|\Z))*+")
_ZEROED: Final = bytes(8)


class RecordCheck:
    """Feed `block()` with every block. `multi_tag_topics` are the topics configured with MULTI_TAG."""

    def __init__(self, report: Report, multi_tag_topics: frozenset[str] = frozenset()) -> None:
        self.report = report
        self._multi_tag = multi_tag_topics
        self._retries_possible: Bounded[bytes, bool] = Bounded(10_000)

    def block(self, block: Block, dispatch: DispatchColumns) -> None:
        """Check one block's records."""
        # One look at all of them is quick; which one is malformed is looked for only when one is.
        together = b"".join([p if p[-1:] == b"\2" else p + b"\2" for p in dispatch.properties if p])
        if not _well_formed(together):
            self._find_malformed(block, dispatch.properties)
        if CRC_PROPERTY in together:
            for i, properties in enumerate(dispatch.properties):
                if has_record_crc(properties):
                    self._check_crc(block, i)
        self._flags(block, dispatch)
        self._retries(block, dispatch)

    def _find_malformed(self, block: Block, all_properties: list[bytes]) -> None:
        for i, properties in enumerate(all_properties):
            if not _well_formed(properties):
                self._add(
                    "CL-PROPERTIES", block, i, "the properties are malformed", "propertiesLength", len(properties)
                )

    def _check_crc(self, block: Block, i: int) -> None:
        record = block.record(i)
        if not record_crc_ok(record):
            computed = record_crc_of(record)
            self._add("CL-PROP-CRC", block, i, "the CRC of the record does not match", PROPERTY_CRC32, computed)

    def _flags(self, block: Block, dispatch: DispatchColumns) -> None:
        flags = block.head["sys_flag"]
        commit = flags & TRANSACTION_MASK == TRANSACTION_COMMIT_TYPE
        special = commit | (flags & (MULTI_TAGS_FLAG | NEED_UNWRAP_FLAG | INNER_BATCH_FLAG) != 0)
        for i in np.flatnonzero(special).tolist():
            flag, properties = int(flags[i]), dispatch.properties[i]
            if commit[i] and not has_property(properties, b"TRAN_MSG"):
                self._add(
                    "CL-FLAG", block, i, "sysFlag marks a committed transaction, but no property does", "sysFlag", flag
                )
            elif flag & MULTI_TAGS_FLAG and dispatch.topic(i) not in self._multi_tag:
                self._add(
                    "CL-FLAG",
                    block,
                    i,
                    "sysFlag marks several tags, but the topic is not configured for them",
                    "sysFlag",
                    flag,
                )
            elif flag & (NEED_UNWRAP_FLAG | INNER_BATCH_FLAG) and not has_property(properties, b"INNER_NUM"):
                self._add("CL-FLAG", block, i, "sysFlag marks an inner batch, but no property does", "sysFlag", flag)

    def _retries(self, block: Block, dispatch: DispatchColumns) -> None:
        for i in np.flatnonzero(block.head["reconsume_times"] != 0).tolist():
            topic = dispatch.topics[int(dispatch.topic_ids[i])]
            possible = self._retries_possible.get(topic)
            if possible is None:
                name = topic.decode("utf-8", "replace")
                possible = is_retry_topic(name) or is_dlq_topic(name) or name in (SCHEDULE_TOPIC, TRANS_HALF_TOPIC)
                self._retries_possible[topic] = possible
            count = int(block.head["reconsume_times"][i])
            if not possible and 0 < count <= 100_000:
                self._add(
                    "CL-RECONSUME", block, i, "reconsumeTimes in a topic without retries", "reconsumeTimes", count
                )

    def _add(self, kind: str, block: Block, i: int, message: str, field: str, value: int) -> None:
        offset = int(block.offsets[i])
        self.report.add(
            kind, f"{message} (record at {offset})", file=f"commitlog/{block.file.path.name}",
            position=offset - block.file.base, offset=offset, length=int(block.head["size"][i]), field=field,
            value=value,
        )  # fmt: skip


def _well_formed(properties: bytes) -> bool:
    return _WELL_FORMED.fullmatch(properties) is not None and _ZEROED not in properties and _is_utf8(properties)


def _is_utf8(data: bytes) -> bool:
    if data.isascii():
        return True
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
