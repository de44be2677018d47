"""Bodies. POP consumption and message request modes."""

from __future__ import annotations

from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.base import RemotingSerializable
from rocketmq_ops.remoting.bodies.enums import MessageModel, MessageRequestMode


class SetMessageRequestModeRequestBody(RemotingSerializable, kw_only=True):
    """Body of SET_MESSAGE_REQUEST_MODE; `mode` is PULL or POP."""

    consumer_group: str = ""
    mode: MessageRequestMode | None = "PULL"
    pop_share_queue_num: int = 0
    topic: str = ""


class QueryAssignmentRequestBody(RemotingSerializable, kw_only=True):
    """Body of QUERY_ASSIGNMENT."""

    client_id: str = ""
    consumer_group: str = ""
    message_model: MessageModel | None = None
    strategy_name: str = ""
    topic: str = ""


class MessageQueueAssignment(RemotingSerializable, kw_only=True):
    """A queue and how it is asked for."""

    attachments: dict[str, str] = {}
    message_queue: MessageQueue
    mode: str = "PULL"


class QueryAssignmentResponseBody(RemotingSerializable, kw_only=True):
    """Answer to QUERY_ASSIGNMENT."""

    message_queue_assignments: list[MessageQueueAssignment] = []
