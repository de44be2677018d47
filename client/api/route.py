"""Routes of topics, as the name servers hold them."""

from __future__ import annotations

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.remoting.bodies.route import TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.route import GetRouteInfoRequestHeader

_ACCEPTED = SUCCESS | {ResponseCode.TOPIC_NOT_EXIST}


async def topic_route(session: Session, topic: str) -> TopicRouteData | None:
    """The route of a topic, None when it has none. Raises RemotingError, BrokerError."""
    return _route_of(await session.ask_name_servers(_request(topic), accept=_ACCEPTED))


async def topic_route_of(session: Session, address: str, topic: str) -> TopicRouteData | None:
    """The route of a topic as the name server at `address` has it, None when it has none."""
    return _route_of(await session.call(address, _request(topic), accept=_ACCEPTED))


def _request(topic: str) -> RemotingCommand:
    return RemotingCommand.of(GetRouteInfoRequestHeader(topic=topic))


def _route_of(answer: RemotingCommand) -> TopicRouteData | None:
    if answer.code != ResponseCode.SUCCESS or not answer.body_bytes:
        return None
    return TopicRouteData.decode(answer.body_bytes)
