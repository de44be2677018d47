"""Changes that are on their way: each comes to its end, which is said also where its screen is closed by then."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.tui.changes import Changer
from rocketmq_ops.tui.model.details.batch import MadeOf, PlannedOf, made_of_lines, make_all
from rocketmq_ops.tui.model.details.plan import Said
from rocketmq_ops.tui.model.figures import SIGNS
from rocketmq_ops.tui.model.table import Health

#: Lines of what became of changes that are said where they have no screen.
MOST_LINES: Final = 6


class Batch:
    """Changes that were confirmed together."""

    def __init__(
        self, changer: Changer, plans: Sequence[PlannedOf], progress: Callable[[int], None], at_once: int
    ) -> None:
        self.count = sum(plan.effective for plan in plans)
        #: No more of them are sent.
        self.stopping = False
        made = make_all(changer, plans, stopped=lambda: self.stopping, progress=progress, at_once=at_once)
        self._task = run_later(made, "changes")

    @property
    def under_way(self) -> bool:
        """Whether it has not come to its end."""
        return not self._task.done()

    async def made(self) -> list[MadeOf]:
        """What became of each; who waits for it may be cancelled."""
        return await asyncio.shield(self._task)


class Sending:
    """All that a dashboard sends."""

    def __init__(self) -> None:
        self._batches: list[Batch] = []

    def start(
        self, changer: Changer, plans: Sequence[PlannedOf], *, progress: Callable[[int], None], at_once: int
    ) -> Batch:
        """Make them, so many at a time. `progress` gets how many have ended."""
        self._batches = [batch for batch in self._batches if batch.under_way]
        self._batches.append(Batch(changer, plans, progress, at_once))
        return self._batches[-1]

    @property
    def under_way(self) -> list[Batch]:
        """Those that have not come to their end."""
        return [batch for batch in self._batches if batch.under_way]


def in_short(made: Sequence[MadeOf]) -> list[Said]:
    """What became of changes, as far as a notice has room for."""
    error = made[0].error if len(made) == 1 else None
    if error is not None:
        return [(error.cause, Health.CRITICAL), *([(error.next_step, Health.INFO)] if error.next_step else [])]
    lines = made_of_lines(made)
    return [*lines[: MOST_LINES - 1], ("…", Health.INFO)] if len(lines) > MOST_LINES else lines


def spoken(said: Said, tr: Callable[[str], str]) -> str:
    """A line in the language of the reader, behind its sign; indented ones have none."""
    line, health = said
    # Indented lines are indented in the catalogue too, but for those that begin with a name.
    known = tr(line)
    text = known.strip() if known != line else tr(line.strip())
    return ("  " if line.startswith("  ") else f"{SIGNS[health]} ") + text
