"""From a consumer's expression to the filter that the store and the held pulls apply.

Tags are filtered by their hash, as Apache's broker does, SQL92 expressions on the properties of the record. The
table of the expressions that heartbeats announce is `consumer_filter_manager.py`.
Mirrors org.apache.rocketmq.remoting.protocol.filter.FilterAPI, ExpressionMessageFilter and
ExpressionForRetryMessageFilter.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.java_hash import tags_hash
from rocketmq_ops.common.message import (
    PROPERTY_RETRY_TOPIC,
    PROPERTY_SEPARATOR,
    StoredProperties,
    start_of,
)
from rocketmq_ops.common.message_codec import stored_properties_at, stored_properties_text
from rocketmq_ops.common.tags import SUB_ALL, split_tags
from rocketmq_ops.remoting.bodies import SubscriptionData
from rocketmq_ops.store.filter import TagFilter

if TYPE_CHECKING:
    from rocketmq_ops.broker.subscription.consumer_filter_manager import ConsumerFilterManager
    from rocketmq_ops.common.filter.expression import Expression

#: Values of a property kept for an expression at most, and how long one may be to be kept.
_MAX_VALUES, _MAX_VALUE_LENGTH = 256, 100
_SEPARATOR = PROPERTY_SEPARATOR.encode()

TAG = "TAG"
SQL92 = "SQL92"


def is_tag_type(expression_type: str | None) -> bool:
    """True for tag expressions, also when a client leaves the type out."""
    return not expression_type or expression_type == TAG


def no_property_filter(expression_type: str | None) -> str:
    """What is answered to consumers that filter by expressions while `enablePropertyFilter` is off."""
    return f"The broker does not support consumer to filter message by {expression_type}"


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


class ExpressionFilter:
    """Lets through the messages whose properties meet an SQL92 expression.

    One that asks for a single property is asked once for each of its values, as long as they are few.
    """

    __slots__ = ("_known", "_length", "_matches", "_name", "_start")
    tag_codes = None
    checks_record = True

    def __init__(self, expression: Expression) -> None:
        self._matches = expression.matches
        (self._name,) = expression.names if len(expression.names) == 1 else ("",)
        #: What stands in front of the value of the one property, as it is stored.
        self._start = start_of(self._name).encode("utf-8", "surrogatepass")
        self._length = len(self._start)
        #: By value of the one property as it is stored, empty where a message has none that is not.
        self._known: dict[bytes, bool] = Bounded(_MAX_VALUES)

    def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
        at = stored_properties_at(buffer, start, end)
        if at < 0:
            return True
        if not self._name:
            return self._matches(StoredProperties(str(buffer[at:end], "utf-8", "replace")))
        stored = _SEPARATOR + buffer[at:end]
        at = stored.rfind(self._start)
        if at < 0:
            value = b""
        else:
            at += self._length
            stop = stored.find(_SEPARATOR, at)
            value = stored[at:stop] if stop >= 0 else stored[at:]
            if not value:  # of several the last that is not empty counts
                return self._matches(StoredProperties(str(stored, "utf-8", "replace")))
        known = self._known.get(value)
        if known is None:
            known = self._matches({self._name: str(value, "utf-8", "replace")} if value else {})
            if len(value) <= _MAX_VALUE_LENGTH:
                self._known[value] = known
        return known


@lru_cache(maxsize=100)  # as many as expressions are kept
def filter_of_expression(expression: Expression) -> ExpressionFilter:
    """The filter of an expression, the same one for all pulls that carry it."""
    return ExpressionFilter(expression)


class RetryExpressionFilter:
    """For a retry topic: asks the expression of the topic that each message comes from (`filterSupportRetry`)."""

    __slots__ = ("_filters", "_group")
    tag_codes = None
    checks_record = True

    def __init__(self, filters: ConsumerFilterManager, group: str) -> None:
        self._filters = filters
        self._group = group

    def matches_record(self, buffer: memoryview, start: int, end: int) -> bool:
        properties = properties_of(buffer[start:end])
        topic = properties and properties.get(PROPERTY_RETRY_TOPIC)
        entry = self._filters.get(topic or "", self._group)
        if entry is None or entry.expression_filter is None:
            return True
        return entry.expression_filter.matches_record(buffer, start, end)


def properties_of(record: memoryview) -> StoredProperties | None:
    """The properties of a record of the commitlog; None where it is damaged, which the consumer has to be shown."""
    text = stored_properties_text(record)
    return None if text is None else StoredProperties(text)


def build_subscription(topic: str, expression: str | None, version: int, kind: str | None = TAG) -> SubscriptionData:
    """What a pull that carries its own expression subscribes. Raises ValueError as `split_tags`."""
    if not is_tag_type(kind):
        return SubscriptionData(
            topic=topic, sub_string=expression or "", sub_version=version, expression_type=kind or TAG
        )
    tags = split_tags(expression) or []
    return SubscriptionData(
        topic=topic,
        sub_string=expression or SUB_ALL,
        tags_set=tags,
        code_set=[tags_hash(part) for part in tags],
        sub_version=version,
        expression_type=TAG,
    )
