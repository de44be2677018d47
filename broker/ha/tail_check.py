"""Whether a slave's commitlog is the beginning of its master's, asked before anything is replicated, or once it can be.

The protocol of replication has offsets alone: a slave whose last messages are others than its master's, of the same
length or not, would go on behind them, as Apache's does. So the master is asked, as any client may: what its commitlog
holds, and for records that both should have.
"""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.broker.slave.master_api import MasterApi
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.log.commit_log import CommitLog
from rocketmq_ops.store.log.replica_appender import RecordPlace

_ANEW = (
    "if the master has the messages to keep, stop this slave, move its store away and start it empty; if the slave has "
    "them, make it the master"
)


class DivergedError(RocketMQError):
    """This slave's commitlog is not the beginning of its master's; nothing was changed."""


class NotComparedError(RocketMQError):
    """The master could not be asked."""


async def check_tail(master: MasterApi, commit_log: CommitLog, have: int, records: Iterable[RecordPlace]) -> None:
    """Compare a slave's commitlog, which ends at `have`, with the master's: its ends, and these records of the slave.

    Raises DivergedError, and NotComparedError when the master does not answer or refuses.
    """
    if not have or commit_log.min_offset < 0:
        return
    try:
        first, end = await master.log_extent()
        _compare_ends(have, first, end)
        for record in records:
            ours = commit_log.record_at(record.offset)
            if ours is None or record.offset < first:
                continue
            theirs = await master.record_at(record.offset)
            if theirs is None:  # deleted meanwhile, or no record begins there
                first, _ = await master.log_extent()
            if (theirs is None or ours != theirs) and record.offset >= first:
                raise DivergedError(
                    f"the message at {record.offset} of the commitlog, one of the last of this slave, is another one "
                    "on the master: the two have gone different ways",
                    _ANEW,
                )
    except DivergedError:
        raise
    except RocketMQError as error:
        raise NotComparedError(f"the master could not be asked what its commitlog holds: {error}") from None


def _compare_ends(have: int, first: int, end: int) -> None:
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
