"""Headers. The name server: routes, topics by cluster, write permission."""

from __future__ import annotations

from ..command import Bool, Int
from .base import CustomHeader, TopicRequestHeader


class GetRouteInfoRequestHeader(TopicRequestHeader, kw_only=True):
    """Request GET_ROUTEINFO_BY_TOPIC (105)."""

    topic: str
    accept_standard_json_only: Bool | None = None


class GetTopicsByClusterRequestHeader(CustomHeader, kw_only=True):
    """Request GET_TOPICS_BY_CLUSTER (224)."""

    cluster: str


class RegisterTopicRequestHeader(TopicRequestHeader, kw_only=True):
    """Request REGISTER_TOPIC_IN_NAMESRV (217)."""

    topic: str


class RegisterOrderTopicRequestHeader(CustomHeader, kw_only=True):
    """No request code of its own."""

    topic: str
    order_topic_string: str


class DeleteTopicFromNamesrvRequestHeader(TopicRequestHeader, kw_only=True):
    """Request DELETE_TOPIC_IN_NAMESRV (216)."""

    topic: str
    cluster_name: str | None = None


class WipeWritePermOfBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request WIPE_WRITE_PERM_OF_BROKER (205)."""

    broker_name: str


class WipeWritePermOfBrokerResponseHeader(CustomHeader, kw_only=True):
    """Answer to WipeWritePermOfBroker."""

    wipe_topic_count: Int


class AddWritePermOfBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request ADD_WRITE_PERM_OF_BROKER (327)."""

    broker_name: str


class AddWritePermOfBrokerResponseHeader(CustomHeader, kw_only=True):
    """Answer to AddWritePermOfBroker."""

    add_topic_count: Int
