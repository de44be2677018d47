"""Pulls: PULL_MESSAGE (11) and LITE_PULL_MESSAGE (361), answered at once or held until a message arrives.

Reading is the store's, waiting is `longpolling/pull_request_hold.py`'s. Message bodies leave as views of the
mapped files. Mirrors org.apache.rocketmq.broker.processor.PullMessageProcessor and DefaultPullMessageResultHandler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.longpolling.pull_request_hold import HeldPull
from rocketmq_ops.broker.send.put_answers import FAQ_HINT
from rocketmq_ops.broker.slave.masters_only import REJECTED
from rocketmq_ops.broker.subscription.consumer_filter_manager import expression_of
from rocketmq_ops.broker.subscription.subscription_filter import (
    ExpressionFilter,
    RetryExpressionFilter,
    build_subscription,
    filter_of_expression,
    filter_of_subscription,
    is_tag_type,
    no_property_filter,
    tag_filter_of_expression,
)
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.common.bounded import Bounded
from rocketmq_ops.common.permission import PERM_READ
from rocketmq_ops.common.sysflag import PULL_COMMIT_OFFSET, PULL_SUBSCRIPTION, PULL_SUSPEND
from rocketmq_ops.common.topics import is_predefined_group, is_retry_topic, is_system_group
from rocketmq_ops.remoting.bodies import SubscriptionData, SubscriptionGroupConfig, TopicConfig
from rocketmq_ops.remoting.bodies.enums import BROADCASTING, CONSUME_ACTIVELY
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand
from rocketmq_ops.remoting.headers import PullMessageRequestHeader, PullMessageResponseHeader
from rocketmq_ops.store.filter import MessageFilter, TagFilter
from rocketmq_ops.store.get_result import GetMessageResult, GetStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.broker.slave.pulls_of_slave import PullsOfSlave

# ForbiddenType: which permission a consumer lacks.
BROKER_FORBIDDEN, GROUP_FORBIDDEN, TOPIC_FORBIDDEN, BROADCASTING_DISABLE_FORBIDDEN, SUBSCRIPTION_FORBIDDEN = range(1, 6)
#: Index of the read bit in a group's forbidden bits of a topic (PermName.INDEX_PERM_READ).
INDEX_PERM_READ = 2
#: Filters kept at most; when there are more all are dropped, and with them those of deleted groups.
MAX_FILTERS = 10_000

_SUCCESS = int(ResponseCode.SUCCESS)
_PULL_NOT_FOUND = int(ResponseCode.PULL_NOT_FOUND)
_OFFSET_MOVED = int(ResponseCode.PULL_OFFSET_MOVED)
_RETRY = int(ResponseCode.PULL_RETRY_IMMEDIATELY)

#: Response code of every outcome; an empty queue depends on the offset asked for.
_CODE_OF_STATUS = {
    GetStatus.FOUND: _SUCCESS,
    GetStatus.MESSAGE_WAS_REMOVING: _RETRY,
    GetStatus.NO_MATCHED_MESSAGE: _RETRY,
    GetStatus.OFFSET_FOUND_NULL: _PULL_NOT_FOUND,
    GetStatus.OFFSET_OVERFLOW_ONE: _PULL_NOT_FOUND,
    GetStatus.OFFSET_OVERFLOW_BADLY: _OFFSET_MOVED,
    GetStatus.OFFSET_RESET: _OFFSET_MOVED,
    GetStatus.OFFSET_TOO_SMALL: _OFFSET_MOVED,
}
_NAME_OF_STATUS = {status: status.name for status in GetStatus}


class Refusal(Exception):  # noqa: N818 - an answer, no error of ours
    """The pull is answered with a code and remark instead of messages."""

    def __init__(self, code: int, remark: str, forbidden_type: int | None = None) -> None:
        super().__init__(remark)
        self.code = code
        self.remark = remark
        self.forbidden_type = forbidden_type


class PullMessageProcessor:
    """Handles pulls. `_filters` keeps the filter of each group's subscription while that is the same object."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._redirect: PullsOfSlave | None = None
        if controller.slave is not None:
            from rocketmq_ops.broker.slave.pulls_of_slave import PullsOfSlave

            self._redirect = PullsOfSlave(controller, controller.slave)
        self._filters: dict[tuple[str, str], tuple[SubscriptionData, TagFilter | None]] = Bounded(MAX_FILTERS)

    def pull(self, channel: Channel, request: RemotingCommand, header: PullMessageRequestHeader) -> Answer:
        """One pull request; HELD when it waits."""
        if self._redirect is not None and not self._controller.config.slaveReadEnable:
            return request.reply(*REJECTED)
        return self._process(channel, request, header, True)

    def execute(self, pull: HeldPull) -> None:
        """Answer a held pull now (executeRequestWhenWakeup)."""
        answer = self._process(pull.channel, pull.request, pull.header, False)
        if isinstance(answer, RemotingCommand):
            pull.channel.send(answer)

    def _process(
        self, channel: Channel, request: RemotingCommand, header: PullMessageRequestHeader, may_suspend: bool
    ) -> Answer:
        controller = self._controller
        try:
            group_config, topic_config = self._check(channel, request, header)
            message_filter = self._filter(channel, header, group_config)
        except Refusal as refusal:
            fields = None if refusal.forbidden_type is None else {"forbiddenType": str(refusal.forbidden_type)}
            return request.reply(refusal.code, refusal.remark, ext_fields=fields)
        topic, group, queue_id = header.topic, header.consumer_group, header.queue_id
        offsets = controller.offsets
        result = self._read(header, message_filter)
        status = result.status
        code = _CODE_OF_STATUS.get(status)
        if code is None:
            code = _OFFSET_MOVED if header.queue_offset else _PULL_NOT_FOUND
        suggested = self._suggest_broker(result, group_config)
        if self._redirect is not None:
            code, suggested = self._redirect.answer(code, suggested, result, group_config)
        flags = header.sys_flag
        offsets.commit_pull(group, topic, queue_id, result.next_begin_offset)
        if may_suspend and flags & PULL_COMMIT_OFFSET:
            offsets.commit(group, topic, queue_id, header.commit_offset)
        if code == _SUCCESS:
            counters = controller.stats.group_counters(group, topic)
            counters.get_nums += result.count
            counters.get_times += 1
            counters.get_size += result.total_size
        elif code == _PULL_NOT_FOUND and may_suspend and flags & PULL_SUSPEND:
            too_many = self._hold(channel, request, header, message_filter)
            # Apache's consumers pull again a second after this code, 20 ms after FLOW_CONTROL, and at once after
            # PULL_NOT_FOUND.
            return HELD if too_many is None else request.reply(ResponseCode.SYSTEM_BUSY, too_many)
        answer = PullMessageResponseHeader(
            suggest_which_broker_id=suggested,
            next_begin_offset=result.next_begin_offset,
            min_offset=result.min_offset,
            max_offset=result.max_offset,
            topic_sys_flag=topic_config.topic_sys_flag,
            group_sys_flag=group_config.group_sys_flag,
        )
        return request.reply(code, _NAME_OF_STATUS[status], answer, None, list(result.views))

    def _read(self, header: PullMessageRequestHeader, message_filter: MessageFilter | None) -> GetMessageResult:
        controller, topic, group, queue_id = self._controller, header.topic, header.consumer_group, header.queue_id
        reset = controller.offsets.take_reset(topic, group, queue_id)
        if reset is not None and controller.config.useServerSideResetOffset:
            return self._reset(topic, queue_id, reset)
        return controller.store.get_message(
            group, topic, queue_id, header.queue_offset, header.max_msg_nums, message_filter
        )

    def _hold(
        self,
        channel: Channel,
        request: RemotingCommand,
        header: PullMessageRequestHeader,
        message_filter: MessageFilter | None,
    ) -> str | None:
        """Let a pull wait; why it may not, or None."""
        controller = self._controller
        suspend_ms = header.suspend_timeout_millis
        if not controller.config.longPollingEnable:
            suspend_ms = controller.config.shortPollingTimeMills
        pull = HeldPull(
            channel, request, header, header.queue_offset, message_filter, controller.held_pulls.clock(), suspend_ms
        )
        return controller.held_pulls.hold(header.topic, header.queue_id, pull)

    def _reset(self, topic: str, queue_id: int, offset: int) -> GetMessageResult:
        """The outcome that sends a consumer to an offset that an operator has set."""
        store = self._controller.store
        return GetMessageResult(
            status=GetStatus.OFFSET_RESET,
            next_begin_offset=offset,
            min_offset=store.min_offset(topic, queue_id),
            max_offset=store.max_offset(topic, queue_id),
        )

    def _suggest_broker(self, result: GetMessageResult, group_config: SubscriptionGroupConfig) -> int:
        if not self._controller.config.slaveReadEnable:
            return MASTER_ID
        if result.suggest_pulling_from_slave:
            return group_config.which_broker_when_consume_slowly
        return group_config.broker_id

    # -- checks -------------------------------------------------------------------------------------------------

    def _check(
        self, channel: Channel, request: RemotingCommand, header: PullMessageRequestHeader
    ) -> tuple[SubscriptionGroupConfig, TopicConfig]:
        """The group and the topic, or Refusal when there is none or it may not be read."""
        controller = self._controller
        config, group, topic = controller.config, header.consumer_group, header.topic
        if not config.brokerPermission & PERM_READ:
            remark = f"the broker[{config.brokerIP1}] pulling message is forbidden"
            raise Refusal(ResponseCode.NO_PERMISSION, remark, BROKER_FORBIDDEN)
        if request.code == RequestCode.LITE_PULL_MESSAGE and not config.litePullMessageEnable:
            remark = f"the broker[{config.brokerIP1}] for lite pull consumer is forbidden"
            raise Refusal(ResponseCode.NO_PERMISSION, remark, BROKER_FORBIDDEN)
        group_config = controller.groups.find(group)
        if group_config is None:
            remark = f"subscription group [{group}] does not exist, {FAQ_HINT}"
            raise Refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, remark)
        if not group_config.consume_enable:
            raise Refusal(ResponseCode.NO_PERMISSION, f"subscription group no permission, {group}", GROUP_FORBIDDEN)
        topic_config = controller.topics.table.get(topic)
        if topic_config is None:
            remark = f"topic[{topic}] not exist, apply first please! {FAQ_HINT}"
            raise Refusal(ResponseCode.TOPIC_NOT_EXIST, remark)
        if not topic_config.perm & PERM_READ:
            raise Refusal(
                ResponseCode.NO_PERMISSION, f"the topic[{topic}] pulling message is forbidden", TOPIC_FORBIDDEN
            )
        if not 0 <= header.queue_id < topic_config.read_queue_nums:
            remark = (
                f"queueId[{header.queue_id}] is illegal, topic:[{topic}] "
                f"topicConfig.readQueueNums:[{topic_config.read_queue_nums}] consumer:[/{channel.remote}]"
            )
            raise Refusal(ResponseCode.INVALID_PARAMETER, remark)
        return group_config, topic_config

    def _filter(
        self, channel: Channel, header: PullMessageRequestHeader, group_config: SubscriptionGroupConfig
    ) -> MessageFilter | None:
        """The filter of the subscription in the request, else of that in the group's heartbeats."""
        controller, group, topic = self._controller, header.consumer_group, header.topic
        message_filter: MessageFilter | None
        if header.sys_flag & PULL_SUBSCRIPTION:
            message_filter = self._own_filter(header)
        else:
            subscription = self._subscription(header, group_config)
            if is_tag_type(subscription.expression_type):
                key = (group, topic)
                cached = self._filters.get(key)
                if cached is None or cached[0] is not subscription:
                    cached = self._filters[key] = (subscription, filter_of_subscription(subscription))
                message_filter = cached[1]
            else:
                message_filter = self._expression_filter(subscription, header)
        # The groups of tools, and of brokers themselves, pull all the same (MixAll.isSysConsumerGroupPullMessage).
        if controller.config.rejectPullConsumerEnable and not (is_predefined_group(group) or is_system_group(group)):
            info = controller.consumers.get(group)
            active = info is None or info.consume_type == CONSUME_ACTIVELY
            if active and (info is None or channel not in info.channels):
                remark = f"the consumer's group info not exist, or the pull consumer is rejected by server.{FAQ_HINT}"
                raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, remark)
        return message_filter

    def _own_filter(self, header: PullMessageRequestHeader) -> MessageFilter | None:
        """The filter of the expression that a pull carries; its subscription is noted for administration."""
        message_filter: MessageFilter | None
        failed = "parse the consumer's subscription failed"
        if is_tag_type(header.expression_type):
            try:
                message_filter = tag_filter_of_expression(header.subscription or "")
            except ValueError:
                raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, failed) from None
        else:
            self._require_property_filter(header.expression_type)
            try:
                expression = expression_of(header.subscription, header.expression_type)
            except ValueError as error:
                # Apache's broker answers so an empty expression alone; with any other that is wrong it filters nothing.
                raise Refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, f"{failed}: {error}") from None
            message_filter = self._for_topic(header, filter_of_expression(expression))
        controller, topic = self._controller, header.topic
        controller.consumers.compensate(
            header.consumer_group, topic, header.subscription or "*",
            lambda: build_subscription(topic, header.subscription, controller.clock(), header.expression_type),
        )  # fmt: skip
        return message_filter

    def _subscription(
        self, header: PullMessageRequestHeader, group_config: SubscriptionGroupConfig
    ) -> SubscriptionData:
        """The subscription of the group's heartbeats, or Refusal when it is missing or older than the client's."""
        controller, group, topic = self._controller, header.consumer_group, header.topic
        info = controller.consumers.table.get(group)
        if info is None:
            raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's group info not exist{FAQ_HINT}")
        if not group_config.consume_broadcast_enable and info.message_model == BROADCASTING:
            remark = f"the consumer group[{group}] can not consume by broadcast way"
            raise Refusal(ResponseCode.NO_PERMISSION, remark, BROADCASTING_DISABLE_FORBIDDEN)
        if controller.groups.forbidden_table and controller.groups.forbidden(group, topic, INDEX_PERM_READ):
            remark = f"the consumer group[{group}] is forbidden for topic[{topic}]"
            raise Refusal(ResponseCode.NO_PERMISSION, remark, SUBSCRIPTION_FORBIDDEN)
        subscription = info.subscriptions.get(topic)
        if subscription is None:
            raise Refusal(ResponseCode.SUBSCRIPTION_NOT_EXIST, f"the consumer's subscription not exist{FAQ_HINT}")
        if subscription.sub_version < header.sub_version:
            raise Refusal(ResponseCode.SUBSCRIPTION_NOT_LATEST, "the consumer's subscription not latest")
        return subscription

    def _expression_filter(
        self, subscription: SubscriptionData, header: PullMessageRequestHeader
    ) -> MessageFilter | None:
        """The filter of a subscription that is not by tags, as a heartbeat has announced it."""
        entry = self._controller.filters.get(header.topic, header.consumer_group)
        # One of the file that is no expression lets everything through in Apache's broker.
        if entry is None or (entry.expression_filter is None and not subscription.class_filter_mode):
            remark = "The broker's consumer filter data is not exist!Your expression may be wrong!"
            raise Refusal(ResponseCode.FILTER_DATA_NOT_EXIST, remark)
        if entry.data.client_version < header.sub_version:
            raise Refusal(ResponseCode.FILTER_DATA_NOT_LATEST, "the consumer's consumer filter data not latest")
        self._require_property_filter(subscription.expression_type)
        return None if subscription.class_filter_mode else self._for_topic(header, entry.expression_filter)

    def _for_topic(
        self, header: PullMessageRequestHeader, expression_filter: ExpressionFilter | None
    ) -> MessageFilter | None:
        controller = self._controller
        if controller.config.filterSupportRetry and is_retry_topic(header.topic):
            return RetryExpressionFilter(controller.filters, header.consumer_group)
        return expression_filter

    def _require_property_filter(self, expression_type: str | None) -> None:
        if not self._controller.config.enablePropertyFilter:
            raise Refusal(ResponseCode.SYSTEM_ERROR, no_property_filter(expression_type))


def install(controller: BrokerController) -> None:
    """Register the codes of this module and set what executes held pulls."""
    processor = controller.processor_of(PullMessageProcessor)
    controller.held_pulls.execute = processor.execute
    controller.server.serve(PullMessageRequestHeader, processor.pull)
