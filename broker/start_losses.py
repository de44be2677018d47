"""What a broker logs at its start about settings and offsets that are lost: one line each, with the next step.

Offsets behind the end of a queue that has just lost its last messages are set to that end.

What lives here: topics without settings, missing files of the configuration, messages before the first file of the
commitlog, offsets behind the end of their queue, timers that are switched off. What does not: the store's
own losses (`store/losses.py`), empty files and their `.bak` (`common/files.py`), delayed messages
(`schedule/schedule_message_service.py`).
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from rocketmq_ops.common.topics import is_system_topic, split_topic_group
from rocketmq_ops.store.files.timer_files import (
    TIMER_TOPIC,
    TimerState,
    read_timer_state,
)
from rocketmq_ops.store.timer.timer_message_store import precision_of

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.store.recovery import RecoveryReport

log = logging.getLogger(__name__)

_NAMED = 5
_HOUR_MS = 3_600_000
_WITHOUT = {
    "topics.json": "topics have to be created again (updateTopic)",
    "subscriptionGroup.json": "groups have to be created again (updateSubGroup) or begin with the defaults",
    "consumerOffset.json": "every group begins as a new one (resetOffsetByTime sets it)",
}


def log_losses(controller: BrokerController, report: RecoveryReport, missing: list[str]) -> None:
    """Log them; `missing` are the files of the configuration that were not there or empty, `report` is of the store's
    recovery.
    """
    store = controller.store
    topics = dict.fromkeys(queue.topic for queue in store.queues if queue.max_offset > queue.min_offset)
    if not all(map(is_system_topic, topics)):
        for path in missing:
            without = _WITHOUT.get(Path(path).name)
            if without is not None and not Path(path).exists():  # an empty one is logged when it is read
                log.error("%s is missing, but there are messages: %s", path, without)
    unknown = sorted(
        t for t in topics if t not in controller.topics.table and not is_system_topic(t) and not t.startswith("%LMQ%")
    )
    if unknown:
        log.error(
            "%d topics with messages are not in topics.json (%s): nobody can consume them until updateTopic creates "
            "them; cleanUnusedTopic would remove their queues", len(unknown), _some(unknown),
        )  # fmt: skip
    _log_gone_in_front(controller)
    _settle_offsets(controller, queues_are_shorter=bool(report.units_cut) or not report.clean)
    _log_timers_ahead(controller)


def _log_gone_in_front(controller: BrokerController) -> None:
    """Say what queues lead to that lies before the first file of the commitlog, unless that file is so old that those
    before it may have expired. Where no message came for long they may have, too: then only what a group misses is
    logged.
    """
    store, reserved = controller.store, controller.store_config.fileReservedTime
    first = store.earliest_store_time() if store.min_phy_offset > 0 else -1
    last = max(store.queues.last_dispatched_timestamp, store.checkpoint.physic_msg_timestamp)
    if first <= 0 or last - first >= reserved * _HOUR_MS:
        return
    positions: dict[tuple[str, int], int] = {}
    for topic, queue_id, offset in controller.offsets.ends():
        positions[topic, queue_id] = min(offset, positions.get((topic, queue_id), offset))
    gone = missed = 0
    queues = []
    for queue in store.queues:
        begin, end = queue.first_unit_behind(0), queue.min_offset
        late = end - max(begin, positions.get((queue.topic, queue.queue_id), end))
        gone += max(0, end - begin)
        if late > 0:
            missed += late
            queues.append(f"{queue.topic} queue {queue.queue_id}")
    if missed or (gone and controller.clock() - first < reserved * _HOUR_MS):
        log.error(
            "the commitlog begins at %d, though what it holds is younger than fileReservedTime (%d hours): %d messages "
            "before it that queues lead to are lost, of which groups were still due to get %d%s; `mqadmin store check "
            "%s` says more; if the files before %020d exist elsewhere (a backup, a disk that is not mounted), stop "
            "this broker and put them back", store.min_phy_offset, reserved, gone, missed,
            f" ({_some(queues)})" if queues else "", store.root, store.min_phy_offset,
        )  # fmt: skip


def _settle_offsets(controller: BrokerController, *, queues_are_shorter: bool) -> None:
    """Say which offsets lie behind the end of their queue. A group that does not run would not see what comes until
    the queue has got there (one that runs is sent to the end by its next pull); so where the queue has just lost
    messages, the offset is set to its end.
    """
    beyond = []
    for key, queues in controller.offsets.table.items():
        topic, _ = split_topic_group(key)
        for queue_id, offset in queues.items():
            queue = controller.store.consume_queue(topic, queue_id)
            if queue is not None and offset > queue.max_offset:
                beyond.append(f"{key} queue {queue_id} at {offset} of {queue.max_offset}")
                if queues_are_shorter:
                    queues[queue_id] = queue.max_offset
                    controller.offsets.changed()
    if beyond and queues_are_shorter:
        log.warning(
            "%d offsets of groups lay behind the end of their queue, which has lost messages, and are set to it (%s)",
            len(beyond), _some(beyond),
        )  # fmt: skip
    elif beyond:
        log.warning(
            "%d offsets of groups lie behind the end of their queue (%s): a group that does not run misses what comes "
            "until then; resetOffsetByTime -s -1 sets it to the end", len(beyond), _some(beyond),
        )  # fmt: skip


def log_timers(controller: BrokerController) -> None:
    """Say what waits in a timer store that is switched off. Called before the store is opened: whatever else is wrong
    with it.
    """
    if controller.store_config.timerWheelEnable:
        return
    state = _timer_state(controller)
    if state is not None and state.pending:
        log.warning(
            "%d timer messages wait in this store; they are not delivered as timerWheelEnable is false", state.pending
        )


def _log_timers_ahead(controller: BrokerController) -> None:
    """Say what of a timer store that is switched off is lost, and what has not got into it."""
    if controller.store_config.timerWheelEnable:
        return
    state = _timer_state(controller)
    end = controller.store.max_offset(TIMER_TOPIC, 0)
    taken = state.queue_offset if state is not None else controller.store.min_offset(TIMER_TOPIC, 0)
    if taken < end:
        log.warning(
            "%d messages of %s are not in the timer store yet; they are not delivered as timerWheelEnable is false",
            end - taken,
            TIMER_TOPIC,
        )
    if taken > end:
        log.error(
            "the timer store is ahead of the commitlog: it has taken %d messages of %s, of which the commitlog has %d; "
            "the others are lost", taken, TIMER_TOPIC, end,
        )  # fmt: skip


def _timer_state(controller: BrokerController) -> TimerState | None:
    config = controller.store_config
    try:
        return read_timer_state(controller.store.fs, config.storePathRootDir, precision_of(config))
    except OSError as error:
        log.error("the timer store cannot be read: %s", error)
        return None


def _some(names: list[str]) -> str:
    """The first few of some names."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
