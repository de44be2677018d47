"""Transactional messages: half messages, their end, and asking producers whose answer is missing.

Half messages lie in RMQ_SYS_TRANS_HALF_TOPIC. What is committed or rolled back is noted in
RMQ_SYS_TRANS_OP_HALF_TOPIC as lists of half queue offsets, written in batches; the offsets of the group
CID_RMQ_SYS_TRANS on both topics say how far everything is settled. END_TRANSACTION is in
`processors/end_transaction.py`.
Mirrors org.apache.rocketmq.broker.transaction.queue.TransactionalMessageServiceImpl and TransactionalMessageBridge.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.inner_messages import copy_of, encode_properties
from rocketmq_ops.broker.send.stored_copies import StoredMessage, read_stored
from rocketmq_ops.broker.transaction.transaction_metrics import TransactionMetrics
from rocketmq_ops.common.addresses import pack_host
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import (
    PROPERTY_CHECK_IMMUNITY_TIME,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TAGS,
    PROPERTY_TRANSACTION_CHECK_TIMES,
    PROPERTY_TRANSACTION_ID,
    PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET,
    PROPERTY_UNIQ_KEY,
    MessageExt,
    start_of,
    stored_value,
)
from rocketmq_ops.common.message_codec import BadRecordError, decode_messages, encode_record, record_topic
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.sysflag import TRANSACTION_NOT_TYPE, with_transaction_type
from rocketmq_ops.common.topics import (
    CID_SYS_RMQ_TRANS,
    TRANS_CHECK_MAX_TIME_TOPIC,
    TRANS_HALF_TOPIC,
    TRANS_OP_HALF_TOPIC,
)
from rocketmq_ops.remoting.headers import CheckTransactionStateRequestHeader
from rocketmq_ops.store.get_result import GetStatus
from rocketmq_ops.store.inner_message import NEVER_STORED, InnerMessage, PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

_UNIQ_KEY = start_of(PROPERTY_UNIQ_KEY)
_REAL_TOPIC, _REAL_QUEUE_ID = start_of(PROPERTY_REAL_TOPIC), start_of(PROPERTY_REAL_QUEUE_ID)
REMOVE_TAG = "d"
#: Op records read, and half messages looked at, in one round of one queue at most.
MAX_OPS_PER_ROUND = 4096
MAX_HALVES_PER_ROUND = 1024
#: Ended transactions that are remembered, so that one whose end comes twice is stored once.
REMEMBERED_ENDS = 10_000


def immunity_ms(text: str | None, timeout_ms: int) -> int:
    """How long a half message is not asked about: its own time in seconds, at least the broker's timeout (ms)."""
    try:
        own = int(text or 0) * 1000
    except ValueError:
        own = 0
    return max(own, timeout_ms)


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
        # A plain dict would look for its first key past all those that were deleted.
        self._ended: OrderedDict[tuple[str, int], None] = OrderedDict()
        self._jobs = PeriodicJobs()

    def start(self) -> None:
        """Begin writing op batches and checking on the running loop."""
        config = self._controller.config
        try:
            self.metrics.load()
        except RocketMQError as error:
            log.warning("the numbers of half messages that wait begin anew: %s", error)
        self._jobs.every("transaction metrics", lambda: config.transactionMetricFlushInterval, self._save_metrics)
        self._jobs.every("transaction ops", lambda: config.transactionOpBatchInterval, self.write_ops)
        self._jobs.every("transaction check", lambda: config.transactionCheckInterval, self.check)

    def stop(self) -> None:
        """Write what is settled and stop."""
        self._jobs.stop()
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

    def has_ended(self, half: HalfMessage) -> bool:
        """Whether the transaction of a half message was committed or rolled back a while ago, by this process.

        A producer's word that was long on its way and its answer to a check-back say the same twice; Apache's broker
        commits twice then.
        """
        return half.transaction in self._ended

    def delete_prepared(self, half: HalfMessage) -> None:
        """Note that a half message is committed or rolled back."""
        ended, transaction, record = self._ended, half.transaction, half.stored.record
        if transaction is None or transaction not in ended:
            self.metrics.add(half.topic, -1)
        if transaction is not None:
            ended[transaction] = None
            if len(ended) > REMEMBERED_ENDS:
                ended.popitem(last=False)
        settled = self._settled.get(record.queue_id)
        if settled is None:
            settled = self._settled[record.queue_id] = _Settled()
        settled.add(record.queue_offset)
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
        return self._put(
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

    def _put(self, message: InnerMessage) -> PutMessageResult:
        result = self._controller.store.put_message(message)
        if result.status is PutStatus.PUT_OK:
            self._controller.stats.topic_counters(message.topic).add(1, result.wrote_bytes)
        return result

    # -- check-backs --------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Ask the producers of half messages whose end is overdue; give up those asked about too often."""
        self.write_ops()
        store, topic = self._controller.store, self._controller.topics.get(TRANS_HALF_TOPIC)
        queue_ids = store.queue_ids(TRANS_HALF_TOPIC, topic.read_queue_nums if topic else 0)
        for queue_id in queue_ids:
            self._check_queue(queue_id)
        if all(self._consumed(TRANS_HALF_TOPIC, one) >= store.max_offset(TRANS_HALF_TOPIC, one) for one in queue_ids):
            self.metrics.none_left()

    def _check_queue(self, queue_id: int) -> None:
        now = self._controller.clock()
        half_offset = self._consumed(TRANS_HALF_TOPIC, queue_id)
        op_offset = self._consumed(TRANS_OP_HALF_TOPIC, queue_id)
        removed, open_ops, op_end = self._read_ops(queue_id, op_offset, half_offset)
        offset = half_offset
        # What this round puts back at the end of the queue is for a later round.
        end = min(self._controller.store.max_offset(TRANS_HALF_TOPIC, queue_id), half_offset + MAX_HALVES_PER_ROUND)
        while offset < end:
            op = removed.pop(offset, None)
            if op is None:
                next_offset = self._check_half_or_skip(queue_id, offset, now, removed)
                if next_offset is None:
                    break
                offset = next_offset
            else:
                open_ops[op].discard(offset)
                offset += 1
        while op_offset < op_end and not open_ops.get(op_offset):
            op_offset += 1
        commit = self._controller.offsets.commit
        if offset != half_offset:
            commit(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, queue_id, offset)
        if op_offset != self._consumed(TRANS_OP_HALF_TOPIC, queue_id):
            commit(CID_SYS_RMQ_TRANS, TRANS_OP_HALF_TOPIC, queue_id, op_offset)

    def _consumed(self, topic: str, queue_id: int) -> int:
        offset = self._controller.offsets.query(CID_SYS_RMQ_TRANS, topic, queue_id)
        return max(offset, self._controller.store.min_offset(topic, queue_id))

    def _read_ops(
        self, queue_id: int, op_offset: int, half_offset: int
    ) -> tuple[dict[int, int], dict[int, set[int]], int]:
        """(half offset -> op offset, op offset -> half offsets it settles, end) of the op records from an offset on."""
        removed: dict[int, int] = {}
        open_ops: dict[int, set[int]] = {}
        end = op_offset
        while end - op_offset < MAX_OPS_PER_ROUND:
            result = self._controller.store.get_message(CID_SYS_RMQ_TRANS, TRANS_OP_HALF_TOPIC, queue_id, end, 32, None)
            if result.status is not GetStatus.FOUND:
                break
            for view in result.views:
                try:
                    for op in decode_messages(view):
                        halves = self._halves_of(op, half_offset)
                        open_ops[op.queue_offset] = halves
                        removed.update(dict.fromkeys(halves, op.queue_offset))
                except BadRecordError as error:
                    log.error("op records from queue offset %d on are unreadable and settle nothing: %s", end, error)
            end = result.next_begin_offset
        return removed, open_ops, end

    @staticmethod
    def _halves_of(op: MessageExt, half_offset: int) -> set[int]:
        if op.tags != REMOVE_TAG:
            log.error("op record at queue offset %d has the tag %s, it settles nothing", op.queue_offset, op.tags)
            return set()
        numbers = [int(text) for text in op.body.decode("ascii", "replace").split(",") if text.isdigit()]
        return {number for number in numbers if number >= half_offset}

    def _check_half_or_skip(self, queue_id: int, offset: int, now: int, removed: dict[int, int]) -> int | None:
        """As `_check_half`; a half message that cannot be dealt with does not hold up those behind it."""
        try:
            return self._check_half(queue_id, offset, now, removed)
        except OSError:
            raise
        except Exception:
            log.exception("half message at queue offset %d cannot be checked and is given up", offset)
            return offset + 1

    def _check_half(self, queue_id: int, offset: int, now: int, removed: dict[int, int]) -> int | None:
        """Deal with one half message that no op record settles; the next offset, None to stop here for now."""
        store, config = self._controller.store, self._controller.config
        result = store.get_message(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, queue_id, offset, 1, None)
        if result.status is not GetStatus.FOUND:
            moved = result.status not in (GetStatus.NO_MESSAGE_IN_QUEUE, GetStatus.OFFSET_OVERFLOW_ONE)
            return result.next_begin_offset if moved and result.next_begin_offset > offset else None
        half = next(decode_messages(result.views[0], decompress_body=False))
        if self._is_given_up(half, now):
            self._give_up(half)
            return offset + 1
        # One that is far ahead of the clock was stored before that was set back, and does not wait for it.
        if 0 <= half.store_timestamp - now <= config.transactionTimeOut:
            return None
        age = now - half.born_timestamp
        own = half.properties.get(PROPERTY_CHECK_IMMUNITY_TIME)
        immunity = immunity_ms(own, config.transactionTimeOut)
        if own is not None and age < immunity:
            return self._after(offset, self._postpone(half, removed))
        if 0 <= age < immunity:
            return None
        return self._after(offset, self._ask_producer(half))

    @staticmethod
    def _after(offset: int, put_back: PutStatus) -> int | None:
        """Where to go on after a half message that was to be put back; None when that is to be tried again."""
        if put_back is PutStatus.PUT_OK:
            return offset + 1
        if put_back in NEVER_STORED:
            log.error("half message at queue offset %d cannot be put back and is given up: %s", offset, put_back.name)
            return offset + 1
        return None

    def _is_given_up(self, half: MessageExt, now: int) -> bool:
        """True when it was asked about too often or is too old; counts the check that follows otherwise."""
        text = half.properties.get(PROPERTY_TRANSACTION_CHECK_TIMES)
        times = int(text) if text is not None and text.isdigit() else 0
        if times >= self._controller.config.transactionCheckMax:
            return True
        half.properties[PROPERTY_TRANSACTION_CHECK_TIMES] = str(times + 1)
        store, kept = self._controller.store, self._controller.store_config.fileReservedTime * 3_600_000
        # As the files that hold them: a clock that was set wrong does not give all of them up.
        return now - half.born_timestamp > kept and now - store.doubted_ms() - half.born_timestamp > kept

    def _give_up(self, half: MessageExt) -> None:
        """Keep it in TRANS_CHECK_MAX_TIME_TOPIC, where an operator can look at it."""
        self._controller.topics.create_in_send_message_back(TRANS_CHECK_MAX_TIME_TOPIC, 1, PERM_READ | PERM_WRITE)
        self.metrics.add(half.properties.get(PROPERTY_REAL_TOPIC), -1)
        unique_key = half.properties.get(PROPERTY_UNIQ_KEY)
        if self._put(copy_of(half, TRANS_CHECK_MAX_TIME_TOPIC, 0, half.properties)).status is PutStatus.PUT_OK:
            log.warning("transaction of message %s was asked about too often: given up", unique_key)
        else:
            log.error("transaction of message %s was given up and could not be kept", unique_key)

    def _renew(self, half: MessageExt) -> PutMessageResult:
        """Put a half message back at the end of its queue, with its properties as they now are."""
        inner = copy_of(half, half.topic, half.queue_id, half.properties)
        inner.flag = inner.reconsume_times = 0
        return self._put(inner)

    def _postpone(self, half: MessageExt, removed: dict[int, int]) -> PutStatus:
        """A half message within its own immunity time: settled meanwhile (PUT_OK), or put back for later."""
        prepared = half.properties.get(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET)
        if prepared is not None and prepared.isdigit() and int(prepared) in removed:
            return PutStatus.PUT_OK
        half.properties.setdefault(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET, str(half.queue_offset))
        return self._renew(half).status

    def _ask_producer(self, half: MessageExt) -> PutStatus:
        """Put the half message back and ask a producer of its group; the answer is an END_TRANSACTION."""
        controller = self._controller
        result = self._renew(half)
        if result.status is not PutStatus.PUT_OK:
            return result.status
        group, topic = half.properties.get(PROPERTY_PRODUCER_GROUP, ""), half.properties.get(PROPERTY_REAL_TOPIC, "")
        channel = controller.producers.available_channel(group, topic)
        if channel is None:
            log.warning("no producer of group %s that may send to %s to ask about its transaction", group, topic)
            return result.status
        unique_key = half.properties.get(PROPERTY_UNIQ_KEY)
        header = CheckTransactionStateRequestHeader(
            topic=half.topic,
            tran_state_table_offset=result.queue_offset,
            commit_log_offset=result.wrote_offset,
            msg_id=unique_key,
            transaction_id=unique_key,
            offset_msg_id=result.offset_msg_id,
            bname=controller.config.brokerName,
        )
        half.queue_offset = result.queue_offset
        half.commit_log_offset = result.wrote_offset
        half.topic = half.properties.get(PROPERTY_REAL_TOPIC, half.topic)
        half.queue_id = int(half.properties.get(PROPERTY_REAL_QUEUE_ID, "0"))
        controller.to_client.check_transaction_state(channel, header, encode_record(half))
        return result.status
