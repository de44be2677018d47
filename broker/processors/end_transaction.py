"""END_TRANSACTION (37): a producer commits or rolls back, on its own or asked by the broker.

Half messages and check-backs are in `broker/transaction/transactional_message_service.py`.
Mirrors org.apache.rocketmq.broker.processor.EndTransactionProcessor.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import copy_of, schedule
from rocketmq_ops.broker.send.put_answers import STORED, put_answer
from rocketmq_ops.broker.stats.event_stats import COMMITS, ROLLBACKS
from rocketmq_ops.broker.transaction.transactional_message_service import immunity_ms
from rocketmq_ops.common.message import (
    PROPERTY_CHECK_IMMUNITY_TIME,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    MessageExt,
)
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_ROLLBACK_TYPE, with_transaction_type
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import EndTransactionRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


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
        if controller.transactions.has_ended(half):
            log.info("transaction of %s has ended already; %s says so again", header.msg_id, channel.remote)
            controller.transactions.delete_prepared(half)
            return request.reply()
        if header.commit_or_rollback == TRANSACTION_COMMIT_TYPE:
            code, remark = self._commit(half)
            if code != ResponseCode.SUCCESS:
                return request.reply(code, remark)
        controller.transactions.delete_prepared(half)
        ended = COMMITS if header.commit_or_rollback == TRANSACTION_COMMIT_TYPE else ROLLBACKS
        controller.stats.events.add(ended, half.properties[PROPERTY_REAL_TOPIC])
        return request.reply()

    def _is_too_late(self, header: EndTransactionRequestHeader, half: MessageExt) -> bool:
        """An end that comes after the message's own immunity time is for the check-back to decide."""
        own = half.properties.get(PROPERTY_CHECK_IMMUNITY_TIME)
        if header.from_transaction_check or not own:
            return False
        age = self._controller.clock() - half.born_timestamp
        return age > immunity_ms(own, self._controller.config.transactionTimeOut)

    def _mismatch(self, header: EndTransactionRequestHeader, half: MessageExt) -> str | None:
        if half.properties.get(PROPERTY_PRODUCER_GROUP) != header.producer_group:
            return "The producer group wrong"
        if half.queue_offset != header.tran_state_table_offset:
            return "The transaction state table offset wrong"
        if half.commit_log_offset != header.commit_log_offset:
            return "The commit log offset wrong"
        properties = half.properties
        if not properties.get(PROPERTY_REAL_TOPIC) or not properties.get(PROPERTY_REAL_QUEUE_ID, "").isdigit():
            return "Find prepared transaction message failed"
        return None

    def _commit(self, half: MessageExt) -> tuple[int, str | None]:
        """Put the message into its own topic; (response code, remark)."""
        controller, properties = self._controller, half.properties
        message = copy_of(half, properties[PROPERTY_REAL_TOPIC], int(properties[PROPERTY_REAL_QUEUE_ID]), properties)
        message.sys_flag = with_transaction_type(message.sys_flag, TRANSACTION_COMMIT_TYPE)
        message.prepared_transaction_offset = half.commit_log_offset
        refused = schedule(message, controller)
        if refused is not None:
            return put_answer(refused, controller.store_config)
        result = controller.store.put_message(message)
        if result.status not in STORED:
            return put_answer(result.status, controller.store_config)
        counters = controller.stats.topic_counters(message.topic)
        counters.put_nums += 1
        counters.put_times += 1
        counters.put_size += result.wrote_bytes
        if controller.meters is not None:
            controller.meters.transaction_finished(message.topic, (controller.clock() - half.born_timestamp) // 1000)
        return ResponseCode.SUCCESS, None


def install(controller: BrokerController) -> None:
    """Register the code of this module."""
    processor = EndTransactionProcessor(controller)
    controller.server.serve(EndTransactionRequestHeader, processor.end)
