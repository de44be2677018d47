"""The short way of sends whose answers wait for the disk or for slaves.

What lives here: storing as other sends are stored, and holding the answer's frame back. What does not: the wait
(`stored_answers.py`), which sends come here (`send_plan.py`), storing and the frame (`processors/send_message.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.common.message import PROPERTY_WAIT_STORE_MSG_OK
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.store.inner_message import InnerMessage

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.send.known_sends import Put
    from rocketmq_ops.broker.send.send_plan import SendPlan


class WaitingSends:
    """Those of one broker."""

    def __init__(self, controller: BrokerController) -> None:
        self._stored = controller.stored_answers
        self._fast_failure = controller.fast_failure

    def put_with(self, channel: Channel, put: Put) -> Put:
        """As `put` for the sends of a connection, which is sent the answer once the message is safe; None when too
        many wait already."""
        fast_failure, hold = self._fast_failure, self._stored.hold_frame

        def put_and_wait(
            plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
        ) -> bytes | None:
            if fast_failure.is_full:
                return None
            frame = put(plan, message, unique_key, keys, opaque)
            if frame is None or message.properties.get(PROPERTY_WAIT_STORE_MSG_OK) == "false":
                return frame
            return hold(channel, frame, f"{message.queue_id}@{plan.config.topic_name}")

        return put_and_wait
