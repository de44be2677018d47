"""`:message/TOPIC?broker=B&queue=Q&offset=O` and `:message/TOPIC?id=ID`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.details import message
from rocketmq_ops.tui.model.details.bodies import forms_of
from rocketmq_ops.tui.model.details.detail import Once, Part
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen


class MessageScreen(DetailScreen):
    """One message."""

    NO_PAST: ClassVar[str] = "a message does not change: there is nothing to compare"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("b", "form", "text, JSON, hex")]

    def parts(self) -> Sequence[Part]:
        """Its body, who has consumed it, its trace, its properties."""
        asking = self.asking()
        self._message = Once(lambda: message.read(asking))
        return message.parts(asking, self._message, lambda: self.address.option("body"))

    def offers(self) -> Sequence[Offer]:
        """Sending it again, and handing it to one consumer."""
        topic, found = self.address.name, self.address.option("id")
        if found is None:
            return ()
        words = ["queryMsgById", "-t", topic, "-i", found]
        return (
            Offer("send it again to its topic", [*words, "-s", "true"], complete=True),
            Offer("have one consumer consume it now", [*words, "-g", "GROUP", "-d", "CLIENT"]),
        )

    async def action_form(self) -> None:
        """The next form of the body: it is there, and not asked for again."""
        section = self._sections.get("body")
        if section is None or section.lines is None:
            return
        now = next(str(fact.value) for fact in section.facts if fact.name == "Shown as")
        forms = await asyncio.to_thread(forms_of, (await self._message()).body)
        options = dict(self.address.options) | {"body": forms[(forms.index(now) + 1) % len(forms)]}
        self.address = msgspec.structs.replace(self.address, options=tuple(options.items()))
        self.turn_to(0)
        await self._ask(self._parts[0], self._round)
