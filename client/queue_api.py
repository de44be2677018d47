"""Calls about one queue: pull, offsets, locks. Mirrors PullAPIWrapper, MQAdminImpl and MQClientAPIImpl.

Every call takes the instance it goes through; addresses come from its routes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import msgspec

from ..common.message import PROPERTY_MAX_OFFSET, PROPERTY_MIN_OFFSET, MessageExt, MessageQueue
from ..common.message_answers import decode_answer
from ..common.sysflag import pull_sys_flag
from ..remoting.bodies.heartbeat import SubscriptionData
from ..remoting.bodies.lock import LockBatchRequestBody, LockBatchResponseBody, UnlockBatchRequestBody
from ..remoting.command import RemotingCommand
from ..remoting.headers.client import LockBatchMqRequestHeader, UnlockBatchMqRequestHeader
from ..remoting.headers.offset import (
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    QueryConsumerOffsetRequestHeader,
    SearchOffsetRequestHeader,
    UpdateConsumerOffsetRequestHeader,
)
from ..remoting.headers.pull import PullMessageRequestHeader, PullMessageResponseHeader
from .errors import NoRouteError, QueryNotFoundError, check, error_of
from .instance import ClientInstance
from .route import MASTER_ID
from .subscription import matching

log = logging.getLogger("rocketmq_ops.client")

PULL_MESSAGE = 11
QUERY_CONSUMER_OFFSET = 14
UPDATE_CONSUMER_OFFSET = 15
SEARCH_OFFSET_BY_TIMESTAMP = 29
GET_MAX_OFFSET = 30
GET_MIN_OFFSET = 31
LOCK_BATCH_MQ = 41
UNLOCK_BATCH_MQ = 42


class PullStatus(StrEnum):
    """What a pull found."""

    FOUND = "FOUND"
    NO_NEW_MSG = "NO_NEW_MSG"
    NO_MATCHED_MSG = "NO_MATCHED_MSG"
    OFFSET_ILLEGAL = "OFFSET_ILLEGAL"


_STATUS_OF_CODE = {
    0: PullStatus.FOUND,
    19: PullStatus.NO_NEW_MSG,
    20: PullStatus.NO_MATCHED_MSG,
    21: PullStatus.OFFSET_ILLEGAL,
}


class PullResult(msgspec.Struct, kw_only=True):
    """Messages, and offsets in messages: where to pull next, and the queue's bounds.

    A message whose `body_error` is set has its body as stored. `skipped` (from, to) are the offsets that were passed
    over, because what the broker sent for them is no message.
    """

    status: PullStatus
    next_begin_offset: int
    min_offset: int
    max_offset: int
    messages: list[MessageExt] = []
    suggest_broker_id: int = MASTER_ID
    skipped: tuple[int, int] | None = None


async def pull(
    instance: ClientInstance,
    group: str,
    queue: MessageQueue,
    subscription: SubscriptionData,
    offset: int,
    *,
    max_nums: int = 32,
    suspend_ms: int = 0,
    timeout_ms: int = 10_000,
    commit_offset: int | None = None,
    send_expression: bool = True,
    broker_id: int = MASTER_ID,
) -> PullResult:
    """Pull up to `max_nums` messages from `offset`; with `suspend_ms` the broker waits for a message that long.

    `commit_offset` saves the group's progress on the way. Without `send_expression` the broker filters by what the
    heartbeat told. Raises NoRouteError, RemotingError, BrokerError.

    Behind a record that cannot be read it goes on: the messages before it are a result of their own, and it is asked
    for alone, so that no more than it is passed over.
    """
    found = instance.routes.subscribe_address(queue.broker_name, broker_id)
    if found is None:
        await instance.routes.refresh(queue.topic)
        found = instance.routes.subscribe_address(queue.broker_name, broker_id)
    if found is None:
        raise NoRouteError(f"broker '{queue.broker_name}' is in no route", "start the broker, or rebalance")
    address, is_slave = found
    flags = pull_sys_flag(
        commit_offset=commit_offset is not None and not is_slave, suspend=suspend_ms > 0, subscription=send_expression
    )
    header = PullMessageRequestHeader(
        consumer_group=group,
        topic=queue.topic,
        queue_id=queue.queue_id,
        queue_offset=offset,
        max_msg_nums=max_nums,
        sys_flag=flags,
        commit_offset=commit_offset or 0,
        suspend_timeout_millis=suspend_ms,
        subscription=subscription.sub_string if send_expression else None,
        sub_version=subscription.sub_version,
        expression_type=subscription.expression_type,
        bname=queue.broker_name,
    )
    while True:
        answer = await instance.invoke(address, RemotingCommand.request(PULL_MESSAGE, header), timeout_ms)
        result = _pull_result(answer, queue, subscription, address, header)
        if result is not None:
            return result
        header.max_msg_nums = 1


def _pull_result(
    answer: RemotingCommand,
    queue: MessageQueue,
    subscription: SubscriptionData,
    address: str,
    asked: PullMessageRequestHeader,
) -> PullResult | None:
    """The result; None when the first record of several cannot be read, and has to be asked for alone."""
    status = _STATUS_OF_CODE.get(answer.code)
    if status is None:
        raise error_of(answer, address)
    header = answer.decode_header(PullMessageResponseHeader)
    result = PullResult(
        status=status,
        next_begin_offset=header.next_begin_offset,
        min_offset=header.min_offset,
        max_offset=header.max_offset,
        suggest_broker_id=header.suggest_which_broker_id,
    )
    if status == PullStatus.FOUND:
        delta = header.offset_delta or 0
        found, broken = decode_answer(
            answer.body, broker_name=queue.broker_name, from_offset=asked.queue_offset - delta
        )
        for message in found:
            message.queue_offset += delta
            message.properties[PROPERTY_MIN_OFFSET] = str(header.min_offset)
            message.properties[PROPERTY_MAX_OFFSET] = str(header.max_offset)
            if message.body_error is not None:
                log.warning("%s at %d: the body stays as stored: %s", queue, message.queue_offset, message.body_error)
        if broken is not None:
            if found:
                result.next_begin_offset = found[-1].queue_offset + 1
            elif asked.max_msg_nums > 1:
                return None
            else:
                result.next_begin_offset = max(header.next_begin_offset, asked.queue_offset + 1)
                result.skipped = (asked.queue_offset, result.next_begin_offset)
                log.warning("%s: offsets %d to %d are passed over: what the broker sends is no message (%s)",
                            queue, asked.queue_offset, result.next_begin_offset - 1, broken.detail)  # fmt: skip
        result.messages = matching(found, subscription)
    return result


async def master_address(instance: ClientInstance, queue: MessageQueue) -> str:
    """The address that holds a queue. Raises NoRouteError."""
    address = instance.routes.master(queue.broker_name)
    if address is None:
        await instance.routes.refresh(queue.topic)
        found = instance.routes.subscribe_address(queue.broker_name)
        address = found[0] if found else None
    if address is None:
        raise NoRouteError(f"broker '{queue.broker_name}' is in no route", "start the broker, or check its name")
    return address


async def _offset_call(instance: ClientInstance, queue: MessageQueue, code: int, header: Any) -> int:
    address = await master_address(instance, queue)
    answer = check(await instance.invoke(address, RemotingCommand.request(code, header)), address)
    return answer.decode_header(GetMaxOffsetResponseHeader).offset


async def max_offset(instance: ClientInstance, queue: MessageQueue) -> int:
    """The offset that the next message will get."""
    header = GetMaxOffsetRequestHeader(topic=queue.topic, queue_id=queue.queue_id, bname=queue.broker_name)
    return await _offset_call(instance, queue, GET_MAX_OFFSET, header)


async def min_offset(instance: ClientInstance, queue: MessageQueue) -> int:
    """The offset of the oldest message that is still there."""
    header = GetMinOffsetRequestHeader(topic=queue.topic, queue_id=queue.queue_id, bname=queue.broker_name)
    return await _offset_call(instance, queue, GET_MIN_OFFSET, header)


async def search_offset(instance: ClientInstance, queue: MessageQueue, timestamp_ms: int) -> int:
    """The offset of the first message stored at or after a time."""
    header = SearchOffsetRequestHeader(
        topic=queue.topic, queue_id=queue.queue_id, timestamp=timestamp_ms, bname=queue.broker_name
    )
    return await _offset_call(instance, queue, SEARCH_OFFSET_BY_TIMESTAMP, header)


async def consumer_offset(instance: ClientInstance, group: str, queue: MessageQueue) -> int | None:
    """The group's saved offset; None when the broker has none."""
    header = QueryConsumerOffsetRequestHeader(
        consumer_group=group, topic=queue.topic, queue_id=queue.queue_id, bname=queue.broker_name
    )
    try:
        return await _offset_call(instance, queue, QUERY_CONSUMER_OFFSET, header)
    except QueryNotFoundError:
        return None


