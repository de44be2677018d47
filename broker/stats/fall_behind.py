"""How far the reads of groups lie behind the end of the commitlog, and what protects the broker from those far behind.

A group that reads what memory does not hold any more costs everybody the disk. Nothing is noted for it while messages
are pulled: where each group has pulled to is known anyway, and the rest is looked up when somebody asks.

Mirrors GROUP_GET_FALL_SIZE and GROUP_GET_FALL_TIME of BrokerStatsManager, and BrokerController.protectBroker.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.topics import split_topic_group, topic_at_group

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)

GROUP_GET_FALL_SIZE = "GROUP_GET_FALL_SIZE"
GROUP_GET_FALL_TIME = "GROUP_GET_FALL_TIME"
FALL_NAMES: Final = frozenset({GROUP_GET_FALL_SIZE, GROUP_GET_FALL_TIME})
PROTECT_INTERVAL_MS: Final = 180_000


def fall_behind(controller: BrokerController, name: str, key: str) -> int | None:
    """Bytes or ms by `queueId@topic@group`; None when the group has pulled nothing from the queue since the start."""
    queue_id, rest = split_topic_group(key)
    topic, group = split_topic_group(rest)
    pulled = controller.offsets.pull_table.get(topic_at_group(topic, group), {})
    if not controller.store_config.diskFallRecorded or not queue_id.isdecimal() or int(queue_id) not in pulled:
        return None
    place = (topic, int(queue_id), pulled[int(queue_id)])
    return bytes_behind(controller, *place) if name == GROUP_GET_FALL_SIZE else ms_behind(controller, *place)


def bytes_behind(controller: BrokerController, topic: str, queue_id: int, offset: int) -> int:
    """Bytes of the commitlog from the message before a queue offset on; 0 behind the last message."""
    queue = controller.store.consume_queue(topic, queue_id)
    if queue is None or offset >= queue.max_offset:
        return 0
    unit = queue.unit(max(queue.min_offset, offset - 1))
    return controller.store.max_phy_offset - unit[0] if unit is not None else 0


def ms_behind(controller: BrokerController, topic: str, queue_id: int, offset: int) -> int:
    """ms since the message before a queue offset was stored; 0 behind the last message."""
    store = controller.store
    if offset >= store.max_offset(topic, queue_id):
        return 0
    stored = store.store_time(topic, queue_id, max(store.min_offset(topic, queue_id), offset - 1))
    return max(0, controller.clock() - stored) if stored > 0 else 0


def pulled_queues(controller: BrokerController) -> Iterator[tuple[str, str, int, int]]:
    """(group, topic, queue id, offset) of all that was pulled since the start."""
    for key, queues in list(controller.offsets.pull_table.items()):
        topic, group = split_topic_group(key)
        for queue_id, offset in list(queues.items()):
            yield group, topic, queue_id, offset


def protect(controller: BrokerController) -> list[str]:
    """With disableConsumeIfConsumerReadSlowly, refuse the pulls of groups that are too far behind; which those are.

    Of a group that has got nothing since the last round none are refused: it costs nothing, where Apache's broker goes
    by the last pull, however long ago, and refuses again a group that was just allowed to go on.
    """
    config, disabled = controller.config, []
    if not config.disableConsumeIfConsumerReadSlowly:
        return []
    for group, topic, queue_id, offset in pulled_queues(controller):
        found = controller.groups.table.get(group)
        counters = controller.stats.groups.get((group, topic))
        if found is None or not found.consume_enable or counters is None:
            continue
        if not counters.minute or steady_ms() - counters.changed_at > PROTECT_INTERVAL_MS:
            continue
        behind = bytes_behind(controller, topic, queue_id, offset)
        if behind > config.consumerFallbehindThreshold:
            log.warning("[PROTECT_BROKER] the consumer[%s] consume slowly, %d bytes, disable it", group, behind)
            controller.groups.disable_consume(group)
            disabled.append(group)
    return disabled
