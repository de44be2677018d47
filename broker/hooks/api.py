"""What a hook is and what it is shown: base classes, contexts with Apache's fields, and the way to refuse a request.

A hook runs on the broker's one event loop: it must return at once. What it raises is logged and passed over, except
AbortProcessError. Mirrors org.apache.rocketmq.broker.mqtrace, RPCHook and AbortProcessException.
"""

from __future__ import annotations

from typing import Any

import msgspec

from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand


class AbortProcessError(Exception):
    """Raised by a `before` of sends and requests: the client is answered `code` and `message`, nothing is done."""

    def __init__(self, message: str, code: int = ResponseCode.SYSTEM_ERROR) -> None:
        super().__init__(message)
        self.code = int(code)
        self.message = message


class SendMessageContext(msgspec.Struct, kw_only=True):
    """One send, before and after. Sizes are bytes, times ms since the epoch; what comes later is None or 0 before."""

    namespace: str
    producer_group: str | None
    topic: str
    queue_id: int | None
    broker_addr: str
    born_host: str
    body_length: int
    msg_props: str
    broker_region_id: str
    msg_unique_key: str
    born_time_stamp: int
    request_time_stamp: int
    msg_type: str
    account_auth_type: str | None
    account_owner_parent: str | None
    account_owner_self: str | None
    commercial_owner: str | None
    msg_id: str | None = None
    queue_offset: int | None = None
    code: int = 0
    error_msg: str | None = None
    send_stat: str | None = None
    send_msg_num: int = 0
    send_msg_size: int = 0
    commercial_send_stats: str | None = None
    commercial_send_msg_num: int = 0
    commercial_send_size: int = 0
    commercial_send_times: int = 0
    #: The hooks' own: what `before` leaves for `after`.
    mq_trace_context: Any = None


class ConsumeMessageContext(msgspec.Struct, kw_only=True):
    """The answer to one pull, or one message that is sent back (which has no queue). Sizes are bytes."""

    namespace: str
    consumer_group: str
    topic: str
    queue_id: int | None
    account_auth_type: str | None
    account_owner_parent: str | None
    account_owner_self: str | None
    commercial_owner: str | None
    rcv_stat: str
    rcv_msg_num: int = 0
    rcv_msg_size: int = 0
    success: bool = False
    commercial_rcv_stats: str = ""
    commercial_rcv_msg_num: int = 0
    commercial_rcv_size: int = 0
    commercial_rcv_times: int = 0
    #: Messages that were read for this answer and refused by the SQL92 filter; those of other tags are not read.
    filter_message_count: int = 0


class SendMessageHook:
    """Sees sends and replies."""

    def send_message_before(self, context: SendMessageContext) -> None:
        """Before anything is checked or stored."""

    def send_message_after(self, context: SendMessageContext) -> None:
        """When the answer leaves, which may be after the disk has the message."""


class ConsumeMessageHook:
    """Sees what consumers are given and give back."""

    def consume_message_before(self, context: ConsumeMessageContext) -> None:
        """When a pull is answered, with messages or without; not when it is refused."""

    def consume_message_after(self, context: ConsumeMessageContext) -> None:
        """When a consumer has sent a message back."""


class RPCHook:
    """Sees every request of every kind."""

    def do_before_request(self, remote_addr: str, request: RemotingCommand) -> None:
        """Before the request is handled. `request.ext_fields` has its fields; `remote_addr` is `host:port`."""

    def do_after_response(self, remote_addr: str, request: RemotingCommand, response: RemotingCommand | None) -> None:
        """When the answer leaves, also one that was held back; None for a request that wants none."""
