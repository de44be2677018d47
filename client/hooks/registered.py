"""The hooks of one producer or consumer by kind, and how they are called. Mirrors the lists of DefaultMQProducerImpl.

A client without hooks has none of these objects, so that nothing is done for them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.hooks.api import (
    CheckForbiddenContext,
    CheckForbiddenHook,
    ConsumeMessageContext,
    ConsumeMessageHook,
    EndTransactionContext,
    EndTransactionHook,
    FilterMessageContext,
    FilterMessageHook,
    SendMessageContext,
    SendMessageHook,
)
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.message import MessageExt, MessageQueue

log = logging.getLogger(__name__)

C = TypeVar("C")


class Calls:
    """Calls hooks so that none breaks the work: what one raises is logged, now and then."""

    def __init__(self) -> None:
        self._rates: dict[str, LogRate] = {}

    def each(self, calls: Iterable[Callable[[C], object]], context: C) -> None:
        """Call them one after another."""
        for call in calls:
            try:
                call(context)
            except Exception:
                name = getattr(call, "__qualname__", repr(call))
                if self._rates.setdefault(name, LogRate()).due(now_ms()):
                    log.exception("the hook %s failed, and is passed over", name)


def _checked(hooks: Sequence[object], kinds: tuple[type, ...], what: str) -> None:
    for hook in hooks:
        if not isinstance(hook, kinds):
            names = ", ".join(kind.__name__ for kind in kinds)
            raise ClientError(f"{type(hook).__name__} is not a hook of a {what}", f"derive it from one of {names}")


class ProducerHooks:
    """The hooks of a producer. Raises ClientError for an object that is none."""

    def __init__(self, hooks: Sequence[object]) -> None:
        _checked(hooks, (SendMessageHook, CheckForbiddenHook, EndTransactionHook), "producer")
        self.forbid = [hook for hook in hooks if isinstance(hook, CheckForbiddenHook)]
        self._before = [hook.send_message_before for hook in hooks if isinstance(hook, SendMessageHook)]
        self._after = [hook.send_message_after for hook in hooks if isinstance(hook, SendMessageHook)]
        self._ended = [hook.end_transaction for hook in hooks if isinstance(hook, EndTransactionHook)]
        self._calls = Calls()

    def check_forbidden(self, context: CheckForbiddenContext) -> None:
        """Raises what a hook raises."""
        for hook in self.forbid:
            hook.check_forbidden(context)

    def before(self, context: SendMessageContext) -> None:
        """A try to send begins."""
        self._calls.each(self._before, context)

    def after(self, context: SendMessageContext) -> None:
        """It has ended."""
        self._calls.each(self._after, context)

    def ended(self, context: EndTransactionContext) -> None:
        """A broker was told of a transaction."""
        self._calls.each(self._ended, context)


class ConsumerHooks:
    """The hooks of a consumer. Raises ClientError for an object that is none."""

    def __init__(self, hooks: Sequence[object]) -> None:
        _checked(hooks, (ConsumeMessageHook, FilterMessageHook), "consumer")
        self._before = [hook.consume_message_before for hook in hooks if isinstance(hook, ConsumeMessageHook)]
        self._after = [hook.consume_message_after for hook in hooks if isinstance(hook, ConsumeMessageHook)]
        self._filters = [hook.filter_message for hook in hooks if isinstance(hook, FilterMessageHook)]
        self._calls = Calls()

    def before(self, context: ConsumeMessageContext) -> None:
        """The application is about to have messages."""
        self._calls.each(self._before, context)

    def after(self, context: ConsumeMessageContext) -> None:
        """It is done with them."""
        self._calls.each(self._after, context)

    def given(self, group: str, messages: Sequence[MessageExt], queue: MessageQueue, namespace: str) -> None:
        """Messages are given to an application that says nothing of them: both calls, with success."""
        if self._before:
            context = ConsumeMessageContext(consumer_group=group, msg_list=messages, mq=queue, namespace=namespace)
            self.before(context)
            context.success, context.status = True, CONSUME_SUCCESS
            self.after(context)

    def filtered(self, group: str, queue: MessageQueue, messages: list[MessageExt]) -> list[MessageExt]:
        """What filter hooks leave of pulled messages."""
        if not self._filters or not messages:
            return messages
        context = FilterMessageContext(consumer_group=group, msg_list=messages, mq=queue)
        self._calls.each(self._filters, context)
        return context.msg_list


#: The answers of listeners by their names in Apache's clients: concurrent ones, and those that consume in order.
CONSUME_SUCCESS, RECONSUME_LATER = "CONSUME_SUCCESS", "RECONSUME_LATER"
ORDERLY_SUCCESS, ORDERLY_LATER = "SUCCESS", "SUSPEND_CURRENT_QUEUE_A_MOMENT"
