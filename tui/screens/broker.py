"""`:broker/NAME` and `:name-server/ADDRESS`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rocketmq_ops.common.secrets import REMOVED
from rocketmq_ops.tui.model.details import broker, name_server
from rocketmq_ops.tui.model.details.detail import EVERY, Part
from rocketmq_ops.tui.model.moment import BrokerSeen, Moment
from rocketmq_ops.tui.screens.change import Offer
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.offers import of_brokers


def _offered(value: str) -> str:
    """The value that a change begins with: what stands for a secret is none."""
    return "VALUE" if REMOVED in value else value


class BrokerScreen(DetailScreen):
    """One broker."""

    EVERY: ClassVar[int] = EVERY
    KEEPS: ClassVar[bool] = True

    def parts(self) -> Sequence[Part]:
        """Its figures, configuration, replication, producers."""
        return broker.parts(self.asking())

    def offers(self) -> Sequence[Offer]:
        """Write permission, and a setting: that of the row at the cursor."""
        seen = self._seen(self.context.model.moment())
        name = seen.broker_name if seen is not None else self.address.name
        offers = of_brokers([name])
        row = self.grid.row
        if seen is not None:
            key, value = ("KEY", "VALUE")
            if self.part == "configuration" and row is not None:
                key, value = row.key, _offered(str(row.cells[2]))
            words = ["updateBrokerConfig", "-b", seen.address, "-k", key, "-v", value]
            offers.append(Offer("a setting of this broker", words))
        return offers

    def _seen(self, moment: Moment) -> BrokerSeen | None:
        return broker.seen_as(self.address.name, moment)


class NameServerScreen(DetailScreen):
    """One name server."""

    EVERY: ClassVar[int] = EVERY
    KEEPS: ClassVar[bool] = True

    def parts(self) -> Sequence[Part]:
        """What it lists, and its configuration."""
        return name_server.parts(self.asking())

    def offers(self) -> Sequence[Offer]:
        """A setting: that of the row at the cursor."""
        row = self.grid.row
        key, value = ("KEY", "VALUE")
        if self.part == "configuration" and row is not None:
            key, value = row.key, _offered(str(row.cells[2]))
        return (Offer("a setting of all name servers", ["updateNamesrvConfig", "-k", key, "-v", value]),)
