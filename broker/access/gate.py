"""The gate that every request passes before its handler when access is checked; without a check there is none.

What lives here: refusing, and the lines in the log about it. Who may do what is for the checks to say
(`broker/acl/plain_permission_manager.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

from rocketmq_ops.common.log_rate import LogRate
from rocketmq_ops.remoting.channel import Channel
from rocketmq_ops.remoting.codes import request_code_name
from rocketmq_ops.remoting.command import RemotingCommand
from rocketmq_ops.remoting.signature import ACCESS_KEY

log = logging.getLogger(__name__)

#: Characters of a name that a client gives.
_MOST_SHOWN: Final = 128


class AccessRefusedError(Exception):
    """A request that is not acted on: the code and remark of its answer."""

    def __init__(self, code: int, remark: str) -> None:
        super().__init__(remark)
        self.code = code
        self.remark = remark


#: Raises AccessRefusedError for a request that must not be acted on.
Check = Callable[[Channel, RemotingCommand], None]


class AccessGate:
    """Asks each check in turn; to be called before every request (`RemotingServer.before_request`)."""

    def __init__(self, checks: Sequence[Check]) -> None:
        self._checks = tuple(checks)
        self._lines = LogRate()
        self.refused = 0

    def before(self, channel: Channel, request: RemotingCommand) -> RemotingCommand | None:
        """The answer to a request that is refused, None for one that may go on."""
        try:
            for check in self._checks:
                check(channel, request)
        except AccessRefusedError as refused:
            self._note(channel, request, refused)
            return request.reply(refused.code, refused.remark)
        return None

    def _note(self, channel: Channel, request: RemotingCommand, refused: AccessRefusedError) -> None:
        self.refused += 1
        if self._lines.due(time.monotonic_ns() // 1_000_000):
            more = f" ({self._lines.missed} more refusals were not logged)" if self._lines.missed else ""
            name = request.ext_fields.get(ACCESS_KEY)
            who = "" if name is None else f" as '{name[:_MOST_SHOWN]}'"
            what = request_code_name(request.code)
            log.warning("%s from %s%s refused: %s%s", what, channel.remote, who, refused, more)
