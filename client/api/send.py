"""Sending: a message ready to go, the request that takes it, and what it came to (Apache's SendResult)."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.message import PROPERTY_MSG_REGION, PROPERTY_TRACE_SWITCH, MessageExt, MessageQueue
from rocketmq_ops.common.topics import AUTO_CREATE_TOPIC
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.send import (
    ConsumerSendMsgBackRequestHeader,
    RecallMessageRequestHeader,
    RecallMessageResponseHeader,
    SendMessageRequestHeaderV2,
    SendMessageResponseHeader,
)

DEFAULT_TOPIC_QUEUE_NUMS = 4


class SendStatus(StrEnum):
    """SEND_OK, or stored with less safety than the broker is configured for."""

    SEND_OK = "SEND_OK"
    FLUSH_DISK_TIMEOUT = "FLUSH_DISK_TIMEOUT"
    FLUSH_SLAVE_TIMEOUT = "FLUSH_SLAVE_TIMEOUT"
    SLAVE_NOT_AVAILABLE = "SLAVE_NOT_AVAILABLE"


_STATUS_OF_CODE: dict[int, SendStatus] = {
    ResponseCode.SUCCESS: SendStatus.SEND_OK,
    ResponseCode.FLUSH_DISK_TIMEOUT: SendStatus.FLUSH_DISK_TIMEOUT,
    ResponseCode.SLAVE_NOT_AVAILABLE: SendStatus.SLAVE_NOT_AVAILABLE,
    ResponseCode.FLUSH_SLAVE_TIMEOUT: SendStatus.FLUSH_SLAVE_TIMEOUT,
}


class SendResult(msgspec.Struct, kw_only=True):
    """`msg_id` is the unique key (comma-joined for a batch), `offset_msg_id` the broker's.

    `queue_offset` is in messages. `recall_handle` is there of a message that waits for a time of its own, if the broker
    can have it recalled (5.3.2 and later).
    """

    status: SendStatus
    msg_id: str
    offset_msg_id: str
    queue: MessageQueue
    queue_offset: int
    transaction_id: str | None = None
    region_id: str = "DefaultRegion"
    trace_on: bool = True
    recall_handle: str | None = None


class Outgoing(msgspec.Struct, kw_only=True, gc=False):
    """A message ready to go to any queue: what does not depend on the queue, worked out once for all tries."""

    topic: str
    code: int
    body: bytes
    flag: int
    sys_flag: int
    properties: str
    msg_id: str
    batch: bool = False
    reconsume_times: int = 0
    max_reconsume_times: int | None = None

    def request(self, group: str, queue: MessageQueue, template: str, template_queues: int) -> RemotingCommand:
        """The request for one queue; `template` and its number of queues are for a topic that the broker creates."""
        header = SendMessageRequestHeaderV2(
            producer_group=group,
            topic=self.topic,
            default_topic=template,
            default_topic_queue_nums=template_queues,
            queue_id=queue.queue_id,
            sys_flag=self.sys_flag,
            born_timestamp=now_ms(),
            flag=self.flag,
            properties=self.properties,
            reconsume_times=self.reconsume_times,
            unit_mode=False,
            max_reconsume_times=self.max_reconsume_times,
            batch=self.batch,
            broker_name=queue.broker_name,
        )
        return RemotingCommand.of(header, self.body, code=self.code)


async def send(
    session: Session,
    address: str,
    outgoing: Outgoing,
    group: str,
    queue: MessageQueue,
    timeout_ms: int | None = None,
    *,
    template: str = AUTO_CREATE_TOPIC,
    template_queues: int = DEFAULT_TOPIC_QUEUE_NUMS,
) -> SendResult:
    """Send to one queue. Raises RemotingError, and BrokerError for any code but success and the weaker statuses."""
    request = outgoing.request(group, queue, template, template_queues)
    answer = await session.call(address, request, timeout_ms, accept=_STATUS_OF_CODE)
    header = answer.decode_header(SendMessageResponseHeader)
    fields = answer.ext_fields
    return SendResult(
        status=_STATUS_OF_CODE[answer.code],
        msg_id=header.batch_uniq_id or outgoing.msg_id,
        offset_msg_id=header.msg_id,
        queue=MessageQueue(queue.topic, queue.broker_name, header.queue_id),
        queue_offset=header.queue_offset,
        transaction_id=header.transaction_id,
        region_id=fields.get(PROPERTY_MSG_REGION) or "DefaultRegion",
        trace_on=fields.get(PROPERTY_TRACE_SWITCH) != "false",
        recall_handle=header.recall_handle,
    )


async def send_oneway(
    session: Session,
    address: str,
    outgoing: Outgoing,
    group: str,
    queue: MessageQueue,
    *,
    template: str = AUTO_CREATE_TOPIC,
    template_queues: int = DEFAULT_TOPIC_QUEUE_NUMS,
) -> None:
    """Send to one queue without waiting for an answer. Raises RemotingConnectError."""
    await session.call_oneway(address, outgoing.request(group, queue, template, template_queues))


async def recall(
    session: Session, address: str, group: str, topic: str, handle: str, broker_name: str, timeout_ms: int | None = None
) -> str:
    """Have a broker not deliver a message that waits for its time; the message's unique key.

    Raises RemotingError, and BrokerError when the broker does not: its time has come, or recallMessageEnable is off.
    """
    header = RecallMessageRequestHeader(producer_group=group, topic=topic, recall_handle=handle, bname=broker_name)
    answer = await session.call(address, RemotingCommand.of(header), timeout_ms)
    return answer.decode_header(RecallMessageResponseHeader).msg_id


async def send_back(
    session: Session,
    address: str,
    group: str,
    topic: str,
    message: MessageExt,
    delay_level: int,
    max_reconsume_times: int,
    timeout_ms: int | None = None,
) -> None:
    """Have the broker that holds a message of `topic` deliver it to the group again, after its delay level's time."""
    header = ConsumerSendMsgBackRequestHeader(
        offset=message.commit_log_offset,
        group=group,
        delay_level=delay_level,
        origin_msg_id=message.msg_id,
        origin_topic=topic,
        unit_mode=False,
        max_reconsume_times=max_reconsume_times,
        bname=message.broker_name,
    )
    await session.call(address, RemotingCommand.of(header), timeout_ms)
