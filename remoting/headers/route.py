"""Headers. The route of a topic: alone, because nearly every client and command asks for one."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool
from rocketmq_ops.remoting.headers.base import TopicRequestHeader, of_request


@of_request(RequestCode.GET_ROUTEINFO_BY_TOPIC)
class GetRouteInfoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_ROUTEINFO_BY_TOPIC (105)."""

    topic: str
    accept_standard_json_only: Bool | None = None
