"""Clients: HEART_BEAT (34), UNREGISTER_CLIENT (35), CHECK_CLIENT_CONFIG (46), the queue locks 41 and 42,
and filter servers: REGISTER_FILTER_SERVER (301).

The tables are `client/consumer_manager.py`, `client/producer_manager.py`, `client/rebalance_lock_manager.py` and
`client/filter_server_manager.py`.
Mirrors org.apache.rocketmq.broker.processor.ClientManageProcessor and the locks of AdminBrokerProcessor.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.broker.client.client_channel import ClientChannelInfo
from rocketmq_ops.broker.processors.slices import MOST_AT_ONCE, in_slices, too_many_entries
from rocketmq_ops.broker.state.changes import after_changes
from rocketmq_ops.broker.stats.event_stats import CONSUMER_REGISTER_TIME, PRODUCER_REGISTER_TIME
from rocketmq_ops.broker.subscription.consumer_filter_manager import expression_of
from rocketmq_ops.broker.subscription.subscription_filter import is_tag_type, no_property_filter
from rocketmq_ops.common.addresses import AddressError, parse_address
from rocketmq_ops.common.clock import steady_ms
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.permission import PERM_READ, PERM_WRITE
from rocketmq_ops.common.sysflag import TOPIC_UNIT_SUB
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.remoting.bodies import (
    CheckClientRequestBody,
    ConsumerData,
    HeartbeatData,
    LockBatchRequestBody,
    LockBatchResponseBody,
    ProducerData,
    UnlockBatchRequestBody,
)
from rocketmq_ops.remoting.bodies.enums import CONSUME_ACTIVELY
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.errors import RemotingProtocolError
from rocketmq_ops.remoting.headers import (
    RegisterFilterServerRequestHeader,
    RegisterFilterServerResponseHeader,
    UnregisterClientRequestHeader,
    UnregisterClientResponseHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

IS_SUPPORT_HEART_BEAT_V2 = "IS_SUPPORT_HEART_BEAT_V2"
IS_SUB_CHANGE = "IS_SUB_CHANGE"
#: Consumers of a heartbeat that are dealt with in its turn; the group of each may have to be created, with its retry
#: topic.
MOST_GROUPS_AT_ONCE = 16


class _Overtaken(NamedTuple):
    """Groups of a heartbeat in slices of which its connection has said something else meanwhile, which counts."""

    consumers: set[str]
    producers: set[str]


class ClientManageProcessor:
    """Handles heartbeats and what else concerns one client. `_fingerprints` is the last one by consumer group."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._fingerprints: dict[str, int] = {}
        #: Of the heartbeats that are dealt with in slices now, by connection.
        self._in_slices: dict[Channel, list[_Overtaken]] = {}

    def heartbeat(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """Register the client's producers and consumers; unknown groups and retry topics are created as allowed.

        Answered when what is created is saved and registered. Many groups are dealt with in slices.
        """
        changes = self._controller.changes
        data = HeartbeatData.decode(request.body)
        consuming = [each.group_name for each in data.consumer_data_set]
        producing = [each.group_name for each in data.producer_data_set]
        if not all(consuming + producing):
            raise RemotingProtocolError("a heartbeat with a group without a name", "send groupName with each group")
        if many := too_many_entries(len(producing), "producer groups"):
            return request.reply(ResponseCode.INVALID_PARAMETER, many)
        self._overtake(channel, consuming, producing)
        client = ClientChannelInfo(
            channel, data.client_id, request.language, request.version,
            now_ms=self._controller.clock(), seen_ms=steady_ms(),
        )  # fmt: skip
        if len(data.consumer_data_set) <= MOST_GROUPS_AT_ONCE and len(data.producer_data_set) <= MOST_AT_ONCE:
            return changes.handle(lambda *_: self._register_groups(client, request, data), channel, request, header)
        waits: set[asyncio.Future[None]] = set()
        consumers, data.consumer_data_set = data.consumer_data_set, []
        producers, data.producer_data_set = data.producer_data_set, []
        sub_changed = [False]
        overtaken = _Overtaken(set(), set())
        self._in_slices.setdefault(channel, []).append(overtaken)

        def register(consumer: ConsumerData) -> None:
            if not channel.closed and consumer.group_name not in overtaken.consumers:
                changed, made = changes.collect(lambda: self._register_group(client, consumer, data))
                sub_changed[0] |= changed
                waits.update(made)

        def register_producer(producer: ProducerData) -> None:
            if not channel.closed and producer.group_name not in overtaken.producers:
                self._register_producer(client, producer)

        async def registered() -> RemotingCommand:
            try:
                await in_slices(consumers, register)
                await in_slices(producers, register_producer)
            finally:
                self._in_slices[channel] = [each for each in self._in_slices[channel] if each is not overtaken]
                if not self._in_slices[channel]:
                    del self._in_slices[channel]
            answer = self._register_groups(client, request, data, sub_changed=sub_changed[0])
            if waits:
                await asyncio.wait(waits)
            return answer

        return answer_later(channel, request, registered())

    def _overtake(self, channel: Channel, consumers: Iterable[str], producers: Iterable[str]) -> None:
        """What a connection says now of groups counts, and not what its heartbeats before say that are in slices."""
        for overtaken in self._in_slices.get(channel, ()):
            overtaken.consumers.update(consumers)
            overtaken.producers.update(producers)

    def _register_groups(
        self, client: ClientChannelInfo, request: RemotingCommand, data: HeartbeatData, *, sub_changed: bool = False
    ) -> RemotingCommand:
        for consumer in data.consumer_data_set:
            sub_changed |= self._register_group(client, consumer, data)
        for producer in data.producer_data_set:
            self._register_producer(client, producer)
        sub_changed |= data.heartbeat_fingerprint == 0
        fields = {IS_SUPPORT_HEART_BEAT_V2: "true", IS_SUB_CHANGE: "true" if sub_changed else "false"}
        return request.reply(ext_fields=fields)

    def _register_producer(self, client: ClientChannelInfo, producer: ProducerData) -> None:
        controller = self._controller
        begun = controller.clock()
        controller.producers.register(producer.group_name, client)
        cluster = controller.config.brokerClusterName
        controller.stats.events.add(PRODUCER_REGISTER_TIME, cluster, max(0, controller.clock() - begun))

    def _register_group(self, client: ClientChannelInfo, consumer: ConsumerData, data: HeartbeatData) -> bool:
        """Register one consumer; True when its group's fingerprint changed."""
        if self._controller.config.rejectPullConsumerEnable and consumer.consume_type == CONSUME_ACTIVELY:
            return False
        before = self._fingerprints.get(consumer.group_name)
        self._fingerprints[consumer.group_name] = data.heartbeat_fingerprint
        self._register_consumer(client, consumer, with_subscriptions=not data.without_sub)
        return before is not None and before != data.heartbeat_fingerprint

    def _register_consumer(
        self, client: ClientChannelInfo, consumer: ConsumerData, *, with_subscriptions: bool
    ) -> None:
        controller, group = self._controller, consumer.group_name
        config = controller.groups.find(group)
        if config is None:
            return
        subscriptions = consumer.subscription_data_set
        for subscription in subscriptions:
            # Without a version it is as of now, as a new SubscriptionData of Apache's is: it replaces what was before.
            subscription.sub_version = subscription.sub_version or controller.clock()
        topic = retry_topic(group)
        controller.topics.create_in_send_message_back(
            topic,
            config.retry_queue_nums,
            PERM_WRITE | PERM_READ,
            order=any(controller.topics.is_order_topic(sub.topic) for sub in subscriptions),
            sys_flag=TOPIC_UNIT_SUB if consumer.unit_mode else 0,
        )
        controller.changes.wait_for_route(topic)
        begun = controller.clock()
        controller.consumers.register(
            group,
            client,
            consumer.consume_type,
            consumer.message_model,
            consumer.consume_from_where,
            subscriptions if with_subscriptions else None,
            config.notify_consumer_ids_changed_enable,
        )
        cluster = controller.config.brokerClusterName
        controller.stats.events.add(CONSUMER_REGISTER_TIME, cluster, max(0, controller.clock() - begun))
        if with_subscriptions:
            controller.filters.register(group, subscriptions)

    def unregister(self, channel: Channel, request: RemotingCommand, header: UnregisterClientRequestHeader) -> Answer:
        """Forget the client as a producer, as a consumer, or as both."""
        controller = self._controller
        self._overtake(
            channel,
            () if header.consumer_group is None else (header.consumer_group,),
            () if header.producer_group is None else (header.producer_group,),
        )
        if header.producer_group is not None:
            controller.producers.unregister(header.producer_group, channel)
        if header.consumer_group is not None:
            config = controller.groups.find(header.consumer_group)
            notify = config is None or config.notify_consumer_ids_changed_enable
            controller.consumers.unregister(header.consumer_group, channel, notify)
        return request.reply(header=UnregisterClientResponseHeader())

    def check_config(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """Tell a consumer before it starts whether its filter is supported, and where its expression is wrong."""
        subscription = CheckClientRequestBody.decode(request.body).subscription_data if request.body else None
        if subscription is None or is_tag_type(subscription.expression_type):
            return request.reply()
        if not self._controller.config.enablePropertyFilter:
            return request.reply(ResponseCode.SYSTEM_ERROR, no_property_filter(subscription.expression_type))
        try:
            expression_of(subscription.sub_string, subscription.expression_type)
        except ValueError as error:
            return request.reply(ResponseCode.SUBSCRIPTION_PARSE_FAILED, str(error))
        return request.reply()

    def lock(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """Lock queues for an orderly consumer; the body names those that it now holds."""
        body = LockBatchRequestBody.decode(request.body)
        queues = [(mq.topic, mq.broker_name, mq.queue_id) for mq in body.mq_set]
        locked = self._controller.locks.try_lock_batch(body.consumer_group, queues, body.client_id)
        answer = LockBatchResponseBody(lock_ok_mq_set=[MessageQueue(*queue) for queue in locked])
        return request.reply(body=answer.encode())

    def unlock(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """Give up queue locks."""
        body = UnlockBatchRequestBody.decode(request.body)
        queues = [(mq.topic, mq.broker_name, mq.queue_id) for mq in body.mq_set]
        self._controller.locks.unlock_batch(body.consumer_group, queues, body.client_id)
        return request.reply()

    def register_filter_server(
        self, channel: Channel, request: RemotingCommand, header: RegisterFilterServerRequestHeader
    ) -> Answer:
        """Keep a filter server as long as it announces itself; Apache's 4.9.7 and 5.3.3 answer 3."""
        try:
            parse_address(header.filter_server_addr)
        except AddressError as error:
            raise RemotingProtocolError(str(error), "send filterServerAddr as HOST:PORT") from None
        self._controller.filter_servers.register(channel, header.filter_server_addr)
        config = self._controller.config
        answer = RegisterFilterServerResponseHeader(broker_name=config.brokerName, broker_id=config.brokerId)
        return request.reply(header=answer)


def install(controller: BrokerController) -> None:
    """Register the codes of this module."""
    processor = ClientManageProcessor(controller)
    server = controller.server
    server.register(RequestCode.HEART_BEAT, None, processor.heartbeat)
    server.serve(UnregisterClientRequestHeader, after_changes(controller, processor.unregister))
    server.serve(RegisterFilterServerRequestHeader, processor.register_filter_server)
    server.register(RequestCode.CHECK_CLIENT_CONFIG, None, processor.check_config)
    server.register(RequestCode.LOCK_BATCH_MQ, None, processor.lock)
    server.register(RequestCode.UNLOCK_BATCH_MQ, None, processor.unlock)
