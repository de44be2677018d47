"""`:message/TOPIC?broker=B&queue=Q&offset=O` and `:message/TOPIC?id=ID`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec
from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.details import message
from rocketmq_ops.tui.model.details.bodies import FORMS
from rocketmq_ops.tui.model.details.detail import Part
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen


class MessageScreen(DetailScreen):
    """One message."""

    NO_PAST: ClassVar[str] = "a message does not change: there is nothing to compare"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("b", "form", "text, JSON, hex")]

    def parts(self) -> Sequence[Part]:
        """Its body, who has consumed it, its trace, its properties."""
        return message.parts(self.asking())

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

    def action_form(self) -> None:
        """The next form of the body."""
        options = dict(self.address.options)
        section = self._sections.get("body")
        facts = {fact.name: fact.value for fact in section.facts} if section is not None else {}
        now = options.get("body") or str(facts.get("Shown as", FORMS[-1]))
        options["body"] = FORMS[(FORMS.index(now) + 1) % len(FORMS)]
        self._at = 0
        self.turn_address(msgspec.structs.replace(self.address, options=tuple(options.items())))
