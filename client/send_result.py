"""What a send came to: SendResult and SendStatus, as Apache's classes of these names."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ..common.message import PROPERTY_MSG_REGION, PROPERTY_TRACE_SWITCH, MessageQueue
from ..remoting.command import RemotingCommand
from ..remoting.headers.send import SendMessageResponseHeader
from .errors import error_of


class SendStatus(StrEnum):
    """SEND_OK, or stored with less safety than the broker is configured for."""

    SEND_OK = "SEND_OK"
    FLUSH_DISK_TIMEOUT = "FLUSH_DISK_TIMEOUT"
    FLUSH_SLAVE_TIMEOUT = "FLUSH_SLAVE_TIMEOUT"
    SLAVE_NOT_AVAILABLE = "SLAVE_NOT_AVAILABLE"


_STATUS_OF_CODE = {
    0: SendStatus.SEND_OK,
    10: SendStatus.FLUSH_DISK_TIMEOUT,
    11: SendStatus.SLAVE_NOT_AVAILABLE,
    12: SendStatus.FLUSH_SLAVE_TIMEOUT,
}


class SendResult(msgspec.Struct, kw_only=True):
    """`msg_id` is the unique key (comma-joined for a batch), `offset_msg_id` the broker's.

    `queue_offset` is in messages.
    """

    status: SendStatus
    msg_id: str
    offset_msg_id: str
    queue: MessageQueue
    queue_offset: int
    transaction_id: str | None = None
    region_id: str = "DefaultRegion"
    trace_on: bool = True


def send_result_of(answer: RemotingCommand, queue: MessageQueue, msg_id: str, address: str) -> SendResult:
    """The result an answer tells. Raises the BrokerError of any code but success and the three weaker statuses."""
    status = _STATUS_OF_CODE.get(answer.code)
    if status is None:
        raise error_of(answer, address)
    header = answer.decode_header(SendMessageResponseHeader)
    fields = answer.ext_fields
    return SendResult(
        status=status,
        msg_id=header.batch_uniq_id or msg_id,
        offset_msg_id=header.msg_id,
        queue=MessageQueue(queue.topic, queue.broker_name, header.queue_id),
        queue_offset=header.queue_offset,
        transaction_id=header.transaction_id,
        region_id=fields.get(PROPERTY_MSG_REGION) or "DefaultRegion",
        trace_on=fields.get(PROPERTY_TRACE_SWITCH) != "false",
    )
