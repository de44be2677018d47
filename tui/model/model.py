"""What screens ask: the cluster now, at a time that was scrubbed to, or before; implemented live and by recordings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from rocketmq_ops.housekeeping.history.runs import Span
from rocketmq_ops.tui.model.moment import Moment

if TYPE_CHECKING:
    from rocketmq_ops.tui.model.details.detail import Section
    from rocketmq_ops.tui.model.session import Copied

T = TypeVar("T")

#: (ms since 1970, value), ascending; nothing stands for a time at which the value was not known.
Points = list[tuple[int, float]]


class Mode(StrEnum):
    """LIVE: the newest. PAUSED: the newest when it was paused. BACK: a time of the recording."""

    LIVE = "live"
    PAUSED = "paused"
    BACK = "back"


class Model(Protocol):
    """All calls are quick: what needs reading of files is read beside, and `version` grows when it is there."""

    @property
    def version(self) -> int:
        """Grows with everything that changes what the other calls answer."""
        ...

    @property
    def mode(self) -> Mode:
        """Whether it shows the present."""
        ...

    @property
    def follows(self) -> bool:
        """Whether there is a cluster whose present it can show; none of a recording, or of files."""
        ...

    @property
    def busy(self) -> bool:
        """Whether the time that was asked for is still being read; `moment` is the one before until then."""
        ...

    @property
    def seeking(self) -> bool:
        """Whether that is another moment, to be shown; not what something is compared with."""
        ...

    @property
    def copied(self) -> Copied | None:
        """What a file has of this session, and what it lacks, where it is copied into one (`--record`)."""
        ...

    def moment(self) -> Moment:
        """The cluster at the time that is shown."""
        ...

    def newest(self) -> Moment:
        """The newest moment, whichever is shown: what is asked of the cluster is of about then. Of a recording its last
        one."""
        ...

    def before(self, ms: int, made: Callable[[Moment], T]) -> T | None:
        """What `made` makes of the moment so long before the one that is shown; None while it is read, or where nothing
        is recorded. `made` may be called in a thread, and what it makes is kept, not the moment."""
        ...

    def of_then(self, time_ms: int, made: Callable[[Moment], T]) -> T | None:
        """The same of the last recorded moment at that time, or before it."""
        ...

    def series(self, name: str, target: str = "") -> Points:
        """The last minutes of a figure until the moment that is shown. Names are in docs/dashboard.md."""
        ...

    def looks(self) -> Sequence[int]:
        """When series were looked at in these minutes, ascending: one without a point then was not known."""
        ...

    def span(self) -> Span | None:
        """What can be scrubbed through; None while nothing is recorded."""
        ...

    def pause(self) -> None:
        """Stay at the moment that is shown; sampling goes on."""
        ...

    def go_live(self) -> None:
        """Show the newest again. A replay goes to its end."""
        ...

    def seek(self, time_ms: int, *, after: bool = False) -> None:
        """Show the recorded moment at `time_ms`, or the last before it; the first one for an earlier time. `after`: the
        first behind it, where there is one."""
        ...

    def move(self, by_ms: int) -> None:
        """Go back (negative) or forth by about so much, to another recorded moment in any case; beyond the last one is
        live. Several at once add up."""
        ...

    def refresh(self) -> None:
        """Ask the cluster now for what is due soon; nothing in a replay."""
        ...

    def keep(self, name: str, section: Section, *, whole: bool = True) -> None:
        """Keep what a part of a screen was told, with the moments from now on; `whole`: nothing lacked. A replay keeps
        nothing."""
        ...

    def on_change(self, call: Callable[[], None]) -> None:
        """`call` whenever `version` has grown, in the loop of the model."""
        ...
