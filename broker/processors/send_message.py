"""Sends: SEND_MESSAGE (10), SEND_MESSAGE_V2 (310) and SEND_BATCH_MESSAGE (320), answered or one-way.

A plain message of a known topic takes the short way in `SendMessageProcessor.send`: what depends on the topic and the
configuration alone is prepared once (`broker/send/send_plan.py`, which says too what takes the long way: the first send
to a topic, retries ...); half messages, delay levels and timers are put by `broker/send/parked_sends.py`. The long way
is `_send_general`, with the checks of `broker/send/send_checks.py`. Sends like one before them on their connection need
no decoding (`broker/send/known_sends.py`).
Messages that consumers send back are in `consumer_send_back.py`, the end of transactions in `end_transaction.py`.
Mirrors org.apache.rocketmq.broker.processor.SendMessageProcessor and AbstractSendMessageProcessor.
"""

from __future__ import annotations

from random import randrange
from typing import TYPE_CHECKING, Any

from rocketmq_ops.broker.send.inner_messages import delay_level, encode_properties, schedule
from rocketmq_ops.broker.send.known_sends import KnownSends, Put
from rocketmq_ops.broker.send.parked_sends import ParkedSends
from rocketmq_ops.broker.send.parsed_properties import PropertiesParser
from rocketmq_ops.broker.send.put_answers import STORED, put_answer
from rocketmq_ops.broker.send.send_checks import SendChecks, SendHeader
from rocketmq_ops.broker.send.send_plan import SendPlan, why_long
from rocketmq_ops.broker.send.waiting_sends import WaitingSends
from rocketmq_ops.broker.timer.timer_parking import why_never
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.message import (
    PROPERTY_CLUSTER,
    PROPERTY_MSG_REGION,
    PROPERTY_POP_CK,
    PROPERTY_REAL_TOPIC,
    PROPERTY_TIMER_OUT_MS,
    PROPERTY_TRACE_SWITCH,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
    PROPERTY_WAIT_STORE_MSG_OK,
    string_to_properties,
    unread_pieces,
)
from rocketmq_ops.common.recall_handle import RecallHandle
from rocketmq_ops.common.stage_times import PROPERTY_STAGES
from rocketmq_ops.common.sysflag import TRANSACTION_MASK, TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE
from rocketmq_ops.common.topics import RETRY_GROUP_TOPIC_PREFIX, TRANS_HALF_TOPIC
from rocketmq_ops.common.unique_id import UniqueIdFactory
from rocketmq_ops.remoting.answer_frame import header_frame, success_template
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, HeaderBoolean, RemotingCommand
from rocketmq_ops.remoting.header_fields import quote_fields
from rocketmq_ops.remoting.headers import (
    SendMessageRequestHeader,
    SendMessageRequestHeaderV2,
    SendMessageResponseHeader,
)
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

#: Where a channel's attributes have the known sends of its connection.
KNOWN_SENDS = "known sends"
#: Plans kept at most; those of deleted topics go with the others when there are more.
MAX_PLANS = 10_000
_PUT_OK = PutStatus.PUT_OK
_NOT_BATCH: Any = HeaderBoolean.FALSE


