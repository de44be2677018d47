"""What tools ask about topics, brokers and clusters: codes 106, 205, 327, 206, 216, 217, 224, 304 and 311-313.

Mirrors the administrative part of DefaultRequestProcessor.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.namesrv import route_queries
from rocketmq_ops.namesrv.route_info_manager import RouteInfoManager
from rocketmq_ops.remoting.bodies import TopicList, TopicRouteData
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.headers import (
    AddWritePermOfBrokerRequestHeader,
    AddWritePermOfBrokerResponseHeader,
    DeleteTopicFromNamesrvRequestHeader,
    GetTopicsByClusterRequestHeader,
    RegisterTopicRequestHeader,
    WipeWritePermOfBrokerRequestHeader,
    WipeWritePermOfBrokerResponseHeader,
)

if TYPE_CHECKING:
    from rocketmq_ops.namesrv.controller import NamesrvController
    from rocketmq_ops.remoting.request_handlers import Handler

log = logging.getLogger(__name__)


def install(controller: NamesrvController) -> None:
    """Register the handlers."""
    TopicAdminProcessor(controller).install()


class TopicAdminProcessor:
    """The handlers."""

    def __init__(self, controller: NamesrvController) -> None:
        self._controller = controller
        self._routes = controller.routes

    def install(self) -> None:
        """Register them on the controller's server."""
        serve = self._controller.server.serve
        register = self._controller.server.register
        register(RequestCode.GET_BROKER_CLUSTER_INFO, None, self.cluster_info)
        serve(WipeWritePermOfBrokerRequestHeader, self.wipe_write_perm)
        serve(AddWritePermOfBrokerRequestHeader, self.add_write_perm)
        register(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER, None, self.all_topics)
        serve(DeleteTopicFromNamesrvRequestHeader, self.delete_topic)
        serve(RegisterTopicRequestHeader, self.register_topic)
        serve(GetTopicsByClusterRequestHeader, self.topics_of_cluster)
        register(RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS, None, self.system_topics)
        for code, query in (
            (RequestCode.GET_UNIT_TOPIC_LIST, route_queries.unit_topics),
            (RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST, route_queries.unit_sub_topics),
            (RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST, route_queries.unit_sub_ununit_topics),
        ):
            register(code, None, self._topic_list(query))

    def cluster_info(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """GET_BROKER_CLUSTER_INFO."""
        return request.reply(body=route_queries.cluster_info(self._routes).encode())

    def wipe_write_perm(
        self, channel: Channel, request: RemotingCommand, header: WipeWritePermOfBrokerRequestHeader
    ) -> Answer:
        """WIPE_WRITE_PERM_OF_BROKER."""
        count = self._routes.wipe_write_perm(header.broker_name)
        log.info("write permission of broker %s wiped by %s: %d topics", header.broker_name, channel.remote, count)
        return request.reply(header=WipeWritePermOfBrokerResponseHeader(wipe_topic_count=count))

    def add_write_perm(
        self, channel: Channel, request: RemotingCommand, header: AddWritePermOfBrokerRequestHeader
    ) -> Answer:
        """ADD_WRITE_PERM_OF_BROKER."""
        count = self._routes.add_write_perm(header.broker_name)
        log.info("write permission of broker %s added by %s: %d topics", header.broker_name, channel.remote, count)
        return request.reply(header=AddWritePermOfBrokerResponseHeader(add_topic_count=count))

    def all_topics(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """GET_ALL_TOPIC_LIST_FROM_NAMESERVER."""
        if not self._controller.config.enableAllTopicList:
            return request.reply(ResponseCode.SYSTEM_ERROR, "disable")
        return request.reply(body=route_queries.all_topics(self._routes).encode())

    def delete_topic(
        self, channel: Channel, request: RemotingCommand, header: DeleteTopicFromNamesrvRequestHeader
    ) -> Answer:
        """DELETE_TOPIC_IN_NAMESRV."""
        self._routes.delete_topic(header.topic, header.cluster_name)
        log.info("route of topic %s deleted by %s", header.topic, channel.remote)
        return request.reply()

    def register_topic(self, channel: Channel, request: RemotingCommand, header: RegisterTopicRequestHeader) -> Answer:
        """REGISTER_TOPIC_IN_NAMESRV."""
        if request.body_bytes:
            route = TopicRouteData.decode(request.body_bytes)
            self._routes.register_topic(header.topic, route.queue_datas or [])
        return request.reply()

    def topics_of_cluster(
        self, channel: Channel, request: RemotingCommand, header: GetTopicsByClusterRequestHeader
    ) -> Answer:
        """GET_TOPICS_BY_CLUSTER."""
        if not self._controller.config.enableTopicList:
            return request.reply(ResponseCode.SYSTEM_ERROR, "disable")
        return request.reply(body=route_queries.topics_of_cluster(self._routes, header.cluster).encode())

    def system_topics(self, channel: Channel, request: RemotingCommand, header: None) -> Answer:
        """GET_SYSTEM_TOPIC_LIST_FROM_NS."""
        return request.reply(body=route_queries.system_topics(self._routes).encode())

    def _topic_list(self, query: Callable[[RouteInfoManager], TopicList]) -> Handler[None]:
        def answer(channel: Channel, request: RemotingCommand, header: None) -> Answer:
            if not self._controller.config.enableTopicList:
                return request.reply(ResponseCode.SYSTEM_ERROR, "disable")
            return request.reply(body=query(self._routes).encode())

        return answer
