"""Subscriptions: from a filter expression to SubscriptionData, and the check of a message's tag.

Mirrors FilterAPI and MessageSelector.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable

import msgspec

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.tags import SUB_ALL, split_tags
from rocketmq_ops.remoting.bodies.heartbeat import SubscriptionData

log = logging.getLogger(__name__)

TAG = "TAG"
SQL92 = "SQL92"


class MessageSelector(msgspec.Struct, frozen=True):
    """Which messages of a topic a consumer wants: by tags, or by an SQL92 expression on their properties."""

    expression: str
    expression_type: str = TAG

    @classmethod
    def by_tag(cls, tags: str) -> MessageSelector:
        """Tags as `TagA || TagB`, `*` for all."""
        return cls(tags)

    @classmethod
    def by_sql(cls, sql: str) -> MessageSelector:
        """An SQL92 expression such as `amount > 100 AND region IN ('eu', 'us')`."""
        return cls(sql, SQL92)


def build_subscription(
    topic: str, expression: str | MessageSelector | None = SUB_ALL, expression_type: str = TAG
) -> SubscriptionData:
    """The subscription of `tagA || tagB`, `*`, an SQL92 expression, or a selector.

    Raises ClientError for a lone `||`, and for what is no SQL92 expression.
    """
    if isinstance(expression, MessageSelector):
        expression_type, expression = expression.expression_type, expression.expression
    version = now_ms()
    text = expression or SUB_ALL
    if expression_type == SQL92:
        text = _checked_sql(expression or "")
    data = SubscriptionData(topic=topic, sub_string=text, expression_type=expression_type, sub_version=version)
    if expression_type == TAG:
        try:
            tags = split_tags(text) or []
        except ValueError:
            raise ClientError(f"'{text}' names no tag", "give tags as 'TagA || TagB', or '*' for all") from None
        data.tags_set = tags
        data.code_set = list(dict.fromkeys(tags_hash(tag) for tag in tags))
    return data


def _checked_sql(text: str) -> str:
    from rocketmq_ops.common.filter.parser import parse  # most consumers need none

    try:
        parsed = parse(text)
    except ValueError as error:
        raise ClientError(str(error), "correct the expression") from None
    if parsed.ignored_from is not None:
        log.warning("'%s': brokers ignore '%s' at its end", text, text[parsed.ignored_from :])
    return text


def matching(messages: Iterable[MessageExt], subscription: SubscriptionData) -> list[MessageExt]:
    """The messages whose tag is subscribed: the broker compares hashes alone, which may be equal."""
    tags = subscription.tags_set
    if not tags or subscription.class_filter_mode:
        return list(messages)
    return [message for message in messages if message.tags in tags]
