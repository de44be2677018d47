"""Administration of topics: create, change, list, show, delete, clean up what no topic needs any more.

The rules of the table are in `broker/topic/topic_config_manager.py`. Mirrors the topic part of AdminBrokerProcessor.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.processors.slices import in_slices, too_many_entries, too_many_queues
from rocketmq_ops.broker.slave.masters_only import masters_only
from rocketmq_ops.broker.state.changes import deletion_saved
from rocketmq_ops.broker.topic.topic_attributes import MESSAGE_TYPE, parse_attributes
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.permission import is_valid_perm
from rocketmq_ops.common.topics import retry_topic
from rocketmq_ops.remoting.bodies import CreateTopicListRequestBody, TopicConfig, TopicList
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    CreateTopicRequestHeader,
    DeleteTopicRequestHeader,
    GetTopicConfigRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


class TopicAdminProcessor:
    """Handlers of the topic codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._topics = controller.topics

    def update_and_create_topic(
        self, channel: Channel, request: RemotingCommand, header: CreateTopicRequestHeader
    ) -> Answer:
        """17: create a topic or change it; answered when the name servers know."""
        try:
            config = TopicConfig(
                topic_name=header.topic,
                read_queue_nums=header.read_queue_nums,
                write_queue_nums=header.write_queue_nums,
                perm=header.perm,
                topic_filter_type=header.topic_filter_type,
                topic_sys_flag=header.topic_sys_flag or 0,
                order=bool(header.order),
                attributes=parse_attributes(header.attributes),
            )
        except RocketMQError as error:
            return request.reply(ResponseCode.SYSTEM_ERROR, str(error))
        return self._update(channel, request, [config])

    def update_and_create_topic_list(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """18: the same for several topics at once; none is changed when one of them is refused."""
        return self._update(channel, request, CreateTopicListRequestBody.decode(request.body_bytes).topic_config_list)

    def _update(self, channel: Channel, request: RemotingCommand, configs: list[TopicConfig]) -> Answer:
        refusal = too_many_entries(len(configs), "topics") or next(filter(None, map(self._problem, configs)), None)
        if refusal is not None:
            return request.reply(ResponseCode.INVALID_PARAMETER, refusal)
        # A topic that is already as wanted is not touched: no new data version, no registration.
        wanted = [config for config in configs if config != self._topics.get(config.topic_name)]
        if not wanted:
            return request.reply()

        async def updated() -> RemotingCommand:
            changed = await self._topics.update(wanted)
            for config in changed:
                log.info(
                    "topic %s set by %s: %d read, %d write queues, perm %d",
                    config.topic_name,
                    channel.remote,
                    config.read_queue_nums,
                    config.write_queue_nums,
                    config.perm,
                )
            await self._controller.outer.register_topics(changed)
            return request.reply()

        return answer_later(channel, request, updated())

    def _problem(self, config: TopicConfig) -> str | None:
        """Why the topic may not be created or changed as asked, or None."""
        try:
            self._topics.check_name(config.topic_name)
        except RocketMQError as error:
            return str(error)
        if min(config.read_queue_nums, config.write_queue_nums) < 0:
            return "the number of queues must not be negative"
        refusal = too_many_queues(config.read_queue_nums, "readQueueNums")
        refusal = refusal or too_many_queues(config.write_queue_nums, "writeQueueNums")
        if refusal is not None:
            return refusal
        if not is_valid_perm(config.perm):
            return f"perm {config.perm} is not a permission: 2 is write, 4 read, 6 both"
        mixed = config.attributes.get("+" + MESSAGE_TYPE) == "MIXED"
        if mixed and not self._controller.config.enableMixedMessageType:
            return "MIXED message type is not supported."
        return None

    def delete_topic(self, channel: Channel, request: RemotingCommand, header: DeleteTopicRequestHeader) -> Answer:
        """215: remove a topic with its queues and offsets, and with the pop retry topics of its groups."""
        topic = header.topic
        if not topic.strip():
            return request.reply(ResponseCode.INVALID_PARAMETER, "The specified topic is blank.")
        config = self._controller.config
        if config.validateSystemTopicWhenUpdateTopic and self._topics.is_system(topic):
            return request.reply(ResponseCode.INVALID_PARAMETER, f"The topic[{topic}] is conflict with system topic.")
        doomed = [topic]
        if config.clearRetryTopicWhenDeleteTopic:
            for group in self._controller.offsets.groups_of_topic(topic):
                doomed += [name for name in pop_retry_topics(topic, group) if self._topics.get(name) is not None]
        self._controller.offsets.remove_topics(doomed)
        for name in doomed:
            self._topics.delete(name)
            self._controller.timers.metrics.forget(name)
            self._controller.transactions.metrics.forget(name)
            if config.autoDeleteUnusedStats:
                self._controller.stats.on_topic_deleted(name)
        log.warning("topic %s deleted by %s", ", ".join(doomed), channel.remote)

        async def deleted() -> RemotingCommand:
            # The file is written after the queues are deleted: on a full disk that makes room for it.
            await self._delete_queues(doomed)
            return await deletion_saved(self._controller.files, self._topics, request)

        return answer_later(channel, request, deleted())

    async def _delete_queues(self, topics: Iterable[str]) -> None:
        await in_slices(self._controller.store.deleting(topics), lambda _: None)

    def get_all_topic_config(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """21: the whole table."""
        return request.reply(body=self._topics.encode_all())

    def get_topic_config(
        self, _channel: Channel, request: RemotingCommand, header: GetTopicConfigRequestHeader
    ) -> Answer:
        """351: one topic."""
        config = self._topics.get(header.topic)
        if config is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"No topic in this broker. topic: {header.topic}")
        return request.reply(body=self._topics.encode_topic(config))

    def get_system_topics(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """305: names of built-in topics and of those this broker created for itself."""
        return request.reply(body=TopicList(topic_list=sorted(self._topics.system_topics)).encode())

    def clean_unused_topic(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """316: remove the queues of topics that are not in the table.

        With the offsets of their groups, which would lie behind the end of a topic that is created again (Apache keeps
        them, and such a group does not see the first messages).
        """
        unused = self._controller.store.queues.unused_topics(self._topics.table)
        log.warning("queues of unknown topics removed by %s: %s", channel.remote, ", ".join(unused) or "none")
        self._controller.offsets.remove_topics(unused)

        async def cleaned() -> RemotingCommand:
            await self._delete_queues(unused)
            return request.reply()

        return answer_later(channel, request, cleaned())


def pop_retry_topics(topic: str, group: str) -> tuple[str, str]:
    """Retry topics of pop consumption, in the form of 5.2 and later and in the older one (KeyBuilder)."""
    return f"{retry_topic(group)}+{topic}", f"{retry_topic(group)}_{topic}"


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = TopicAdminProcessor(controller)
    serve = controller.server.serve
    register = controller.server.register
    serve(CreateTopicRequestHeader, masters_only(controller, admin.update_and_create_topic))
    update_list = masters_only(controller, admin.update_and_create_topic_list)
    register(RequestCode.UPDATE_AND_CREATE_TOPIC_LIST, None, update_list)
    serve(DeleteTopicRequestHeader, masters_only(controller, admin.delete_topic))
    register(RequestCode.GET_ALL_TOPIC_CONFIG, None, admin.get_all_topic_config)
    serve(GetTopicConfigRequestHeader, admin.get_topic_config)
    register(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_BROKER, None, admin.get_system_topics)
    register(RequestCode.CLEAN_UNUSED_TOPIC, None, admin.clean_unused_topic)
