"""Tables of codes: integers that know their names, made in a twentieth of the time of `enum.IntEnum`.

Every process loads all codes, and most of what an enumeration prepares for its members is never used: as IntEnum they
were a seventh of what the modules of a short one cost at start-up. To a type checker a table is an IntEnum, whose
interface this is: members as attributes, iteration, `len`, `__members__`, and `Table(number)` or ValueError. Unlike an
IntEnum a member is nothing that msgspec encodes: what becomes JSON holds the bare number.
"""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False  # type checkers take it as true; every command line imports this
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class _Table(type):
    """The class of the tables: what stands in capitals in the body of one becomes its members."""

    __members__: MappingProxyType[str, Any]
    _by_number: dict[int, Any]

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        # Members are numbers of the base until their class is there: to set each on a class that is made already would
        # take longer than all the rest.
        members: dict[str, Any] = {key: int.__new__(bases[0], value) for key, value in body.items() if key.isupper()}
        table: Any = super().__new__(cls, name, bases, body | members)
        for key, member in members.items():
            member.__class__ = table
            member.name = key
        table.__members__ = MappingProxyType(members)
        table._by_number = {int(member): member for member in members.values()}
        return table

    def __call__(cls, number: int) -> Any:
        try:
            return cls._by_number[number]
        except KeyError:
            raise ValueError(f"{number!r} is not a valid {cls.__name__}") from None

    def __iter__(cls) -> Iterator[Any]:
        return iter(cls.__members__.values())

    def __len__(cls) -> int:
        return len(cls.__members__)


class CodeTable(int, metaclass=_Table):
    """The base of the tables of codes."""

    name: str

    @property
    def value(self) -> int:
        """The bare number."""
        return int(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {int(self)}>"

    __str__ = int.__repr__
