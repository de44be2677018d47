"""How far behind a group is in time: since when the oldest message that it has not consumed lies in a queue.

By QUERY_CONSUME_TIME_SPAN, which Apache's brokers serve and no tool of Apache's shows. What a broker answers
is checked: of a queue whose next message it cannot read it answers its clock, which is not a delay.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.api.groups import consume_time_span
from rocketmq_ops.client.errors import BrokerError
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.errors import Failure
from rocketmq_ops.remoting.codes import ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.client.admin.core import MQAdmin

#: A delay beyond this cannot be a message's age: a broker answers its clock less -1 where it finds no message.
_MOST_MS: Final = 20 * 365 * 24 * 3600 * 1000


async def delays(
    admin: MQAdmin, group: str, places: Iterable[tuple[str, str]]
) -> tuple[dict[tuple[str, str, int], int], list[Failure]]:
    """(topic, broker name, queue id) -> delay in ms, for each (topic, address of a broker); 0 where all is consumed.

    A queue is left out where its delay is not known: its topic is gone, or its next message cannot be read.
    """

    fan = await admin.fan_out(places, lambda place: delays_at(admin, place[1], group, place[0]))
    found = {queue: delay for answer in fan.answers.values() for queue, delay in answer.items()}
    return found, [
        admin.failure_of(f"{address}, topic {topic}", error) for (topic, address), error in fan.errors.items()
    ]


async def delays_at(admin: MQAdmin, address: str, group: str, topic: str) -> dict[tuple[str, str, int], int]:
    """As `delays`, of one topic on one broker."""
    try:
        spans = await consume_time_span(admin.session, address, group, topic)
    except BrokerError as error:
        if error.code == ResponseCode.TOPIC_NOT_EXIST:
            return {}
        raise
    return {
        (span.message_queue.topic, span.message_queue.broker_name, span.message_queue.queue_id): span.delay_time
        for span in spans
        if 0 <= span.delay_time < min(_MOST_MS, now_ms())
    }
