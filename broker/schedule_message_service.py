"""Delay levels: messages parked in SCHEDULE_TOPIC_XXXX are put into their own topic when their time has come.

Queue n of the delay topic holds level n + 1, in order of delivery; how far each level is delivered is persisted as
delayOffset.json. Parking a message is ``inner_messages.schedule``.
Mirrors org.apache.rocketmq.broker.schedule.ScheduleMessageService, its file format included.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from rocketmq_ops.broker.background_files import StateFile
from rocketmq_ops.broker.inner_messages import copy_of
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.files import load_with_backup
from rocketmq_ops.common.message import PROPERTY_REAL_QUEUE_ID, PROPERTY_REAL_TOPIC
from rocketmq_ops.common.message_codec import BadRecordError, decode_message
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC, is_retry_topic
from rocketmq_ops.store.dispatcher import parse_delay_levels
from rocketmq_ops.store.inner_message import NEVER_STORED, InnerMessage, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

#: How often the levels are looked at, as Apache's DELAY_FOR_A_WHILE.
TICK_MS = 100
#: Messages of one level delivered in one turn at most, so that a backlog does not keep clients waiting.
MAX_PER_TURN = 512


class ScheduleMessageService(StateFile):
    """Delivers delayed messages. ``table``: level -> next queue offset of the delay topic to deliver."""

    def __init__(self, controller: BrokerController) -> None:
        super().__init__()
        self._controller = controller
        self.table: dict[int, int] = {}
        self.levels: list[int] = parse_delay_levels(controller.store_config.messageDelayLevel)
        self.data_version = DataVersion.fresh()
        self._not_before: dict[int, int] = {}
        self._changes = 0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def max_delay_level(self) -> int:
        return len(self.levels)

    @property
    def path(self) -> str:
        return str(Path(self._controller.store_config.storePathRootDir) / "config" / "delayOffset.json")

    def reload_levels(self) -> None:
        """Take over a changed ``messageDelayLevel``. Raises RocketMQError when it is no list of times."""
        self.levels = parse_delay_levels(self._controller.store_config.messageDelayLevel)
        self._controller.store.delay_levels = self.levels
        self._not_before.clear()

    def load(self) -> bool:
        """Read the file or its backup, and bring each offset within its queue; False when there is no file."""

        def parse(data: bytes) -> tuple[dict[int, int], DataVersion]:
            document = fastjson.loads(data)
            if not isinstance(document, dict):
                raise CorruptDataError("delayOffset.json is no object")
            table = {int(level): int(offset) for level, offset in (document.get("offsetTable") or {}).items()}
            version = document.get("dataVersion")
            return table, msgspec.convert(version, DataVersion, strict=False) if version else DataVersion.fresh()

        loaded = load_with_backup(self.path, parse)
        if loaded is not None:
            self.table, self.data_version = loaded
        for level, offset in self.table.items():
            self.table[level] = self._within_queue(level, offset)
        return loaded is not None

    def encode(self, *, pretty: bool = False) -> bytes:
        """The document of delayOffset.json, also the body that a slave asks for."""
        return fastjson.dumps({"dataVersion": self.data_version, "offsetTable": self.table}, pretty=pretty)

    def start(self) -> None:
        """Begin delivering on the running loop."""
        self._timer = asyncio.get_running_loop().call_later(TICK_MS / 1000, self._tick)

    def stop(self) -> None:
        """Deliver no more; what is due stays parked until the next start."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        try:
            self.deliver_due(self._controller.clock())
        except Exception:
            log.exception("delivering delayed messages failed; trying again")
        self._timer = asyncio.get_running_loop().call_later(TICK_MS / 1000, self._tick)

    def deliver_due(self, now_ms: int) -> int:
        """Deliver what is due at ``now_ms``; the number of messages delivered. A failing level costs no other."""
        delivered = 0
        for level in range(1, len(self.levels) + 1):
            if self._not_before.get(level, 0) <= now_ms:
                try:
                    delivered += self._deliver_level(level, now_ms)
                except Exception:
                    log.exception("delivering delayed messages of level %d failed; trying again", level)
        return delivered

    def _deliver_level(self, level: int, now_ms: int) -> int:
        queue = self._controller.store.consume_queue(SCHEDULE_TOPIC, level - 1)
        if queue is None:
            return 0
        start = self.table.get(level, 0)
        offset, delivered = start, 0
        try:
            while delivered < MAX_PER_TURN:
                unit = queue.unit(offset)
                if unit is None:
                    offset = self._within_queue(level, offset)
                    break
                due = unit[2] if unit[2] <= now_ms + self.levels[level - 1] else now_ms
                if due > now_ms:
                    self._not_before[level] = due
                    break
                status = self._deliver_or_skip(unit[0], unit[1])
                if status is not None and status is not PutStatus.PUT_OK:
                    log.warning(
                        "delayed message at %d of level %d not delivered: %s; retrying", offset, level, status.name
                    )
                    break
                offset += 1
                delivered += status is not None
        finally:
            if offset != start or level not in self.table:
                self._update_offset(level, offset)
        return delivered

    def _deliver_or_skip(self, physical_offset: int, size: int) -> PutStatus | None:
        """Deliver one parked message; None when it never can be, so that it does not hold up those behind it.

        It stays in the delay topic until its file expires.
        """
        try:
            status = self._deliver(physical_offset, size)
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

    def _deliver(self, physical_offset: int, size: int) -> PutStatus | None:
        """Put one parked message into its own topic; None when it cannot be read and is passed over."""
        store = self._controller.store
        record = store.message_at(physical_offset, size)
        message = None
        try:
            message = None if record is None else decode_message(record, decompress_body=False)
        except BadRecordError as error:
            log.error("delayed message at commitlog offset %d is unreadable and skipped: %s", physical_offset, error)
        if message is None:
            return None
        topic, queue_id = message.properties.get(PROPERTY_REAL_TOPIC), message.properties.get(PROPERTY_REAL_QUEUE_ID)
        if not topic or topic == TRANS_HALF_TOPIC or not queue_id or not queue_id.isdigit():
            log.error("delayed message at commitlog offset %d has no topic to go to; skipped", physical_offset)
            return None
        inner: InnerMessage = copy_of(message, topic, self._readable_queue(topic, int(queue_id)), message.properties)
        result = store.put_message(inner)
        if result.status is PutStatus.PUT_OK:
            counters = self._controller.stats.topic_counters(topic)
            counters.put_nums += 1
            counters.put_times += 1
            counters.put_size += result.wrote_bytes
        return result.status

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
        self._dirty = True
        self._changes += 1
        if self._changes >= self._controller.config.delayOffsetUpdateVersionStep:
            self._changes = 0
            self.data_version.next_version()
