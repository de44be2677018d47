"""Bodies. Heartbeats and subscriptions."""

from __future__ import annotations

import msgspec

from .base import RemotingSerializable


class SubscriptionData(RemotingSerializable, kw_only=True):
    """What a consumer wants of a topic; `code_set` holds the tags' hashes, `sub_version` is in ms."""

    class_filter_mode: bool = False
    code_set: list[int] = []
    expression_type: str = "TAG"
    filter_class_source: str | None = None
    sub_string: str = "*"
    sub_version: int = 0
    tags_set: list[str] = []
    topic: str = ""


class ProducerData(RemotingSerializable, kw_only=True):
    """A producer group of a client."""

    group_name: str = ""


class ConsumerData(RemotingSerializable, kw_only=True):
    """A consumer group of a client."""

    consume_from_where: str = "CONSUME_FROM_LAST_OFFSET"
    consume_type: str = "CONSUME_PASSIVELY"
    group_name: str = ""
    message_model: str = "CLUSTERING"
    subscription_data_set: list[SubscriptionData] = []
    unit_mode: bool = False


class HeartbeatData(RemotingSerializable, kw_only=True):
    """Body of HEART_BEAT."""

    client_id: str = msgspec.field(default="", name="clientID")
    consumer_data_set: list[ConsumerData] = []
    heartbeat_fingerprint: int = 0
    producer_data_set: list[ProducerData] = []
    without_sub: bool = False


class CheckClientRequestBody(RemotingSerializable, kw_only=True):
    """Body of CHECK_CLIENT_CONFIG: is this subscription valid?"""

    client_id: str = ""
    group: str = ""
    namespace: str | None = None
    subscription_data: SubscriptionData = msgspec.field(default_factory=SubscriptionData)


class QuerySubscriptionResponseBody(RemotingSerializable, kw_only=True):
    """Answer to QUERY_SUBSCRIPTION_BY_CONSUMER; no subscription while no consumer with it is connected."""

    group: str = ""
    subscription_data: SubscriptionData | None = None
    topic: str = ""
