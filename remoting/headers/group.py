"""Headers. Subscription groups on a broker."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Bool
from rocketmq_ops.remoting.headers.base import RpcRequestHeader, TopicRequestHeader, of_request


@of_request(RequestCode.DELETE_SUBSCRIPTIONGROUP)
class DeleteSubscriptionGroupRequestHeader(RpcRequestHeader, kw_only=True):
    """Request DELETE_SUBSCRIPTIONGROUP (207)."""

    group_name: str
    clean_offset: Bool = False


@of_request(RequestCode.GET_SUBSCRIPTIONGROUP_CONFIG)
class GetSubscriptionGroupConfigRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_SUBSCRIPTIONGROUP_CONFIG (352)."""

    group: str


@of_request(RequestCode.UPDATE_AND_GET_GROUP_FORBIDDEN)
class UpdateGroupForbiddenRequestHeader(TopicRequestHeader, kw_only=True):
    """Request UPDATE_AND_GET_GROUP_FORBIDDEN (353)."""

    group: str
    topic: str
    readable: Bool | None = None
