"""What addresses of a screen may have behind their `?`: its options, and what those may say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Final

import msgspec

from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.tui.model.address import Address, AddressError

#: Options of all screens: how rows are arranged, and which part of one thing is seen first.
SORT: Final = "sort"
PART: Final = "part"
ARRANGED: Final = (SORT, "filter", "compare", PART)
#: Options that are numbers, on whatever screen.
_NUMBERS: Final = ("queue", "offset", "from", "at")


class Taken(msgspec.Struct, frozen=True):
    """`own`: options of the screen itself; `parts`: what `part` may name, of the screen of one thing; `columns`: what
    `sort` may name, where that is known before something is asked; `values`: what else an option may say; `check`
    raises AddressError for what is wrong beside."""

    own: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    values: Mapping[str, Collection[str]] = {}
    check: Callable[[Address], None] | None = None
    #: How its rows can be arranged.
    arranged: tuple[str, ...] = ARRANGED

    def refuse(self, address: Address) -> None:
        """Raises AddressError for an option that the screen does not have, or for what one says that it cannot."""
        options = (*self.own, *(each for each in self.arranged if each != PART or self.parts))
        values = dict(self.values)
        if self.parts:
            values[PART] = self.parts
        for name, value in address.options:
            if name not in options:
                raise AddressError(f"unknown option '{name}' in the address", _instead(name, options))
            if name in _NUMBERS and not (value.isascii() and value.isdecimal()):
                raise AddressError(f"invalid {name} '{value}' in the address: expected a number", _CORRECT)
            if name in values and value not in values[name]:
                raise AddressError(f"invalid {name} '{value}' in the address", _instead(value, values[name]))
            if name == SORT and self.columns:
                refuse_column(value, self.columns)
        if self.check is not None:
            self.check(address)


_CORRECT: Final = "correct it in the address"


def refuse_column(sort: str, columns: Collection[str]) -> None:
    """Raises AddressError where `sort` says none of the columns; `-` before one is for descending."""
    column = sort.removeprefix("-")
    if column not in columns:
        raise AddressError(f"unknown column '{column}' in the address", _instead(column, columns))


def _instead(name: str, known: Collection[str]) -> str:
    near = nearest_name(name, known)
    return f"did you mean '{near}'?" if near is not None else f"known are {', '.join(known)}"
