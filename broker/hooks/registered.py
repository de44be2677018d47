"""The hooks of one broker, where they come from, and how they are called so that none breaks a request.

They are bound at the start: without hooks the processors and connections are those that know nothing of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from rocketmq_ops.broker.hooks.api import AbortProcessError, ConsumeMessageHook, RPCHook, SendMessageHook
from rocketmq_ops.common.addresses import split_addresses
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.config import ConfigError
from rocketmq_ops.common.log_rate import LogRate

log = logging.getLogger(__name__)

ENTRY_POINTS = "rocketmq_ops.broker_hooks"
_KINDS = (SendMessageHook, ConsumeMessageHook, RPCHook)


class RegisteredHooks:
    """The hooks by kind; one object may be of several kinds."""

    def __init__(self, hooks: Iterable[object], clock: Callable[[], int] = now_ms) -> None:
        """Raises ConfigError for an object that is no hook."""
        found = list(hooks)
        for hook in found:
            if not isinstance(hook, _KINDS):
                kinds = ", ".join(kind.__name__ for kind in _KINDS)
                raise ConfigError(f"{type(hook).__name__} is not a hook", f"derive it from one of {kinds}")
        self.send = [hook for hook in found if isinstance(hook, SendMessageHook)]
        self.consume = [hook for hook in found if isinstance(hook, ConsumeMessageHook)]
        self.rpc = [hook for hook in found if isinstance(hook, RPCHook)]
        self._clock = clock
        self._failures: dict[str, LogRate] = {}

    def call(self, hook: object, call: Callable[[], object]) -> None:
        """One call of a hook. Raises AbortProcessError alone; any other failure is logged, now and then."""
        try:
            call()
        except AbortProcessError:
            raise
        except Exception:
            name = type(hook).__name__
            rate = self._failures.setdefault(name, LogRate())
            if rate.due(self._clock()):
                more = f" ({rate.missed} more failures were not logged)" if rate.missed else ""
                log.exception("the hook %s failed; the request goes on%s", name, more)

    def call_after(self, hook: object, call: Callable[[], object]) -> None:
        """As `call`, where it is too late to refuse."""
        try:
            self.call(hook, call)
        except AbortProcessError as error:
            log.warning("the hook %s refuses what is done already: %s", type(hook).__name__, error)


def load(names: str) -> list[object]:
    """The hooks of the entry points in a list that `;`, commas or blanks separate. Raises ConfigError."""
    from importlib.metadata import entry_points

    points = {point.name: point for point in entry_points(group=ENTRY_POINTS)}
    found: list[object] = []
    for name in split_addresses(names):
        if name not in points:
            there = f"there are {', '.join(sorted(points))}" if points else f"no package has one of {ENTRY_POINTS}"
            raise ConfigError(f"brokerHooks: there is no hook '{name}'", there)
        try:
            found.append(points[name].load()())
        except Exception as error:
            raise ConfigError(
                f"brokerHooks: the hook '{name}' cannot be made: {type(error).__name__}: {error}",
                "correct its package, or take it out of brokerHooks",
            ) from error
    return found
