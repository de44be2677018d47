"""Calls about one queue, through an instance that knows which broker has it. Mirrors PullAPIWrapper and MQAdminImpl.

The requests themselves are in `api`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from rocketmq_ops.client.api import members, offsets
from rocketmq_ops.client.api.pull import Pulled, PullStatus
from rocketmq_ops.client.api.pull import pull as pull_once
from rocketmq_ops.client.consumer.subscription import matching
from rocketmq_ops.client.errors import NoRouteError
from rocketmq_ops.client.hooks.registered import ConsumerHooks
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.message import PROPERTY_MAX_OFFSET, PROPERTY_MIN_OFFSET, MessageExt, MessageQueue
from rocketmq_ops.common.sysflag import pull_sys_flag
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData
from rocketmq_ops.remoting.headers.pull import PullMessageRequestHeader

log = logging.getLogger(__name__)


class PullResult(msgspec.Struct, kw_only=True):
    """Messages, and offsets in messages: where to pull next, and the queue's bounds.

    A message whose `body_error` is set has its body as stored. `skipped` (from, to) are the offsets that were passed
    over, because what the broker sent for them is not a message.
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
    hooks: ConsumerHooks | None = None,
) -> PullResult:
    """Pull up to `max_nums` messages from `offset`; with `suspend_ms` the broker waits for a message that long.

    `commit_offset` saves the group's progress on the way. Without `send_expression` the broker filters by what the
    last heartbeat announced. Raises NoRouteError, RemotingError, BrokerError.

    Behind a record that cannot be read it goes on: the messages before it are a result of their own, and it is asked
    for alone, so that no more than it is passed over. `hooks` may leave out messages.
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
    wanted = PullMessageRequestHeader(
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
        pulled = await pull_once(instance.session, address, wanted, queue.broker_name, timeout_ms)
        if pulled.broken is None or pulled.messages or wanted.max_msg_nums == 1:
            result = _pull_result(pulled, queue, subscription, offset)
            if hooks is not None:
                result.messages = hooks.filtered(group, queue, result.messages)
            return result
        wanted.max_msg_nums = 1


def _pull_result(pulled: Pulled, queue: MessageQueue, subscription: SubscriptionData, offset: int) -> PullResult:
    result = PullResult(
        status=pulled.status,
        next_begin_offset=pulled.following,
        min_offset=pulled.low,
        max_offset=pulled.high,
        suggest_broker_id=pulled.suggest_broker_id,
    )
    if pulled.status is not PullStatus.FOUND:
        return result
    for message in pulled.messages:
        message.properties[PROPERTY_MIN_OFFSET] = str(pulled.low)
        message.properties[PROPERTY_MAX_OFFSET] = str(pulled.high)
        if message.body_error is not None:
            log.warning("%s at %d: the body stays as stored: %s", queue, message.queue_offset, message.body_error)
    if pulled.broken is not None and not pulled.messages:
        result.skipped = (offset, pulled.following)
        log.warning("%s: offsets %d to %d are passed over: %s", queue, offset, pulled.following - 1, pulled.broken)
    result.messages = matching(pulled.messages, subscription)
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


async def max_offset(instance: ClientInstance, queue: MessageQueue) -> int:
    """The offset that the next message will get."""
    address = await master_address(instance, queue)
    return await offsets.max_offset(instance.session, address, queue.topic, queue.queue_id, bname=queue.broker_name)


async def min_offset(instance: ClientInstance, queue: MessageQueue) -> int:
    """The offset of the oldest message that is still there."""
    address = await master_address(instance, queue)
    return await offsets.min_offset(instance.session, address, queue.topic, queue.queue_id, bname=queue.broker_name)


async def search_offset(instance: ClientInstance, queue: MessageQueue, timestamp_ms: int) -> int:
    """The offset of the first message stored at or after a time."""
    address = await master_address(instance, queue)
    return await offsets.search_offset(
        instance.session, address, queue.topic, queue.queue_id, timestamp_ms, bname=queue.broker_name
    )


async def consumer_offset(instance: ClientInstance, group: str, queue: MessageQueue) -> int | None:
    """The group's saved offset; None when the broker has none."""
    address = await master_address(instance, queue)
    return await offsets.consumer_offset(
        instance.session, address, group, queue.topic, queue.queue_id, bname=queue.broker_name
    )


async def update_consumer_offset(
    instance: ClientInstance,
    group: str,
    queue: MessageQueue,
    offset: int,
    *,
    oneway: bool = True,
    address: str | None = None,
) -> None:
    """Save the group's offset on the broker: on its master, or at `address`."""
    address = address or await master_address(instance, queue)
    await offsets.update_consumer_offset(
        instance.session,
        address,
        group,
        queue.topic,
        queue.queue_id,
        offset,
        bname=queue.broker_name,
        oneway=oneway,
    )


async def lock_queues(
    instance: ClientInstance, group: str, address: str, queues: Iterable[MessageQueue]
) -> set[MessageQueue]:
    """Lock queues of one broker for this client; the queues that are its own now."""
    return await members.lock_queues(instance.session, address, group, instance.client_id, queues)


async def unlock_queues(instance: ClientInstance, group: str, address: str, queues: Iterable[MessageQueue]) -> None:
    """Give up locks of queues of one broker."""
    await members.unlock_queues(instance.session, address, group, instance.client_id, queues)
