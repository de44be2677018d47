"""Headers. Subscription groups on a broker."""

from __future__ import annotations

from ..command import Bool
from .base import RpcRequestHeader, TopicRequestHeader


class DeleteSubscriptionGroupRequestHeader(RpcRequestHeader, kw_only=True):
    """Request DELETE_SUBSCRIPTIONGROUP (207)."""

    group_name: str
    clean_offset: Bool = False


class GetSubscriptionGroupConfigRequestHeader(RpcRequestHeader, kw_only=True):
    """Request GET_SUBSCRIPTIONGROUP_CONFIG (352)."""

    group: str


class UpdateGroupForbiddenRequestHeader(TopicRequestHeader, kw_only=True):
    """Request UPDATE_AND_GET_GROUP_FORBIDDEN (353)."""

    group: str
    topic: str
    readable: Bool | None = None
