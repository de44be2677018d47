"""Pulling messages of one queue from one broker."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from rocketmq_ops.client.api.session import Session
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_answers import decode_answer
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.pull import PullMessageRequestHeader, PullMessageResponseHeader


class PullStatus(StrEnum):
    """What a pull found."""

    FOUND = "FOUND"
    NO_NEW_MSG = "NO_NEW_MSG"
    NO_MATCHED_MSG = "NO_MATCHED_MSG"
    OFFSET_ILLEGAL = "OFFSET_ILLEGAL"


_STATUS_OF_CODE: dict[int, PullStatus] = {
    ResponseCode.SUCCESS: PullStatus.FOUND,
    ResponseCode.PULL_NOT_FOUND: PullStatus.NO_NEW_MSG,
    ResponseCode.PULL_RETRY_IMMEDIATELY: PullStatus.NO_MATCHED_MSG,
    ResponseCode.PULL_OFFSET_MOVED: PullStatus.OFFSET_ILLEGAL,
}


class Pulled(NamedTuple):
    """What one pull gave; offsets in messages. `following` is where to pull next, `low` and `high` the queue's bounds.

    `broken` says what is wrong with the first record that is not a message: then `following` is behind the messages
    before it, or behind it when there are none. A broker may pass over more than that one record.
    """

    status: PullStatus
    messages: list[MessageExt]
    following: int
    low: int
    high: int
    suggest_broker_id: int
    remark: str
    broken: str | None = None


async def pull(
    session: Session, address: str, wanted: PullMessageRequestHeader, broker_name: str, timeout_ms: int | None = None
) -> Pulled:
    """One pull. Raises RemotingError, BrokerError."""
    request = RemotingCommand.of(wanted)
    answer = await session.call(address, request, timeout_ms, accept=_STATUS_OF_CODE)
    header = answer.decode_header(PullMessageResponseHeader)
    status = _STATUS_OF_CODE[answer.code]
    found: list[MessageExt] = []
    following, broken = header.next_begin_offset, None
    if status is PullStatus.FOUND:
        delta = header.offset_delta or 0
        found, wrong = decode_answer(
            answer.body_bytes, broker_name=broker_name, from_offset=wanted.queue_offset - delta
        )
        for message in found:
            message.queue_offset += delta
        if wrong is not None:
            following = found[-1].queue_offset + 1 if found else max(following, wanted.queue_offset + 1)
            broken = f"what the broker sends is not a message ({wrong.detail})"
    return Pulled(
        status,
        found,
        following,
        header.min_offset,
        header.max_offset,
        header.suggest_which_broker_id,
        answer.remark or "",
        broken,
    )
