"""`:store/DIRECTORY` and `:record/DIRECTORY?at=OFFSET`: a store that is opened offline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.message import Message

from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.screens.detail import DetailScreen

if TYPE_CHECKING:
    from rocketmq_ops.tui.model.details.store import Opening


_NO_PAST = "files on a disk have no past: there is nothing to compare with"


class StoreScreen(DetailScreen):
    """A store's directory. The check runs in a thread, which ends when the screen is left."""

    NO_PAST: ClassVar[str] = _NO_PAST
    ASKS_CLUSTER: ClassVar[bool] = False

    class Progressed(Message):
        """More of the commitlog is checked; posted by the thread that does so."""

    _left = False
    _share = 0.0

    def parts(self) -> Sequence[Part]:
        """What the check finds, a map, files, queues, small files, records."""
        from rocketmq_ops.tui.model.details import store  # the inspector, and numpy

        return store.parts(self._opening(store.Opening))

    def _opening(self, made: type[Opening]) -> Opening:
        number = self._round
        return made(address=self.address, progress=self._heard, left=lambda: self._left or number != self._round)

    def _heard(self, share: float) -> None:
        if share - self._share >= 0.01 or share < self._share:
            self._share = share
            self.post_message(self.Progressed())

    def on_store_screen_progressed(self) -> None:
        """Say so."""
        if self.is_current:
            self.draw()

    def waiting_text(self) -> str:
        """How far the check is."""
        if self.part in ("findings", "map"):
            return f"checking: {self._share:.0%} of the commitlog is read"
        return super().waiting_text()

    def on_unmount(self) -> None:
        """Let the thread end."""
        self._left = True


class RecordScreen(DetailScreen):
    """One record of a store."""

    NO_PAST: ClassVar[str] = _NO_PAST
    ASKS_CLUSTER: ClassVar[bool] = False

    def parts(self) -> Sequence[Part]:
        """Its fields, body and bytes."""
        from rocketmq_ops.tui.model.details import record

        return record.parts(self.address)
