"""The catalogue of this dashboard: which screens there are."""

from __future__ import annotations

from collections.abc import Iterable

from rocketmq_ops.tui.catalogue import Catalogue, Place
from rocketmq_ops.tui.context import Context
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.view import View
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.screens.overview import OverviewScreen
from rocketmq_ops.tui.screens.table import TableScreen


def list_place(view: View) -> Place:
    """The place of a view."""

    def make(context: Context, address: Address) -> DashboardScreen:
        return TableScreen(context, address, view)

    return Place(view.name, view.aliases, view.title, make)


#: Screens of one thing: each has its name, and where its names come from.
DETAILS: tuple[Place, ...] = ()


def catalogue(views: Iterable[View]) -> Catalogue:
    """All screens: the overview, one of each view, and those of one thing."""
    overview = Place("overview", ("o", "home"), "Overview", OverviewScreen)
    return Catalogue([overview, *map(list_place, views), *DETAILS])
