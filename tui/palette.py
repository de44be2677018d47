"""What the command palette finds: screens, saved views, and what the keys of the screen do."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from rocketmq_ops.tui.saved import SIGN
from rocketmq_ops.tui.screens.base import DashboardScreen

if TYPE_CHECKING:
    from rocketmq_ops.tui.app import Dashboard


class Everything(Provider):
    """Each with what it does, in the language of the reader."""

    def _offers(self) -> list[tuple[str, Callable[[], object]]]:
        screen = self.screen
        if not isinstance(screen, DashboardScreen):
            return []
        app = cast("Dashboard", self.app)
        context = app.context
        offers: list[tuple[str, Callable[[], object]]] = [
            (f":{place.name}  {context.word(place.title)}", partial(screen.go, place.name))
            for place in context.catalogue.places
            if not place.needs_name
        ]
        offers += [(f":{SIGN}{name}", partial(screen.go, SIGN + name)) for name in context.saved.names()]
        for key, what, action in app.keys_of(screen):
            offers.append((f"{what}  ({key})", partial(screen.run_action, action)))
        return offers

    async def discover(self) -> Hits:
        """All of them."""
        for text, call in self._offers():
            yield DiscoveryHit(text, call)

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for text, call in self._offers():
            score = matcher.match(text)
            if score > 0:
                yield Hit(score, matcher.highlight(text), call)
