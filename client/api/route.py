"""Routes of topics, as the name servers hold them."""

from __future__ import annotations

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.remoting.bodies.route import TopicRouteData
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.namesrv import GetRouteInfoRequestHeader

_ACCEPTED = SUCCESS | {ResponseCode.TOPIC_NOT_EXIST}


async def topic_route(session: Session, topic: str) -> TopicRouteData | None:
    """The route of a topic, None when it has none. Raises RemotingError, BrokerError."""
    header = GetRouteInfoRequestHeader(topic=topic)
    request = RemotingCommand.of(header)
    answer = await session.ask_name_servers(request, accept=_ACCEPTED)
    if answer.code != ResponseCode.SUCCESS or not answer.body_bytes:
        return None
    return TopicRouteData.decode(answer.body_bytes)
