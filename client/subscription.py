"""Subscriptions: from a filter expression to SubscriptionData, and the check of a message's tag. Mirrors FilterAPI."""

from __future__ import annotations

import time
from collections.abc import Iterable

from ..common.javatypes import tags_hash
from ..common.message import MessageExt
from ..remoting.bodies.heartbeat import SubscriptionData
from .errors import ClientError

SUB_ALL = "*"
TAG = "TAG"
SQL92 = "SQL92"


def build_subscription(topic: str, expression: str | None = SUB_ALL, expression_type: str = TAG) -> SubscriptionData:
    """The subscription of `tagA || tagB`, `*`, or an SQL92 expression. Raises ClientError when no tag is in it."""
    version = time.time_ns() // 1_000_000
    text = (expression or "").strip() or SUB_ALL
    data = SubscriptionData(topic=topic, sub_string=text, expression_type=expression_type, sub_version=version)
    if expression_type == TAG and text != SUB_ALL:
        tags = list(dict.fromkeys(tag.strip() for tag in text.split("||") if tag.strip()))
        if not tags:
            raise ClientError(f"'{text}' names no tag", "give tags as 'TagA || TagB', or '*' for all")
        data.tags_set = tags
        data.code_set = list(dict.fromkeys(tags_hash(tag) for tag in tags))
    return data


def matching(messages: Iterable[MessageExt], subscription: SubscriptionData) -> list[MessageExt]:
    """The messages whose tag is subscribed: the broker compares hashes alone, so equal hashes are told apart here."""
    tags = subscription.tags_set
    if not tags or subscription.class_filter_mode:
        return list(messages)
    return [message for message in messages if message.tags in tags]