async def update_consumer_offset(
    instance: ClientInstance, group: str, queue: MessageQueue, offset: int, *, oneway: bool = True
) -> None:
    """Save the group's offset on the broker."""
    header = UpdateConsumerOffsetRequestHeader(
        consumer_group=group,
        topic=queue.topic,
        queue_id=queue.queue_id,
        commit_offset=offset,
        bname=queue.broker_name,
    )
    address = await master_address(instance, queue)
    request = RemotingCommand.request(UPDATE_CONSUMER_OFFSET, header)
    if oneway:
        await instance.invoke_oneway(address, request)
    else:
        check(await instance.invoke(address, request), address)


async def lock_queues(
    instance: ClientInstance, group: str, broker_name: str, queues: Iterable[MessageQueue]
) -> set[MessageQueue]:
    """Lock queues of one broker for this client; the queues that are its own now."""
    address = instance.routes.master(broker_name)
    if address is None:
        return set()
    body = LockBatchRequestBody(consumer_group=group, client_id=instance.client_id, mq_set=sorted(queues))
    request = RemotingCommand.request(LOCK_BATCH_MQ, LockBatchMqRequestHeader(), body.encode())
    answer = check(await instance.invoke(address, request), address)
    return set(LockBatchResponseBody.decode(answer.body).lock_ok_mq_set)


async def unlock_queues(instance: ClientInstance, group: str, broker_name: str, queues: Iterable[MessageQueue]) -> None:
    """Give up locks, without waiting for an answer."""
    address = instance.routes.master(broker_name)
    if address is None:
        return
    body = UnlockBatchRequestBody(consumer_group=group, client_id=instance.client_id, mq_set=sorted(queues))
    request = RemotingCommand.request(UNLOCK_BATCH_MQ, UnlockBatchMqRequestHeader(), body.encode())
    await instance.invoke_oneway(address, request)
