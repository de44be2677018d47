"""Answers that wait until what was stored is as safe as the configuration asks: on the disk under SYNC_FLUSH, on slaves
under SYNC_MASTER.

Mirrors CommitLog.handleDiskFlushAndHA: what the slaves say counts before what the disk says.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rocketmq_ops.broker.send.put_answers import code_of
from rocketmq_ops.broker.state.changes import send_after
from rocketmq_ops.broker.stats.event_stats import TOPIC_PUT_LATENCY
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand
from rocketmq_ops.store.inner_message import PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController


class StoredAnswers:
    """Of one broker. `configuration_changed` must be called after a change of the store's configuration."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.configuration_changed()

    def configuration_changed(self) -> None:
        """Take over the configuration."""
        controller = self._controller
        config = controller.store_config
        self._for_disk = controller.store.flush.is_awaited or config.flushDiskType == "SYNC_FLUSH"
        self._for_slaves = config.brokerRole == "SYNC_MASTER"
        #: Whether any answer waits.
        self.wait = self._for_disk or self._for_slaves

    def refusal(self) -> PutStatus | None:
        """Why nothing may be stored now, for want of slaves; or None."""
        return self._controller.ha.transfers.refusal() if self._for_slaves else None

    def hold(
        self,
        channel: Channel,
        request: RemotingCommand,
        answer: RemotingCommand,
        result: PutMessageResult,
        *,
        queue: str = "",
        as_error: bool = False,
    ) -> Answer:
        """Hold an answer back until what `result` says was put is safe, or it has taken too long.

        Its code is then that of the wait; with `as_error` it is an error whose remark names it. How long it waited is
        counted for `queue` (`id@topic`)."""
        if request.is_oneway:
            if self._for_slaves:
                self._controller.ha.wake()
            return HELD
        controller = self._controller
        waits, clock, begun = controller.changes.waits, controller.clock, controller.clock()

        def done() -> None:
            if queue:
                controller.stats.events.add(TOPIC_PUT_LATENCY, queue, max(0, clock() - begun))
            send_after(waits, channel, answer)

        held = _Held(answer, self._for_disk + self._for_slaves, done, as_error=as_error)
        end = result.wrote_offset + result.wrote_bytes
        if self._for_slaves:
            controller.ha.when_replicated(end, held.replicated)
        if self._for_disk:
            controller.store.when_flushed(end, held.flushed)
        return HELD


class _Held:
    """One answer, and for how many it still waits."""

    __slots__ = ("_answer", "_as_error", "_done", "_left")

    def __init__(self, answer: RemotingCommand, left: int, done: Callable[[], None], *, as_error: bool) -> None:
        self._answer = answer
        self._left = left
        self._done = done
        self._as_error = as_error

    def flushed(self, ok: bool) -> None:
        """The disk has it, or not in time."""
        if not ok and self._answer.code == ResponseCode.SUCCESS:
            self._fail(PutStatus.FLUSH_DISK_TIMEOUT)
        self._one_less()

    def replicated(self, status: PutStatus) -> None:
        """The slaves have it, or `status` says why not."""
        if status is not PutStatus.PUT_OK:
            self._fail(status)
        self._one_less()

    def _fail(self, status: PutStatus) -> None:
        if self._as_error:
            self._answer.code, self._answer.remark = ResponseCode.SYSTEM_ERROR, status.name
        else:
            self._answer.code = code_of(status)

    def _one_less(self) -> None:
        self._left -= 1
        if not self._left:
            self._done()
