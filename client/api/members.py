"""What clients report of themselves to brokers, and what brokers report of a group's clients."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.heartbeat import CheckClientRequestBody, SubscriptionData
from rocketmq_ops.remoting.bodies.lock import LockBatchRequestBody, LockBatchResponseBody, UnlockBatchRequestBody
from rocketmq_ops.remoting.bodies.table import GetConsumerListByGroupResponseBody
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.client import (
    GetConsumerListByGroupRequestHeader,
    HeartbeatRequestHeader,
    LockBatchMqRequestHeader,
    UnlockBatchMqRequestHeader,
    UnregisterClientRequestHeader,
)


async def send_heartbeat(session: Session, address: str, encoded: bytes) -> None:
    """Announce to a broker which groups are here; `encoded` is of a HeartbeatData, the same for every broker."""
    await session.call(address, RemotingCommand.of(HeartbeatRequestHeader(), encoded))


async def check_client(
    session: Session, address: str, client_id: str, group: str, subscription: SubscriptionData
) -> None:
    """Ask a broker whether it takes a subscription. Raises BrokerError when it does not."""
    body = CheckClientRequestBody(client_id=client_id, group=group, subscription_data=subscription)
    await session.call(address, RemotingCommand.request(RequestCode.CHECK_CLIENT_CONFIG, body=body.encode()))


async def unregister(
    session: Session, address: str, client_id: str, *, producer_group: str | None, consumer_group: str | None
) -> None:
    """Announce to a broker that groups have left."""
    header = UnregisterClientRequestHeader(
        client_id=client_id, producer_group=producer_group, consumer_group=consumer_group
    )
    await session.call(address, RemotingCommand.of(header))


async def consumer_ids(session: Session, address: str, group: str) -> list[str]:
    """The client ids of a group's consumers that one broker knows, sorted."""
    header = GetConsumerListByGroupRequestHeader(consumer_group=group)
    answer = await session.call(address, RemotingCommand.of(header))
    return sorted(GetConsumerListByGroupResponseBody.decode(answer.body).consumer_id_list)


async def lock_queues(
    session: Session, address: str, group: str, client_id: str, queues: Iterable[MessageQueue]
) -> set[MessageQueue]:
    """Lock queues of one broker for a client; the queues that are its own now."""
    body = LockBatchRequestBody(consumer_group=group, client_id=client_id, mq_set=sorted(queues))
    request = RemotingCommand.of(LockBatchMqRequestHeader(), body.encode())
    return set(LockBatchResponseBody.decode((await session.call(address, request)).body).lock_ok_mq_set)


async def unlock_queues(
    session: Session, address: str, group: str, client_id: str, queues: Iterable[MessageQueue]
) -> None:
    """Give up locks; an answer says that the broker has done so."""
    body = UnlockBatchRequestBody(consumer_group=group, client_id=client_id, mq_set=sorted(queues))
    request = RemotingCommand.of(UnlockBatchMqRequestHeader(), body.encode())
    await session.call(address, request)
