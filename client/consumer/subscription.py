"""Subscriptions: from a filter expression to SubscriptionData, and the check of a message's tag. Mirrors FilterAPI."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.tags import SUB_ALL, split_tags
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData

TAG = "TAG"
SQL92 = "SQL92"


def build_subscription(topic: str, expression: str | None = SUB_ALL, expression_type: str = TAG) -> SubscriptionData:
    """The subscription of `tagA || tagB`, `*`, or an SQL92 expression. Raises ClientError for a lone `||`."""
    version = now_ms()
    text = expression or SUB_ALL
    data = SubscriptionData(topic=topic, sub_string=text, expression_type=expression_type, sub_version=version)
    if expression_type == TAG:
        try:
            tags = split_tags(text) or []
        except ValueError:
            raise ClientError(f"'{text}' names no tag", "give tags as 'TagA || TagB', or '*' for all") from None
        data.tags_set = tags
        data.code_set = list(dict.fromkeys(tags_hash(tag) for tag in tags))
    return data


def matching(messages: Iterable[MessageExt], subscription: SubscriptionData) -> list[MessageExt]:
    """The messages whose tag is subscribed: the broker compares hashes alone, which may be equal."""
    tags = subscription.tags_set
    if not tags or subscription.class_filter_mode:
        return list(messages)
    return [message for message in messages if message.tags in tags]
