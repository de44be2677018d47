"""Rounds of check-backs: producers are asked for the end of half messages that is overdue.

A round goes through what a queue has of half messages when it begins, in turns of a bounded length with a pause behind
each, as the broker serves requests meanwhile. What is asked about, or waits for its own time, is put back at the end of
its queue, for a later round.

Mirrors TransactionalMessageServiceImpl.check and AbstractTransactionalMessageCheckListener.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from rocketmq_ops.broker.send.inner_messages import copy_of
from rocketmq_ops.common.message import (
    PROPERTY_CHECK_IMMUNITY_TIME,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TRANSACTION_CHECK_TIMES,
    PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET,
    PROPERTY_UNIQ_KEY,
    MessageExt,
)
from rocketmq_ops.common.message_codec import BadRecordError, decode_messages, encode_record
from rocketmq_ops.common.periodic import PeriodicJobs
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.topics import (
    CID_SYS_RMQ_TRANS,
    TRANS_CHECK_MAX_TIME_TOPIC,
    TRANS_HALF_TOPIC,
    TRANS_OP_HALF_TOPIC,
)
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.headers import CheckTransactionStateRequestHeader
from rocketmq_ops.store.get_result import GetStatus
from rocketmq_ops.store.inner_message import NEVER_STORED, PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.transaction.transactional_message_service import TransactionalMessageService

log = logging.getLogger(__name__)

#: The tag of op records that settle half messages (TransactionalMessageUtil.REMOVE_TAG).
REMOVE_TAG: Final = "d"
#: Half messages that are looked at in one turn of a queue, and settled ones that are passed; the pause behind it (ms).
LOOKED_AT: Final = 64
PASSED: Final = 5_000
PAUSE_MS: Final = 20
_GOES_ON: Final = "transaction check goes on"


def _immunity_ms(text: str, timeout_ms: int) -> int:
    """How long a half message with a time of its own, in seconds, is not asked about; the broker's timeout (ms) for
    what is none. The end of a transaction counts it otherwise (`processors/end_transaction.py`)."""
    try:
        own = int(text)
    except ValueError:
        own = -1
    return timeout_ms if own == -1 else own * 1000


class _Round:
    """How far the round of one queue is, and what the op records say that were read so far.

    They are read as they are needed: what they say of half messages further on is not held all at once.
    """

    def __init__(self, controller: BrokerController, queue_id: int) -> None:
        self._controller = controller
        self.queue_id = queue_id
        self.offset = self.consumed(TRANS_HALF_TOPIC)
        #: What is put back while the round goes on is for a later one.
        self.end = controller.store.max_offset(TRANS_HALF_TOPIC, queue_id)
        #: Half offset -> offset of the op record that settles it; those that the round has not come to.
        self.removed: dict[int, int] = {}
        #: Op offset -> half offsets that the round has not come to.
        self._open_ops: dict[int, set[int]] = {}
        #: Half offsets that op records settle and that were passed before: what was put back from there has ended.
        self.put_back: set[int] = set()
        #: Whom was asked last in this turn.
        self.asked: Channel | None = None
        self._op_offset = self._op_end = self.consumed(TRANS_OP_HALF_TOPIC)

    def consumed(self, topic: str) -> int:
        """How far everything was settled when it was noted last."""
        offset = self._controller.offsets.query(CID_SYS_RMQ_TRANS, topic, self.queue_id)
        return max(offset, self._controller.store.min_offset(topic, self.queue_id))

    def is_settled(self) -> bool:
        """Whether an op record settles the half message that the round is at; it is passed then."""
        while (op := self.removed.pop(self.offset, None)) is None:
            if not self._read_ops():
                return False
        self._open_ops[op].discard(self.offset)
        self.offset += 1
        return True

    def commit(self) -> None:
        """Note how far everything is settled."""
        commit = self._controller.offsets.commit
        while self._op_offset < self._op_end and not self._open_ops.get(self._op_offset):
            self._open_ops.pop(self._op_offset, None)
            self._op_offset += 1
        for topic, offset in ((TRANS_HALF_TOPIC, self.offset), (TRANS_OP_HALF_TOPIC, self._op_offset)):
            if offset != self.consumed(topic):
                commit(CID_SYS_RMQ_TRANS, topic, self.queue_id, offset)

    def _read_ops(self) -> bool:
        """Read the next op records; False when there are none."""
        result = self._controller.store.get_message(
            CID_SYS_RMQ_TRANS, TRANS_OP_HALF_TOPIC, self.queue_id, self._op_end, 32, None
        )
        if result.status is not GetStatus.FOUND:
            return False
        for view in result.views:
            try:
                for op in decode_messages(view):
                    halves = self._open_ops[op.queue_offset] = self._halves_of(op)
                    self.removed.update(dict.fromkeys(halves, op.queue_offset))
            except BadRecordError as error:
                log.error(
                    "op records from queue offset %d on are unreadable and settle nothing: %s", self._op_end, error
                )
        self._op_end = result.next_begin_offset
        return True

    def _halves_of(self, op: MessageExt) -> set[int]:
        if op.tags != REMOVE_TAG:
            log.error("op record at queue offset %d has the tag %s, it settles nothing", op.queue_offset, op.tags)
            return set()
        numbers = [int(text) for text in op.body.decode("ascii", "replace").split(",") if text.isdigit()]
        self.put_back.update([number for number in numbers if number < self.offset])
        return {number for number in numbers if number >= self.offset}


class TransactionalMessageCheck:
    """The check-backs of one broker."""

    def __init__(self, controller: BrokerController, service: TransactionalMessageService) -> None:
        self._controller = controller
        self._service = service
        self._jobs = PeriodicJobs()

    def start(self) -> None:
        """Begin a round at each interval, on the running loop."""
        self._jobs.every("transaction check", lambda: self._controller.config.transactionCheckInterval, self.begin)

    def stop(self) -> None:
        """No further turn."""
        self._jobs.stop()

    def begin(self) -> None:
        """Begin a round, unless one is under way: ask the producers of half messages whose end is overdue; give up
        those asked about too often."""
        if self._jobs.waits(_GOES_ON):
            return
        self._service.write_ops()
        self._turn([_Round(self._controller, queue_id) for queue_id in self._queue_ids()])

    def _queue_ids(self) -> list[int]:
        topic = self._controller.topics.get(TRANS_HALF_TOPIC)
        return list(self._controller.store.queue_ids(TRANS_HALF_TOPIC, topic.read_queue_nums if topic else 0))

    def _turn(self, rounds: list[_Round]) -> None:
        """Go on with the rounds; what is left of them comes after a pause."""
        left = [each for each in rounds if self._has_more(each)]
        if left:
            self._jobs.once(_GOES_ON, PAUSE_MS, lambda: self._go_on(left))
            return
        every = [_Round(self._controller, queue_id) for queue_id in self._queue_ids()]
        if all(each.offset >= each.end for each in every):
            self._service.metrics.none_left()

    def _go_on(self, rounds: list[_Round]) -> None:
        self._service.write_ops()  # what has ended meanwhile
        self._turn(rounds)

    def _has_more(self, one: _Round) -> bool:
        """One turn of a queue's round; whether there is more to do in it."""
        now, looked_at, last = self._controller.clock(), 0, min(one.end, one.offset + PASSED)
        one.asked = None
        try:
            while one.offset < last and looked_at < LOOKED_AT:
                if one.asked is not None and not one.asked.is_drained:
                    break  # the pause is for the producer to read what it is asked
                if one.is_settled():
                    continue
                looked_at += 1
                offset = self._check_half_or_skip(one, now)
                if offset is None:
                    return False
                one.offset = offset
        finally:
            one.commit()
        return one.offset < one.end

    def _check_half_or_skip(self, one: _Round, now: int) -> int | None:
        """As `_check_half`; a half message that cannot be dealt with does not hold up those behind it."""
        try:
            return self._check_half(one, now)
        except OSError:
            raise
        except Exception:
            log.exception("half message at queue offset %d cannot be checked and is given up", one.offset)
            return one.offset + 1

    def _check_half(self, one: _Round, now: int) -> int | None:
        """Deal with one half message that no op record settles; the next offset, None to stop here for now."""
        store, config, offset = self._controller.store, self._controller.config, one.offset
        result = store.get_message(CID_SYS_RMQ_TRANS, TRANS_HALF_TOPIC, one.queue_id, offset, 1, None)
        if result.status is not GetStatus.FOUND:
            moved = result.status not in (GetStatus.NO_MESSAGE_IN_QUEUE, GetStatus.OFFSET_OVERFLOW_ONE)
            return result.next_begin_offset if moved and result.next_begin_offset > offset else None
        half = next(decode_messages(result.views[0], decompress_body=False))
        if self._service.has_ended((half.properties.get(PROPERTY_UNIQ_KEY), half.born_timestamp)):
            return offset + 1  # a copy: what the op record names was passed
        if self._is_given_up(half, now):
            self._give_up(half)
            return offset + 1
        # One that is far ahead of the clock was stored before that was set back, and does not wait for it.
        if 0 <= half.store_timestamp - now <= config.transactionTimeOut:
            return None
        age = now - half.born_timestamp
        own = half.properties.get(PROPERTY_CHECK_IMMUNITY_TIME)
        if own is not None and age < _immunity_ms(own, config.transactionTimeOut):
            return self._after(offset, self._postpone(half, one))
        if own is None and 0 <= age < config.transactionTimeOut:
            return None
        return self._after(offset, self._ask_producer(half, one))

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
        if text is not None and times >= self._controller.config.transactionCheckMax:
            return True
        half.properties[PROPERTY_TRANSACTION_CHECK_TIMES] = str(times + 1)
        store, kept = self._controller.store, self._controller.store_config.fileReservedTime * 3_600_000
        # As the files that hold them: a clock that was set wrong does not give all of them up.
        return now - half.born_timestamp > kept and now - store.doubted_ms() - half.born_timestamp > kept

    def _give_up(self, half: MessageExt) -> None:
        """Keep it in TRANS_CHECK_MAX_TIME_TOPIC, where an operator can look at it."""
        self._controller.topics.create_in_send_message_back(TRANS_CHECK_MAX_TIME_TOPIC, 1, PERM_READ | PERM_WRITE)
        self._service.metrics.add(half.properties.get(PROPERTY_REAL_TOPIC), -1)
        unique_key = half.properties.get(PROPERTY_UNIQ_KEY)
        kept = self._service.put(copy_of(half, TRANS_CHECK_MAX_TIME_TOPIC, 0, half.properties))
        if kept.status is PutStatus.PUT_OK:
            log.warning("transaction of message %s was asked about too often: given up", unique_key)
        else:
            log.error("transaction of message %s was given up and could not be kept", unique_key)

    def _renew(self, half: MessageExt) -> PutMessageResult:
        """Put a half message back at the end of its queue, with its properties as they now are."""
        inner = copy_of(half, half.topic, half.queue_id, half.properties)
        inner.flag = inner.reconsume_times = 0
        result, unique_key = self._service.put(inner), half.properties.get(PROPERTY_UNIQ_KEY)
        if result.status is PutStatus.PUT_OK and unique_key is not None:
            self._service.note_put_back((unique_key, half.born_timestamp), result.queue_offset)
        return result

    def _postpone(self, half: MessageExt, one: _Round) -> PutStatus:
        """A half message within its own immunity time: settled meanwhile (PUT_OK), or put back for later."""
        prepared = half.properties.get(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET)
        if prepared is not None and prepared.isdigit() and int(prepared) in one.put_back:
            return PutStatus.PUT_OK
        half.properties.setdefault(PROPERTY_TRANSACTION_PREPARED_QUEUE_OFFSET, str(half.queue_offset))
        return self._renew(half).status

    def _ask_producer(self, half: MessageExt, one: _Round) -> PutStatus:
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
        one.asked = channel
        return result.status
