"""Answers to what brokers ask of clients: rebalance, reset offsets, report status, consume directly, and more.

Mirrors ClientRemotingProcessor.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

from rocketmq_ops.client.consumer.group_consumer import GroupConsumer
from rocketmq_ops.client.consumer.listener import ConsumeContext, ConsumeResult, call_listener, restore_topic
from rocketmq_ops.client.consumer.pull_consumer import PullConsumer
from rocketmq_ops.client.consumer.push_consumer import PushConsumer
from rocketmq_ops.common.addresses import parse_address
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.compression import decompress
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import (
    PROPERTY_CORRELATION_ID,
    PROPERTY_PRODUCER_GROUP,
    PROPERTY_REPLY_MESSAGE_ARRIVE_TIME,
    MessageExt,
    MessageQueue,
    string_to_properties,
)
from rocketmq_ops.common.message_answers import decode_answer
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.bodies.offset import GetConsumerStatusBody, ResetOffsetBody
from rocketmq_ops.remoting.bodies.running_info import ConsumeMessageDirectlyResult, ConsumerRunningInfo
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import HELD, RemotingCommand
from rocketmq_ops.remoting.headers.client import (
    ConsumeMessageDirectlyResultRequestHeader,
    GetConsumerRunningInfoRequestHeader,
    GetConsumerStatusRequestHeader,
    NotifyConsumerIdsChangedRequestHeader,
)
from rocketmq_ops.remoting.headers.offset import ResetOffsetRequestHeader
from rocketmq_ops.remoting.headers.send import ReplyMessageRequestHeader
from rocketmq_ops.remoting.headers.transaction import CheckTransactionStateRequestHeader

if TYPE_CHECKING:
    from rocketmq_ops.client.instance import ClientInstance

log = logging.getLogger(__name__)


class ClientProcessor:
    """The handlers of one instance."""

    def __init__(self, instance: ClientInstance) -> None:
        self._instance = instance

    def _push_consumer(self, group: str) -> PushConsumer | None:
        member = self._instance.consumers.get(group)
        return member if isinstance(member, PushConsumer) else None

    def consumer_ids_changed(
        self, channel: Channel, request: RemotingCommand, header: NotifyConsumerIdsChangedRequestHeader
    ) -> None:
        """A client of a group came or went: rebalance at once."""
        self._instance.rebalance_immediately()

    def check_transaction(
        self, channel: Channel, request: RemotingCommand, header: CheckTransactionStateRequestHeader
    ) -> None:
        """A broker asks what became of a half message; its producer answers with END_TRANSACTION."""
        found, broken = decode_answer(request.body, broker_name=header.bname)
        if broken is not None or not found:
            log.warning("%s asks about a half message that cannot be read: %s", channel.remote, broken or "it is empty")
            return
        group = found[0].properties.get(PROPERTY_PRODUCER_GROUP, "")
        producer = self._instance.producers.get(group)
        if producer is None:
            log.warning("%s asks about message %s of '%s', which is not here", channel.remote, found[0].msg_id, group)
            return
        self._instance.namespace.unwrap_topics(found)
        producer.check_transaction(channel.remote, found[0], header)

    def reply_arrived(
        self, channel: Channel, request: RemotingCommand, header: ReplyMessageRequestHeader
    ) -> RemotingCommand:
        """The reply to a request of a producer here; one that nobody waits for any more is dropped, as by Apache's."""
        arrived = now_ms()
        body, wrong = request.body_bytes, None
        if header.sys_flag & COMPRESSED_FLAG:
            try:
                body = decompress(body, header.sys_flag)
            except CorruptDataError as error:
                wrong = str(error)
        properties = string_to_properties(header.properties or "")
        properties[PROPERTY_REPLY_MESSAGE_ARRIVE_TIME] = str(arrived)
        reply = MessageExt(
            header.topic,
            header.queue_id,
            queue_offset=0,
            commit_log_offset=0,
            store_size=0,
            body=body,
            body_crc=0,
            flag=header.flag,
            sys_flag=header.sys_flag,
            born_timestamp=header.born_timestamp,
            born_host=parse_address(header.born_host, 0),
            store_timestamp=header.store_timestamp,
            store_host=parse_address(header.store_host, 0),
            reconsume_times=header.reconsume_times or 0,
            prepared_transaction_offset=0,
            properties=properties,
            offset_msg_id="",
            body_error=wrong,
        )
        if not self._instance.replies.take(reply):
            log.warning(
                "nobody waits for the reply from %s to %s", header.born_host, properties.get(PROPERTY_CORRELATION_ID)
            )
        return request.reply()

    def reset_offset(self, channel: Channel, request: RemotingCommand, header: ResetOffsetRequestHeader) -> None:
        """Consume from other offsets; no answer is expected."""
        consumer = self._push_consumer(header.group)
        body = ResetOffsetBody.decode(request.body)
        if consumer is not None:
            offsets = {queue: offset for queue, offset in body.offset_table.items() if queue.topic == header.topic}
            run_later(consumer.reset_offsets(offsets), f"reset offsets {header.group}")

    def consumer_status(
        self, channel: Channel, request: RemotingCommand, header: GetConsumerStatusRequestHeader
    ) -> RemotingCommand:
        """The offsets as this client holds them; those of a lite pull consumer Apache's does not tell either."""
        consumer = self._instance.consumers.get(header.group)
        table: dict[MessageQueue, int] = {}
        if isinstance(consumer, PushConsumer | PullConsumer):
            table = {q: offset for q, offset in consumer.offsets.table.items() if q.topic == header.topic}
        return request.reply(body=GetConsumerStatusBody(message_queue_table=table).encode())

    def running_info(
        self, channel: Channel, request: RemotingCommand, header: GetConsumerRunningInfoRequestHeader
    ) -> RemotingCommand:
        """Settings, subscriptions, queues and rates of a consumer."""
        consumer = self._instance.consumers.get(header.consumer_group)
        if isinstance(consumer, GroupConsumer):
            info = running_info(consumer)
        elif isinstance(consumer, PullConsumer):
            info = _running_info_of_pulls(consumer)
        else:
            return request.reply(ResponseCode.SYSTEM_ERROR, _no_group(header.consumer_group))
        if header.jstack_enable:
            info.jstack = stacks()
        return request.reply(body=info.encode())

    def consume_directly(
        self, channel: Channel, request: RemotingCommand, header: ConsumeMessageDirectlyResultRequestHeader
    ) -> Any:
        """Give one message to the listener now; the answer follows when the listener has ended."""
        consumer = self._push_consumer(header.consumer_group)
        if consumer is None:
            return request.reply(ResponseCode.SYSTEM_ERROR, _no_group(header.consumer_group))
        work = self._consume_directly(channel, request, consumer, header.broker_name)
        run_later(work, f"consume directly {consumer.group}")
        return HELD

    async def _consume_directly(
        self, channel: Channel, request: RemotingCommand, consumer: PushConsumer, broker_name: str | None
    ) -> None:
        result = ConsumeMessageDirectlyResult(order=consumer.settings.orderly, auto_commit=True)
        started = time.monotonic()
        try:
            found, broken = decode_answer(request.body, broker_name=broker_name)
            if broken is not None or not found:
                raise broken or CorruptDataError("the request holds none")
            restore_topic(found, consumer.group, consumer.namespace)
            queue = MessageQueue(found[0].topic, broker_name or "", found[0].queue_id)
            answer = await call_listener(
                consumer.listener,
                consumer.executor,
                found,
                ConsumeContext(queue),
                consumer.settings.consume_timeout_ms,
            )
            result.consume_result = "CR_SUCCESS" if answer == ConsumeResult.SUCCESS else "CR_LATER"
        except (RocketMQError, CorruptDataError) as error:
            channel.send(request.reply(ResponseCode.SYSTEM_ERROR, f"the message cannot be read: {error}"))
            return
        except Exception as error:
            log.exception("the listener failed for a message that was to be consumed directly")
            result.consume_result = "CR_THROW_EXCEPTION"
            result.remark = f"{type(error).__name__}: {error}"
        result.spent_time_mills = int((time.monotonic() - started) * 1000)
        channel.send(request.reply(body=result.encode()))


