"""Headers. The name server: topics by cluster, topics themselves, write permission."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Int
from rocketmq_ops.remoting.headers.base import CustomHeader, TopicRequestHeader, of_request


@of_request(RequestCode.GET_TOPICS_BY_CLUSTER)
class GetTopicsByClusterRequestHeader(CustomHeader, kw_only=True):
    """Request GET_TOPICS_BY_CLUSTER (224)."""

    cluster: str


@of_request(RequestCode.REGISTER_TOPIC_IN_NAMESRV)
class RegisterTopicRequestHeader(TopicRequestHeader, kw_only=True):
    """Request REGISTER_TOPIC_IN_NAMESRV (217)."""

    topic: str


class RegisterOrderTopicRequestHeader(CustomHeader, kw_only=True):
    """No request code of its own."""

    topic: str
    order_topic_string: str


@of_request(RequestCode.DELETE_TOPIC_IN_NAMESRV)
class DeleteTopicFromNamesrvRequestHeader(TopicRequestHeader, kw_only=True):
    """Request DELETE_TOPIC_IN_NAMESRV (216)."""

    topic: str
    cluster_name: str | None = None


@of_request(RequestCode.WIPE_WRITE_PERM_OF_BROKER)
class WipeWritePermOfBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request WIPE_WRITE_PERM_OF_BROKER (205)."""

    broker_name: str


class WipeWritePermOfBrokerResponseHeader(CustomHeader, kw_only=True):
    """Answer to WipeWritePermOfBroker."""

    wipe_topic_count: Int


@of_request(RequestCode.ADD_WRITE_PERM_OF_BROKER)
class AddWritePermOfBrokerRequestHeader(CustomHeader, kw_only=True):
    """Request ADD_WRITE_PERM_OF_BROKER (327)."""

    broker_name: str


class AddWritePermOfBrokerResponseHeader(CustomHeader, kw_only=True):
    """Answer to AddWritePermOfBroker."""

    add_topic_count: Int
