"""How far the master has delivered delay levels and timers, and when a slave takes it over.

Not before the slave's log has what the master's had when it answered: with an answer that is ahead of the log, as
where replication lags behind, a slave that takes over would pass over messages whose delivery it does not have. What
it lacks on the other side, what was delivered since, it finds in the log when it becomes the master
(`schedule/delay_evidence.py`, `timer/delivered_timers.py`). Apache's slaves take answers as they come
(SlaveSynchronize).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from rocketmq_ops.broker.slave.master_api import MasterApi, RefusedError
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class _Answer(NamedTuple):
    """`log_end`: the end of the master's commitlog afterwards. `timers` is None of a master that has none."""

    levels: dict[str, Any]
    timers: bytes | None
    log_end: int


class FollowedProgress:
    """What one slave was answered last, until it is taken over."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._held: _Answer | None = None

    async def look(self, master: MasterApi) -> None:
        """Ask the master, but not while an answer still waits for the log: each would be ahead of a log that lags.

        Raises as MasterApi does.
        """
        if not self.take():
            return
        levels = await master.document(RequestCode.GET_ALL_DELAY_OFFSET)
        timers = await self._timers(master)
        self._held = _Answer(levels, timers, (await master.log_extent())[1])
        self.take()

    def take(self) -> bool:
        """Take over what was answered, once the log is so far; False while it is not. Raises CorruptDataError."""
        held, controller = self._held, self._controller
        if held is None:
            return True
        replica = controller.store.replica
        if replica is not None and replica.dispatched < held.log_end:
            return False
        self._held = None
        if held.timers is not None:
            controller.timers.take_over(held.timers)
        controller.delay.take_over(held.levels)
        return True

    def forget(self) -> None:
        """The master is another one now, or was started anew: its log may be shorter."""
        self._held = None

    async def _timers(self, master: MasterApi) -> bytes | None:
        if not self._controller.timers.is_enabled:
            return None
        try:
            return await master.timer_checkpoint()
        except RefusedError as error:
            if error.code not in NO_TIMERS:
                raise
            return None


#: A master of 4.9 answers so about timers, and one whose timers are switched off.
NO_TIMERS = (ResponseCode.REQUEST_CODE_NOT_SUPPORTED, ResponseCode.SYSTEM_ERROR)
