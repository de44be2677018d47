"""The model where no cluster is looked at: a store's directory is opened offline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from rocketmq_ops.housekeeping.history.runs import Span
from rocketmq_ops.tui.model.details.detail import Section
from rocketmq_ops.tui.model.model import Mode, Points
from rocketmq_ops.tui.model.moment import Moment, Said, Verdict
from rocketmq_ops.tui.model.table import Health

T = TypeVar("T")


class NoCluster:
    """Implements `Model`; nothing of it ever changes."""

    version = 1
    mode = Mode.BACK
    follows = False
    busy = seeking = False
    copied = None

    def __init__(self, now_ms: int) -> None:
        said = Said("no cluster is looked at: this is read from files")
        self._moment = Moment(time_ms=now_ms, live=False, verdict=Verdict(Health.INFO, (said,)))

    def moment(self) -> Moment:
        """See `Model`."""
        return self._moment

    def newest(self) -> Moment:
        """See `Model`."""
        return self._moment

    def before(self, ms: int, made: Callable[[Moment], T]) -> T | None:
        """See `Model`."""
        return None

    def of_then(self, time_ms: int, made: Callable[[Moment], T]) -> T | None:
        """See `Model`."""
        return None

    def series(self, name: str, target: str = "") -> Points:
        """See `Model`."""
        return []

    def looks(self) -> Sequence[int]:
        """See `Model`."""
        return ()

    def span(self) -> Span | None:
        """See `Model`."""
        return None

    def pause(self) -> None:
        """See `Model`."""

    def go_live(self) -> None:
        """See `Model`."""

    def seek(self, time_ms: int, *, after: bool = False) -> None:
        """See `Model`."""

    def move(self, by_ms: int) -> None:
        """See `Model`."""

    def refresh(self) -> None:
        """See `Model`."""

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        """See `Model`."""

    def on_change(self, call: Callable[[], None]) -> None:
        """See `Model`."""
