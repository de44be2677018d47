"""How far connected groups are with their topics: messages and times that the metrics of consumers are made of.

Mirrors ConsumerLagCalculator of org.apache.rocketmq.broker.metrics; the retry topics of groups are not among it there
either. A filter's share of the lag is not estimated: what lies behind the offset is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.common.topics import is_retry_topic

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class GroupLag(NamedTuple):
    """A group on a topic: messages that are not consumed, pulled and not consumed, and not pulled.

    Times are the store times (ms) of the first message not consumed and not pulled, 0 where there is none.
    """

    group: str
    topic: str
    lag: int
    inflight: int
    ready: int
    unconsumed_since: int
    unpulled_since: int


def connected_groups(controller: BrokerController) -> Iterator[tuple[str, str]]:
    """(group, topic) of all subscriptions of the groups that exist."""
    for group in list(controller.groups.table):
        info = controller.consumers.table.get(group) or controller.consumers.compensation.get(group)
        for topic in list(info.subscriptions) if info is not None else ():
            config = controller.topics.get(topic)
            if config is not None and not is_retry_topic(topic) and config.perm & controller.config.brokerPermission:
                yield group, topic


def lag_of(controller: BrokerController, group: str, topic: str) -> GroupLag:
    """The sums over the topic's queues; one without an offset of the group counts as consumed."""
    store, offsets, config = controller.store, controller.offsets, controller.topics.get(topic)
    lag = inflight = ready = 0
    unconsumed: list[int] = []
    unpulled: list[int] = []
    for queue_id in store.queue_ids(topic, config.write_queue_nums if config is not None else 0):
        end = max(0, store.max_offset(topic, queue_id))
        consumed = offsets.query(group, topic, queue_id)
        pulled = offsets.query_pull(group, topic, queue_id)
        consumed = end if consumed < 0 else min(consumed, end)
        pulled = end if pulled < 0 else min(pulled, end)
        lag += end - consumed
        inflight += max(0, pulled - consumed)
        ready += end - pulled
        unconsumed.append(store.store_time(topic, queue_id, consumed) if consumed < end else 0)
        unpulled.append(store.store_time(topic, queue_id, pulled) if pulled < end else 0)
    since = (min(filter(lambda at: at > 0, times), default=0) for times in (unconsumed, unpulled))
    return GroupLag(group, topic, lag, inflight, ready, *since)
