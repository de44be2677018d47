"""`:client/ID?group=NAME`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import client
from rocketmq_ops.tui.model.details.detail import EVERY, Part
from rocketmq_ops.tui.screens.detail import DetailScreen


class ClientScreen(DetailScreen):
    """One client of a group."""

    EVERY: ClassVar[int] = EVERY
    KEEPS: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("t", "threads", "threads")]

    def parts(self) -> Sequence[Part]:
        """What it says of itself. Without a group in the address: of the first that it is known to have."""
        if self.address.option(client.GROUP) is None:
            seen = self.context.model.moment().clients.get(self.address.name)
            if seen is None or not seen.groups or seen.producer:
                raise RocketMQError(
                    f"no consumer group of client '{self.address.name}' is known",
                    "producers are listed on the screen of their broker",
                )
            known = (*self.address.options, (client.GROUP, seen.groups[0]))
            self.address = Address("client", self.address.name, known)
        return client.parts(self.asking())

    def action_threads(self) -> None:
        """Ask the client for its threads too."""
        rest = tuple(option for option in self.address.options if option[0] not in ("threads", "part"))
        self.turn_address(Address("client", self.address.name, (*rest, ("threads", "1"))))
        self.turn_to(next(at for at, part in enumerate(self._parts) if part.key == "threads"))
