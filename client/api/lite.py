"""Lite topics of brokers since 5.5: children of a topic of the type LITE."""

from __future__ import annotations

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.remoting.bodies.lite import (
    GetBrokerLiteInfoResponseBody,
    GetLiteClientInfoResponseBody,
    GetLiteGroupInfoResponseBody,
    GetLiteTopicInfoResponseBody,
    GetParentTopicInfoResponseBody,
)
from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.lite import (
    GetLiteClientInfoRequestHeader,
    GetLiteGroupInfoRequestHeader,
    GetLiteTopicInfoRequestHeader,
    GetParentTopicInfoRequestHeader,
    TriggerLiteDispatchRequestHeader,
)


async def broker_lite(session: Session, address: str) -> GetBrokerLiteInfoResponseBody:
    """How many lite topics and subscriptions one broker has."""
    answer = await session.call(address, RemotingCommand.request(RequestCode.GET_BROKER_LITE_INFO))
    return GetBrokerLiteInfoResponseBody.decode(answer.body_bytes)


async def parent_topic(session: Session, address: str, topic: str) -> GetParentTopicInfoResponseBody:
    """A parent topic on one broker."""
    answer = await session.call(address, RemotingCommand.of(GetParentTopicInfoRequestHeader(topic=topic)))
    return GetParentTopicInfoResponseBody.decode(answer.body_bytes)


async def lite_topic(session: Session, address: str, parent: str, lite: str) -> GetLiteTopicInfoResponseBody:
    """A lite topic on one broker."""
    header = GetLiteTopicInfoRequestHeader(parent_topic=parent, lite_topic=lite)
    answer = await session.call(address, RemotingCommand.of(header))
    return GetLiteTopicInfoResponseBody.decode(answer.body_bytes)


async def lite_client(
    session: Session, address: str, parent: str, group: str, client_id: str, max_count: int
) -> GetLiteClientInfoResponseBody:
    """What one client subscribes to on one broker, at most `max_count` lite topics."""
    header = GetLiteClientInfoRequestHeader(parent_topic=parent, group=group, client_id=client_id, max_count=max_count)
    answer = await session.call(address, RemotingCommand.of(header))
    return GetLiteClientInfoResponseBody.decode(answer.body_bytes)


async def lite_group(
    session: Session, address: str, group: str, lite: str | None, top: int
) -> GetLiteGroupInfoResponseBody:
    """How far a group is behind on one broker, in one lite topic or in all, with the `top` worst."""
    header = GetLiteGroupInfoRequestHeader(group=group, lite_topic=lite, top_k=top)
    answer = await session.call(address, RemotingCommand.of(header), session.slow_timeout_ms)
    return GetLiteGroupInfoResponseBody.decode(answer.body_bytes)


async def trigger_dispatch(session: Session, address: str, group: str, client_id: str | None) -> None:
    """Have one broker look again for messages that a group, or one client of it, is due."""
    header = TriggerLiteDispatchRequestHeader(group=group, client_id=client_id)
    await session.call(address, RemotingCommand.of(header))
