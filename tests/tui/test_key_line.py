"""The keys in the last line: a click on one does what the key does, where it is seen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widgets import Input

from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.help import HelpScreen
from rocketmq_ops.tui.widgets.command_bar import CommandBar
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import KeyLine
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import settled

Test = Callable[[Pilot[None], Any], Awaitable[None]]


def drive(test: Test, *, width: int = 160, **how: Any) -> None:
    async def main() -> None:
        app = dashboard(FakeModel(moment(groups=30)), how.pop("at", ":groups"), views=VIEWS, **how)
        async with app.run_test(size=(width, 24)) as pilot:
            await settled(pilot)
            await test(pilot, app)

    asyncio.run(main())


def seen(app: Any) -> str:
    return app.screen.query_one(KeyLine).render_line(0).text


async def click(pilot: Pilot[None], text: str, into: int = 0) -> None:
    """Into a text of the line, as many characters behind its begin."""
    line = seen(pilot.app)
    at = cell_len(line[: line.index(text)]) + into
    await pilot.click("#keys", offset=(at, 0))
    await settled(pilot)


def test_a_click_on_a_key_or_on_what_it_does_is_as_good_as_the_key() -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await click(pilot, "space mark", 7)
        assert app.screen.query_one(Grid).marks == {"group-00001"}
        await click(pilot, "p pause")
        assert app.context.model.mode is Mode.PAUSED
        assert "p go on" in seen(app), "and it says what it does now"
        await click(pilot, "go on", 4)
        assert app.context.model.mode is Mode.LIVE
        await click(pilot, "? help", 5)
        assert isinstance(app.screen, HelpScreen)
        await pilot.press("escape")
        await click(pilot, "⏎ open")
        assert str(app.screen.address) == ":group/group-00000", "the row that the mark has moved on to"

    drive(test)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_click_opens_the_line_to_type_in_and_what_is_typed_goes_there(lang: str) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await click(pilot, "/ filter" if lang == "en" else "/ 过滤", 3)
        await pilot.press(*"0002")
        assert app.screen.query_one(Input).value == "0002"
        assert str(app.screen.address) == ":groups?filter=0002"
        await pilot.press("escape")
        await click(pilot, ": go to" if lang == "en" else ": 前往", 2)
        assert app.screen.query_one(CommandBar).is_open

    drive(test, lang=lang)


def test_between_keys_beside_them_and_where_they_are_cut_there_is_nothing_to_click_on() -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        line = app.screen.query_one(KeyLine)
        text = seen(app)
        marks = text.index("space mark")
        assert [line.key_at(at) for at in (0, marks - 1, marks, marks + 9, marks + 10)] == [
            None, None, "space", "space", None,
        ]  # fmt: skip
        assert text.rstrip().endswith("30")
        assert {line.key_at(at) for at in range(len(text.rstrip()) - 2, 160)} == {None}
        await pilot.resize_terminal(40, 24)
        await settled(pilot)
        cut = seen(app)
        assert "…" in cut
        assert {line.key_at(at) for at in range(cut.index("…") + 1, 40)} == {None}
        assert not isinstance(app.screen, ModalScreen)

    drive(test)


def test_each_key_that_is_shown_is_one_of_the_screen() -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        for address in ("overview", "topic/topic-00001", "messages/topic-00001", "journal", "alarms"):
            await app.screen.go(address)
            await settled(pilot)
            bound = set(app.screen.active_bindings)
            shown = {key for at in range(160) if (key := app.screen.query_one(KeyLine).key_at(at)) is not None}
            assert shown and shown <= bound, address

    drive(test)


@pytest.mark.parametrize("leave", ["escape", "enter"])
def test_what_was_drawn_while_something_was_typed_is_not_what_keys_do_behind_it(leave: str) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        before = seen(app)
        await pilot.press("colon")
        app.context.model.turn(moment(groups=30))
        app.look()
        await settled(pilot)
        assert "space mark" not in seen(app)
        await pilot.press(leave)
        await settled(pilot)
        assert seen(app) == before, "also where nothing new is drawn, as in a recording"

    drive(test)
