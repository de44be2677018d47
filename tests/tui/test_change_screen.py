"""A plan that is longer than the screen: what has to be typed is seen, and the rest is reached with the keys alone."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.widgets import Input, Static

from rocketmq_ops.tui.screens.change import ChangeScreen, Offer
from tests.tui.fakes import dashboard
from tests.tui.flows.driving import settled
from tests.tui.model.details import made_up


def test_what_is_to_be_typed_is_seen_below_a_long_plan() -> None:
    class Changer:
        async def plan(self, words: object) -> object:
            return msgspec.structs.replace(made_up.plan(to_type="orders"), notes=[f"note {n}" for n in range(60)])

    async def main() -> None:
        changer: Any = Changer()
        app = dashboard(write=True, changer=changer)
        async with app.run_test(size=(80, 24)) as pilot:
            app.push_screen(ChangeScreen(app.context, Offer("its queues", ["updateTopic"], complete=True)))
            await settled(pilot)
            dialog = app.screen.children[0].region
            assert Region(0, 0, 80, 24).contains_region(dialog)
            for name in ("#confirm-caption", "#confirm", "#foot"):
                assert dialog.contains_region(app.screen.query_one(name).region)
            assert str(app.screen.query_one("#confirm-caption", Static).render()) == "Type orders to do so:"
            assert app.screen.query_one("#confirm", Input).has_focus
            said = app.screen.query_one(VerticalScroll)
            assert said.scroll_y == 0
            await pilot.press("pagedown")
            assert said.scroll_y > 0
            await pilot.press("pageup")
            assert said.scroll_y == 0

    asyncio.run(main())
