"""END_TRANSACTION (37): a producer commits or rolls back, on its own or asked by the broker.

Half messages and check-backs are in `broker/transaction/transactional_message_service.py`.
Mirrors org.apache.rocketmq.broker.processor.EndTransactionProcessor.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import copy_of, schedule
from rocketmq_ops.broker.send.put_answers import STORED, put_answer
from rocketmq_ops.broker.send.stored_copies import put_copy
from rocketmq_ops.broker.stats.event_stats import COMMITS, ROLLBACKS
from rocketmq_ops.broker.timer.timer_parking import TIMER_PROPERTIES
from rocketmq_ops.broker.transaction.transactional_message_service import HalfMessage
from rocketmq_ops.common.message import (
    PROPERTY_CHECK_IMMUNITY_TIME,
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_PRODUCER_GROUP,
    start_of,
    stored_value,
    string_to_properties,
)
from rocketmq_ops.common.message_codec import message_of
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE, with_transaction_type
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import EndTransactionRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_IMMUNITY_TIME, _PRODUCER_GROUP = start_of(PROPERTY_CHECK_IMMUNITY_TIME), start_of(PROPERTY_PRODUCER_GROUP)
#: What a message has that is not delivered at once when it is committed.
_WAITS = tuple([start_of(name) for name in (PROPERTY_DELAY_TIME_LEVEL, *TIMER_PROPERTIES)])


def _immunity_ms(text: str, timeout_ms: int) -> int:
    """How long a half message with a time of its own, in seconds, is its producer's alone to end: at least the broker's
    timeout (ms) (TransactionalMessageUtil.getImmunityTime)."""
    try:
        own = int(text) * 1000
    except ValueError:
        own = 0
    return max(own, timeout_ms)


class EndTransactionProcessor:
    """Handles the end of transactions."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller

    def end(self, channel: Channel, request: RemotingCommand, header: EndTransactionRequestHeader) -> Answer:
        """Commit, roll back, or leave open (no answer then: the broker will ask)."""
        controller = self._controller
        if controller.is_slave:
            return request.reply(ResponseCode.SLAVE_NOT_AVAILABLE)
        if header.commit_or_rollback not in (TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE):
            log.info("transaction of %s left open by %s: %s", header.msg_id, channel.remote, request.remark or "")
            return None
        half = controller.transactions.half_message(header.commit_log_offset)
        if half is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, "Find prepared transaction message failed")
        if self._is_too_late(header, half):
            return request.reply(ResponseCode.ILLEGAL_OPERATION)
        wrong = self._mismatch(header, half)
        if wrong is not None:
            return request.reply(ResponseCode.SYSTEM_ERROR, wrong)
        if controller.transactions.has_ended(half.transaction):
            log.info("transaction of %s has ended already; %s says so again", header.msg_id, channel.remote)
            controller.transactions.delete_prepared(half)
            return request.reply()
        if header.commit_or_rollback == TRANSACTION_COMMIT_TYPE:
            code, remark = self._commit(half)
            if code != ResponseCode.SUCCESS:
                # Clients send it one-way: they are not told.
                log.warning("commit of %s from %s is refused: %s", header.msg_id, channel.remote, remark or code)
                return request.reply(code, remark)
        controller.transactions.delete_prepared(half)
        ended = COMMITS if header.commit_or_rollback == TRANSACTION_COMMIT_TYPE else ROLLBACKS
        controller.stats.events.add(ended, half.topic)
        return request.reply()

    def _is_too_late(self, header: EndTransactionRequestHeader, half: HalfMessage) -> bool:
        """An end that comes after the message's own immunity time is for the check-back to decide."""
        own = stored_value(half.stored.text, _IMMUNITY_TIME)
        if header.from_transaction_check or not own:
            return False
        age = self._controller.clock() - half.stored.record.born_timestamp
        return age > _immunity_ms(own, self._controller.config.transactionTimeOut)

    def _mismatch(self, header: EndTransactionRequestHeader, half: HalfMessage) -> str | None:
        record = half.stored.record
        if stored_value(half.stored.text, _PRODUCER_GROUP) != header.producer_group:
            return "The producer group wrong"
        if record.queue_offset != header.tran_state_table_offset:
            return "The transaction state table offset wrong"
        if record.physical_offset != header.commit_log_offset:
            return "The commit log offset wrong"
        if not half.topic or not half.queue_id.isdigit():
            return "Find prepared transaction message failed"
        return None

    def _commit(self, half: HalfMessage) -> tuple[int, str | None]:
        """Put the message into its own topic; (response code, remark)."""
        controller, stored, topic, queue_id = self._controller, half.stored, half.topic, int(half.queue_id)
        record = stored.record
        sys_flag = with_transaction_type(record.sys_flag, TRANSACTION_COMMIT_TYPE)
        if any(start in stored.text for start in _WAITS):
            message = copy_of(
                message_of(stored.view, record, decompress_body=False),
                topic, queue_id, string_to_properties(stored.text),
            )  # fmt: skip
            message.sys_flag = sys_flag
            message.prepared_transaction_offset = record.physical_offset
            refused = schedule(message, controller)
            if refused is not None:
                return put_answer(refused, controller.store_config)
            result = controller.store.put_message(message)
            status, size, topic = result.status, result.wrote_bytes, message.topic
        else:
            status, size = put_copy(
                controller.store, stored, topic, queue_id, stored.text, sys_flag, record.physical_offset
            )
        if status not in STORED:
            return put_answer(status, controller.store_config)
        controller.stats.topic_counters(topic).add(1, size)
        if controller.meters is not None:
            controller.meters.transaction_finished(topic, (controller.clock() - record.born_timestamp) // 1000)
        return ResponseCode.SUCCESS, None


def install(controller: BrokerController) -> None:
    """Register the code of this module."""
    processor = EndTransactionProcessor(controller)
    controller.server.serve(EndTransactionRequestHeader, processor.end)
