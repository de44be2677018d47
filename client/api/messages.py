"""Messages that a broker holds: by commitlog offset and by key, and the units of consumequeues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.client.errors import UnsupportedError
from rocketmq_ops.common.message_answers import decode_answer
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.features import INDEX_OF_TAGS
from rocketmq_ops.remoting.headers.query import (
    QueryConsumeQueueRequestHeader,
    QueryMessageRequestHeader,
    ViewMessageRequestHeader,
)
from rocketmq_ops.remoting.signature import UNIQUE_KEY_QUERY
from rocketmq_ops.remoting.versions import V5_4_0

if TYPE_CHECKING:
    from rocketmq_ops.common.message import MessageExt
    from rocketmq_ops.remoting.bodies import QueryConsumeQueueResponseBody

_SEEN_OR_NOT: Final = SUCCESS | {ResponseCode.SYSTEM_ERROR}
_FOUND_OR_NOT: Final = SUCCESS | {ResponseCode.QUERY_NOT_FOUND}


async def view_message(
    session: Session, address: str, offset: int, topic: str | None = None
) -> tuple[list[MessageExt], str | None]:
    """The message at a commitlog offset (bytes) if the broker has one, and what is wrong with the record there."""
    request = RemotingCommand.of(ViewMessageRequestHeader(topic=topic, offset=offset))
    answer = await session.call(address, request, accept=_SEEN_OR_NOT)
    if answer.code != ResponseCode.SUCCESS:
        return [], None
    found, broken = decode_answer(answer.body_bytes, unwrap=False)
    return found[:1], None if broken is None else broken.detail


async def query_messages(
    session: Session, address: str, header: QueryMessageRequestHeader, broker_name: str, *, unique: bool
) -> tuple[list[MessageExt], str | None]:
    """The messages with a key (or `unique` key), and what is wrong with the first record that could not be read.

    Raises UnsupportedError when the header asks for a kind of key that the broker does not index.
    """
    request = RemotingCommand.of(header)
    request.ext_fields = {UNIQUE_KEY_QUERY: "true" if unique else "false"}
    answer = await session.call(address, request, session.slow_timeout_ms, accept=_FOUND_OR_NOT)
    if header.index_type is not None and answer.version < V5_4_0:
        raise UnsupportedError(answer, address, request, INDEX_OF_TAGS)
    if answer.code != ResponseCode.SUCCESS:
        return [], None
    found, broken = decode_answer(answer.body_bytes, broker_name=broker_name, unwrap=False)
    return found, None if broken is None else broken.detail


async def consume_queue(
    session: Session, address: str, header: QueryConsumeQueueRequestHeader
) -> QueryConsumeQueueResponseBody | None:
    """Units of a consumequeue; None beyond the end of the queue, where Apache's broker answers nothing."""
    from rocketmq_ops.remoting.bodies import QueryConsumeQueueResponseBody

    answer = await session.call(address, RemotingCommand.of(header))
    return QueryConsumeQueueResponseBody.decode(answer.body_bytes) if answer.body_bytes else None
