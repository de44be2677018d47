"""What a screen of rows is: a name in the catalogue of screens, and a table made of a moment."""

from __future__ import annotations

from typing import Protocol

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Table


class View(Protocol):
    """A list screen, declared once in `tui/model/views/`; the one table screen draws all of them."""

    @property
    def name(self) -> str:
        """What `:` takes."""
        ...

    @property
    def aliases(self) -> tuple[str, ...]:
        """Short forms of it."""
        ...

    @property
    def title(self) -> str:
        """In English; translated when drawn."""
        ...

    def table(self, moment: Moment, address: Address) -> Table:
        """The rows at a moment. Pure and quick: it is called for each refresh."""
        ...
