"""From a consumer's expression to the filter that the store and the held pulls apply.

Tags are filtered by their hash, as Apache's broker does. SQL92 and other expressions are not supported: they are
refused with the answer of an Apache broker whose `enablePropertyFilter` is off.
Mirrors org.apache.rocketmq.remoting.protocol.filter.FilterAPI and ExpressionMessageFilter.
"""

from __future__ import annotations

from functools import lru_cache

from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.tags import SUB_ALL, split_tags
from rocketmq_ops.remoting.bodies import SubscriptionData
from rocketmq_ops.store.filter import TagFilter

TAG = "TAG"


def is_tag_type(expression_type: str | None) -> bool:
    """True for tag expressions, also when a client leaves the type out."""
    return not expression_type or expression_type == TAG


@lru_cache(maxsize=1024)
def tag_filter_of_expression(expression: str) -> TagFilter | None:
    """The filter of `a || b`; None for every message. Raises ValueError as `split_tags`."""
    tags = split_tags(expression)
    return None if tags is None else TagFilter.of(tags)


def filter_of_subscription(subscription: SubscriptionData) -> TagFilter | None:
    """The filter of a heartbeat's subscription; None for every message."""
    if subscription.class_filter_mode or (subscription.sub_string or SUB_ALL) == SUB_ALL:
        return None
    return TagFilter(subscription.code_set or ())


def build_subscription(topic: str, expression: str | None, version: int, tag: str = TAG) -> SubscriptionData:
    """What a pull that carries its own expression subscribes. Raises ValueError as `split_tags`."""
    tags = split_tags(expression) or []
    return SubscriptionData(
        topic=topic,
        sub_string=expression or SUB_ALL,
        tags_set=tags,
        code_set=[tags_hash(part) for part in tags],
        sub_version=version,
        expression_type=tag,
    )
