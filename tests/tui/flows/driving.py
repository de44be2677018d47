"""What flows need: waiting until a screen has all its answers, and reading what it shows."""

from __future__ import annotations

from rich.text import Text
from textual.pilot import Pilot
from textual.widgets import Static

from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.widgets.lines import Line


async def settled(pilot: Pilot[None]) -> None:
    """All that was asked is answered and drawn."""
    await pilot.pause()
    await worked(pilot, "parts", "default", "export")
    await at_rest(pilot)


async def worked(pilot: Pilot[None], *groups: str) -> None:
    """Workers of these groups have ended, also those that others of them have begun at their end."""
    workers = pilot.app.workers
    while running := [worker for worker in workers if worker.group in groups and not worker.is_finished]:
        await workers.wait_for_complete(running)


async def at_rest(pilot: Pilot[None]) -> None:
    """All is handled, and laid out for the size of the terminal; a pause ends sooner where the machine is busy."""
    app = pilot.app
    for _ in range(200):
        await pilot.pause()
        screens = [*app._background_screens, app.screen]
        pumps = [app, *(node for screen in screens for node in screen.walk_children(with_self=True))]
        size = getattr(app._driver, "_size", app.size)
        if all(screen.size == size for screen in screens) and not any(pump.message_queue_size for pump in pumps):
            return
    raise AssertionError("the dashboard does not come to rest")


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys one by one, each answered before the next."""
    for key in keys:
        await pilot.press(key)
        await settled(pilot)


async def typed(pilot: Pilot[None], text: str) -> None:
    """Type a text, and Enter."""
    await pilot.press(*("minus" if c == "-" else "space" if c == " " else c for c in text), "enter")
    await settled(pilot)


def detail(pilot: Pilot[None]) -> DetailScreen:
    """The screen of one thing that is seen."""
    screen = pilot.app.screen
    assert isinstance(screen, DetailScreen), screen
    return screen


def rows(pilot: Pilot[None]) -> list[list[str]]:
    """The rows as they are written."""
    grid = detail(pilot).grid
    return [grid.texts(row) for row in grid.rows]


def last_notice(pilot: Pilot[None]) -> str:
    """What the last notice says."""
    return [notice.message for notice in pilot.app._notifications][-1]


def said(pilot: Pilot[None], name: str) -> str:
    """What a text of the screen that is seen says."""
    widget = pilot.app.screen.query_one(name)
    if isinstance(widget, Line):
        return "".join(text for text, _ in widget._left)
    assert isinstance(widget, Static)
    content = widget.content
    return content.plain if isinstance(content, Text) else str(content)
