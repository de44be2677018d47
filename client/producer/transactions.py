"""The transaction producer: a message that consumers see only if the application's own transaction was committed.

Mirrors TransactionMQProducer and DefaultMQProducerImpl.sendMessageInTransaction, checkTransactionState.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from rocketmq_ops.client.api.send import SendResult, SendStatus
from rocketmq_ops.client.api.transactions import end_transaction
from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.hooks.api import EndTransactionContext
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.options import ClientOptions
from rocketmq_ops.client.producer.producer import Producer
from rocketmq_ops.client.producer.send_request import SendSettings
from rocketmq_ops.client.user_code import call_user_code
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
    Message,
    MessageExt,
)
from rocketmq_ops.common.message_codec import decode_message_id
from rocketmq_ops.common.sysflag import TRANSACTION_COMMIT_TYPE, TRANSACTION_NOT_TYPE, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.remoting.headers.transaction import (
    CheckTransactionStateRequestHeader,
    EndTransactionRequestHeader,
)

log = logging.getLogger(__name__)

#: Check-backs that wait for the listener; those beyond are left out, brokers ask again (checkRequestHoldMax).
MAX_WAITING_CHECKS = 2000


class TransactionState(StrEnum):
    """What became of the application's transaction; with UNKNOWN the broker asks later."""

    COMMIT = "COMMIT_MESSAGE"
    ROLLBACK = "ROLLBACK_MESSAGE"
    UNKNOWN = "UNKNOW"


_DECISION = {
    TransactionState.COMMIT: TRANSACTION_COMMIT_TYPE,
    TransactionState.ROLLBACK: TRANSACTION_ROLLBACK_TYPE,
    TransactionState.UNKNOWN: TRANSACTION_NOT_TYPE,
}


class TransactionListener(Protocol):
    """The application's side. Coroutine methods run on the loop, plain ones in a worker thread.

    None, and an exception, count as UNKNOWN.
    """

    def execute(
        self, message: Message, transaction_id: str, arg: Any
    ) -> TransactionState | Awaitable[TransactionState | None] | None:
        """Run the transaction that the message belongs to; `transaction_id` is what `check` finds it by."""

    def check(self, message: MessageExt) -> TransactionState | Awaitable[TransactionState | None] | None:
        """What became of the transaction of `message.msg_id`; asked by brokers that were not told in time."""


class TransactionResult(SendResult, kw_only=True):
    """A SendResult with the state that the broker was told; `error` is what the listener raised."""

    state: TransactionState
    error: Exception | None = None


