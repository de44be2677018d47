"""What is found once, styles and handlers, is what Textual finds each time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import pytest
from textual import events
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.layout import Layout
from textual.message import Message
from textual.message_pump import MessagePump
from textual.pilot import Pilot

from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.heard import Heard
from tests.tui.fakes import FakeModel, dashboard, moment

NOTED = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")


def drive(test: Callable[[Pilot[None]], Awaitable[None]]) -> None:
    async def main() -> None:
        app = dashboard(FakeModel(moment(groups=100)), ":groups", views=VIEWS)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause()
            await test(pilot)

    asyncio.run(main())


def styles_of(node: DOMNode) -> dict[str, Any]:
    rules = dict(node.styles.base.get_rules())
    said = {name: rule.name if isinstance(rule, Layout) else rule for name, rule in rules.items()}
    return said | {name: getattr(node, name) for name in NOTED}


def nodes_of(pilot: Pilot[None]) -> list[DOMNode]:
    return [pilot.app, *pilot.app.screen.walk_children(with_self=True)]


@pytest.mark.parametrize("theme", ["dark", "ansi-light"])
def test_styles_are_those_that_the_rules_say(theme: str) -> None:
    async def test(pilot: Pilot[None]) -> None:
        for keys in (("enter",), ("escape", "enter"), ("colon", "g"), ("escape", "slash"), ("escape", "question_mark")):
            await pilot.press(*keys)
            await pilot.pause()
            pilot.app.theme = theme
            await pilot.pause()
            for node in nodes_of(pilot):
                has = styles_of(node)
                Stylesheet.apply(pilot.app.stylesheet, node)
                assert has == styles_of(node), (keys, node)

    drive(test)


def test_a_widget_that_is_like_one_before_costs_no_look_at_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[DOMNode] = []
    check = Stylesheet._check_rule

    def counted(rule: Any, path: list[DOMNode]) -> Iterable[Any]:
        looked.append(path[-1])
        return check(rule, path)

    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("enter", "escape")
        await pilot.pause()
        monkeypatch.setattr(Stylesheet, "_check_rule", staticmethod(counted))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(pilot.app.screen, DetailScreen)
        assert looked == []
        pilot.app.theme = "light"
        await pilot.pause()
        assert pilot.app.screen in looked

    drive(test)


def test_no_two_widgets_have_one_layout() -> None:
    async def test(pilot: Pilot[None]) -> None:
        await pilot.press("enter")
        await pilot.pause()
        first = pilot.app.screen
        await pilot.press("escape", "enter")
        await pilot.pause()
        assert pilot.app.screen is not first
        layouts = [node.styles.base.layout for node in (first, pilot.app.screen)]
        assert layouts[0] is not None
        assert layouts[0] is not layouts[1]

    drive(test)


def test_a_message_goes_to_the_methods_that_have_its_name() -> None:
    async def test(pilot: Pilot[None]) -> None:
        found = 0
        kinds: list[type[Message]] = [
            events.Compose, events.Mount, events.Idle, events.Key, events.Resize, events.Click, events.Focus,
            events.Blur, events.ScreenResume, events.Unmount, Grid.Opened, Grid.Moved,
        ]  # fmt: skip
        await pilot.press("colon")
        await pilot.pause()
        heard = [node for node in nodes_of(pilot) if isinstance(node, Heard)]
        assert len(heard) > 8
        for node in heard:
            for kind in kinds:
                message = kind.__new__(kind)
                message._no_default_action = False
                name = "on_idle" if kind is events.Idle else kind.handler_name
                mine = list(node._get_dispatch_methods(name, message))
                assert mine == list(MessagePump._get_dispatch_methods(node, name, message)), (node, kind)
                found += len(mine)
        assert found > 50

    drive(test)


def test_a_method_may_say_that_none_follows() -> None:
    class Mine(Heard, MessagePump):
        def on_key(self, event: events.Key) -> None:
            raise NotImplementedError

    class Its(Mine):
        def on_key(self, event: events.Key) -> None:
            event.prevent_default()

    event = events.Key("a", "a")
    called = []
    for cls, method in Its()._get_dispatch_methods("on_key", event):
        called.append(cls)
        method(event)
    assert called == [Its]