def _no_group(group: str) -> str:
    return f"The Consumer Group <{group}> not exist in this consumer"


def running_info(consumer: GroupConsumer) -> ConsumerRunningInfo:
    """What RequestCode.GET_CONSUMER_RUNNING_INFO answers; property names are Apache's."""
    settings = consumer.settings
    return ConsumerRunningInfo(
        properties={
            "messageModel": settings.message_model,
            "consumeFromWhere": settings.consume_from_where,
            "consumeThreadMax": str(settings.concurrency),
            "pullBatchSize": str(settings.pull_batch_size),
            "consumeMessageBatchMaxSize": str(settings.batch_size),
            "PROP_CONSUMEORDERLY": "true" if settings.orderly else "false",
            "PROP_THREADPOOL_CORE_SIZE": str(settings.concurrency),
            **_properties_of_all(consumer),
        },
        subscription_set=consumer.subscriptions(),
        mq_table={
            queue: held.info(consumer.offsets.table.get(queue, -1))
            for queue, held in sorted(consumer.rebalancer.held.items())
        },
        status_table={topic: consumer.stats.status(topic) for topic in sorted(consumer.topics())},
    )


def stacks() -> str:
    """Where each thread is, those of listeners among them, and what each task waits for (UtilAll.jstack)."""
    frames = sys._current_frames()
    threads = sorted((thread for thread in threading.enumerate() if thread.ident in frames), key=lambda t: t.name)
    told = [f"{thread.name}\n{''.join(traceback.format_stack(frames[thread.ident or 0]))}" for thread in threads]
    return "\n".join([*told, *sorted(str(task) for task in asyncio.all_tasks())])


