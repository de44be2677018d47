"""`:messages/TOPIC`, with `?key=`, `?id=`, `?begin=` and `?end=`, `?tag=`, `?where=`, `?broker=`, `?queue=`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import messages
from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.screens.looking import LookingScreen

#: Seconds between two looks while it follows.
FOLLOW_SECONDS = 2


class MessagesScreen(LookingScreen):
    """Messages of a topic; the newest without anything else in the address."""

    NO_PAST: ClassVar[str] = "a message does not change: there is nothing to compare"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "find", "find", priority=True),
        Binding("F", "follow", "follow"),
    ]

    def on_mount(self) -> None:
        """Follow where the address says so; the handlers of all screens do the rest."""
        if self.context.options.follows:
            self.set_interval(FOLLOW_SECONDS, self._follow)

    def parts(self) -> Sequence[Part]:
        """What the address asks for."""
        return messages.parts(self.asking(), self.looking())

    async def action_find(self) -> None:
        """Type a key, an id, a condition, a time."""
        await self.command(f"{Address('messages', self.address.name)}?key=".removeprefix(":"))

    def action_follow(self) -> None:
        """Look for new messages again and again, or no more."""
        following = self.address.option("follow") is None
        rest = tuple(option for option in self.address.options if option[0] != "follow")
        self.address = Address("messages", self.address.name, (*rest, *([("follow", "1")] if following else [])))
        self.say("it follows what comes" if following else "it does not follow any more")
        self.draw()

    def _follow(self) -> None:
        live = self.context.model.mode is Mode.LIVE
        if self.address.option("follow") is not None and self.is_current and live and not self.waiting:
            self.ask()
