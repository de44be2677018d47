"""Bodies. Heartbeats and subscriptions."""

from __future__ import annotations

from typing import Annotated

import msgspec

from rocketmq_ops.common.fastjson_types import NOT_NULL
from rocketmq_ops.remoting.bodies.base import CLIENT_BODY_BYTES, RemotingSerializable
from rocketmq_ops.remoting.bodies.enums import ConsumeFromWhere, ConsumeType, MessageModel
from rocketmq_ops.remoting.command import Int, Long


class SubscriptionData(RemotingSerializable, kw_only=True):
    """What a consumer wants of a topic; `code_set` holds the tags' hashes, `sub_version` is in ms."""

    class_filter_mode: bool = False
    code_set: list[Int] = []
    expression_type: str = "TAG"
    filter_class_source: str | None = None
    sub_string: str = "*"
    sub_version: Long = 0
    tags_set: list[str] = []
    topic: str = ""


class ProducerData(RemotingSerializable, kw_only=True):
    """A producer group of a client."""

    group_name: str = ""


class ConsumerData(RemotingSerializable, kw_only=True):
    """A consumer group of a client."""

    consume_from_where: ConsumeFromWhere | None = None
    consume_type: ConsumeType | None = None
    group_name: str = ""
    message_model: MessageModel | None = None
    subscription_data_set: Annotated[list[SubscriptionData], NOT_NULL] = []
    unit_mode: bool = False


class HeartbeatData(RemotingSerializable, kw_only=True):
    """Body of HEART_BEAT."""

    most_bytes = CLIENT_BODY_BYTES
    client_id: str = msgspec.field(default="", name="clientID")
    consumer_data_set: Annotated[list[ConsumerData], NOT_NULL] = []
    heartbeat_fingerprint: int = 0
    producer_data_set: Annotated[list[ProducerData], NOT_NULL] = []
    without_sub: bool = False


class CheckClientRequestBody(RemotingSerializable, kw_only=True):
    """Body of CHECK_CLIENT_CONFIG: is this subscription valid?"""

    most_bytes = CLIENT_BODY_BYTES
    client_id: str = ""
    group: str = ""
    namespace: str | None = None
    subscription_data: SubscriptionData = msgspec.field(default_factory=SubscriptionData)


class QuerySubscriptionResponseBody(RemotingSerializable, kw_only=True):
    """Answer to QUERY_SUBSCRIPTION_BY_CONSUMER; no subscription while no consumer with it is connected."""

    group: str = ""
    subscription_data: SubscriptionData | None = None
    topic: str = ""
