"""Offsets of queues and of consumer groups, in messages; `address` is a broker's. Mirrors the calls of MQClientAPIImpl.

`bname` is the broker's name, which brokers need where several of them share a logical queue.
"""

from __future__ import annotations

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.headers.offset import (
    GetEarliestMsgStoretimeRequestHeader,
    GetEarliestMsgStoretimeResponseHeader,
    GetMaxOffsetRequestHeader,
    GetMaxOffsetResponseHeader,
    GetMinOffsetRequestHeader,
    GetMinOffsetResponseHeader,
    QueryConsumerOffsetRequestHeader,
    QueryConsumerOffsetResponseHeader,
    ResetOffsetRequestHeader,
    SearchOffsetRequestHeader,
    SearchOffsetResponseHeader,
    UpdateConsumerOffsetRequestHeader,
)

_FOUND_OR_NOT = SUCCESS | {ResponseCode.QUERY_NOT_FOUND}


async def max_offset(session: Session, address: str, topic: str, queue_id: int, *, bname: str | None = None) -> int:
    """The offset that the next message will get."""
    header = GetMaxOffsetRequestHeader(topic=topic, queue_id=queue_id, bname=bname)
    answer = await session.call(address, RemotingCommand.of(header))
    return answer.decode_header(GetMaxOffsetResponseHeader).offset


async def min_offset(session: Session, address: str, topic: str, queue_id: int, *, bname: str | None = None) -> int:
    """The offset of the oldest message that is still there."""
    header = GetMinOffsetRequestHeader(topic=topic, queue_id=queue_id, bname=bname)
    answer = await session.call(address, RemotingCommand.of(header))
    return answer.decode_header(GetMinOffsetResponseHeader).offset


async def earliest_store_time(
    session: Session, address: str, topic: str, queue_id: int, *, bname: str | None = None
) -> int:
    """When the oldest message that is still there was stored, ms; -1 where there is none."""
    header = GetEarliestMsgStoretimeRequestHeader(topic=topic, queue_id=queue_id, bname=bname)
    answer = await session.call(address, RemotingCommand.of(header))
    return answer.decode_header(GetEarliestMsgStoretimeResponseHeader).timestamp


async def search_offset(
    session: Session, address: str, topic: str, queue_id: int, timestamp_ms: int, *, bname: str | None = None
) -> int:
    """The offset of the first message stored at or after a time, as the broker finds it."""
    header = SearchOffsetRequestHeader(topic=topic, queue_id=queue_id, timestamp=timestamp_ms, bname=bname)
    answer = await session.call(address, RemotingCommand.of(header))
    return answer.decode_header(SearchOffsetResponseHeader).offset


async def consumer_offset(
    session: Session,
    address: str,
    group: str,
    topic: str,
    queue_id: int,
    *,
    bname: str | None = None,
    zero_if_new: bool | None = None,
) -> int | None:
    """The group's saved offset, None when the broker has none.

    With None or True for `zero_if_new` a broker answers 0 for a queue that still has its first message.
    """
    header = QueryConsumerOffsetRequestHeader(
        consumer_group=group, topic=topic, queue_id=queue_id, set_zero_if_not_found=zero_if_new, bname=bname
    )
    request = RemotingCommand.of(header)
    answer = await session.call(address, request, accept=_FOUND_OR_NOT)
    if answer.code != ResponseCode.SUCCESS:
        return None
    return answer.decode_header(QueryConsumerOffsetResponseHeader).offset


async def all_consumer_offsets(session: Session, address: str) -> dict[str, dict[int, int]]:
    """`topic@group` -> queue id -> offset: everything that one broker has saved."""
    from rocketmq_ops.remoting.bodies import ConsumerOffsetSerializeWrapper

    request = RemotingCommand.request(RequestCode.GET_ALL_CONSUMER_OFFSET)
    answer = await session.call(address, request, session.slow_timeout_ms)
    return dict(ConsumerOffsetSerializeWrapper.decode(answer.body_bytes).offset_table)


async def update_consumer_offset(
    session: Session,
    address: str,
    group: str,
    topic: str,
    queue_id: int,
    offset: int,
    *,
    bname: str | None = None,
    oneway: bool = False,
) -> None:
    """Save the group's offset. With `oneway` no answer is waited for."""
    header = UpdateConsumerOffsetRequestHeader(
        consumer_group=group, topic=topic, queue_id=queue_id, commit_offset=offset, bname=bname
    )
    request = RemotingCommand.of(header)
    if oneway:
        await session.call_oneway(address, request)
    else:
        await session.call(address, request)


async def reset_offset(session: Session, address: str, header: ResetOffsetRequestHeader) -> dict[int, int]:
    """Have a broker set a group's offsets; queue id -> offset as it reports them."""
    from rocketmq_ops.remoting.bodies import ResetOffsetBody

    request = RemotingCommand.of(header, code=RequestCode.INVOKE_BROKER_TO_RESET_OFFSET)
    body = (await session.call(address, request)).body_bytes
    return {queue.queue_id: o for queue, o in ResetOffsetBody.decode(body).offset_table.items()} if body else {}
