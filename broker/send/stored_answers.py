"""Answers that wait until what was stored is as safe as the configuration asks: on the disk under SYNC_FLUSH, on slaves
under SYNC_MASTER.

Mirrors CommitLog.handleDiskFlushAndHA: what the slaves say counts before what the disk says.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rocketmq_ops.broker.send.put_answers import code_of
from rocketmq_ops.broker.state.changes import send_after
from rocketmq_ops.broker.stats.event_stats import TOPIC_PUT_LATENCY
from rocketmq_ops.remoting.answer_frame import LATER, with_code
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand
from rocketmq_ops.store.inner_message import PutMessageResult, PutStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

_NOTHING: Final[list[asyncio.Future[None]]] = []


class StoredAnswers:
    """Of one broker. `configuration_changed` must be called after a change of the store's configuration."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._log = controller.store.commit_log
        self.configuration_changed()

    def configuration_changed(self) -> None:
        """Take over the configuration."""
        controller = self._controller
        config = controller.store_config
        self._for_disk = controller.store.flush.is_awaited or config.flushDiskType == "SYNC_FLUSH"
        self._for_slaves = config.brokerRole == "SYNC_MASTER"
        #: Whether any answer waits.
        self.wait = self._for_disk or self._for_slaves
        #: Whether it has to be asked before each put if there are slaves enough.
        self.may_refuse = self._for_slaves and controller.config.enableSlaveActingMaster

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
        held = _Held(self._controller, channel, answer, queue, self._controller.changes.waits, as_error=as_error)
        self._wait(held, result.wrote_offset + result.wrote_bytes)
        return HELD

    def hold_frame(self, channel: Channel, frame: bytes, queue: str) -> bytes:
        """As `hold`, for the success of what was put last, written as a frame."""
        self._wait(_Held(self._controller, channel, frame, queue, _NOTHING), self._log.max_offset)
        return LATER

    def _wait(self, held: _Held, end: int) -> None:
        held.left = self._for_disk + self._for_slaves
        if self._for_slaves:
            self._controller.ha.when_replicated(end, held.replicated)
        if self._for_disk:
            self._controller.store.when_flushed(end, held.flushed)


class _Held:
    """One answer, and for how many it still waits."""

    __slots__ = ("_answer", "_as_error", "_begun", "_channel", "_controller", "_failed", "_queue", "_waits", "left")

    def __init__(
        self,
        controller: BrokerController,
        channel: Channel,
        answer: RemotingCommand | bytes,
        queue: str,
        waits: list[asyncio.Future[None]],
        *,
        as_error: bool = False,
    ) -> None:
        """`waits`: what the answer waits for besides."""
        self._controller = controller
        self._channel = channel
        self._answer = answer
        self._queue = queue
        self._waits = waits
        self._as_error = as_error
        self._begun = controller.clock()
        self._failed = not isinstance(answer, bytes) and answer.code != ResponseCode.SUCCESS
        self.left = 0

    def flushed(self, ok: bool) -> None:
        """The disk has it, or not in time."""
        if not ok and not self._failed:
            self._fail(PutStatus.FLUSH_DISK_TIMEOUT)
        self._one_less()

    def replicated(self, status: PutStatus) -> None:
        """The slaves have it, or `status` says why not."""
        if status is not PutStatus.PUT_OK:
            self._fail(status)
        self._one_less()

    def _fail(self, status: PutStatus) -> None:
        self._failed = True
        answer = self._answer
        if isinstance(answer, bytes):
            self._answer = with_code(answer, code_of(status))
        elif self._as_error:
            answer.code, answer.remark = ResponseCode.SYSTEM_ERROR, status.name
        else:
            answer.code = code_of(status)

    def _one_less(self) -> None:
        self.left -= 1
        if self.left:
            return
        controller = self._controller
        waited = max(0, controller.clock() - self._begun)
        controller.store.stats.put_times.took(waited)
        if self._queue:
            controller.stats.events.add(TOPIC_PUT_LATENCY, self._queue, waited)
        send_after(self._waits, self._channel, self._answer)
