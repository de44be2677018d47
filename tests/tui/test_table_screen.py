"""The table screen, driven by keys and by the mouse."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model.address import parse
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from tests.tui.fakes import NOW_MS, FakeModel, dashboard, group, moment

SIZE = (80, 24)


def drive(
    test: Callable[[Pilot[None], TableScreen], Awaitable[None]], model: FakeModel | None = None, **how: str
) -> None:
    """Run a test on the screen of groups."""

    async def main() -> None:
        async with dashboard(model, how.pop("at", ":groups"), **how).run_test(size=SIZE) as pilot:  # type: ignore[arg-type]
            await pilot.pause()
            screen = pilot.app.screen
            assert isinstance(screen, TableScreen)
            await test(pilot, screen)

    asyncio.run(main())


def test_rows_are_shown_the_worst_first() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        assert [row.key for row in screen.grid.rows] == ["group-00001", "group-00000", "group-00002"]

    drive(test)


def test_a_digit_sorts_by_a_column_and_again_the_other_way() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        await pilot.press("3")
        assert [row.key for row in screen.grid.rows] == ["group-00001", "group-00000", "group-00002"]
        assert str(screen.address) == ":groups?sort=-lag"
        await pilot.press("3")
        assert [row.key for row in screen.grid.rows] == ["group-00000", "group-00001", "group-00002"]

    drive(test)


def test_the_filter_works_while_it_is_typed_and_escape_takes_it_away() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        await pilot.press("slash", *"00002")
        assert [row.key for row in screen.grid.rows] == ["group-00002"]
        await pilot.press("enter")
        assert str(screen.address) == ":groups?filter=00002"
        await pilot.press("escape")
        assert len(screen.grid.rows) == 3

    drive(test)


def test_the_cursor_stays_on_its_row_when_figures_change() -> None:
    model = FakeModel(moment())

    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        await pilot.press("1", "down")
        assert screen.grid.row is not None
        assert screen.grid.row.key == "group-00001"
        await pilot.press("1")
        assert screen.grid.row.key == "group-00001"
        model.turn(moment(NOW_MS + 1000, groups=1))
        pilot.app.look()  # type: ignore[attr-defined]
        assert [row.key for row in screen.grid.rows] == ["group-00000"]
        assert screen.grid.row.key == "group-00000"

    drive(test, model)


def test_a_long_name_leaves_room_for_the_state() -> None:
    async def main() -> None:
        seen = moment(groups=0)
        seen.groups = {"g" * 200: group("g" * 200, 7, LagState.UNKNOWN)}
        app = dashboard(FakeModel(seen), ":groups", views=VIEWS)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            grid = app.screen.query_one(Grid)
            row = grid.render_line(1).text
            assert " unknown " in row
            assert "ggg… " in row
            assert all(slot.width > 0 for slot in grid._slots)

    asyncio.run(main())


def test_where_one_is_stands_in_the_path_however_long_the_way() -> None:
    async def main() -> None:
        app = dashboard(at=":groups", views=VIEWS)
        async with app.run_test(size=(80, 24)) as pilot:
            app.go(parse(":topics?filter=" + "t" * 60))
            app.go(parse(":group/orders-consumer"))
            await pilot.pause()
            path = app.screen.query_one("#path", Line)
            assert path.render_line(0).text.startswith(" test › … › group/orders-consumer ")
            await pilot.resize_terminal(200, 24)
            assert path.render_line(0).text.startswith(" test › overview › groups › topics")
            await pilot.resize_terminal(30, 24)
            assert path.render_line(0).text.startswith(" … › group/o")

    asyncio.run(main())
