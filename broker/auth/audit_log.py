"""The lines of `auth_audit.log`: who was refused, by users and ACLs of 5.x, what, and from where.

What was allowed is logged at DEBUG. Apache's lines have the signature, too; here it is left out. Mirrors doAuditLog of
DefaultAuthenticationProvider and DefaultAuthorizationProvider. Nothing is done without log files: the broker's own log
has a line of refusals every few seconds (`broker/access/gate.py`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rocketmq_ops.broker.auth.authorization_contexts import Context

log = logging.getLogger(__name__)

#: Lines of refusals a second; whoever tries names and passwords in turn must not fill the files.
_MOST_LINES: Final = 200
#: Characters of a name that a client gives.
_MOST_SHOWN: Final = 128


class AuditLog:
    """Writes the lines of one broker."""

    def __init__(self, *, has_files: bool) -> None:
        self._has_files = has_files
        self._second = 0
        self._lines = 0

    def authentication(self, name: str, host: str, code: int, *, refused: bool) -> None:
        """A user whose name is given was let in, or not."""
        if self._is_due(refused):
            log.log(
                _level(refused), "[AUTHENTICATION] User:%s is authenticated %s from sourceIp = %s for request = %d.",
                _shown(name), "failed" if refused else "success", host, code,
            )  # fmt: skip

    def authorization(self, name: str, host: str, code: int, contexts: Iterable[Context], *, refused: bool) -> None:
        """A user who has signed was allowed something, or not."""
        for context in contexts if self._has_files else ():
            if self._is_due(refused):
                log.log(
                    _level(refused),
                    "[AUTHORIZATION] Subject = User:%s is %s Action = %s from sourceIp = %s on resource = %s for "
                    "request = %d.",
                    _shown(name), "Deny" if refused else "Allow", ",".join(context.actions), host,
                    f"{context.kind}:{_shown(context.name or '')}", code,
                )  # fmt: skip

    def _is_due(self, refused: bool) -> bool:
        if not self._has_files or not log.isEnabledFor(_level(refused)):
            return False
        second = time.monotonic_ns() // 1_000_000_000
        if second != self._second:
            if (missed := self._lines - _MOST_LINES) > 0:
                log.warning("%d more lines were not written: more than %d came in a second", missed, _MOST_LINES)
            self._second, self._lines = second, 0
        self._lines += 1
        return self._lines <= _MOST_LINES


def _level(refused: bool) -> int:
    return logging.INFO if refused else logging.DEBUG


def _shown(name: str) -> str:
    """A name that a client gave, on one line whatever it is."""
    name = name[:_MOST_SHOWN]
    return name if name.isprintable() else ascii(name)
