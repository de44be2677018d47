"""Figures that brokers keep: counters, every group's progress, store times of queues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.client.errors import error_of
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.remoting.bodies import BrokerStatsData, ConsumeStatsList, QueryConsumeTimeSpanBody

_COUNTED_OR_NOT: Final = SUCCESS | {ResponseCode.SYSTEM_ERROR}


async def stats_data(session: Session, address: str, name: str, key: str) -> BrokerStatsData | None:
    """Sum and rate of one counter (BrokerStatsManager's names) in the last minute, hour and day.

    None when nothing was counted under it since the broker started.
    """
    from rocketmq_ops.remoting.bodies import BrokerStatsData
    from rocketmq_ops.remoting.headers import ViewBrokerStatsDataRequestHeader

    request = RemotingCommand.of(ViewBrokerStatsDataRequestHeader(stats_name=name, stats_key=key))
    answer = await session.call(address, request, accept=_COUNTED_OR_NOT)
    if answer.code == ResponseCode.SUCCESS:
        return BrokerStatsData.decode(answer.body_bytes)
    if "not exist" in (answer.remark or ""):
        return None
    raise error_of(answer, address, request)


async def broker_consume_stats(
    session: Session, address: str, *, ordered_only: bool, timeout_ms: int | None = None
) -> ConsumeStatsList:
    """The progress of every group on every topic of a broker, or on its ordered topics."""
    from rocketmq_ops.remoting.bodies import ConsumeStatsList
    from rocketmq_ops.remoting.headers import GetConsumeStatsInBrokerHeader

    request = RemotingCommand.of(GetConsumeStatsInBrokerHeader(is_order=ordered_only))
    answer = await session.call(address, request, timeout_ms or session.slow_timeout_ms)
    return ConsumeStatsList.decode(answer.body_bytes)


async def store_times(session: Session, address: str, topic: str, group: str) -> QueryConsumeTimeSpanBody:
    """The store times of each queue's first and last message, and of the last that a group has consumed."""
    from rocketmq_ops.remoting.bodies import QueryConsumeTimeSpanBody
    from rocketmq_ops.remoting.headers import QueryConsumeTimeSpanRequestHeader

    request = RemotingCommand.of(QueryConsumeTimeSpanRequestHeader(topic=topic, group=group))
    answer = await session.call(address, request, session.slow_timeout_ms)
    return QueryConsumeTimeSpanBody.decode(answer.body_bytes)
