"""A screen that looks through messages: what it has looked at, and how it goes on."""

from __future__ import annotations

from typing import Any

from rocketmq_ops.tui.model.details.looking import Looking
from rocketmq_ops.tui.screens.detail import DetailScreen


class LookingScreen(DetailScreen):
    """Each look is bounded; `n` looks at what it has not looked at yet, and adds what it finds."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._looking = Looking()
        self._goes_on = False

    def on_unmount(self) -> None:
        """Let go of what was found, as the handler of all screens of one thing does."""
        self._looking = Looking()

    def looking(self) -> Looking:
        """What was looked at by this address, for the look that is made now."""
        self._looking = self._looking.by(self.address, goes_on=self._goes_on)
        self._goes_on = False
        return self._looking

    def action_more(self) -> None:
        """Look further, where not all was looked at."""
        if self.waiting:
            return
        if self._back or not self._looking.goes_on:
            super().action_more()
            return
        self._goes_on = True
        self.ask()
        self.draw()