class TransactionProducer(Producer):
    """A producer with a listener; `check_concurrency` check-backs run at a time.

    Plain methods of the listener run in threads: at most `execute_concurrency` of `execute`, and those of `check`.
    Raises ClientError for a listener that lacks one of them.
    """

    def __init__(
        self,
        group: str,
        listener: TransactionListener,
        options: ClientOptions | None = None,
        *,
        settings: SendSettings | None = None,
        instance: ClientInstance | None = None,
        hooks: Sequence[object] = (),
        check_concurrency: int = 1,
        execute_concurrency: int = 32,
    ) -> None:
        super().__init__(group, options, settings=settings, instance=instance, hooks=hooks)
        for method in ("execute", "check"):
            if not callable(getattr(listener, method, None)):
                raise ClientError(f"the listener of transactions has no method {method}", "give a TransactionListener")
        self.listener = listener
        self._checks = asyncio.Semaphore(check_concurrency)
        self._waiting_checks = 0
        # Each its own: a check that hangs keeps no transaction from being executed, nor the other way round.
        self._execute_threads = ThreadPoolExecutor(execute_concurrency, thread_name_prefix=f"execute-{group}")
        self._check_threads = ThreadPoolExecutor(check_concurrency, thread_name_prefix=f"check-{group}")

    async def stop(self) -> None:
        """Wait for what is being sent and checked, unregister, leave the instance."""
        await super().stop()
        for threads in (self._execute_threads, self._check_threads):
            threads.shutdown(wait=False)

    async def send_in_transaction(
        self, message: Message, arg: Any = None, *, timeout_ms: int | None = None
    ) -> TransactionResult:
        """Store the message unseen, have the listener execute the transaction, and tell the broker its state.

        A delay level of the message is left out; a timer is kept, and begins with the commit. When it was stored with
        less safety than the broker is configured for, the listener is not called and the message is rolled back. Raises
        as `send`; what the listener raises is in the result.
        """
        self.check(message)
        properties = {k: v for k, v in message.properties.items() if k != PROPERTY_DELAY_TIME_LEVEL}
        properties[PROPERTY_TRANSACTION_PREPARED] = "true"
        properties[PROPERTY_PRODUCER_GROUP] = self.group
        half = msgspec.structs.replace(message, properties=properties, delay_time_level=0)
        sent = await self.send(half, timeout_ms=timeout_ms)
        state, error = TransactionState.ROLLBACK, None
        if sent.status == SendStatus.SEND_OK:
            try:
                answer = await call_user_code(self._execute_threads, self.listener.execute, message, sent.msg_id, arg)
                state = _state_of(answer)
            except Exception as raised:
                log.exception("the transaction of message %s failed; the broker will ask about it", sent.msg_id)
                state, error = TransactionState.UNKNOWN, raised
        header = EndTransactionRequestHeader(
            topic=self.namespace.wrap(message.topic),
            producer_group=self.group,
            tran_state_table_offset=sent.queue_offset,
            commit_log_offset=decode_message_id(sent.offset_msg_id)[2],
            commit_or_rollback=_DECISION[state],
            msg_id=sent.msg_id,
            transaction_id=sent.transaction_id,
            bname=sent.queue.broker_name,
        )
        remark = None if error is None else f"execute raised {type(error).__name__}: {error}"
        try:
            master = await self._choice.master(self.namespace.wrap_queue(sent.queue))
            await end_transaction(self.instance.session, master, header, remark)
            self._ended(message, sent.msg_id, master, sent.transaction_id, state, from_check=False)
        except RocketMQError as failure:
            log.warning("the broker was not told that message %s is %s: %s; it will ask", sent.msg_id, state, failure)
        return TransactionResult(
            status=sent.status,
            msg_id=sent.msg_id,
            offset_msg_id=sent.offset_msg_id,
            queue=sent.queue,
            queue_offset=sent.queue_offset,
            transaction_id=sent.transaction_id,
            region_id=sent.region_id,
            trace_on=sent.trace_on,
            state=state,
            error=error,
        )

    def check_transaction(self, address: str, message: MessageExt, header: CheckTransactionStateRequestHeader) -> None:
        """Have the listener asked about a message, and the broker at `address` told what it says."""
        if not self._started or self._waiting_checks >= MAX_WAITING_CHECKS:
            return
        self._waiting_checks += 1
        self._sending.start(self._check_transaction(address, message, header), "check")

    async def _check_transaction(
        self, address: str, message: MessageExt, header: CheckTransactionStateRequestHeader
    ) -> None:
        state, remark = TransactionState.UNKNOWN, None
        try:
            async with self._checks:
                state = _state_of(await call_user_code(self._check_threads, self.listener.check, message))
        except Exception as error:
            log.exception("checking the transaction of message %s failed", message.msg_id)
            remark = f"check raised {type(error).__name__}: {error}"
        finally:
            self._waiting_checks -= 1
        answer = EndTransactionRequestHeader(
            topic=header.topic,
            producer_group=self.group,
            tran_state_table_offset=header.tran_state_table_offset,
            commit_log_offset=header.commit_log_offset,
            commit_or_rollback=_DECISION[state],
            from_transaction_check=True,
            msg_id=message.properties.get(PROPERTY_UNIQ_KEY) or message.msg_id,
            transaction_id=header.transaction_id,
            bname=header.bname,
        )
        master = self.instance.routes.master(header.bname or "") or address
        try:
            await end_transaction(self.instance.session, master, answer, remark)
            self._ended(message, message.msg_id, master, header.transaction_id, state, from_check=True)
        except RocketMQError as failure:
            log.warning("%s was not told that message %s is %s: %s", master, message.msg_id, state, failure)

    def _ended(
        self,
        message: Message | MessageExt,
        msg_id: str,
        broker_addr: str,
        transaction_id: str | None,
        state: TransactionState,
        *,
        from_check: bool,
    ) -> None:
        if self._hooks is not None:
            self._hooks.ended(
                EndTransactionContext(
                    producer_group=self.group,
                    message=message,
                    broker_addr=broker_addr,
                    msg_id=msg_id,
                    transaction_id=transaction_id,
                    transaction_state=state,
                    from_transaction_check=from_check,
                )
            )


def _state_of(answer: TransactionState | None) -> TransactionState:
    return TransactionState.UNKNOWN if answer is None else TransactionState(answer)
