"""Figures that brokers keep: counters, every group's progress, store times of queues."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from rocketmq_ops.client.api.session import SUCCESS, Session
from rocketmq_ops.client.errors import error_of
from rocketmq_ops.common.bounded import Names
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.common.message import MessageQueue
    from rocketmq_ops.remoting.bodies import (
        BrokerStatsData,
        ConsumeStatsList,
        OffsetWrapper,
        QueryConsumeTimeSpanBody,
    )

#: Groups and queues that are gone through between two pauses, some ms.
_AT_A_TIME: Final = 1_000
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


class GroupTotals(NamedTuple):
    """A group on one broker: messages consumed a second, and (broker offset, consumer offset) of each queue."""

    consume_tps: float
    offsets: list[tuple[int, int]]


class QueueOffset(msgspec.Struct, frozen=True, gc=False):
    """A queue of a group on one broker: where it ends, and up to where the group has consumed it."""

    topic: str
    queue_id: int
    broker_offset: int
    consumer_offset: int


async def group_totals(session: Session, address: str) -> dict[str, GroupTotals]:
    """The progress of every group that one broker has a configuration of, without the names of the queues.

    Queues beyond a topic's write queues are not in it (AdminBrokerProcessor.fetchAllConsumeStatsInBroker).
    """
    return {
        group: GroupTotals(
            sum(table.consume_tps for table in tables),
            [(o.broker_offset, o.consumer_offset) for table in tables for _, o in table.entries],
        )
        for group, tables in _group_tables(await _group_stats(session, address))
    }


async def group_queues(
    session: Session, address: str, pause: Pause = at_once, names: Names | None = None
) -> dict[str, list[QueueOffset]]:
    """The offsets of every group that one broker has a configuration of; see `group_totals` for what is not in it.
    While a large answer is read, in a thread, `pause` is called every few ms. A group or topic that is among `names` is
    named by that very object: all brokers tell the same names, at each look anew."""
    read = partial(_queues_of, pause=pause, names=Names() if names is None else names)
    return await session.decoded(read, await _group_stats(session, address), pause)


def _queues_of(body: bytes, pause: Pause, names: Names) -> dict[str, list[QueueOffset]]:
    found: dict[str, list[QueueOffset]] = {}
    done = 0
    for group, tables in _group_tables(body, pause):
        queues = found[names.once(group)] = [
            QueueOffset(names.once(queue.topic), queue.queue_id, o.broker_offset, o.consumer_offset)
            for table in tables
            for queue, o in table.entries
        ]
        done += 1 + len(queues)
        if done >= _AT_A_TIME:
            done = 0
            pause()
    return found


async def _group_stats(session: Session, address: str) -> bytes:
    from rocketmq_ops.remoting.headers import GetConsumeStatsInBrokerHeader

    request = RemotingCommand.of(GetConsumeStatsInBrokerHeader(is_order=False))
    return (await session.call(address, request, session.slow_timeout_ms)).body_bytes


def _group_tables(body: bytes, pause: Pause = at_once) -> list[tuple[str, list[_Table]]]:
    """Each group of one broker with its tables, one for each topic."""
    from rocketmq_ops.remoting.bodies import ConsumeStatsList

    try:
        flat = _flat(body)
        pause()
        listed = _of_groups().decode(flat)
        pause()
    except msgspec.MsgspecError:
        # Other than Apache's brokers write it: the slow way reads all of the dialect.
        whole = ConsumeStatsList.decode(body).consume_stats_list
        return [
            (group, [_Table(table.consume_tps, _halves(table.offset_table)) for table in tables])
            for groups in whole
            for group, tables in groups.items()
        ]
    return [(group, tables) for groups in listed.consume_stats_list for group, tables in groups.items()]


_BEGIN: Final = b'"offsetTable":{'


def _flat(body: bytes) -> bytes:
    """A table's keys are queues, written as objects. With queues and offsets in turn, as a list, what is left is
    standard JSON: much faster to read. By no name that Apache's brokers take for a topic is anything else changed."""
    first, *tables = body.replace(b"}:{", b"},{").split(_BEGIN)
    lists = [table.replace(b"}}", b"}]", 1) if table[:1] != b"}" else b"]" + table[1:] for table in tables]
    return b'"offsetTable":['.join([first, *lists])


class _Half(msgspec.Struct, rename="camel", gc=False):
    """A queue, or the offsets of the one before it."""

    topic: str = ""
    queue_id: int = 0
    broker_offset: int = 0
    consumer_offset: int = 0


class _Table(msgspec.Struct, rename="camel", gc=False):
    consume_tps: float = 0.0
    offset_table: list[_Half] = []

    @property
    def entries(self) -> Iterable[tuple[_Half, _Half]]:
        """Each queue with its offsets."""
        halves = iter(self.offset_table)
        return zip(halves, halves, strict=True)


def _halves(table: Mapping[MessageQueue, OffsetWrapper]) -> list[_Half]:
    return [
        half
        for queue, o in table.items()
        for half in (
            _Half(queue.topic, queue.queue_id),
            _Half(broker_offset=o.broker_offset, consumer_offset=o.consumer_offset),
        )
    ]


class _Listed(msgspec.Struct, rename="camel"):
    consume_stats_list: list[dict[str, list[_Table]]] = []


@cache
def _of_groups() -> msgspec.json.Decoder[_Listed]:
    return msgspec.json.Decoder(_Listed)


async def store_times(session: Session, address: str, topic: str, group: str) -> QueryConsumeTimeSpanBody:
    """The store times of each queue's first and last message, and of the last that a group has consumed."""
    from rocketmq_ops.remoting.bodies import QueryConsumeTimeSpanBody
    from rocketmq_ops.remoting.headers import QueryConsumeTimeSpanRequestHeader

    request = RemotingCommand.of(QueryConsumeTimeSpanRequestHeader(topic=topic, group=group))
    answer = await session.call(address, request, session.slow_timeout_ms)
    return QueryConsumeTimeSpanBody.decode(answer.body_bytes)
