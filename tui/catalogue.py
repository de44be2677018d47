"""The screens by their names: what `:` takes and completes, what an address opens, what the help lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from rocketmq_ops.common.nearest import nearest_name
from rocketmq_ops.tui.model.address import Address, AddressError, parse
from rocketmq_ops.tui.model.moment import Moment
from rocketmq_ops.tui.model.taken import Taken

if TYPE_CHECKING:
    from rocketmq_ops.tui.context import Context
    from rocketmq_ops.tui.screens.base import DashboardScreen

#: Most suggestions that are shown at once.
MOST_SUGGESTIONS = 8


class Place(NamedTuple):
    """A screen: its name and short forms, its title in English, and what makes it."""

    name: str
    aliases: tuple[str, ...]
    title: str
    make: Callable[[Context, Address], DashboardScreen]
    #: What it can be about; None: it is about the cluster, and takes no name.
    names: Callable[[Moment], Iterable[str]] | None = None
    #: The screen of all of its kind, which is opened where no name is given; itself where it may be without one.
    every: str | None = None
    #: What the options of its address, behind the `?`, may go on as.
    options: Callable[[str], Sequence[str]] | None = None
    #: Which options those are.
    taken: Taken = Taken()

    @property
    def needs_name(self) -> bool:
        """Whether it cannot be gone to without a name."""
        return self.names is not None and self.every != self.name


class NeedsNameError(AddressError):
    """The screen of one thing, and no name of one."""

    def __init__(self, place: Place) -> None:
        super().__init__(f"screen '{place.name}' needs a name", f"give one, as in :{place.name}/NAME")
        self.place = place


class Catalogue:
    """All screens."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = tuple(places)
        self._by_name: dict[str, Place] = {}
        for place in places:
            for name in (place.name, *place.aliases):
                if name in self._by_name:
                    raise ValueError(f"{name} is the name of two screens")
                self._by_name[name] = place

    def find(self, name: str) -> Place | None:
        """The screen of a name or a short form."""
        return self._by_name.get(name)

    def address(self, text: str) -> tuple[Place, Address]:
        """What somebody typed: an address, `group orders-consumer` too; `:group` alone is all of them. Raises
        AddressError, also for a name or options that the screen does not have."""
        words = text.strip().removeprefix(":").split(maxsplit=1)
        joined = "/".join(words) if len(words) == 2 and not {"/", "?"} & {*words[0]} else text
        address = parse(joined)
        place = self.find(address.screen)
        if place is None:
            near = nearest_name(address.screen, self._by_name)
            listed = f"the screens are {', '.join(sorted(p.name for p in self.places))}"
            raise AddressError(
                f"there is no screen '{address.screen}'", f"did you mean '{near}'?" if near is not None else listed
            )
        if place.names is not None and not address.name:
            every = self.find(place.every) if place.every is not None else None
            if every is None:
                raise NeedsNameError(place)
            place = every
        elif place.names is None and address.name:
            raise self._no_name(place, address.name)
        place.taken.refuse(address)
        return place, Address(place.name, address.name, address.options)

    def _no_name(self, place: Place, name: str) -> AddressError:
        """A list has no name; what it may have been meant for is the screen of one of its things."""
        one = next((each for each in self.places if each.every == place.name), None)
        near = Address(one.name if one is not None else place.name, name if one is not None else "")
        return AddressError(f"screen '{place.name}' takes no name", f"did you mean '{near}'?")

    def suggestions(self, text: str, moment: Moment) -> list[str]:
        """Addresses, without their colon, that begin as `text` does; names are found by any part of them."""
        text = text.lstrip().removeprefix(":")
        where, mark, options = text.partition("?")
        if mark:
            place = self.find(where.replace(" ", "/", 1).partition("/")[0])
            found = place.options(options) if place is not None and place.options is not None else ()
            return [f"{where}?{each}" for each in found][:MOST_SUGGESTIONS]
        screen, slash, part = text.replace(" ", "/", 1).partition("/")
        if not slash:
            places = [p for p in self.places if any(n.startswith(screen) for n in (p.name, *p.aliases))]
            # Those that need no name come first: they can be gone to at once.
            starts = [p.name for p in sorted(places, key=lambda p: (p.needs_name, p.name))]
            exact = self.find(screen)
            if exact is not None:
                starts = [exact.name, *(name for name in starts if name != exact.name)]
            return starts[:MOST_SUGGESTIONS]
        place = self.find(screen)
        if place is None or place.names is None:
            return []
        wanted = part.casefold()
        begin: list[str] = []
        within: list[str] = []
        for name in place.names(moment):
            at = name.casefold().find(wanted)
            if at >= 0:
                (begin if at == 0 else within).append(name)
        return [
            str(Address(place.name, name)).removeprefix(":")
            for name in [*sorted(begin), *sorted(within)][:MOST_SUGGESTIONS]
        ]
