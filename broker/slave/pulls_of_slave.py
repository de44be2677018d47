"""How a slave answers pulls, and where it sends consumers.

While its master serves, a consumer gets what is here but is sent back to the master with its next pull; when there is
nothing here it does not wait here. While the master is away the slave serves like one: consumers wait here for what
the master had sent before it went. Apache's slaves let them wait in both cases: what 5.x has for sending them to a
master that serves never runs, as BrokerController.getMinBrokerIdInGroup is the slave's own id (seen with 5.3.3;
that of 5.5.0 is the same).

Mirrors what PullMessageProcessor.composeResponseHeader and DefaultPullMessageResultHandler do on a slave.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rocketmq_ops.broker.slave.slave_synchronize import SlaveSynchronize
from rocketmq_ops.common.addresses import MASTER_ID
from rocketmq_ops.remoting.bodies import SubscriptionGroupConfig
from rocketmq_ops.remoting.codes import ResponseCode
from rocketmq_ops.store.get_result import GetMessageResult, GetStatus

if TYPE_CHECKING:
    from rocketmq_ops.broker.controller import BrokerController

_RETRY = int(ResponseCode.PULL_RETRY_IMMEDIATELY)
_OFFSET_MOVED = int(ResponseCode.PULL_OFFSET_MOVED)


class PullsOfSlave:
    """What a slave changes in the answers of the pull processor."""

    def __init__(self, controller: BrokerController, slave: SlaveSynchronize) -> None:
        self._store_config = controller.store_config
        self._slave = slave

    def answer(
        self, code: int, suggested: int, result: GetMessageResult, group_config: SubscriptionGroupConfig
    ) -> tuple[int, int]:
        """The code of an answer and the broker id for the next pull, from those that a master would give."""
        if not result.suggest_pulling_from_slave and self._slave.master_serves:
            suggested = MASTER_ID
            if result.status is not GetStatus.FOUND:
                code = _RETRY
        if code == _OFFSET_MOVED and not self._store_config.offsetCheckInSlave:
            # The offset may be right, and its message not replicated yet.
            return _RETRY, group_config.broker_id
        return code, suggested
