"""Whether a slave's commitlog is the beginning of its master's, asked before anything is replicated.

The protocol of replication has offsets alone: a slave whose last messages are others than its master's, of the same
length or not, would go on behind them, as Apache's does. So the master is asked, as any client may: what its commitlog
holds, and for the last record that both should have.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.remoting.bodies import KVTable
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.errors import RemotingError
from rocketmq_ops.remoting.headers import ViewMessageRequestHeader
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.log.replica_appender import ReplicaAppender

log = logging.getLogger(__name__)

Ask = Callable[[RemotingCommand], Awaitable[RemotingCommand]]

_ANEW = (
    "if the master has the messages to keep, stop this slave, move its store away and start it empty; if the slave has "
    "them, make it the master"
)


class DivergedError(RocketMQError):
    """This slave's commitlog is not the beginning of its master's; nothing was changed."""


async def check_tail(ask: Ask, commit_log: CommitLog, replica: ReplicaAppender) -> None:
    """Compare the end of the slave's commitlog with the master's, by requests to it (`ask`).

    Raises DivergedError. A master that does not answer is no reason: then only the positions are compared, by the
    protocol of replication itself."""
    have = replica.dispatched
    if not have or commit_log.min_offset < 0:
        return
    try:
        first, end = await _extent(ask)
        record = replica.last_record
        theirs = await _record_at(ask, record.offset) if record is not None and record.offset >= first else None
    except (RemotingError, ValueError) as error:
        log.info("the master could not be asked what its commitlog holds: %s", error)
        return
    if have > end:
        raise DivergedError(
            f"this slave has the commitlog up to {have}, and the master up to {end} only: {have - end} bytes were lost "
            "there, or came from another master",
            _ANEW,
        )
    if have < first:
        raise DivergedError(
            f"this slave has the commitlog up to {have}, and the master from {first} on only: older files are deleted",
            "stop this slave, move its store away and start it empty: it begins with the master's last file",
        )
    if theirs is None or record is None:
        return
    ours = commit_log.record_at(record.offset)
    if ours is not None and ours != theirs:
        raise DivergedError(
            f"the message at {record.offset} of the commitlog, the last one of this slave, is another one on the "
            "master: the two have gone different ways",
            _ANEW,
        )


async def _extent(ask: Ask) -> tuple[int, int]:
    """First offset and end of the master's commitlog. Raises RemotingError, ValueError."""
    answer = await ask(RemotingCommand.request(RequestCode.GET_BROKER_RUNTIME_INFO))
    if answer.code != ResponseCode.SUCCESS:
        raise ValueError(f"{answer.code} {answer.remark}")
    try:
        table = KVTable.decode(answer.body_bytes).table
        return int(table["commitLogMinOffset"]), int(table["commitLogMaxOffset"])
    except (RocketMQError, KeyError) as error:
        raise ValueError(f"its brokerStatus cannot be read: {error}") from None


async def _record_at(ask: Ask, offset: int) -> bytes | None:
    """The master's record at an offset, None where it has none there. Raises RemotingError.

    Apache's brokers do not look where the record begins: what does not is then other bytes than the slave's."""
    answer = await ask(RemotingCommand.of(ViewMessageRequestHeader(offset=offset)))
    return answer.body_bytes if answer.code == ResponseCode.SUCCESS else None
