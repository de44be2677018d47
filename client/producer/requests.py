"""Request-reply: who asked, which reply belongs to which request, and the message that answers one.

Mirrors RequestFutureHolder, MessageUtil and CorrelationIdUtil.
"""

from __future__ import annotations

import asyncio
import uuid

import msgspec

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.common.message import (
    PROPERTY_CLUSTER,
    PROPERTY_CORRELATION_ID,
    PROPERTY_MESSAGE_REPLY_TO_CLIENT,
    PROPERTY_MESSAGE_TTL,
    PROPERTY_MESSAGE_TYPE,
    Message,
    MessageExt,
)
from rocketmq_ops.common.topics import reply_topic

REPLY_TYPE = "reply"


class NoReplyError(ClientError):
    """A request was stored, and no reply to it came in time."""


class Replies:
    """The requests of one client that wait for their replies, by correlation id."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[MessageExt]] = {}

    def expect(self) -> tuple[str, asyncio.Future[MessageExt]]:
        """A new correlation id, and the future of its reply; `forget` it in the end."""
        correlation_id = str(uuid.uuid4())
        future = self._waiting[correlation_id] = asyncio.get_running_loop().create_future()
        return correlation_id, future

    def forget(self, correlation_id: str) -> None:
        """A reply that comes later is nobody's."""
        self._waiting.pop(correlation_id, None)

    def take(self, reply: MessageExt) -> bool:
        """Hand a reply to who waits for it; False when nobody does."""
        future = self._waiting.pop(reply.properties.get(PROPERTY_CORRELATION_ID, ""), None)
        if future is None or future.done():
            return False
        future.set_result(reply)
        return True


def asking(message: Message, correlation_id: str, client_id: str, timeout_ms: int) -> Message:
    """A copy of the message that asks for a reply to this client."""
    properties = message.properties | {
        PROPERTY_CORRELATION_ID: correlation_id,
        PROPERTY_MESSAGE_REPLY_TO_CLIENT: client_id,
        PROPERTY_MESSAGE_TTL: str(timeout_ms),
    }
    return msgspec.structs.replace(message, properties=properties, delay_time_level=0)


def reply_to(request: MessageExt, body: bytes) -> Message:
    """The message that answers `request`, to be sent by any producer.

    Raises ClientError for a message that is no request.
    """
    properties = {PROPERTY_MESSAGE_TYPE: REPLY_TYPE}
    for name in (PROPERTY_CORRELATION_ID, PROPERTY_MESSAGE_REPLY_TO_CLIENT, PROPERTY_MESSAGE_TTL):
        if value := request.properties.get(name):
            properties[name] = value
    cluster = request.properties.get(PROPERTY_CLUSTER)
    if not cluster or PROPERTY_CORRELATION_ID not in properties or PROPERTY_MESSAGE_REPLY_TO_CLIENT not in properties:
        raise ClientError(
            f"message {request.msg_id} of '{request.topic}' does not ask for a reply",
            "answer messages that were sent by request()",
        )
    return Message(reply_topic(cluster), body, properties=properties)
