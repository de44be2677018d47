"""Headers. Lite topics of 5.5: declared for admin calls."""

from __future__ import annotations

from rocketmq_ops.remoting.codes import RequestCode
from rocketmq_ops.remoting.command import Int
from rocketmq_ops.remoting.headers.base import CustomHeader, of_request


@of_request(RequestCode.GET_PARENT_TOPIC_INFO)
class GetParentTopicInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_PARENT_TOPIC_INFO (200075)."""

    topic: str


@of_request(RequestCode.GET_LITE_TOPIC_INFO)
class GetLiteTopicInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_LITE_TOPIC_INFO (200076)."""

    parent_topic: str | None = None
    lite_topic: str | None = None


@of_request(RequestCode.GET_LITE_CLIENT_INFO)
class GetLiteClientInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_LITE_CLIENT_INFO (200077)."""

    parent_topic: str | None = None
    group: str | None = None
    client_id: str | None = None
    max_count: Int = 1000


@of_request(RequestCode.GET_LITE_GROUP_INFO)
class GetLiteGroupInfoRequestHeader(CustomHeader, kw_only=True):
    """Request GET_LITE_GROUP_INFO (200078)."""

    group: str
    lite_topic: str | None = None
    top_k: Int = 0


@of_request(RequestCode.TRIGGER_LITE_DISPATCH)
class TriggerLiteDispatchRequestHeader(CustomHeader, kw_only=True):
    """Request TRIGGER_LITE_DISPATCH (200079)."""

    group: str
    client_id: str | None = None
