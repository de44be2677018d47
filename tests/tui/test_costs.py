"""What a key costs, counted: what is laid out, styled and drawn for it, and what is not."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from textual import events
from textual._compositor import Compositor
from textual._styles_cache import StylesCache
from textual.css.stylesheet import Stylesheet
from textual.geometry import Region
from textual.pilot import Pilot
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.widgets.drawn import Bar, Drawn
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import LeadingLine, TimeBar
from tests.tui.fakes import FakeModel, dashboard, moment

SIZE = (120, 40)


class Counted:
    """Layouts, nodes that were styled, and lines that were drawn."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.layouts = 0
        self.styled: Counter[object] = Counter()
        self.drawn: list[Region] = []
        self.pictures: list[set[Region]] = []
        layout, apply, render = Screen._refresh_layout, Stylesheet.apply, Compositor.render_update

        def laid_out(*given: Any, **named: Any) -> None:
            self.layouts += 1
            layout(*given, **named)

        def styled(sheet: Stylesheet, node: Any, **named: Any) -> None:
            self.styled[node] += 1
            apply(sheet, node, **named)

        def rendered(compositor: Compositor, *given: Any, **named: Any) -> Any:
            self.drawn += compositor._dirty_regions
            self.pictures.append(set(compositor._dirty_regions))
            return render(compositor, *given, **named)

        monkeypatch.setattr(Screen, "_refresh_layout", laid_out)
        monkeypatch.setattr(Stylesheet, "apply", styled)
        monkeypatch.setattr(Compositor, "render_update", rendered)

    def clear(self) -> None:
        self.layouts = 0
        self.styled.clear()
        self.drawn.clear()
        self.pictures.clear()


def drive(counted: Counted, test: Callable[[Pilot[None]], Awaitable[None]], *, first: bool = False) -> None:
    """On a list of many groups, after what is done once for the first keys unless it is about that (`first`)."""

    async def main() -> None:
        app = dashboard(FakeModel(moment(groups=2000)), ":groups", views=VIEWS)
        async with app.run_test(size=SIZE, tooltips=True, notifications=True) as pilot:
            for key in () if first else ("slash", "1", "escape"):
                await pilot.press(key)
            await pilot.pause()
            counted.clear()
            await test(pilot)

    asyncio.run(main())


def lines_drawn(counted: Counted) -> set[int]:
    """Those of more than the bar for scrolling."""
    return {y for region in counted.drawn if region.width > 1 for y in region.line_range}


def test_a_letter_of_the_filter_lays_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        await pilot.pause()
        counted.clear()
        await pilot.press("1", "2", "backspace")
        await pilot.pause()
        assert counted.drawn, "it is counted"
        assert (counted.layouts, dict(counted.styled)) == (0, {})

    drive(counted, test)


def test_a_letter_and_the_rows_that_it_leaves_are_one_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        await pilot.pause()
        counted.clear()
        await pilot.press("2")
        await pilot.pause()
        line = next(picture for picture in counted.pictures if any(region.y == SIZE[1] - 2 for region in picture))
        assert any(region.y <= 4 < region.bottom and region.width > 1 for region in line), "rows too"

    drive(counted, test)


def test_a_key_has_its_picture_whenever_the_last_one_was(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def test(pilot: Pilot[None]) -> None:
        monkeypatch.setattr(Timer, "resume", lambda timer: None)  # Textual's beat of pictures never comes
        pilot.app.post_message(events.Key("down", None))
        for _ in range(20):  # a pause of the pilot would draw it
            await asyncio.sleep(0)
        assert counted.pictures, "of what the key has done"

    drive(counted, test)


def test_lines_that_come_into_view_are_not_framed(monkeypatch: pytest.MonkeyPatch) -> None:
    framed: list[int] = []
    render = StylesCache.render_line

    def rendered(cache: StylesCache, styles: Any, y: int, *given: Any) -> Any:
        framed.append(y)
        return render(cache, styles, y, *given)

    async def test(pilot: Pilot[None]) -> None:
        monkeypatch.setattr(StylesCache, "render_line", rendered)
        await pilot.press("end", "home", "pagedown", "pagedown")
        await pilot.pause()
        assert not framed

    drive(Counted(monkeypatch), test)


@pytest.mark.parametrize("theme", ["dark", "ansi-light"])
def test_what_is_not_framed_looks_as_if_it_were(monkeypatch: pytest.MonkeyPatch, theme: str) -> None:
    async def test(pilot: Pilot[None]) -> None:
        app = pilot.app
        app.theme = theme
        await pilot.press("down", "space", "pagedown", "pagedown")
        await pilot.pause()
        drawn = [each for each in app.screen._compositor.visible_widgets if isinstance(each, Drawn)]
        assert {type(each) for each in drawn} >= {TableScreen, Grid, Bar, LeadingLine, TimeBar}
        for widget in drawn:
            here = Region(0, 0, widget.scrollable_content_region.width, widget.size.height)
            framed = Widget.render_lines(widget, here)
            assert [strip.render(app.console) for strip in widget.render_lines(here)] == [
                strip.render(app.console) for strip in framed
            ]

    drive(Counted(monkeypatch), test)


@pytest.mark.parametrize("first", [True, False], ids=["first", "again"])
def test_the_line_to_type_in_is_drawn_alone_with_the_cursor_that_it_takes_the_keys_from(
    monkeypatch: pytest.MonkeyPatch, first: bool
) -> None:
    counted = Counted(monkeypatch)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("slash")
        await pilot.pause()
        cursor, line = 4, SIZE[1] - 2
        assert lines_drawn(counted) - {SIZE[1] - 1} == {cursor, line}, "and the keys"

    drive(counted, test, first=first)


def test_a_screen_is_opened_with_what_is_seen_of_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DetailScreen)
        made = [widget.id or type(widget).__name__ for widget in pilot.app.screen.walk_children()]
        assert made == ["CommandBar", "path", "verdict", "parts", "facts", "note", "body", "time", "keys"]

    drive(Counted(monkeypatch), test)


def test_the_styles_of_a_screen_are_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DetailScreen)
        again = {str(node): times for node, times in counted.styled.items() if times > 3}
        assert counted.styled
        assert not again
        assert counted.styled.total() < 2 * len(counted.styled)
        counted.clear()
        await pilot.press("escape")
        await pilot.pause()
        assert counted.styled.total() < 6, "of the screen that is looked at again none but who has the keys"

    drive(counted, test)


def test_another_theme_reaches_a_screen_that_is_below(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(pilot: Pilot[None]) -> None:
        below = pilot.app.screen
        before = below.styles.background
        await pilot.press("enter")
        await pilot.pause()
        pilot.app.theme = "light"
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert pilot.app.screen is below
        assert below.styles.background != before

    drive(Counted(monkeypatch), test)
