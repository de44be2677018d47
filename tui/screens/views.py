"""`:views`: the views that were saved, to be opened and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details.detail import Part, Section
from rocketmq_ops.tui.model.details.views import views_section
from rocketmq_ops.tui.saved import SavedError
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.widgets.lines import Key

#: Keys that stand first in the last line: of a row, then those that no other screen has. All do not fit 80 columns.
_FIRST: Final = ("enter", "space", "delete", "u")


class ViewsScreen(DetailScreen):
    """What is under `:@NAME`. It is this user's own, and deleted without a plan; `u` brings it back."""

    EVERY: ClassVar[int] = 5
    NO_PAST: ClassVar[str] = "saved views have no figures: there is nothing to compare"
    ASKS_CLUSTER: ClassVar[bool] = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("delete,ctrl+d", "delete_view", "delete"),
        Binding("u", "bring_back", "bring back"),
    ]

    def parts(self) -> Sequence[Part]:
        """The views."""

        def address_of(text: str) -> Address:
            return self.context.catalogue.address(text)[1]

        async def views() -> Section:
            return views_section(self.context.saved.all(), address_of)

        return (Part("views", "Saved views", views),)

    def keys_shown(self) -> list[Key]:
        """See `DashboardScreen`."""
        keys = super().keys_shown()
        return sorted(keys, key=lambda key: _FIRST.index(key.name) if key.name in _FIRST else len(_FIRST))

    def action_delete_view(self) -> None:
        """Delete the marked views, or the one at the cursor."""
        rows = self.grid.chosen
        if rows and self.may_take_rows() and self.delete_views([row.key for row in rows]):
            self.grid.unmark()
            self.ask_changed()

    def action_bring_back(self) -> None:
        """Save again what was deleted last."""
        try:
            names = self.context.saved.restore()
        except SavedError as error:
            self.refused(error)
            return
        self.say(f"saved again: {', '.join(names)}" if names else "nothing was deleted that could be brought back")
        self.ask_changed()
