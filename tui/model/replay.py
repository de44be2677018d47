"""A recording that is played, without a cluster: of a dashboard, or the history of the prober."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rocketmq_ops.housekeeping.history.database import HistoryError, NoHistoryError, OtherFileError
from rocketmq_ops.tui.model.model import Mode, Points
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.tape import Tape, is_bundle
from rocketmq_ops.tui.model.timeline import Timeline

#: What to do where a file cannot be played: a copy may lack what its writer had not moved into it.
_A_WHOLE_ONE: Final = (
    "name a whole recording: until its writer has ended, a part of it is in the file beside it that ends in -wal"
)


class Replay(Timeline):
    """Implements `Model`. Use it as an async context manager, which raises HistoryError where there is no recording."""

    follows = False

    def __init__(self, path: Path) -> None:
        super().__init__(Tape())
        self._path = path
        self._last: Moment | None = None

    async def __aenter__(self) -> Replay:
        try:
            await self._tape.open_recording(self._path)
            self._span = await self._tape.span()
            last = None if self._span is None else await self._tape.moment(self._span.last_ms)
            if last is None:
                raise HistoryError(f"there is nothing in {self._path} yet", "name a file that has something recorded")
        except BaseException as error:
            await self._tape.close()
            if isinstance(error, NoHistoryError):  # also where there is a file, and nothing in it
                error.cause = f"there is no recording in {self._path}"
                error.next_step = _A_WHOLE_ONE if self._path.exists() else "look at the name of the file"
            elif isinstance(error, HistoryError) and not (isinstance(error, OtherFileError) or is_bundle(self._path)):
                error.next_step = _A_WHOLE_ONE
            raise
        self._last = last
        self._at, self._mode = last, Mode.BACK
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._tasks.stop()
        await self._tape.close()

    def newest(self) -> Moment:
        """The last one of the recording."""
        assert self._last is not None
        return self._last

    def new_series(self, name: str, target: str) -> Points:
        """Nothing is newer than the file."""
        return []

    def new_looks(self) -> Sequence[int]:
        """See `new_series`."""
        return ()

    def go_live(self) -> None:
        """Go to the end."""
        super().go_live()
        self._at, self._mode = self._last, Mode.BACK
        self._old = None
        self._changed()
