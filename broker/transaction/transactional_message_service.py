"""Transactional messages: half messages, and the notes of their end.

Half messages lie in RMQ_SYS_TRANS_HALF_TOPIC. What is committed or rolled back is noted in
RMQ_SYS_TRANS_OP_HALF_TOPIC as lists of half queue offsets, written in batches; the offsets of the group
CID_RMQ_SYS_TRANS on both topics say how far everything is settled. END_TRANSACTION is in
`processors/end_transaction.py`, asking producers in `transactional_message_check.py`.
Mirrors org.apache.rocketmq.broker.transaction.queue.TransactionalMessageServiceImpl and TransactionalMessageBridge.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import encode_properties
from rocketmq_ops.broker.send.stored_copies import StoredMessage, read_stored
from rocketmq_ops.broker.transaction.transaction_metrics import TransactionMetrics
from rocketmq_ops.broker.transaction.transactional_message_check import REMOVE_TAG, TransactionalMessageCheck
from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.bounded import Bounded, Newest
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TRANSACTION_ID,
    PROPERTY_UNIQ_KEY,
    start_of,
    stored_value,
)
from rocketmq_ops.common.message_codec import BadRecordError, record_topic
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.sysflag import TRANSACTION_NOT_TYPE, with_transaction_type
from rocketmq_ops.common.topics import (
    TRANS_HALF_TOPIC,
    TRANS_OP_HALF_TOPIC,
)
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_UNIQ_KEY = start_of(PROPERTY_UNIQ_KEY)
_REAL_TOPIC, _REAL_QUEUE_ID = start_of(PROPERTY_REAL_TOPIC), start_of(PROPERTY_REAL_QUEUE_ID)
#: Ended transactions that are remembered, so that one whose end comes twice is stored once.
REMEMBERED_ENDS = 10_000
#: Open transactions of which it is known where the half message lies that was put back last; and so many of these are
#: remembered when they have ended, for they are what has two ends, the producer's own word and its answer.
_MOST_PUT_BACK = 100_000


class HalfMessage:
    """A stored half message whose end has come."""

    __slots__ = ("queue_id", "stored", "topic", "transaction")

    def __init__(self, stored: StoredMessage) -> None:
        text, unique_key = stored.text, stored_value(stored.text, _UNIQ_KEY)
        self.stored = stored
        #: Where it is to go; `queue_id` is the text of a number, if all is well.
        self.topic = stored_value(text, _REAL_TOPIC) or ""
        self.queue_id = stored_value(text, _REAL_QUEUE_ID) or ""
        #: What all copies of it share, and no other sending of the same message; None without a unique key.
        self.transaction = None if unique_key is None else (unique_key, stored.record.born_timestamp)


class _Settled:
    """Half offsets of one queue that are not yet in the op topic, and the bytes that they take there."""

    __slots__ = ("offsets", "size")

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.size = 0

    def add(self, offset: int) -> None:
        self.offsets.append(offset)
        self.size += len(str(offset)) + 1

    def body(self, count: int) -> bytes:
        """The first of them as a record of the op topic has them."""
        return "".join([f"{offset}," for offset in self.offsets[:count]]).encode()

    def drop(self, count: int, size: int) -> None:
        """Forget the first of them, which took so many bytes."""
        del self.offsets[:count]
        self.size -= size


class TransactionalMessageService:
    """Half messages and check-backs of one broker. `_settled`: by queue."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.metrics = TransactionMetrics(controller)
        self._settled: dict[int, _Settled] = {}
        self._ended: Newest[tuple[str, int]] = Newest(REMEMBERED_ENDS)
        self._put_back: Bounded[tuple[str, int], int] = Bounded(_MOST_PUT_BACK)
        self._ended_put_back: Newest[tuple[str, int]] = Newest(_MOST_PUT_BACK)
        self._jobs = PeriodicJobs()
        self._check = TransactionalMessageCheck(controller, self)
        #: Begin a round of check-backs.
        self.check = self._check.begin

    def start(self) -> None:
        """Begin writing op batches and checking on the running loop."""
        config = self._controller.config
        try:
            self.metrics.load()
        except RocketMQError as error:
            log.warning("the numbers of half messages that wait begin anew: %s", error)
        self._jobs.every("transaction metrics", lambda: config.transactionMetricFlushInterval, self._save_metrics)
        self._jobs.every("transaction ops", lambda: config.transactionOpBatchInterval, self.write_ops)
        self._check.start()

    def stop(self) -> None:
        """Write what is settled and stop."""
        self._jobs.stop()
        self._check.stop()
        self.write_ops()

    def _save_metrics(self) -> None:
        if self.metrics.is_dirty:
            self._controller.files.save(self.metrics)

    # -- half messages ------------------------------------------------------------------------------------------

    def prepare(self, message: InnerMessage) -> None:
        """Turn a message into a half message: only the half topic holds it until its transaction ends."""
        properties = message.properties
        unique_key = properties.get(PROPERTY_UNIQ_KEY)
        if unique_key:
            properties[PROPERTY_TRANSACTION_ID] = unique_key
        properties[PROPERTY_REAL_TOPIC] = message.topic
        properties[PROPERTY_REAL_QUEUE_ID] = str(message.queue_id)
        message.properties_bytes = encode_properties(properties)
        message.sys_flag = with_transaction_type(message.sys_flag, TRANSACTION_NOT_TYPE)
        message.topic = TRANS_HALF_TOPIC
        message.queue_id = 0

    def half_message(self, commit_log_offset: int) -> HalfMessage | None:
        """The half message at a commitlog offset (bytes), None when there is none to read.

        Apache's broker takes whatever lies there for one: a message, or a part of its body, whose properties name a
        topic, which it is then stored in.
        """
        store = self._controller.store
        view = store.message_at(commit_log_offset)
        if view is None:
            return None
        try:
            stored = read_stored(view)
            if stored is None or record_topic(view, stored.record) != TRANS_HALF_TOPIC:
                return None
        except BadRecordError as error:
            log.warning("half message at commitlog offset %d is unreadable: %s", commit_log_offset, error)
            return None
        return HalfMessage(stored) if store.is_queued(commit_log_offset, stored.record, TRANS_HALF_TOPIC) else None

    def has_ended(self, transaction: tuple[str | None, int] | None) -> bool:
        """Whether a transaction (`HalfMessage.transaction`) was committed or rolled back a while ago, by this process.

        A producer's word that was long on its way and its answer to a check-back say the same twice; Apache's broker
        commits twice then.
        """
        return transaction in self._ended or transaction in self._ended_put_back

    def note_put_back(self, transaction: tuple[str, int], queue_offset: int) -> None:
        """Note where in its queue the half message of an open transaction lies by now, beside those that lie there
        from before."""
        self._put_back[transaction] = queue_offset

    def delete_prepared(self, half: HalfMessage) -> None:
        """Note that a half message is committed or rolled back, and with it the one that was put back last: after a
        restart nobody is to be asked about that."""
        transaction, record = half.transaction, half.stored.record
        if not self.has_ended(transaction):
            self.metrics.add(half.topic, -1)
        put_back = None
        if transaction is not None:
            put_back = self._put_back.pop(transaction, None)
            if put_back is not None:
                self._ended_put_back.add(transaction)
            self._ended.add(transaction)
        settled = self._settled.get(record.queue_id)
        if settled is None:
            settled = self._settled[record.queue_id] = _Settled()
        settled.add(record.queue_offset)
        if put_back is not None and put_back != record.queue_offset:
            settled.add(put_back)
        if settled.size > self._controller.config.transactionOpMsgMaxSize:
            self.write_ops()

    def write_ops(self) -> None:
        """Write the settled half offsets into the op topic; what cannot be written stays for the next time."""
        limit = max(1, self._controller.config.transactionOpMsgMaxSize // 20)
        for queue_id, settled in list(self._settled.items()):
            while settled.offsets:
                body = settled.body(limit)
                if self._put_op(queue_id, body).status is not PutStatus.PUT_OK:
                    log.error("%d ended transactions could not be noted; trying again", len(settled.offsets))
                    break
                settled.drop(limit, len(body))
            if not settled.offsets:
                del self._settled[queue_id]

    def _put_op(self, queue_id: int, body: bytes) -> PutMessageResult:
        controller = self._controller
        properties = {PROPERTY_TAGS: REMOVE_TAG, "WAIT": "true"}
        return self.put(
            InnerMessage(
                topic=TRANS_OP_HALF_TOPIC,
                queue_id=queue_id,
                body=body,
                properties=properties,
                properties_bytes=encode_properties(properties),
                born_host=pack_host(*controller.store_host),
                born_timestamp=controller.clock(),
            )
        )

    def put(self, message: InnerMessage) -> PutMessageResult:
        """Store a message, and count it."""
        result = self._controller.store.put_message(message)
        if result.status is PutStatus.PUT_OK:
            self._controller.stats.topic_counters(message.topic).add(1, result.wrote_bytes)
        return result
