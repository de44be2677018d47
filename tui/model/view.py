"""What a screen of rows is: a name in the catalogue of screens, and a table made of a moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, Protocol, TypeVar

from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.table import Column, Table

T = TypeVar("T")

#: Rows that are made between two pauses: they take a millisecond or two.
_AT_A_TIME: Final = 200


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

    @property
    def columns(self) -> tuple[Column, ...]:
        """All that its tables have."""
        ...

    @property
    def options(self) -> tuple[str, ...]:
        """Options of its addresses, beside those that say how rows are arranged."""
        ...

    @property
    def sort(self) -> str:
        """The column by which its rows are sorted, descending, where its address says nothing; empty: the worst come
        first."""
        ...

    def source(self, moment: Moment) -> Collection[object]:
        """The part of a moment that the rows are made of: while it is the same object, so are they. There are as many
        rows as it has items, or fewer."""
        ...

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        """The rows at a moment. Pure, and made in a thread where there are many; `pause` is called every few ms."""
        ...


def with_pauses(items: Iterable[T], pause: Pause) -> Iterator[T]:
    """The items, with a pause before each few of them."""
    for at, item in enumerate(items):
        if at % _AT_A_TIME == 0:
            pause()
        yield item
