"""The short way of sends that wait: half messages, delay levels, and times of delivery.

Such a message goes into a topic of the broker's with its own topic and queue as properties. What lives here: that put,
and the frame of its answer. What does not: which sends come here (`parsed_properties.py`, `send_plan.py`), and what
makes a message wait on the long way (`inner_messages.py`, `TransactionalMessageService.prepare`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.parsed_properties import Parks
from rocketmq_ops.broker.timer.timer_parking import given_time, moment_of
from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TRANSACTION_ID,
)
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.common.sysflag import TRANSACTION_NOT_TYPE, with_transaction_type
from rocketmq_ops.common.topics import SCHEDULE_TOPIC, TRANS_HALF_TOPIC
from rocketmq_ops.remoting.answer_frame import header_frame
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.send.known_sends import Put
    from rocketmq_ops.broker.send.send_plan import SendPlan

_REAL = f"{PROPERTY_REAL_TOPIC}\x01%b\x02{PROPERTY_REAL_QUEUE_ID}\x01%d\x02".encode()
_HALF = f"{PROPERTY_TRANSACTION_ID}\x01%b\x02".encode() + _REAL
_TIMER = f"{PROPERTY_TIMER_OUT_MS}\x01%d\x02".encode() + _REAL


class ParkedSends:
    """Those of one broker. Each put returns None when the message was not put, which the long way may know to do."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._store = controller.store
        #: Of answers: to be filled with queue id, unique key, commitlog offset, queue offset and opaque, and of those
        #: to timers with the recall handle between the first two.
        self.template = self.timer_template = b""

    def put_with(self, parks: Parks) -> Put:
        """The put for one kind."""
        return {Parks.HALF: self._put_half, Parks.DELAY: self._put_delayed, Parks.TIMER: self._put_timer}[parks]

    def _put_half(
        self, plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
    ) -> bytes | None:
        if self._controller.config.rejectTransactionMessage:
            return None
        queue_id = message.queue_id
        offset = self._park(message, TRANS_HALF_TOPIC, 0, _HALF % (unique_key, plan.name, queue_id), unique_key, keys)
        if offset < 0:
            return None
        self._controller.transactions.metrics.add(message.topic, 1)
        return header_frame(self.template % (queue_id, unique_key, offset, self._queue_offset, opaque))

    def _put_delayed(
        self, plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
    ) -> bytes | None:
        level = int(message.properties[PROPERTY_DELAY_TIME_LEVEL])
        if level > self._controller.delay.max_delay_level:
            return None
        queue_id = message.queue_id
        offset = self._park(message, SCHEDULE_TOPIC, level - 1, _REAL % (plan.name, queue_id), unique_key, keys)
        if offset < 0:
            return None
        return header_frame(self.template % (queue_id, unique_key, offset, self._queue_offset, opaque))

    def _put_timer(
        self, plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
    ) -> bytes | None:
        given = given_time(message.properties)
        moment = moment_of(*given, self._controller) if given is not None else None
        if moment is None or moment.refused is not None or not moment.time:
            return None
        queue_id = message.queue_id
        suffix = _TIMER % (moment.time, plan.name, queue_id)
        offset = self._park(message, TIMER_TOPIC, 0, suffix, unique_key, keys)
        if offset < 0:
            return None
        handle = RecallHandle.of(message.topic, self._controller.config.brokerName, moment.time, unique_key.decode())
        return header_frame(
            self.timer_template % (queue_id, handle.encode().encode(), unique_key, offset, self._queue_offset, opaque)
        )

    @property
    def _queue_offset(self) -> int:
        return self._store.appender.last_queue_offset

    def _park(
        self, message: InnerMessage, topic: str, queue_id: int, suffix: bytes, unique_key: bytes, keys: str | None
    ) -> int:
        """Put a message into a topic of the broker's; its commitlog offset, -1 when it was not put."""
        store = self._store
        if store.appender.shows_properties(topic):
            return -1
        parked = InnerMessage(
            topic, queue_id, message.body, message.properties, message.properties_bytes + suffix, message.born_host,
            message.born_timestamp, message.flag, with_transaction_type(message.sys_flag, TRANSACTION_NOT_TYPE),
            message.reconsume_times, 0, message.tags_code,
        )  # fmt: skip
        offset = store.appender.put_plain(parked, unique_key.decode(), keys)
        if offset >= 0:
            self._controller.stats.count_put(topic, queue_id, 1, store.commit_log.last_size)
        return offset
