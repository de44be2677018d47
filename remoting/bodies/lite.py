"""Bodies. Lite topics of 5.5."""

from __future__ import annotations

from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.stats import OffsetWrapper
from rocketmq_ops.remoting.bodies.topic import TopicOffset


class GetBrokerLiteInfoResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_BROKER_LITE_INFO. `topic_meta`: parent topic -> minutes until a lite topic expires."""

    cq_table_size: int = 0
    current_lmq_num: int = 0
    event_map_size: int = 0
    group_meta: dict[str, list[str]] = {}
    lite_subscription_count: int = 0
    max_lmq_num: int = 0
    offset_table_size: int = 0
    order_info_count: int = 0
    store_type: str | None = None
    topic_meta: dict[str, int] = {}


class GetParentTopicInfoResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_PARENT_TOPIC_INFO; `ttl` in minutes."""

    groups: list[str] | None = None
    lite_topic_count: int = 0
    lmq_num: int = 0
    topic: str = ""
    ttl: int = 0


class ClientGroup(RemotingSerializable, kw_only=True):
    """A subscriber; the client id is `*` for a group that subscribes to all."""

    client_id: str = ""
    group: str = ""


class GetLiteTopicInfoResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_LITE_TOPIC_INFO."""

    lite_topic: str = ""
    parent_topic: str = ""
    sharding_to_broker: bool = False
    subscriber: list[ClientGroup] | None = None
    topic_offset: TopicOffset | None = None


class GetLiteClientInfoResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_LITE_CLIENT_INFO; times in ms, a count of -1 where the broker does not know the client."""

    client_id: str = ""
    group: str = ""
    last_access_time: int = 0
    last_consume_time: int = 0
    lite_topic_count: int = 0
    lite_topic_set: list[str] | None = None
    parent_topic: str = ""


class LiteLagInfo(RemotingSerializable, kw_only=True):
    """How far a group is behind in one lite topic; a time of -1 is not known."""

    earliest_unconsumed_timestamp: int = -1
    lag_count: int = 0
    lite_topic: str = ""


class GetLiteGroupInfoResponseBody(RemotingSerializable, kw_only=True):
    """Answer to GET_LITE_GROUP_INFO; counts and times of -1 are not known."""

    earliest_unconsumed_timestamp: int = -1
    group: str = ""
    lag_count_top_k: list[LiteLagInfo] | None = None
    lag_timestamp_top_k: list[LiteLagInfo] | None = None
    lite_topic: str | None = None
    lite_topic_offset_wrapper: OffsetWrapper | None = None
    parent_topic: str | None = None
    total_lag_count: int = 0
