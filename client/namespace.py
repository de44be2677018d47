"""The namespace of a client: names as applications know them, and as they are on the wire.

Mirrors the withNamespace methods of ClientConfig, and NamespaceRpcHook.
"""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.client.hooks.api import RPCHook
from rocketmq_ops.common.message import MessageExt, MessageQueue
from rocketmq_ops.common.topics import with_namespace, without_namespace
from rocketmq_ops.remoting.command import RemotingCommand

#: MixAll.RPC_REQUEST_HEADER_NAMESPACED_FIELD, and RPC_REQUEST_HEADER_NAMESPACE_FIELD.
NAMESPACED_FIELD, NAMESPACE_FIELD = "nsd", "ns"


class Namespace:
    """`wrap` makes names of the wire, `unwrap` those of the application; without a namespace both leave them alone."""

    __slots__ = ("name",)

    def __init__(self, name: str = "") -> None:
        self.name = name

    def __bool__(self) -> bool:
        """Whether there is a namespace."""
        return bool(self.name)

    def wrap(self, name: str) -> str:
        """A topic or group as it is on the wire."""
        return with_namespace(name, self.name) if self.name else name

    def unwrap(self, name: str) -> str:
        """A topic or group as the application knows it."""
        return without_namespace(name, self.name) if self.name else name

    def wrap_queue(self, queue: MessageQueue) -> MessageQueue:
        """A queue of a topic of the application."""
        return MessageQueue(self.wrap(queue.topic), queue.broker_name, queue.queue_id) if self.name else queue

    def unwrap_queue(self, queue: MessageQueue) -> MessageQueue:
        """A queue as the application knows it."""
        return MessageQueue(self.unwrap(queue.topic), queue.broker_name, queue.queue_id) if self.name else queue

    def unwrap_topics(self, messages: Iterable[MessageExt]) -> None:
        """Give messages the topics that the application knows (resetRetryAndNamespace)."""
        if self.name:
            for message in messages:
                message.topic = without_namespace(message.topic, self.name)


class NamespaceHook(RPCHook):
    """Says in each request which namespace it is of."""

    def __init__(self, namespace: str) -> None:
        self._fields = {NAMESPACED_FIELD: "true", NAMESPACE_FIELD: namespace}

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        """Set both fields."""
        request.ext_fields = {**request.ext_fields, **self._fields}
