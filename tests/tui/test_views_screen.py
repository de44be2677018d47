"""Saved views: what there are, deleting and bringing back, on their screen and where they are typed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from rocketmq_ops.tui.model.address import Address, parse
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.saved import SavedError, SavedViews
from rocketmq_ops.tui.widgets.command_bar import CommandBar
from rocketmq_ops.tui.widgets.lines import KeyLine
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import detail, last_notice, press, rows, said, settled

VIEWS_OF_MINE = {"alpha": ":groups?sort=-lag", "beta": ":topics", "gone": ":nosuch/x"}


@pytest.fixture
def saved(tmp_path: Path) -> SavedViews:
    """Three views, of which one opens nothing any more."""
    views = SavedViews(tmp_path / "dashboard" / "views.json")
    for name, text in VIEWS_OF_MINE.items():
        views.save(name, parse(text))
    return views


def drive(test: Callable[[Pilot[None], Any], Awaitable[None]], at: str, saved: SavedViews, **how: Any) -> None:
    async def main() -> None:
        app = dashboard(FakeModel(moment()), at, views=VIEWS, saved=saved, **how)
        async with app.run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            await test(pilot, app)

    asyncio.run(main())


def test_they_are_listed_and_opened(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        assert rows(pilot) == [
            ["alpha", ":groups?sort=-lag", ""],
            ["beta", ":topics", ""],
            ["gone", ":nosuch/x", "there is no screen 'nosuch'"],
        ]
        await press(pilot, "enter")
        assert str(app.screen.address) == ":groups?sort=-lag"

    drive(test, ":views", saved)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_keys_that_it_alone_has_are_in_the_last_line_of_a_narrow_terminal(saved: SavedViews, lang: str) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        line = app.screen.query_one(KeyLine).render_line(0).text
        assert ("del delete  u bring back " if lang == "en" else "del 删除  u 恢复删除 ") in line
        await pilot.resize_terminal(80, 24)
        await settled(pilot)
        line = app.screen.query_one(KeyLine).render_line(0).text
        assert ("del delete  u bring back " if lang == "en" else "del 删除  u 恢复删除 ") in line

    drive(test, ":views", saved, lang=lang)


def test_one_or_those_that_are_marked_are_deleted_and_brought_back(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await press(pilot, "down", "ctrl+d")
        assert sorted(saved.all()) == ["alpha", "gone"]
        assert [row[0] for row in rows(pilot)] == ["alpha", "gone"]
        assert last_notice(pilot) == "deleted: beta; the key u on :views brings it back"
        await press(pilot, "u")
        assert last_notice(pilot) == "saved again: beta"
        assert saved.all() == VIEWS_OF_MINE
        await press(pilot, "a", "delete")
        assert saved.all() == {} and rows(pilot) == []
        assert "no view is saved" in said(pilot, "#note")
        assert detail(pilot).grid.marks == set()
        saved.save("alpha", Address("brokers"))  # meanwhile
        await press(pilot, "u")
        assert saved.all() == VIEWS_OF_MINE | {"alpha": ":brokers"}, "what has the name now stays"
        await press(pilot, "u")
        assert last_notice(pilot) == "nothing was deleted that could be brought back"

    drive(test, ":views", saved)


def test_what_was_deleted_one_after_the_other_is_brought_back_so(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await pilot.press("ctrl+d", "ctrl+d")  # the second one before the list is another
        await settled(pilot)
        await press(pilot, "home", "ctrl+d")
        await press(pilot, "u")
        await press(pilot, "u")
        await press(pilot, "u")
        assert saved.all() == VIEWS_OF_MINE

    drive(test, ":views", saved)


def test_marked_views_that_a_filter_hides_are_not_deleted_nor_the_one_at_the_cursor(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await press(pilot, "space", "slash", *"beta", "enter")
        assert [row.key for row in detail(pilot).grid.rows] == ["beta"]
        await press(pilot, "ctrl+d")
        assert saved.all() == VIEWS_OF_MINE
        assert last_notice(pilot) == "the marked rows are not shown: Escape takes the marks away"
        await press(pilot, "y")
        assert app.clipboard == "", "nor is that one copied"

    drive(test, ":views", saved)


def test_within_a_text_the_key_is_for_its_letters_unless_a_view_was_chosen(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await pilot.press("v", *"beta", "home", "ctrl+d")
        assert app.screen.query_one(Input).value == "eta" and saved.all() == VIEWS_OF_MINE
        await pilot.press("escape", "v", "a", "home", "down", "ctrl+d")
        assert sorted(saved.all()) == ["alpha", "gone"]

    drive(test, ":groups", saved)


@pytest.mark.parametrize("key", ["ctrl+d", "shift+delete"])
def test_where_one_is_typed_the_one_that_is_chosen_is_deleted(saved: SavedViews, key: str) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await pilot.press("colon", "at", "down", key)
        await settled(pilot)
        assert sorted(saved.all()) == ["alpha", "gone"]
        assert app.screen.query_one(CommandBar)._found == ["@alpha", "@gone"]
        assert app.screen.query_one(Input).value == "@", "and one goes on typing"
        await pilot.press(key)
        assert sorted(saved.all()) == ["alpha"]
        await pilot.press("escape", "v", key)
        assert saved.all() == {}

    drive(test, ":groups", saved)


def test_elsewhere_the_key_is_for_what_is_typed(saved: SavedViews) -> None:
    async def test(pilot: Pilot[None], app: Any) -> None:
        await pilot.press("colon", *"topics", "home", "ctrl+d")
        assert app.screen.query_one(Input).value == "opics"
        await pilot.press("escape", "slash", *"ab", "home", "ctrl+d")
        assert app.screen.query_one(Input).value == "b"
        assert saved.all() == VIEWS_OF_MINE

    drive(test, ":groups", saved)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_file_that_cannot_be_written_is_said_and_nothing_is_gone(saved: SavedViews, tmp_path: Path) -> None:
    (tmp_path / "dashboard").chmod(0o500)
    with pytest.raises(SavedError):
        saved.delete(["alpha"])
    (tmp_path / "dashboard").chmod(0o700)
    assert saved.all() == VIEWS_OF_MINE
    assert saved.restore() == []


def test_a_deletion_that_fails_takes_nothing_away(saved: SavedViews, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rocketmq_ops.tui.saved.replace_file", full)

    async def test(pilot: Pilot[None], app: Any) -> None:
        await press(pilot, "ctrl+d")
        assert last_notice(pilot).startswith("cannot write ")
        assert len(rows(pilot)) == 3
        assert saved.restore() == []

    drive(test, ":views", saved)
