"""Marks for many: all rows that a filter leaves, and what a change says of a great many of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
from textual.pilot import Pilot

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import MadeChange, PlannedChange
from rocketmq_ops.tui.model.details.batch import MOST_LISTED
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.help import HelpScreen
from rocketmq_ops.tui.screens.table import TableScreen
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import press, said, settled, typed
from tests.tui.model.details import made_up


def drive(test: Callable[[Pilot[None], TableScreen], Awaitable[None]], *, at: str, many: int = 30, **how: Any) -> None:
    """On a list of so many groups or topics."""

    async def main() -> None:
        app = dashboard(FakeModel(moment(groups=many, topics=many)), at, views=VIEWS, **how)
        async with app.run_test(size=(160, 24)) as pilot:
            await settled(pilot)
            screen = app.screen
            assert isinstance(screen, TableScreen)
            await test(pilot, screen)

    asyncio.run(main())


def status(screen: TableScreen) -> str:
    return "".join(text for text, _ in screen.status())


def test_all_rows_that_the_filter_leaves_are_marked_and_others_keep_their_marks() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        await press(pilot, "end", "space")
        assert screen.grid.marks == {"group-00029"}
        await press(pilot, "slash", *"0001", "enter", "a")
        shown = {f"group-{n:05d}" for n in (1, *range(10, 20))}
        assert screen.grid.marks == {"group-00029", *shown}
        assert "12 marked  1 of them not shown" in status(screen)

        await press(pilot, "a")
        assert len(screen.grid.marks) == 12, "it marks, and takes nothing away"
        await press(pilot, "A")
        assert screen.grid.marks == set()
        assert "marked" not in status(screen)
        assert screen.arrangement.filter == "0001", "only the marks"

    drive(test, at=":groups?sort=group")


def test_rows_that_are_scrolled_to_are_marked_too_and_so_they_are_drawn() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        plain = screen.grid.render_line(2)
        await press(pilot, "a")
        assert screen.grid.marks_shown == 2000
        assert "2,000 marked" in status(screen)
        assert list(screen.grid.render_line(2)) != list(plain)
        await press(pilot, "A")
        assert list(screen.grid.render_line(2)) == list(plain)

    drive(test, at=":groups", many=2000)


def test_the_keys_of_marks_are_in_the_help() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        await press(pilot, "question_mark")
        assert isinstance(pilot.app.screen, HelpScreen)
        assert "标记显示的所有行" in pilot.app.screen.text
        assert "取消所有标记" in pilot.app.screen.text

    drive(test, at=":groups", lang="zh")


class Changer:
    """Plans what is asked for, but for one; says how many were planned when each was."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.pilot: Any = None

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        await asyncio.sleep(0)
        self.said.append(said(self.pilot, "#said"))
        if "topic-00299" in words:
            raise RocketMQError("no answer within 3000 ms")
        changes = [msgspec.structs.replace(each, name=words[2]) for each in made_up.plan().changes]
        return msgspec.structs.replace(made_up.plan(), words=tuple(words), changes=changes)

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        if "topic-00298" in planned.words:
            raise RocketMQError("connection refused")
        made = [msgspec.structs.replace(change, state="done") for change in planned.changes]
        return MadeChange(words=planned.words, status="ok", changes=made)


def test_of_very_many_the_first_are_listed_with_what_fails_before_them() -> None:
    changer = Changer()

    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        changer.pilot = pilot
        await press(pilot, "a", "x")
        about = said(pilot, "#about")
        assert about.startswith("300 marked: topic-00000, topic-00001, ") and about.endswith(", …")
        await press(pilot, "down", "enter")
        assert any(text.endswith(" of 300 are planned") for text in changer.said)
        lines = said(pilot, "#said").splitlines()
        assert lines[0] == "i 299 of 300 would change"
        assert lines[1] == f"! the first {MOST_LISTED} are listed, what fails before all else"
        assert lines[2] == "✗ topic-00299: no answer within 3000 ms"
        assert sum("would update topic" in line for line in lines) == MOST_LISTED - 1
        await typed(pilot, "yes")
        lines = said(pilot, "#said").splitlines()
        assert lines[0] == "✗ 298 of 299 are done"
        assert lines[2] == "✗ topic-00298: connection refused"
        assert sum("read back as wanted" in line for line in lines) == MOST_LISTED - 1

    drive(test, at=":topics?sort=topic", many=300, write=True, changer=changer)
