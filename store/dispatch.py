"""What a record means for consumequeues and index, for records that are read back from the commitlog.

What lives here: which records enter a consumequeue, and bringing queues and index up to a record that recovery has
read. What does not: the dispatch of a message that is just being put, which the appender does itself
(`log/appender.py`).
"""

from __future__ import annotations

from collections.abc import Callable

from rocketmq_ops.common.message_codec import RecordView
from rocketmq_ops.common.record_layout import SMALLEST_RECORD
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK, TRANSACTION_NOT_TYPE
from rocketmq_ops.store.index.key_sink import KeySink
from rocketmq_ops.store.layout.consume_queue import CQ_UNIT_SIZE, PLACEHOLDER_SIZE
from rocketmq_ops.store.queue.consume_queue import ConsumeQueue
from rocketmq_ops.store.queue.consume_queue_store import is_storable
from rocketmq_ops.store.queue.unit_codes import UnitCodes

_SECTOR = 512


def enters_consume_queue(sys_flag: int) -> bool:
    """False for prepared and rolled back transaction records, which no consumer sees."""
    return sys_flag & TRANSACTION_MASK in (TRANSACTION_NOT_TYPE, TRANSACTION_COMMIT_TYPE)


class GapError(Exception):
    """Units before this record are missing from its queue; recovery has to begin further ahead."""


class Redispatch:
    """Brings consumequeues and index up to records of the commitlog, given in their order."""

    def __init__(
        self, queue_for: Callable[[str, int], ConsumeQueue], codes: UnitCodes, keys: KeySink, indexed_until: int
    ) -> None:
        """`keys` gets those of every record, and ignores what it knows already."""
        self._queue_for = queue_for
        #: The record at this commitlog offset and all before it are indexed.
        self._indexed_until = indexed_until
        self._known: dict[tuple[bytes, int], int] = {}
        self._codes = codes
        self._keys = keys
        #: Set when the records are read from the very first one on: gaps can then not be filled from the commitlog.
        self.from_first_file = False
        #: Queues that lack files in front of those that they have, although the records of their units are there.
        self.headless: set[ConsumeQueue] = set()
        self.units_written = 0
        self.units_repaired = 0
        self.units_lost = 0

    def known_until(self, topic: bytes, queue_id: int, queue_offset: int) -> int:
        """Commitlog offset from which records of a queue need `dispatch`; those before it have unit and index.

        The queue's last one does: a kill may have come while its unit was written. 0 for a record whose unit has to be
        looked at because it crosses a disk sector."""
        if queue_offset * CQ_UNIT_SIZE % _SECTOR > _SECTOR - CQ_UNIT_SIZE:
            return 0
        known = self._known.get((topic, queue_id))
        if known is None:
            name = str(topic, "utf-8", "replace")
            if not is_storable(name, queue_id):
                return 0
            known = min(self._queue_for(name, queue_id).last_physical_offset, self._indexed_until + 1)
            self._known[topic, queue_id] = known
        return known

    def begin_anew(self) -> None:
        """All records are about to be read once more, of queues that have changed."""
        self.headless.clear()
        self._known.clear()

    def dispatch(self, topic: str, properties: dict[str, str], record: RecordView) -> None:
        """Make sure that the record has its unit and its index entries. Raises GapError, OSError."""
        if enters_consume_queue(record.sys_flag) and is_storable(topic, record.queue_id):
            queue = self._queue_for(topic, record.queue_id)
            self._put(queue, record, self._codes.of(queue, properties, record.store_timestamp))
        self._keys.put_keys(
            topic, properties.get("UNIQ_KEY"), properties.get("KEYS"), record.physical_offset, record.store_timestamp,
            record.sys_flag,
        )  # fmt: skip

    def _put(self, queue: ConsumeQueue, record: RecordView, code: int) -> None:
        offset, physical, size = record.queue_offset, record.physical_offset, record.size
        if not 0 <= offset <= physical // SMALLEST_RECORD:
            # No checksum covers the field, and so many messages cannot lie in front of this one: believing it would
            # fill the disk with placeholders, or cut the whole queue.
            self.units_lost += 1
            return
        if physical < queue.max_physical_offset:
            # Known, or of a topic that was deleted and made anew: its unit then leads further on. A unit that leads
            # less far was torn by a power cut or never got to the disk.
            unit = queue.raw_unit(offset) if offset < queue.next_offset else None
            if unit is None and 0 <= offset * CQ_UNIT_SIZE < queue.file_queue.min_offset:
                self.headless.add(queue)  # cleaning removes a file after its last record
            if unit is None or unit[1] == PLACEHOLDER_SIZE or unit[0] > physical:
                return
            if unit[:2] == (physical, size) and queue.is_delay and unit[2] >= record.store_timestamp:
                return  # due at the time that was set when the message came; messageDelayLevel may have changed since
            if unit != (physical, size, code):
                queue.rewrite_unit(offset, physical, size, code)
                self.units_repaired += 1
            return
        if offset < queue.next_offset:
            # The queue was deleted and made anew, and a power cut has brought back its old units.
            queue.cut_at(offset)
        if offset > queue.next_offset:
            if not queue.file_queue.files:
                queue.start_at(offset)
            elif offset - queue.next_offset > (physical - queue.max_physical_offset) // SMALLEST_RECORD:
                self.units_lost += 1
                return
            elif self.from_first_file:
                self.units_lost += offset - queue.next_offset
                queue.fill_gap(offset, physical)
            else:
                raise GapError(queue.topic, queue.queue_id, queue.next_offset, offset)
        queue.max_offset = queue.put_unit(physical, size, code)
        self.units_written += 1
