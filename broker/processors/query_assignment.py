"""Queues assigned by the broker: which queues of a topic a consumer gets, and in which mode it fetches them.

Consumers of 5.x ask when they do not rebalance themselves. Mirrors QueryAssignmentProcessor, without the pop mode:
a group cannot be set to it, because this broker does not serve POP_MESSAGE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.processors.slices import MAX_QUEUE_NUMS
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.common.permission import PERM_READ
from rocketmq_ops.common.topics import is_retry_topic
from rocketmq_ops.remoting.bodies import (
    MessageQueueAssignment,
    QueryAssignmentRequestBody,
    QueryAssignmentResponseBody,
    SetMessageRequestModeRequestBody,
    TopicRouteData,
)
from rocketmq_ops.remoting.bodies.enums import BROADCASTING
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import Answer, RemotingCommand
from rocketmq_ops.remoting.pending_answers import answer_later

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

PULL, POP = "PULL", "POP"


def allocate_averagely(queues: list[MessageQueue], clients: list[str], client: str) -> list[MessageQueue]:
    """The client's share, as neighbouring queues (AllocateMessageQueueAveragely, "AVG"); both lists sorted."""
    if client not in clients:
        return []
    index, (share, more) = clients.index(client), divmod(len(queues), len(clients))
    start = index * share + min(index, more)
    return queues[start : start + share + (index < more)]


def allocate_by_circle(queues: list[MessageQueue], clients: list[str], client: str) -> list[MessageQueue]:
    """Every n-th queue (AllocateMessageQueueAveragelyByCircle, "AVG_BY_CIRCLE"); both lists sorted."""
    return queues[clients.index(client) :: len(clients)] if client in clients else []


STRATEGIES = {"AVG": allocate_averagely, "AVG_BY_CIRCLE": allocate_by_circle}


def readable_queues(topic: str, route: TopicRouteData) -> list[MessageQueue]:
    """Every queue of a route that may be read, sorted."""
    return sorted(
        MessageQueue(topic=topic, broker_name=data.broker_name, queue_id=queue_id)
        for data in route.queue_datas
        if data.perm & PERM_READ
        for queue_id in range(min(data.read_queue_nums, MAX_QUEUE_NUMS))
    )


class QueryAssignmentProcessor:
    """Handlers of the assignment codes."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.modes = controller.request_modes

    def query_assignment(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """400: the queues of a topic for one consumer; null when they are unknown, so that it keeps its own."""
        body = QueryAssignmentRequestBody.decode(request.body_bytes)

        async def assign() -> RemotingCommand:
            route = await self._controller.outer.topic_route(body.topic)
            queues = None if route is None else self._allocate(body, readable_queues(body.topic, route))
            if queues is None:
                return request.reply(body=b"{}")
            assignments = [MessageQueueAssignment(message_queue=queue, mode=PULL) for queue in queues]
            return request.reply(body=QueryAssignmentResponseBody(message_queue_assignments=assignments).encode())

        return answer_later(channel, request, assign())

    def _allocate(self, body: QueryAssignmentRequestBody, queues: list[MessageQueue]) -> list[MessageQueue] | None:
        if body.message_model == BROADCASTING or not self._controller.config.serverLoadBalancerEnable:
            return queues
        strategy = STRATEGIES.get(body.strategy_name)
        info = self._controller.consumers.get(body.consumer_group)
        if strategy is None or info is None:
            return None
        return strategy(queues, sorted(info.client_ids), body.client_id)

    def set_message_request_mode(self, channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """401: the mode in which a group fetches a topic; PULL alone is served."""
        mode = SetMessageRequestModeRequestBody.decode(request.body_bytes)
        topic, group = mode.topic, mode.consumer_group
        if is_retry_topic(topic):
            return request.reply(ResponseCode.NO_PERMISSION, "retry topic is not allowed to set mode")
        if self._controller.topics.get(topic) is None:
            return request.reply(ResponseCode.TOPIC_NOT_EXIST, f"topic[{topic}] not exist")
        if self._controller.groups.find(group) is None:
            return request.reply(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, "subscription group does not exist")
        if mode.mode != PULL:
            return request.reply(
                ResponseCode.INVALID_PARAMETER, f"mode {mode.mode} is not served by this broker; use PULL"
            )
        self.modes.set(mode)

        async def saved() -> RemotingCommand:
            await self._controller.files.save(self.modes)
            return request.reply()

        return answer_later(channel, request, saved())

    def all_message_request_modes(self, _channel: Channel, request: RemotingCommand, _header: None) -> Answer:
        """402: every mode that was set."""
        return request.reply(body=self.modes.encode())


def install(controller: BrokerController) -> None:
    """Register the handlers of this module."""
    processor = QueryAssignmentProcessor(controller)
    register = controller.server.register
    register(RequestCode.QUERY_ASSIGNMENT, None, processor.query_assignment)
    register(RequestCode.SET_MESSAGE_REQUEST_MODE, None, processor.set_message_request_mode)
    register(RequestCode.GET_ALL_MESSAGE_REQUEST_MODE, None, processor.all_message_request_modes)
