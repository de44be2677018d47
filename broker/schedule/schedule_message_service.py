"""Delay levels: messages parked in SCHEDULE_TOPIC_XXXX are put into their own topic when their time has come.

Queue n of the delay topic holds level n + 1, in order of delivery; how far each level is delivered is persisted as
delayOffset.json. Parking a message is `inner_messages.schedule`.
Mirrors org.apache.rocketmq.broker.schedule.ScheduleMessageService, its file format included.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from rocketmq_ops.broker.send.stored_copies import put_copy, read_stored
from rocketmq_ops.broker.state.config_manager import ConfigManager
from rocketmq_ops.broker.state.config_table import read_data_version
from rocketmq_ops.broker.turns import Turn, Turns
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.delay_levels import LOG_END, parse_delay_levels
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.common.message import PROPERTY_REAL_QUEUE_ID, PROPERTY_REAL_TOPIC, start_of, stored_value
from rocketmq_ops.common.message_codec import BadRecordError
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.state_files import Write
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_retry_topic
from rocketmq_ops.store.inner_message import NEVER_STORED, PutStatus
from rocketmq_ops.store.layout.consume_queue_ext import is_address

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: ms between two looks at the levels, as Apache's DELAY_FOR_A_WHILE.
TICK_MS = 100
#: From how many ms on, by which the clock was set back before a kill, messages may have been delivered before they were
#: due: see `_is_due`. Less is the correction of a time source.
SET_BACK_MS = 1_000
#: The file is written again when the log has gone on by so much, though no level has: it bounds what a start reads.
_LOG_END_BYTES = 64 << 20
_REAL_TOPIC, _REAL_QUEUE_ID = start_of(PROPERTY_REAL_TOPIC), start_of(PROPERTY_REAL_QUEUE_ID)


def _progress(document: dict[str, Any]) -> tuple[dict[int, int], DataVersion, int | None]:
    """The offsets by level, their version, and LOG_END if it is there, as delayOffset.json has them. Raises
    CorruptDataError."""
    try:
        table = {int(level): int(offset) for level, offset in (document.get("offsetTable") or {}).items()}
        end = None if document.get(LOG_END) is None else int(document[LOG_END])
    except (AttributeError, TypeError, ValueError) as error:
        raise CorruptDataError(f"invalid offset of a delay level: {error}") from error
    return table, read_data_version(document.get("dataVersion")), end


class ScheduleMessageService(ConfigManager):
    """Delivers delayed messages. `table`: level -> next queue offset of the delay topic to deliver."""

    file_name = "delayOffset.json"

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self.table: dict[int, int] = {}
        self.levels: list[int] = parse_delay_levels(controller.store_config.messageDelayLevel)
        self.data_version = DataVersion.fresh()
        #: By level, the offsets behind the table's of messages that were delivered before this broker started.
        self._delivered: dict[int, set[int]] = {}
        self._not_before: dict[int, int] = {}
        #: What is to be written into the file: the table of a moment up to which the log is on the disk; without and
        #: with LOG_END.
        self._durable: tuple[bytes, bytes] | None = None
        #: LOG_END as the file had it, and of what was chosen for it last; None where it is not known.
        self._log_end: int | None = None
        #: Whether all that lies behind the table is delivered after now: not before the start, and of no slave, whose
        #: table is what its master said.
        self._is_exact = False
        #: Where the log ended when the delivery was stopped: the file is written once the store is closed.
        self._stopped_at = 0
        self._changes = 0
        self._jobs = PeriodicJobs()
        self._turns = Turns(controller, self._jobs, "delay levels", self._take_turn)
        #: The level that the next turn begins with, as the last one ended in it.
        self._first = 0

    @property
    def max_delay_level(self) -> int:
        return len(self.levels)

    def reload_levels(self) -> None:
        """Apply a changed `messageDelayLevel`. Raises RocketMQError when it is not a list of times."""
        self.levels = parse_delay_levels(self._controller.store_config.messageDelayLevel)
        self._controller.store.codes.delay_levels = self.levels
        self._not_before.clear()

    def load(self) -> bool:
        """Read the file or its backup; False when there is none. Call `correct_offsets` once the store is open."""

        loaded = self.document(_progress)
        if loaded is not None:
            self.table, self.data_version, self._log_end = loaded
        return loaded is not None

    def take_over(self, document: dict[str, Any]) -> None:
        """Take the progress of a slave's master over. Raises CorruptDataError."""
        table, version, _ = _progress(document)
        if table != self.table:
            self.table, self.data_version = table, version
            self._is_exact = False
            self.changed()

    def ends(self) -> Iterator[tuple[str, int, int]]:
        """Topic, queue id and offset up to which each level is delivered: so far its queue must have come."""
        for level, offset in self.table.items():
            yield SCHEDULE_TOPIC, level - 1, offset

    def correct_offsets(self) -> None:
        """Bring each offset within its queue, find out those that are not in the file, and log which levels are no
        longer configured.
        """
        for level, offset in self.table.items():
            within = self.table[level] = self._within_queue(level, offset)
            if within != offset:
                log.warning(
                    "delayOffset.json has delay level %d at %d, which is not in its queue: it goes on at %d",
                    level, offset, within,
                )  # fmt: skip
        in_use = self._levels_in_use()
        self._find_delivered([level for level in in_use if level not in self.table and self._waiting(level)])
        self._find_delivered_since()
        self._is_exact = True
        gone = [level for level in in_use if level > len(self.levels)]
        waiting = {level: count for level in gone if (count := self._waiting(level))}
        if waiting:
            log.warning(
                "%d messages wait in delay levels that messageDelayLevel no longer has (%s): they are delivered at the "
                "times that were set when they came", sum(waiting.values()), ", ".join(map(str, waiting)),
            )  # fmt: skip

    def _find_delivered(self, levels: list[int]) -> None:
        """Let levels pass over what the commitlog shows to be delivered: Apache's broker would deliver all again."""
        if not levels:
            return
        from rocketmq_ops.broker.schedule.delay_evidence import delivered  # only in this rare case

        waiting = {level: self._waiting(level) for level in levels}
        log.warning(
            "%s does not say how many of %d delayed messages (level %s) were delivered; looking for them there",
            self.path, sum(waiting.values()), ", ".join(map(str, levels)),
        )  # fmt: skip
        for level, found in delivered(self._controller.store, {level: self._start(level) for level in levels}).items():
            log.warning(
                "delay level %d: %d messages are found delivered, %d are not", level, len(found),
                waiting[level] - len(found),
            )  # fmt: skip
            self._pass_over(level, found)

    def _find_delivered_since(self) -> None:
        """Let levels pass over what was delivered after the table was written, or taken over from a master that this
        broker takes the place of: the log has it. Of a broker that was stopped there is nothing, and no record is
        read: what was due has been delivered.
        """
        store = self._controller.store
        set_back = self._set_back_ms()
        # Later than the latest record nothing of this log was delivered, unless the clock was set back: see `_is_due`.
        until = store.queues.latest_timestamp if set_back < SET_BACK_MS else math.inf
        end = self._log_end if set_back >= SET_BACK_MS else None
        starts: dict[int, int] = {}
        for level in self.table:
            queue = store.consume_queue(SCHEDULE_TOPIC, level - 1)
            unit = queue.unit(self._start(level)) if queue is not None else None
            if unit is not None and unit[2] <= until:
                starts[level] = self._start(level)
        if not starts:
            return
        from rocketmq_ops.broker.schedule.delay_evidence import delivered, delivered_behind  # only then

        if end is not None and end <= store.max_phy_offset:
            all_found = delivered_behind(store, starts, end)
        else:
            all_found = delivered(store, starts, until, set_back)
        for level, found in all_found.items():
            if found:
                log.info("delay level %d: %d messages from offset %d of delayOffset.json on are found delivered",
                         level, len(found), starts[level])  # fmt: skip
                self._pass_over(level, found)

    def _set_back_ms(self) -> int:
        """By how many ms the clock was set back while this log was written, as far as is seen: in the records that were
        read at the start, and where a message waits since later than the last record was stored.
        """
        store, set_back = self._controller.store, self._controller.store.queues.set_back_ms
        for level in self.table:
            for offset in (self._start(level), store.max_offset(SCHEDULE_TOPIC, level - 1) - 1):
                since = store.store_time(SCHEDULE_TOPIC, level - 1, offset)
                set_back = max(set_back, since - store.queues.last_dispatched_timestamp)
        return set_back

    def _pass_over(self, level: int, offsets: set[int]) -> None:
        """Go on behind delivered messages; those that lie behind one that is not are passed over when their turn has
        come.
        """
        offset = self._start(level)
        while offset in offsets:
            offsets.discard(offset)
            offset += 1
        self._delivered[level] = offsets
        self._update_offset(level, offset)

    def _start(self, level: int) -> int:
        """The offset in the queue of a level with which it goes on, as far as the table shows."""
        return self._within_queue(level, self.table.get(level, 0))

    def _levels_in_use(self) -> list[int]:
        """The configured levels, and those of queues that an earlier configuration has filled."""
        queues = self._controller.store.queues.table.get(SCHEDULE_TOPIC, ())
        return sorted({*range(1, len(self.levels) + 1), *(queue_id + 1 for queue_id in queues)})

    def _waiting(self, level: int) -> int:
        """How many messages of a level are not delivered, as far as the table shows."""
        return self._controller.store.max_offset(SCHEDULE_TOPIC, level - 1) - self._start(level)

    def _any_waits(self) -> bool:
        return any(self._waiting(level) for level in self._levels_in_use())

    def encode(self, *, pretty: bool = False) -> bytes:
        """The document of delayOffset.json; without `pretty` the body that a slave asks for, which has no LOG_END."""
        document = {"dataVersion": self.data_version, "offsetTable": self.table}
        # What was delivered behind a message that was not is known to this process alone.
        end = self._stopped_at or self._controller.store.max_phy_offset
        if pretty and end and self._is_exact and not any(self._delivered.values()):
            document[LOG_END] = end
        return fastjson.dumps(document, pretty=pretty)

    def save(self) -> None:
        """Write the table as it is now, as soon as the log is on the disk as far: a file that is ahead of the log would
        pass over messages of whose delivery a power cut has left nothing. One that is behind it does no harm.
        """
        store = self._controller.store
        if self._dirty or self._is_behind(store.max_phy_offset):
            self._log_end = store.max_phy_offset
            content = self.encode(), self.encode(pretty=True)
            store.when_flushed(store.max_phy_offset, lambda durable: self._save(content) if durable else None)

    def _is_behind(self, log_end: int) -> bool:
        """Whether messages wait, and the log has gone on a long way since the file was written."""
        far = self._log_end is None or log_end - self._log_end >= _LOG_END_BYTES
        return far and self._is_exact and self._any_waits()

    def _save(self, content: tuple[bytes, bytes]) -> None:
        self._durable = content
        self._dirty = True
        self._controller.files.save(self)

    def take_changes(self) -> Write | None:
        """As of every table; what `save` has chosen where it has."""
        content, self._durable = self._durable, None
        if content is None:
            return super().take_changes()
        self._dirty = content[0] != self.encode()
        return partial(save_with_backup, self.path, content[1], self.files)

    def start(self) -> None:
        """Begin delivering on the running loop."""
        self._turns.start(lambda: TICK_MS)

    def stop(self) -> None:
        """Deliver no more; what is due stays parked until the next start."""
        for level in self._levels_in_use():
            if level not in self.table and self._waiting(level):
                self._update_offset(level, self._within_queue(level, 0))
        self._dirty |= self._is_exact and self._any_waits()
        self._stopped_at = self._controller.store.max_phy_offset
        self._jobs.stop()

    def _take_turn(self, turn: Turn) -> None:
        self.deliver_due(self._controller.clock(), turn)

    def deliver_due(self, now_ms: int, turn: Turn | None = None) -> int:
        """Deliver what is due at `now_ms`, as long as the turn lasts; the number of messages delivered. A failing level
        costs no other.
        """
        delivered = 0
        turn = turn or Turn(math.inf)
        levels = self._levels_in_use()
        for level in sorted(levels, key=lambda level: level < self._first):
            if self._is_due(level, self._not_before.get(level, 0), now_ms):
                try:
                    delivered += self._deliver_level(level, now_ms, turn)
                except Exception:
                    log.exception("delivering delayed messages of level %d failed; trying again", level)
            if turn.stopped:
                self._first = level + 1
                break
        return delivered

    def _is_due(self, level: int, due: int, now_ms: int) -> bool:
        """Whether what is due at `due` (ms) is to be delivered: also when it would wait for longer than its level, for
        then the clock was set back.
        """
        return due <= now_ms or (level <= len(self.levels) and due > now_ms + self.levels[level - 1])

    def _deliver_level(self, level: int, now_ms: int, turn: Turn) -> int:
        queue = self._controller.store.consume_queue(SCHEDULE_TOPIC, level - 1)
        if queue is None:
            return 0
        start = self.table.get(level, 0)
        passed = self._delivered.get(level)
        offset, delivered = start, 0
        try:
            while True:
                unit = queue.unit(offset)
                if unit is None:
                    offset = self._within_queue(level, offset)
                    break
                due = unit[2]
                if is_address(due):
                    store = self._controller.store
                    due = store.codes.due(level, store.store_time(SCHEDULE_TOPIC, level - 1, offset))
                if not self._is_due(level, due, now_ms):
                    self._not_before[level] = due
                    break
                if passed and offset in passed:
                    passed.discard(offset)
                    offset += 1
                    continue
                status = self._deliver_or_skip(level, unit[0], unit[1])
                if status is not None and status is not PutStatus.PUT_OK:
                    log.warning(
                        "delayed message at %d of level %d not delivered: %s; retrying", offset, level, status.name
                    )
                    break
                offset += 1
                delivered += status is not None
                if turn.is_over():
                    break
        finally:
            if offset != start or level not in self.table:
                self._update_offset(level, offset)
        return delivered

    def _deliver_or_skip(self, level: int, physical_offset: int, size: int) -> PutStatus | None:
        """Deliver one parked message; None when it never can be, so that it does not hold up those behind it.

        It stays in the delay topic until its file expires.
        """
        try:
            status = self._deliver(level, physical_offset, size)
        except OSError:
            raise
        except Exception:
            log.exception("delayed message at commitlog offset %d cannot be delivered and is skipped", physical_offset)
            return None
        if status in NEVER_STORED:
            log.error(
                "delayed message at commitlog offset %d cannot be stored and is skipped: %s",
                physical_offset,
                status.name if status is not None else "",
            )
            return None
        return status

    def _deliver(self, level: int, physical_offset: int, size: int) -> PutStatus | None:
        """Put one parked message into its own topic; None when it cannot be read and is skipped."""
        store = self._controller.store
        record = store.message_at(physical_offset, size)
        stored = None
        try:
            stored = None if record is None else read_stored(record)
        except BadRecordError as error:
            log.error("delayed message at commitlog offset %d is unreadable and skipped: %s", physical_offset, error)
        if stored is None:
            return None
        text = stored.text
        topic, queue_id = stored_value(text, _REAL_TOPIC), stored_value(text, _REAL_QUEUE_ID)
        if not topic or topic == TRANS_HALF_TOPIC or not queue_id or not queue_id.isdigit():
            log.error("delayed message at commitlog offset %d has no topic to go to; skipped", physical_offset)
            return None
        queue = self._readable_queue(topic, int(queue_id))
        status, wrote = put_copy(store, stored, topic, queue, text, stored.record.sys_flag)
        if status is PutStatus.PUT_OK:
            self._controller.stats.count_delivery(topic, level, wrote)
        return status

    def _readable_queue(self, topic: str, queue_id: int) -> int:
        """The queue for a message; another one when its retry topic has become too narrow for it to be read there."""
        config = self._controller.topics.get(topic) if is_retry_topic(topic) else None
        return queue_id % config.read_queue_nums if config is not None and config.read_queue_nums else queue_id

    def _within_queue(self, level: int, offset: int) -> int:
        queue_id = level - 1
        store = self._controller.store
        return max(store.min_offset(SCHEDULE_TOPIC, queue_id), min(offset, store.max_offset(SCHEDULE_TOPIC, queue_id)))

    def _update_offset(self, level: int, offset: int) -> None:
        self.table[level] = offset
        self._dirty, self._stopped_at = True, 0
        self._changes += 1
        if self._changes >= self._controller.config.delayOffsetUpdateVersionStep:
            self._changes = 0
            self.data_version.next_version()