def _running_info_of_pulls(consumer: PullConsumer) -> ConsumerRunningInfo:
    """The same of a consumer that holds no queues (DefaultMQPullConsumerImpl.consumerRunningInfo)."""
    return ConsumerRunningInfo(
        properties={"messageModel": consumer.message_model, **_properties_of_all(consumer)},
        subscription_set=list(consumer.heartbeat_data().subscription_data_set),
    )


def _properties_of_all(consumer: GroupConsumer | PullConsumer) -> dict[str, str]:
    return {
        "consumerGroup": consumer.group,
        "PROP_CONSUMER_START_TIMESTAMP": str(consumer.started_ms),
        "PROP_NAMESERVER_ADDR": "".join(f"{a};" for a in consumer.instance.session.name_servers.addresses),
        "PROP_CONSUME_TYPE": consumer.consume_type,
        "PROP_CLIENT_VERSION": "V5_3_3",
    }


def install(instance: ClientInstance) -> None:
    """Register the handlers on the instance's remoting client."""
    processor = ClientProcessor(instance)
    serve = instance.remoting.serve
    serve(CheckTransactionStateRequestHeader, processor.check_transaction)
    serve(ReplyMessageRequestHeader, processor.reply_arrived)
    serve(NotifyConsumerIdsChangedRequestHeader, processor.consumer_ids_changed)
    serve(ResetOffsetRequestHeader, processor.reset_offset, RequestCode.RESET_CONSUMER_CLIENT_OFFSET)
    serve(GetConsumerStatusRequestHeader, processor.consumer_status, RequestCode.GET_CONSUMER_STATUS_FROM_CLIENT)
    serve(GetConsumerRunningInfoRequestHeader, processor.running_info)
    serve(ConsumeMessageDirectlyResultRequestHeader, processor.consume_directly)
