"""The sends of a producer that has hooks: what they are shown before and after each try. Mirrors sendKernelImpl."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from rocketmq_ops.client.api.send import SendResult
from rocketmq_ops.client.hooks.api import (
    DELAY_MSG,
    NORMAL_MSG,
    TRANS_MSG_HALF,
    CheckForbiddenContext,
    SendMessageContext,
)
from rocketmq_ops.client.hooks.registered import ProducerHooks
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.client.namespace import Namespace
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.message import PROPERTY_TRANSACTION_PREPARED, Message, MessageQueue

R = TypeVar("R")


class HookedSend:
    """The tries of one request with `messages`."""

    def __init__(
        self,
        hooks: ProducerHooks,
        instance: ClientInstance,
        group: str,
        namespace: Namespace,
        messages: Sequence[Message],
        mode: str,
    ) -> None:
        self._hooks = hooks
        self._instance = instance
        self._group = group
        self._namespace = namespace
        self._messages = messages
        self._mode = mode

    async def around(self, queue: MessageQueue, address: str, sending: Coroutine[Any, Any, R]) -> R:
        """One try: the answer of `sending`. Raises what it raises, and what a CheckForbiddenHook raises."""
        try:
            context = self._begin(queue, address)
        except BaseException:
            sending.close()
            raise
        try:
            result = await sending
        except RocketMQError as error:
            context.exception = error
            self._hooks.after(context)
            raise
        if isinstance(result, SendResult):
            context.send_result = result
        self._hooks.after(context)
        return result

    def _begin(self, queue: MessageQueue, address: str) -> SendMessageContext:
        if self._hooks.forbid:
            for message in self._messages:
                self._hooks.check_forbidden(
                    CheckForbiddenContext(
                        name_srv_addr=";".join(self._instance.session.name_servers.addresses),
                        group=self._group,
                        message=message,
                        mq=queue,
                        broker_addr=address,
                        communication_mode=self._mode,
                    )
                )
        context = SendMessageContext(
            producer_group=self._group,
            messages=self._messages,
            mq=queue,
            broker_addr=address,
            born_host=self._instance.client_id.split("@")[0],
            communication_mode=self._mode,
            msg_type=_type_of(self._messages[0]),
            namespace=self._namespace.name,
        )
        self._hooks.before(context)
        return context


def _type_of(message: Message) -> str:
    if message.waits:
        return DELAY_MSG
    half = message.properties.get(PROPERTY_TRANSACTION_PREPARED) == "true"
    return TRANS_MSG_HALF if half else NORMAL_MSG
