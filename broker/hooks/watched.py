"""The processors and the connections of a broker that has hooks: as those without, and every request is shown.

Sends take the long way and are decoded each, so that there is a request and an answer to show.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import TYPE_CHECKING, cast

from rocketmq_ops.broker.hooks.api import AbortProcessError, ConsumeMessageContext, SendMessageContext
from rocketmq_ops.broker.processors.consumer_send_back import ConsumerSendBackProcessor
from rocketmq_ops.broker.processors.pull_message import PullMessageProcessor
from rocketmq_ops.broker.processors.reply_message import ReplyMessageProcessor
from rocketmq_ops.broker.processors.send_message import SendMessageProcessor
from rocketmq_ops.common.message import (
    PROPERTY_DELAY_TIME_LEVEL,
    PROPERTY_SHARDING_KEY,
    PROPERTY_TIMER_DELAY_MS,
    PROPERTY_TIMER_DELAY_SEC,
    PROPERTY_TIMER_DELIVER_MS,
    PROPERTY_TRANSACTION_PREPARED,
    PROPERTY_UNIQ_KEY,
    MessageExt,
    string_to_properties,
)
from rocketmq_ops.common.record_layout import SIZE
from rocketmq_ops.common.topics import dlq_topic, namespace_of
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    ConsumerSendMsgBackRequestHeader,
    PullMessageRequestHeader,
    SendMessageResponseHeader,
)
from rocketmq_ops.remoting.observed_channel import ObservedChannel
from rocketmq_ops.store.filter import MessageFilter
from rocketmq_ops.store.get_result import GetMessageResult
from rocketmq_ops.store.inner_message import InnerMessage, PutMessageResult

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.hooks.registered import RegisteredHooks
    from rocketmq_ops.broker.send.send_checks import SendHeader
    from rocketmq_ops.remoting.channel import Channel

#: The fields of a request that say whose account it is (BrokerStatsManager).
_OWNER, _OWNER_PARENT, _OWNER_SELF, _AUTH_TYPE = "Owner", "OWNER_PARENT", "OWNER_SELF", "AUTH_TYPE"
_DELAYS = frozenset(
    (PROPERTY_DELAY_TIME_LEVEL, PROPERTY_TIMER_DELIVER_MS, PROPERTY_TIMER_DELAY_SEC, PROPERTY_TIMER_DELAY_MS)
)
#: What is given is counted in units of so many bytes; only what is sent goes by commercialSizePerMsg.
_UNIT_BYTES = 4096
#: Of a pull, the outcomes that are not refusals.
_EMPTY = frozenset((ResponseCode.PULL_NOT_FOUND, ResponseCode.PULL_RETRY_IMMEDIATELY, ResponseCode.PULL_OFFSET_MOVED))


class _SendWatch:
    """What the hooks get of sends."""

    def __init__(self, controller: BrokerController, hooks: RegisteredHooks) -> None:
        self._controller = controller
        self._hooks = hooks
        #: Bytes and messages that the send at hand has stored.
        self.stored: tuple[int, int] | None = None

    def handle(
        self, channel: Channel, request: RemotingCommand, header: SendHeader, send: Callable[[], Answer]
    ) -> Answer:
        hooks = self._hooks
        context = self._context(channel, request, header)
        try:
            for hook in hooks.send:
                hooks.call(hook, lambda hook=hook: hook.send_message_before(context))  # type: ignore[misc]
        except AbortProcessError as error:
            return request.reply(error.code, error.message)
        self.stored = None
        answer = send()
        self._count(context, request)
        if answer is HELD and not request.is_oneway:
            cast("ObservedChannel", channel).when_answered(request, lambda later: self._answered(context, later))
        else:
            self._answered(context, answer if isinstance(answer, RemotingCommand) else None)
        return answer

    def _context(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> SendMessageContext:
        properties = string_to_properties(header.properties or "")
        fields, config = request.ext_fields, self._controller.config
        return SendMessageContext(
            namespace=namespace_of(header.topic),
            producer_group=header.producer_group,
            topic=header.topic,
            queue_id=header.queue_id,
            broker_addr=self._controller.address,
            born_host=channel.remote,
            body_length=len(request.body_bytes),
            msg_props=header.properties or "",
            broker_region_id=config.regionId,
            msg_unique_key=properties.get(PROPERTY_UNIQ_KEY, ""),
            born_time_stamp=header.born_timestamp,
            request_time_stamp=self._controller.clock(),
            msg_type=_type_of(properties),
            account_auth_type=fields.get(_AUTH_TYPE),
            account_owner_parent=fields.get(_OWNER_PARENT),
            account_owner_self=fields.get(_OWNER_SELF),
            commercial_owner=fields.get(_OWNER),
        )

    def _count(self, context: SendMessageContext, request: RemotingCommand) -> None:
        config = self._controller.config
        size, number = self.stored or (context.body_length, 1)
        units = ceil(size / config.commercialSizePerMsg) if config.commercialSizePerMsg > 0 else 0
        context.send_msg_size, context.send_msg_num = size, number
        context.commercial_send_size, context.commercial_send_msg_num = size, units
        context.commercial_send_times = units * config.commercialBaseCount if self.stored else units

    def _answered(self, context: SendMessageContext, answer: RemotingCommand | None) -> None:
        done = answer is None or isinstance(answer.header, SendMessageResponseHeader)
        context.send_stat = context.commercial_send_stats = "SEND_SUCCESS" if done else "SEND_FAILURE"
        if answer is not None:
            context.code, context.error_msg = int(answer.code), answer.remark
            if isinstance(answer.header, SendMessageResponseHeader):
                where = answer.header
                context.msg_id, context.queue_id, context.queue_offset = (
                    where.msg_id,
                    where.queue_id,
                    where.queue_offset,
                )
        hooks = self._hooks
        for hook in hooks.send:
            hooks.call_after(hook, lambda hook=hook: hook.send_message_after(context))  # type: ignore[misc]


class WatchedSends(SendMessageProcessor):
    """Sends, shown to the hooks for sends."""

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._watch = _SendWatch(controller, controller.hooks_in_use)

    def send(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        """As the general way, between the hooks."""
        return self._watch.handle(channel, request, header, lambda: self._send_general(channel, request, header))

    def _finish(
        self, channel: Channel, request: RemotingCommand, message: InnerMessage, result: PutMessageResult, queue_id: int
    ) -> Answer:
        if result.wrote_bytes:
            self._watch.stored = (result.wrote_bytes, result.message_count)
        return super()._finish(channel, request, message, result, queue_id)


class WatchedReplies(ReplyMessageProcessor):
    """Replies, shown to the hooks for sends; their size is that of the body."""

    def __init__(self, controller: BrokerController) -> None:
        super().__init__(controller)
        self._watch = _SendWatch(controller, controller.hooks_in_use)

    def reply(self, channel: Channel, request: RemotingCommand, header: SendHeader) -> Answer:
        """One reply, between the hooks."""
        return self._watch.handle(
            channel, request, header, lambda: super(WatchedReplies, self).reply(channel, request, header)
        )


class WatchedPulls(PullMessageProcessor):
    """Pulls, shown to the hooks for consumption when they are answered."""

    #: Of the pull at hand, the messages that its filter refused.
    _filtered = 0

    def _process(
        self, channel: Channel, request: RemotingCommand, header: PullMessageRequestHeader, may_suspend: bool
    ) -> Answer:
        answer = super()._process(channel, request, header, may_suspend)
        if isinstance(answer, RemotingCommand) and (answer.code == ResponseCode.SUCCESS or answer.code in _EMPTY):
            self._tell(request, header, answer)
        return answer

    def _read(self, header: PullMessageRequestHeader, message_filter: MessageFilter | None) -> GetMessageResult:
        result = super()._read(header, message_filter)
        self._filtered = result.filtered_count
        return result

    def _tell(self, request: RemotingCommand, header: PullMessageRequestHeader, answer: RemotingCommand) -> None:
        context = _consumption(request, header.consumer_group, header.topic, header.queue_id, "RCV_EPOLLS")
        context.filter_message_count = self._filtered
        if answer.code == ResponseCode.SUCCESS:
            number, size, units = _records(answer.body)
            context.rcv_stat = context.commercial_rcv_stats = "RCV_SUCCESS"
            context.success = True
            context.rcv_msg_num, context.commercial_rcv_msg_num = number, units
            context.rcv_msg_size = context.commercial_rcv_size = size
            context.commercial_rcv_times = units * self._controller.config.commercialBaseCount
        hooks = self._controller.hooks_in_use
        for hook in hooks.consume:
            hooks.call_after(hook, lambda hook=hook: hook.consume_message_before(context))  # type: ignore[misc]


class WatchedSendBacks(ConsumerSendBackProcessor):
    """Messages that are sent back, shown to the hooks for consumption."""

    def send_back(self, channel: Channel, request: RemotingCommand, header: ConsumerSendMsgBackRequestHeader) -> Answer:
        """As without hooks; clients that do not say which message it was are passed over, as Apache's broker does."""
        self._stored_in = ""
        answer = super().send_back(channel, request, header)
        if isinstance(answer, RemotingCommand) and (header.origin_msg_id or "").strip():
            dead = self._stored_in == dlq_topic(header.group)
            stat = "SEND_BACK_TO_DLQ" if dead else "SEND_BACK"
            context = _consumption(request, header.group, header.origin_topic or "", None, stat)
            context.namespace = namespace_of(header.group)
            context.commercial_rcv_stats = "SEND_BACK"
            context.success = answer.code == ResponseCode.SUCCESS
            context.rcv_msg_num = 1
            context.commercial_rcv_msg_num = int(context.success)
            hooks = self._controller.hooks_in_use
            for hook in hooks.consume:
                hooks.call_after(hook, lambda hook=hook: hook.consume_message_after(context))  # type: ignore[misc]
        return answer

    def _store(self, message: MessageExt, topic: str, queue_id: int, level: int) -> PutMessageResult:
        self._stored_in = topic
        return super()._store(message, topic, queue_id, level)