class SendMessageProcessor:
    """Handles sends. `configuration_changed` must be called after a change of broker or store configuration."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._topics = controller.topics.table
        self._store = controller.store
        #: Read for each message: from here, as the store has too many attributes for Python to read one fast.
        self._commit_log, self._appender = controller.store.commit_log, controller.store.appender
        self._properties_parser = PropertiesParser()
        self._plans: dict[str, SendPlan] = Bounded(MAX_PLANS)
        self._checks = SendChecks(controller)
        self._unique_ids = UniqueIdFactory()
        self._stored = controller.stored_answers
        self._waiting = WaitingSends(controller)
        self._parked = ParkedSends(controller)
        meters = self._meters = controller.meters
        self._short_one: Put = self.put_one if meters is None else meters.measured(self.put_one)
        self._short_batch: Put = self.put_batch if meters is None else meters.measured(self.put_batch)
        self.configuration_changed()

    def configuration_changed(self) -> None:
        """Take over the configuration that the short way has prepared."""
        config = self._controller.config
        self._plans.clear()
        self._trace_on = "true" if config.traceOn else "false"
        self._answer_fields = {PROPERTY_MSG_REGION: config.regionId, PROPERTY_TRACE_SWITCH: self._trace_on}
        self._suffix = (
            f"{PROPERTY_MSG_REGION}\x01{config.regionId}\x02{PROPERTY_TRACE_SWITCH}\x01{self._trace_on}\x02"
            f"{PROPERTY_CLUSTER}\x01{config.brokerClusterName}\x02"
        ).encode()
        fixed = quote_fields(self._answer_fields)[1:-1].encode().replace(b"%", b"%%")
        ids = b'"queueId":"%d","transactionId":"%b","msgId":'
        prefix = self._store.commit_log.id_prefix.encode()
        one = ids + b'"' + prefix + b'%016X",' + fixed + b',"queueOffset":"%d"'
        self._answer_template = self._parked.template = success_template(one)
        self._parked.timer_template = success_template(one.replace(b",", b',"recallHandle":"%b",', 1))
        self._batch_template = success_template(ids + b'"%b",' + fixed + b',"queueOffset":"%d"')

    def send(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        """One send request; the short way answers with a whole frame."""
        topic = header.topic
        plan = self._plans.get(topic)
        if plan is not None and plan.config is not self._topics.get(topic):
            plan = None
        properties, unique_key, keys, encoded = self._properties_parser.parse(header.properties or "")
        if why_long(plan, properties, unique_key, header, request) is not None:
            return self._send_general(channel, request, header)
        assert plan is not None
        queue_id = header.queue_id if header.queue_id >= 0 else randrange(plan.write_queue_nums)
        message = InnerMessage(
            topic, queue_id, request.body, properties.properties, encoded + self._suffix, channel.remote_host_bytes,
            header.born_timestamp, header.flag, header.sys_flag | plan.sys_flag, header.reconsume_times or 0, 0,
            properties.tags_code,
        )  # fmt: skip
        batch = header.batch
        # Told apart by identity first: the truth of a decoded boolean costs a call.
        put = self._short_one if batch is _NOT_BATCH or not batch else self._short_batch
        if properties.parks is not None:
            put = self._parked.put_with(properties.parks)
        elif plan.waits:
            put = self._waiting.put_with(channel, put)
        answer = put(plan, message, unique_key, keys, request.opaque)
        if answer is None:
            return self._send_general(channel, request, header)
        known: KnownSends | None = channel.attrs.get(KNOWN_SENDS)
        if known is None:
            known = channel.attrs[KNOWN_SENDS] = KnownSends(self.is_current, self._properties_parser.parse)
            channel.raw_request_handler = known.try_store
        known.remember(request, header, plan, message, put, unique_key, keys, properties.parks)
        return answer or HELD

    def is_current(self, plan: SendPlan) -> bool:
        """Whether what a plan and the answers were made of is still so."""
        topic = plan.config.topic_name
        return self._plans.get(topic) is plan and self._topics.get(topic) is plan.config

    def put_one(
        self, plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
    ) -> bytes | None:
        """Store a plain message: the frame of its answer, None when it was not stored."""
        appender = self._appender
        offset = appender.put_plain(message, unique_key.decode(), keys)
        if offset < 0:
            return None
        counters = plan.counters
        counters.put_nums += 1
        counters.put_times += 1
        counters.put_size += self._commit_log.last_size
        return header_frame(
            self._answer_template % (message.queue_id, unique_key, offset, appender.last_queue_offset, opaque)
        )

    def put_batch(
        self, plan: SendPlan, message: InnerMessage, unique_key: bytes, keys: str | None, opaque: int
    ) -> bytes | None:
        """Store a plain batch, whose properties go to each of its messages (and with them its keys)."""
        result = self._store.put_messages(message)
        if result.status is not _PUT_OK:
            return None
        counters = plan.counters
        counters.put_nums += result.message_count
        counters.put_times += 1
        counters.put_size += result.wrote_bytes
        ids = result.offset_msg_id.encode()
        return header_frame(self._batch_template % (message.queue_id, unique_key, ids, result.queue_offset, opaque))

    # -- the general way ----------------------------------------------------------------------------------------

    def _send_general(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        """A send with all its checks; the answer to one that creates a topic leaves when the topic is known."""
        answer: Answer = self._controller.changes.handle(self._send_checked, channel, request, header)
        return answer

    def _send_checked(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        refusal = self._checks.header(channel, header)
        if refusal is not None:
            return self._answer(request, *refusal)
        too_few = self._stored.refusal()
        if too_few is not None:
            return self._refuse(request, too_few)
        config = self._topics[header.topic]
        plan = self._plans.get(header.topic)
        if plan is None or plan.config is not config:
            counters = self._controller.stats.topic_counters(header.topic)
            watched = self._meters is not None or self._stored.may_refuse
            plan = SendPlan(config, counters, waits=self._stored.wait, watched=watched)
            # While the name servers do not know the topic all answers wait for them.
            if not self._controller.changes.wait_for_route(header.topic):
                self._plans[header.topic] = plan
        queue_id = header.queue_id if header.queue_id >= 0 else randrange(max(1, config.write_queue_nums))
        if header.batch:
            return self._send_batch(channel, request, header, plan, queue_id)
        return self._send_one(channel, request, header, plan, queue_id)

    def _properties(self, header: SendHeader) -> dict[str, str]:
        """The message's properties with those that the broker sets."""
        config = self._controller.config
        properties = string_to_properties(header.properties or "")
        properties.pop(PROPERTY_POP_CK, None)
        properties[PROPERTY_MSG_REGION] = config.regionId
        properties[PROPERTY_TRACE_SWITCH] = self._trace_on
        properties[PROPERTY_CLUSTER] = config.brokerClusterName
        return properties

    def _inner(
        self, channel: Channel, request: RemotingCommand, header: SendHeader, queue_id: int, properties: dict[str, str]
    ) -> InnerMessage:
        return InnerMessage(
            topic=header.topic,
            queue_id=queue_id,
            body=request.body,
            properties=properties,
            properties_bytes=b"",
            born_host=channel.remote_host_bytes,
            born_timestamp=header.born_timestamp,
            flag=header.flag,
            sys_flag=header.sys_flag,
            reconsume_times=header.reconsume_times or 0,
        )

    def _send_one(
        self, channel: Channel, request: RemotingCommand, header: SendHeader, plan: SendPlan, queue_id: int
    ) -> Answer:
        controller = self._controller
        properties = self._properties(header)
        if not properties.get(PROPERTY_UNIQ_KEY):
            properties[PROPERTY_UNIQ_KEY] = self._unique_ids.create()
        message = self._inner(channel, request, header, queue_id, properties)
        message.sys_flag |= plan.sys_flag
        refusal = self._checks.dead_letter(request, header, message) or self._checks.message(message, plan.config)
        if refusal is not None:
            return self._answer(request, *refusal)
        message.properties_bytes = encode_properties(properties)
        if properties.get(PROPERTY_TRANSACTION_PREPARED, "").lower() == "true" and not (
            message.reconsume_times > 0 and delay_level(properties) > 0
        ):
            if controller.config.rejectTransactionMessage:
                remark = f"the broker[{controller.config.brokerIP1}] sending transaction message is forbidden"
                return self._answer(request, ResponseCode.NO_PERMISSION, remark)
            if delay_level(properties) > 0:
                remark = "a transactional message cannot have a delay level: send it without DELAY"
                return self._answer(request, ResponseCode.MESSAGE_ILLEGAL, remark)
            status = why_never(properties, controller)
            if status is not None:
                return self._refuse(request, status)
            controller.transactions.prepare(message)
        elif message.sys_flag & TRANSACTION_MASK in (TRANSACTION_PREPARED_TYPE, TRANSACTION_ROLLBACK_TYPE):
            remark = "a message with a transaction flag and without TRAN_MSG would never be delivered"
            return self._answer(request, ResponseCode.MESSAGE_ILLEGAL, remark)
        else:
            status = schedule(message, controller)
            if status is not None:
                return self._refuse(request, status)
        message.properties_bytes = _with_unread(header, message.properties_bytes)
        if PROPERTY_STAGES in properties and message.topic == header.topic:
            result = controller.stages.put(channel, message)
        else:
            result = controller.store.put_message(message)
        return self._finish(channel, request, message, result, queue_id)

    def _send_batch(
        self, channel: Channel, request: RemotingCommand, header: SendHeader, plan: SendPlan, queue_id: int
    ) -> Answer:
        if header.topic.startswith(RETRY_GROUP_TOPIC_PREFIX):
            remark = f"batch request does not support retry group {header.topic}"
            return self._answer(request, ResponseCode.MESSAGE_ILLEGAL, remark)
        properties = self._properties(header)
        message = self._inner(channel, request, header, queue_id, properties)
        message.sys_flag |= plan.sys_flag
        refusal = self._checks.message(message, plan.config)
        if refusal is not None:
            return self._answer(request, *refusal)
        message.properties_bytes = encode_properties(properties)
        if delay_level(properties) > 0:
            return self._refuse(request, PutStatus.MESSAGE_ILLEGAL)
        status = schedule(message, self._controller)
        if status is not None:
            return self._refuse(request, status)
        message.properties_bytes = _with_unread(header, message.properties_bytes)
        result = self._controller.store.put_messages(message)
        return self._finish(channel, request, message, result, queue_id)

    # -- answers ------------------------------------------------------------------------------------------------

    def _finish(
        self, channel: Channel, request: RemotingCommand, message: InnerMessage, result: PutMessageResult, queue_id: int
    ) -> Answer:
        if result.status not in STORED:
            return self._refuse(request, result.status)
        self._controller.stats.count_put(message.topic, message.queue_id, result.message_count, result.wrote_bytes)
        if message.topic == TRANS_HALF_TOPIC:
            self._controller.transactions.metrics.add(message.properties.get(PROPERTY_REAL_TOPIC), 1)
        if self._meters is not None:
            self._meters.count_message(message.topic, message.properties, result.message_count, result.wrote_bytes)
        return self._answer_stored(channel, request, message.properties, result, queue_id)

    def _answer_stored(
        self,
        channel: Channel,
        request: RemotingCommand,
        properties: dict[str, str],
        result: PutMessageResult,
        queue_id: int,
    ) -> Answer:
        """The answer for a stored message, now or when it is on the disk and on slaves."""
        code, remark = put_answer(result.status, self._controller.store_config)
        header = SendMessageResponseHeader(
            msg_id=result.offset_msg_id,
            queue_id=queue_id,
            queue_offset=result.queue_offset,
            transaction_id=properties.get(PROPERTY_UNIQ_KEY),
            recall_handle=self._recall_handle(request, properties) if PROPERTY_TIMER_OUT_MS in properties else None,
        )
        answer = request.reply(code, remark, header, self._answer_fields)
        if self._stored.wait and properties.get(PROPERTY_WAIT_STORE_MSG_OK) != "false":
            return self._stored.hold(channel, request, answer, result, queue=f"{queue_id}@{request.header.topic}")
        return answer

    def _recall_handle(self, request: RemotingCommand, properties: dict[str, str]) -> str | None:
        """By what a message that waits for its time is recalled (attachRecallHandle)."""
        topic, moment = properties.get(PROPERTY_REAL_TOPIC), properties[PROPERTY_TIMER_OUT_MS]
        if topic is None or topic.startswith(RETRY_GROUP_TOPIC_PREFIX) or not moment.isdecimal():
            return None
        if request.code == RequestCode.SEND_BATCH_MESSAGE:
            return None
        name = self._controller.config.brokerName
        return RecallHandle.of(topic, name, int(moment), properties.get(PROPERTY_UNIQ_KEY, "")).encode()

    def _answer(self, request: RemotingCommand, code: int, remark: str | None) -> RemotingCommand:
        return request.reply(code, remark, ext_fields=self._answer_fields)

    def _refuse(self, request: RemotingCommand, status: PutStatus) -> RemotingCommand:
        return self._answer(request, *put_answer(status, self._controller.store_config))


def _with_unread(header: SendHeader, encoded: bytes) -> bytes:
    """The properties to store: those that count, after what the client sent besides and Apache does not read."""
    return unread_pieces(header.properties or "").encode("utf-8", "replace") + encoded


def install(controller: BrokerController) -> None:
    """Register the codes of this module."""
    processor = controller.processor_of(SendMessageProcessor)
    controller.on_configuration_changed(processor.configuration_changed)
    serve, code = controller.server.serve, RequestCode
    serve(SendMessageRequestHeader, processor.send, code.SEND_MESSAGE)
    serve(SendMessageRequestHeaderV2, processor.send, code.SEND_MESSAGE_V2, code.SEND_BATCH_MESSAGE)
