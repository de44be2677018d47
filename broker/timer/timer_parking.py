"""Sending a message with a time of delivery to the timer topic, or refusing it.

Mirrors HookUtils.handleScheduleMessage with checkIfTimerMessage and transformTimerMessage.
"""

from __future__ import annotations

from random import randrange
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.common.javatypes import parse_long
from rocketmq_ops.common.message import (
    PROPERTY_REAL_QUEUE_ID,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_DEL_UNIQKEY,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TIMER_OUT_MS,
)
from rocketmq_ops.store.files.timer_files import TIMER_TOPIC
from rocketmq_ops.store.inner_message import InnerMessage, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: What clients give the time with; of several the first one counts.
TIMER_PROPERTIES = (PROPERTY_TIMER_DELAY_SEC, PROPERTY_TIMER_DELAY_MS, PROPERTY_TIMER_DELIVER_MS)


class Moment(NamedTuple):
    """When a message is delivered (ms; 0: its time has come), and why it is not taken."""

    time: int
    refused: PutStatus | None


def park(message: InnerMessage, controller: BrokerController) -> PutStatus | None:
    """Send a message that has a time to the timer topic, its topic and queue kept in properties.

    None when it may be put, waiting or not: one whose time has come goes to its own topic. Otherwise the status to
    refuse it with. The properties have to be encoded again.
    """
    properties = message.properties
    given = given_time(properties)
    # One that was delivered, and is sent on as it is, does not wait again.
    if given is None or message.topic == TIMER_TOPIC or PROPERTY_TIMER_OUT_MS in properties:
        return None
    moment = moment_of(*given, controller)
    if moment.refused is not None:
        return moment.refused
    if not moment.time:
        return PutStatus.WHEEL_TIMER_MSG_ILLEGAL if PROPERTY_TIMER_DEL_UNIQKEY in properties else None
    properties[PROPERTY_TIMER_OUT_MS] = str(moment.time)
    properties[PROPERTY_REAL_TOPIC] = message.topic
    properties[PROPERTY_REAL_QUEUE_ID] = str(message.queue_id)
    message.topic = TIMER_TOPIC
    message.queue_id = 0
    return None


def why_never(properties: dict[str, str], controller: BrokerController) -> PutStatus | None:
    """Why a half message with a time could not be committed, None when it can be as far as is known.

    Apache's broker stores such a half message, and refuses each of its commits, which are one-way: nobody hears of it.
    """
    given = given_time(properties)
    refused = None if given is None else moment_of(*given, controller).refused
    return None if refused is PutStatus.WHEEL_TIMER_FLOW_CONTROL else refused


def given_time(properties: dict[str, str]) -> tuple[str, str] | None:
    """The property that says when a message is to be delivered, and its value."""
    for name in TIMER_PROPERTIES:
        if name in properties:
            return name, properties[name]
    return None


def moment_of(given: str, text: str, controller: BrokerController) -> Moment:
    """When a message is delivered that has a property with a time."""
    config, now = controller.store_config, controller.clock()
    if not config.timerWheelEnable:
        return Moment(0, PutStatus.WHEEL_TIMER_NOT_ENABLE)
    try:
        time = parse_long(text)
    except ValueError:
        return Moment(0, PutStatus.WHEEL_TIMER_MSG_ILLEGAL)
    if given == PROPERTY_TIMER_DELAY_SEC:
        time *= 1000
    if given != PROPERTY_TIMER_DELIVER_MS:
        time += now
    if time <= now:
        return Moment(0, None)
    if time - now > config.timerMaxDelaySec * 1000:
        return Moment(0, PutStatus.WHEEL_TIMER_MSG_ILLEGAL)
    # A moment is over when the next one begins.
    files = controller.timers.files
    time = (time - 1) // files.precision * files.precision
    if _is_congested(files.waiting_at(time), config.timerCongestNumEachSlot):
        return Moment(0, PutStatus.WHEEL_TIMER_FLOW_CONTROL)
    return Moment(time, None)


def _is_congested(waiting: int, most: int) -> bool:
    """Whether to refuse a message for a moment for which so many wait: from `most` to twice as many by chance, the
    more rarely the nearer they are to that (isReject)."""
    if waiting <= most:
        return False
    return waiting >= 2 * most or randrange(1000) > 1000 * (waiting - most) / (most + 0.1)