class RpcWatch:
    """Shows every request and its answer to the hooks for requests; see `ObservedChannel`."""

    def __init__(self, hooks: RegisteredHooks) -> None:
        self._hooks = hooks

    def before(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
        """The answer of a hook that refuses the request, or None."""
        hooks = self._hooks
        try:
            for hook in hooks.rpc:
                hooks.call(hook, lambda hook=hook: hook.do_before_request(channel.remote, request))  # type: ignore[misc]
        except AbortProcessError as error:
            return request.reply(error.code, error.message)
        return None

    def after(self, channel: Channel, request: RemotingCommand, answer: RemotingCommand | None) -> None:
        """The answer leaves."""
        hooks = self._hooks
        for hook in hooks.rpc:
            hooks.call_after(hook, lambda hook=hook: hook.do_after_response(channel.remote, request, answer))  # type: ignore[misc]


def _type_of(properties: dict[str, str]) -> str:
    """Apache's name of a message's type (AbstractSendMessageProcessor.buildMsgContext)."""
    if PROPERTY_SHARDING_KEY in properties:
        return "Order_Msg"
    if _DELAYS & properties.keys():
        return "Delay_Msg"
    if properties.get(PROPERTY_TRANSACTION_PREPARED, "").lower() == "true":
        return "Trans_Msg_Half"
    return "Normal_Msg"


def _consumption(
    request: RemotingCommand, group: str, topic: str, queue_id: int | None, stat: str
) -> ConsumeMessageContext:
    fields = request.ext_fields
    return ConsumeMessageContext(
        namespace=namespace_of(topic),
        consumer_group=group,
        topic=topic,
        queue_id=queue_id,
        account_auth_type=fields.get(_AUTH_TYPE),
        account_owner_parent=fields.get(_OWNER_PARENT),
        account_owner_self=fields.get(_OWNER_SELF),
        commercial_owner=fields.get(_OWNER),
        rcv_stat=stat,
        commercial_rcv_stats=stat,
        commercial_rcv_times=1,
    )


def _records(views: list[memoryview]) -> tuple[int, int, int]:
    """How many records there are in the body of an answer, each behind its length, their bytes, and how many units of
    _UNIT_BYTES they count for, each at least one (GetMessageResult.addMessage)."""
    number = size = units = 0
    for view in views:
        at = 0
        while at < len(view):
            length = SIZE.unpack_from(view, at)[0]
            if length <= 0:
                length = len(view)  # a damaged length ends the counting, and not the broker
            at += length
            number += 1
            units += ceil(length / _UNIT_BYTES)
        size += len(view)
    return number, size, units
