"""Answers that wait until what their request changed is on the disk and known to the name servers.

A handler that may create a topic or a group on the way (a send, a send-back, a heartbeat) is registered through
`after_changes`. Its answer leaves at once when nothing was changed. Otherwise it leaves when the files are written and
the name servers have answered, as Apache's broker answers: a client that looks for the route of a topic right after its
first send finds it. A file that cannot be written costs a line in the log, and a name server that fails costs a line
too: the answer then leaves all the same, and so it does where either takes too long, for its message is stored already:
a client that gives up waiting sends it once more. What an administrator changes is answered by its processor, with the
error if there is one.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import wraps
from typing import TYPE_CHECKING, TypeVar

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.common.state_files import StateFile, StateFileWriter
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.remoting.bodies import TopicConfig
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.remoting.command import HELD, Answer, RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.remoting.request_handlers import H, Handler

log = logging.getLogger(__name__)

T = TypeVar("T")

#: Answers wait no longer for a file or for the name servers. Clients give up a send after 3 s and a send-back after 5,
#: and would send once more: two messages, or two dead letters.
LONGEST_WAIT_MS = 2_000
#: That a file takes longer is logged this often.
LOG_INTERVAL_MS = 60_000


class Changes:
    """What the request that is being handled has changed. `waits`: its writes and registrations so far."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self.waits: list[asyncio.Future[None]] = []
        self._in_request = False
        self._slow_files = LogRate(LOG_INTERVAL_MS)

    def record(self, state: StateFile, topics: Iterable[TopicConfig] = ()) -> None:
        """A table changed: write its file, and register `topics` at the name servers."""
        state.changed()
        saved = self._controller.files.save(state)
        if self._in_request:
            self.waits.append(run_later(self._saved_in_time(saved, state.path), "save-for-an-answer"))
        topics = list(topics)
        if topics:
            registered = self._controller.outer.topics_changed(topics)
            if self._in_request:
                self.waits.append(registered)

    async def _saved_in_time(self, saved: asyncio.Future[None], path: str) -> None:
        """Wait until a file is written, and no longer than LONGEST_WAIT_MS."""
        done, _ = await asyncio.wait((saved,), timeout=LONGEST_WAIT_MS / 1000)
        if not done and self._slow_files.due(self._controller.clock()):
            log.warning(
                "writing %s takes more than %d ms: what was created is answered, and may be lost with a power cut now",
                path,
                LONGEST_WAIT_MS,
            )

    def wait_for_route(self, topic: str) -> bool:
        """Let the answer wait too while a topic is being registered at the name servers; False when it is not."""
        registering = self._controller.outer.registering.get(topic)
        if registering is None:
            return False
        self.waits.append(registering)
        return True

    def collect(self, work: Callable[[], T]) -> tuple[T, list[asyncio.Future[None]]]:
        """What `work` returns, and what the changes that it made are waited for with."""
        self.waits = []
        self._in_request = True
        try:
            result = work()
        finally:
            waits, self.waits = self.waits, []
            self._in_request = False
        return result, waits

    def handle(self, handler: Handler[H], channel: Channel, request: RemotingCommand, header: H) -> Answer:
        """The handler's answer, or HELD when it leaves after the changes that the handler made."""
        answer, waits = self.collect(lambda: handler(channel, request, header))
        if not waits or not isinstance(answer, RemotingCommand) or request.is_oneway:
            return answer
        send_after(waits, channel, answer)
        return HELD


def send_after(waits: list[asyncio.Future[None]], channel: Channel, answer: RemotingCommand | bytes) -> None:
    """Send an answer, or its frame, when all of `waits` have ended, well or not; at once when they have already."""
    if all(wait.done() for wait in waits):
        if not channel.closed:
            channel.send(answer)
        return

    async def wait() -> None:
        await asyncio.wait(waits)
        send_after([], channel, answer)

    run_later(wait(), "answer-after-changes")


async def deletion_saved(files: StateFileWriter, table: StateFile, request: RemotingCommand) -> RemotingCommand:
    """The answer to a deletion, when the file of its table is written; an error when what was deleted may come back."""
    try:
        await files.save(table)
    except RocketMQError as error:
        return request.reply(
            ResponseCode.SYSTEM_ERROR, f"deleted, but it may come back after a restart: {error}; {error.next_step}"
        )
    return request.reply()


def after_changes(controller: BrokerController, handler: Handler[H]) -> Handler[H]:
    """`handler` with its answers held back until what they changed is saved and registered."""
    handle = controller.changes.handle

    @wraps(handler)
    def waiting(channel: Channel, request: RemotingCommand, header: H) -> Answer:
        return handle(handler, channel, request, header)

    return waiting
