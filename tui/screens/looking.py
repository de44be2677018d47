"""A screen that looks through messages: what it has looked at, and how it goes on."""

from __future__ import annotations

from typing import Any

from rocketmq_ops.tui.model.details import messages
from rocketmq_ops.tui.model.details.detail import Fact
from rocketmq_ops.tui.model.details.looking import Looking
from rocketmq_ops.tui.screens.detail import DetailScreen


class LookingScreen(DetailScreen):
    """Each look is bounded; `n` looks at what it has not looked at yet, and adds what it finds; where any message is
    what is looked for, it shows the next ones."""

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

    @property
    def left_out(self) -> Fact | None:
        """What says that there are others than those that are shown; None where they are all."""
        facts = self.section.facts if self.section is not None else ()
        return next((fact for fact in facts if fact.name in (messages.MORE, messages.LOOKED)), None)

    def action_more(self) -> None:
        """Look further, where not all was looked at."""
        if self.waiting:
            return
        if self._back or not self._looking.goes_on:
            left = self.left_out
            at_end = not self._back and self.address.option("follow") is None
            if left is None or (at_end and left.name == messages.LOOKED):
                super().action_more()
            elif left.name == messages.MORE:
                self.say(str(left.value))
            else:
                self.say("it looks further only live, and while it does not follow")
            return
        self._goes_on = True
        if self._looking.turns:
            self.grid.move_to(0)
        self.ask()
        self.draw()
