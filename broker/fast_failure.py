"""Refusing requests that have waited too long, so that clients turn to another broker before they time out.

Requests wait here for the turn of their connection, when many connections send more than one loop can handle; the
limits are those of Apache's queues. Sends that wait for the disk or for slaves are bounded in number as Apache's send
queue is. There is no lock that a put could hold up others with, so Apache's `[PCBUSY_CLEAN_QUEUE]` has no counterpart.

Mirrors BrokerFastFailure, and the answer of NettyRemotingAbstract when a queue is full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import RequestCode, ResponseCode
from rocketmq_ops.remoting.command import ONEWAY_FLAG, RemotingCommand

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController
    from rocketmq_ops.remoting.request_handlers import AnswerTo

OVERLOAD: Final = "[OVERLOAD]system busy, start flow control for a while"
TIMEOUT: Final = (
    "[TIMEOUT_CLEAN_QUEUE]broker busy, start flow control for a while, period in queue: {}ms, size of queue: {}"
)
#: Code -> key of the ms that its requests may wait; of others nothing is refused.
_LIMITS: Final = {
    RequestCode.SEND_MESSAGE: "waitTimeMillsInSendQueue",
    RequestCode.SEND_MESSAGE_V2: "waitTimeMillsInSendQueue",
    RequestCode.SEND_BATCH_MESSAGE: "waitTimeMillsInSendQueue",
    RequestCode.CONSUMER_SEND_MSG_BACK: "waitTimeMillsInSendQueue",
    RequestCode.PULL_MESSAGE: "waitTimeMillsInPullQueue",
    RequestCode.LITE_PULL_MESSAGE: "waitTimeMillsInLitePullQueue",
    RequestCode.HEART_BEAT: "waitTimeMillsInHeartbeatQueue",
    RequestCode.END_TRANSACTION: "waitTimeMillsInTransactionQueue",
}


class BrokerFastFailure:
    """Answers for requests that have waited."""

    def __init__(self, controller: BrokerController) -> None:
        self._controller = controller
        self._limits = {int(code): key for code, key in _LIMITS.items()}
        #: Requests that were refused because of their wait, and sends because too many waited for the disk.
        self.timed_out = 0
        self.overloaded = 0

    def install(self) -> None:
        """From now on be asked for each request that has waited for its turn."""
        self._controller.server.handlers.overdue = self.answer_to

    def answer_to(
        self, waited_ms: int, answer_to: AnswerTo, channel: Channel, request: RemotingCommand
    ) -> RemotingCommand | bytes | None:
        """What answers requests that have not waited answers, or SYSTEM_BUSY after too long a wait."""
        controller, config = self._controller, self._controller.config
        key = self._limits.get(request.code)
        if key is None or not config.brokerFastFailureEnable or waited_ms < self._limit(key):
            return answer_to(channel, request)
        self.timed_out += 1
        if request.flag & ONEWAY_FLAG:
            return None
        return request.reply(ResponseCode.SYSTEM_BUSY, TIMEOUT.format(waited_ms, controller.server.waiting_channels()))

    def _limit(self, key: str) -> int:
        config = self._controller.config
        return {
            "waitTimeMillsInSendQueue": config.waitTimeMillsInSendQueue,
            "waitTimeMillsInPullQueue": config.waitTimeMillsInPullQueue,
            "waitTimeMillsInLitePullQueue": config.waitTimeMillsInLitePullQueue,
            "waitTimeMillsInHeartbeatQueue": config.waitTimeMillsInHeartbeatQueue,
            "waitTimeMillsInTransactionQueue": config.waitTimeMillsInTransactionQueue,
        }[key]

    @property
    def waiting_sends(self) -> int:
        """Sends that wait for the disk or for slaves, which many do for both."""
        controller = self._controller
        return max(controller.store.flush.waiting, controller.ha.transfers.waiting)

    @property
    def longest_wait_ms(self) -> int:
        """How long the first of them has waited."""
        controller = self._controller
        return max(controller.store.flush.longest_wait_ms(), controller.ha.transfers.longest_wait_ms)

    @property
    def is_full(self) -> bool:
        """Whether as many sends wait for the disk or for slaves as may."""
        return self.waiting_sends >= self._controller.config.sendThreadPoolQueueCapacity

    def too_many_waiting(self) -> str | None:
        """Why one more send that has to wait for the disk or for slaves is refused, or None."""
        if not self.is_full:
            return None
        self.overloaded += 1
        return OVERLOAD
