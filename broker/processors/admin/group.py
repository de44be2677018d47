"""Administration of consumer groups: create, change, list, show, delete, forbid a topic to a group.

The rules of the table are in `broker/subscription/subscription_group_manager.py`.
Mirrors the group part of AdminBrokerProcessor.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from rocketmq_ops.broker.processors.slices import too_many_entries, too_many_queues
from rocketmq_ops.broker.slave.masters_only import masters_only
from rocketmq_ops.broker.state.changes import after_changes, deletion_saved
from rocketmq_ops.broker.subscription.subscription_group_manager import INDEX_PERM_READ
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.topics import group_problem, retry_topic
from rocketmq_ops.remoting.bodies import GroupForbidden, SubscriptionGroupConfig, SubscriptionGroupList
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    DeleteSubscriptionGroupRequestHeader,
    GetSubscriptionGroupConfigRequestHeader,
    UpdateGroupForbiddenRequestHeader,
)
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

log = logging.getLogger(__name__)


class GroupAdminProcessor:
    """Handlers of the group codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._groups = controller.groups

    def update_and_create(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """200: create or replace one group, given in the body."""
        return self._update(channel, request, [SubscriptionGroupConfig.decode(request.body_bytes)])

    def update_and_create_list(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """225: create or replace several groups; none is changed when one of them is refused."""
        return self._update(channel, request, SubscriptionGroupList.decode(request.body_bytes).group_config_list)

    def _update(self, channel: Channel, request: RemotingCommand, configs: list[SubscriptionGroupConfig]) -> Answer:
        if (many := too_many_entries(len(configs), "groups")) is not None:
            return request.reply(ResponseCode.INVALID_PARAMETER, many)
        for config in configs:
            problem = group_problem(config.group_name) or too_many_queues(config.retry_queue_nums, "retryQueueNums")
            if problem is not None:
                return request.reply(ResponseCode.INVALID_PARAMETER, problem)

        async def updated() -> RemotingCommand:
            await self._groups.update(configs)
            await self._widen_retry_topics(configs)
            for config in configs:
                log.info("subscription group %s set by %s", config.group_name, channel.remote)
            return request.reply()

        return answer_later(channel, request, updated())

    async def _widen_retry_topics(self, configs: list[SubscriptionGroupConfig]) -> None:
        """Give the retry topics that exist the queues that their groups now put retries into."""
        topics, outer = self._controller.topics, self._controller.outer
        wider = []
        for config in configs:
            before = topics.get(retry_topic(config.group_name))
            if before is not None and (now := topics.widen(before, config.retry_queue_nums)) is not before:
                wider.append(now)
        if wider:
            await asyncio.wait([self._controller.files.save(topics), outer.topics_changed(wider)])

    def get_all(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """201: the whole table."""
        return request.reply(body=self._groups.encode())

    def get(
        self, _channel: Channel, request: RemotingCommand, header: GetSubscriptionGroupConfigRequestHeader
    ) -> Answer:
        """352: one group, created where auto-creation allows it, as Apache's broker does here too."""
        config = self._groups.find(header.group)
        if config is None:
            return request.reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "No group in this broker")
        return request.reply(body=self._groups.encode_group(config))

    def delete(
        self, channel: Channel, request: RemotingCommand, header: DeleteSubscriptionGroupRequestHeader
    ) -> Answer:
        """207: remove a group, its offsets too when asked for."""
        group = header.group_name
        self._groups.delete(group)
        if header.clean_offset:
            self._controller.offsets.remove_group(group)
        if self._controller.config.autoDeleteUnusedStats:
            self._controller.stats.on_group_deleted(group)
        log.warning("subscription group %s deleted by %s", group, channel.remote)
        return answer_later(channel, request, deletion_saved(self._controller.files, self._groups, request))

    def update_and_get_forbidden(
        self, channel: Channel, request: RemotingCommand, header: UpdateGroupForbiddenRequestHeader
    ) -> Answer:
        """353: forbid or allow a group to read a topic when `readable` is given, and say how it stands."""
        group, topic = header.group, header.topic
        if header.readable is None:
            return self._forbidden(request, group, topic)
        forbid, before = not header.readable, self._groups.forbidden(group, topic, INDEX_PERM_READ)

        async def changed() -> RemotingCommand:
            self._groups.set_forbidden(group, topic, INDEX_PERM_READ, forbid)
            try:
                await self._controller.files.save(self._groups)
            except RocketMQError:
                self._groups.set_forbidden(group, topic, INDEX_PERM_READ, before)
                raise
            log.info("group %s %s read %s, set by %s", group, "may not" if forbid else "may", topic, channel.remote)
            return self._forbidden(request, group, topic)

        return answer_later(channel, request, changed())

    def _forbidden(self, request: RemotingCommand, group: str, topic: str) -> RemotingCommand:
        readable = not self._groups.forbidden(group, topic, INDEX_PERM_READ)
        return request.reply(remark="", body=GroupForbidden(topic=topic, group=group, readable=readable).encode())


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    admin = GroupAdminProcessor(controller)
    serve = controller.server.serve
    register = controller.server.register
    register(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP, None, masters_only(controller, admin.update_and_create))
    update_list = masters_only(controller, admin.update_and_create_list)
    register(RequestCode.UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST, None, update_list)
    register(RequestCode.GET_ALL_SUBSCRIPTIONGROUP_CONFIG, None, admin.get_all)
    find = after_changes(controller, admin.get)
    serve(GetSubscriptionGroupConfigRequestHeader, find)
    serve(DeleteSubscriptionGroupRequestHeader, masters_only(controller, admin.delete))
    serve(UpdateGroupForbiddenRequestHeader, admin.update_and_get_forbidden)
