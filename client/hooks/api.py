"""What a hook is and what it is shown: base classes, and contexts with Apache's fields.

A hook runs on the client's event loop: it must return at once. Mirrors org.apache.rocketmq.client.hook and RPCHook.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from rocketmq_ops.common.message import Message, MessageExt, MessageQueue
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.client.api.send import SendResult

#: How the sender waits (CommunicationMode).
SYNC, ASYNC, ONEWAY = "SYNC", "ASYNC", "ONEWAY"
#: MessageType: what kind of message is sent.
NORMAL_MSG, TRANS_MSG_HALF, DELAY_MSG = "Normal_Msg", "Trans_Msg_Half", "Delay_Msg"
#: What a batch came to, in `ConsumeMessageContext.props` (a ConsumeReturnType's name).
CONSUME_CONTEXT_TYPE = "ConsumeContextType"


class SendMessageContext(msgspec.Struct, kw_only=True):
    """One try to send. `message` is the application's; of a batch the first of `messages`.

    Names of groups and topics are those of the wire, with the namespace; in the result the application's.
    """

    producer_group: str
    messages: Sequence[Message]
    mq: MessageQueue
    broker_addr: str
    born_host: str
    communication_mode: str
    msg_type: str
    namespace: str
    #: Set before `send_message_after`, one of them; neither for a message that no answer is waited for.
    send_result: SendResult | None = None
    exception: Exception | None = None
    #: The hooks' own: what `before` leaves for `after`.
    props: dict[str, str] = msgspec.field(default_factory=dict)
    mq_trace_context: Any = None

    @property
    def message(self) -> Message:
        """The message; the first one of a batch."""
        return self.messages[0]


class CheckForbiddenContext(msgspec.Struct, kw_only=True):
    """A message that is about to be sent."""

    name_srv_addr: str
    group: str
    message: Message
    mq: MessageQueue
    broker_addr: str
    communication_mode: str


class EndTransactionContext(msgspec.Struct, kw_only=True):
    """What a broker was told of a transaction; `transaction_state` is a TransactionState."""

    producer_group: str
    message: Message | MessageExt
    broker_addr: str
    msg_id: str
    transaction_id: str | None
    transaction_state: str
    from_transaction_check: bool


class ConsumeMessageContext(msgspec.Struct, kw_only=True):
    """Messages that are given to the application together, before and after.

    `consumer_group` is the name of the wire, with the namespace; topics are the application's.
    """

    consumer_group: str
    msg_list: Sequence[MessageExt]
    mq: MessageQueue
    namespace: str
    success: bool = False
    #: What the listener answered, by its name in Apache's clients.
    status: str | None = None
    props: dict[str, str] = msgspec.field(default_factory=dict)
    #: The hooks' own: what `before` leaves for `after`.
    mq_trace_context: Any = None


class FilterMessageContext(msgspec.Struct, kw_only=True):
    """Messages that were pulled; a hook may take some out of `msg_list`, which then are not consumed."""

    consumer_group: str
    msg_list: list[MessageExt]
    mq: MessageQueue


class SendMessageHook:
    """Sees each try of a producer to send. What it raises is logged and passed over."""

    def send_message_before(self, context: SendMessageContext) -> None:
        """Before the request is made."""

    def send_message_after(self, context: SendMessageContext) -> None:
        """When it was answered, or failed."""


class CheckForbiddenHook:
    """May forbid a send: what it raises is raised to the sender, and nothing is sent."""

    def check_forbidden(self, context: CheckForbiddenContext) -> None:
        """Before each try to send."""


class EndTransactionHook:
    """Sees how transactions end. What it raises is logged and passed over."""

    def end_transaction(self, context: EndTransactionContext) -> None:
        """When the broker was told."""


class ConsumeMessageHook:
    """Sees what a consumer gives to the application. What it raises is logged and passed over.

    A push consumer calls it around the listener; a pull or lite pull consumer before it returns what was pulled, both
    at once.
    """

    def consume_message_before(self, context: ConsumeMessageContext) -> None:
        """Before the application has the messages."""

    def consume_message_after(self, context: ConsumeMessageContext) -> None:
        """When the listener has answered, or failed."""


class FilterMessageHook:
    """May leave out messages behind the filter of the broker. What it raises is logged and passed over."""

    def filter_message(self, context: FilterMessageContext) -> None:
        """When messages were pulled."""


class RPCHook:
    """Sees every request of a client, also heartbeats and routes: `ClientOptions.rpc_hooks`.

    What `do_before_request` raises is raised to the caller, and nothing is sent.
    """

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        """Before a request is signed and sent. `request.ext_fields` has its additional fields, and may be set."""

    def do_after_response(self, remote_addr: str, request: RemotingCommand, response: RemotingCommand) -> None:
        """When it was answered, also by a refusal. What it raises is logged and passed over."""
