"""The table screen, driven by keys and by the mouse."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from textual import events
from textual.pilot import Pilot

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.tasks import Pause, at_once
from rocketmq_ops.housekeeping.lag import LagState
from rocketmq_ops.tui.model import desk, shown
from rocketmq_ops.tui.model.address import Address, parse
from rocketmq_ops.tui.model.filtering import filtered
from rocketmq_ops.tui.model.moment import Event, Moment
from rocketmq_ops.tui.model.shown import Arrangement, Arranger
from rocketmq_ops.tui.model.table import Column, Health, Row, Table
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.model.views.groups import Groups
from rocketmq_ops.tui.screens.row import RowScreen
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.widgets.grid import Grid
from rocketmq_ops.tui.widgets.lines import Line
from tests.tui.fakes import NOW_MS, FakeGroups, FakeModel, dashboard, group, moment
from tests.tui.flows.driving import at_rest

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
            assert all(slot.width > 0 for slot in grid._columns.slots)

    asyncio.run(main())


def test_where_one_is_stands_in_the_path_however_long_the_way() -> None:
    async def main() -> None:
        app = dashboard(at=":groups", views=VIEWS)
        async with app.run_test(size=(80, 24)) as pilot:
            app.go(parse(":topics?filter=" + "t" * 60))
            app.go(parse(":group/orders-consumer"))
            await pilot.pause()
            path = app.screen.query_one("#path", Line)
            assert path.render_line(0).text.startswith(" test › overview › groups › topics › group/orders-consumer ")
            await pilot.resize_terminal(62, 24)
            await pilot.pause()
            assert path.render_line(0).text.startswith(" test › … › topics › group/orders-consumer ")
            await pilot.resize_terminal(200, 24)
            await pilot.pause()
            assert path.render_line(0).text.startswith(" test › overview › groups › topics?filter=tttt")
            await pilot.resize_terminal(30, 24)
            await pilot.pause()
            assert path.render_line(0).text.startswith(" … › group/o")

    asyncio.run(main())


# What a key costs, counted: nothing is made for rows that are not seen, or that are as they were


def test_a_key_that_is_held_down_makes_the_lines_that_are_seen_in_the_end() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        made, measured = screen.grid.lines_made, screen.grid.columns_measured
        for _ in range(600):
            screen.app.post_message(events.Key("j", "j"))
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()
        assert screen.grid.cursor == 600
        assert screen.grid.region_of(600).y < screen.grid.size.height, "it is seen"
        assert screen.grid.lines_made - made < 5 * screen.grid.size.height
        assert screen.grid.columns_measured == measured
        assert screen.tables_made == 1

    drive(test, FakeModel(moment(groups=2000)))


def test_keys_that_move_come_to_where_they_do_one_by_one() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        for key in ("G", "j", "k", "k", "g", "k", "j", "j", "j"):
            screen.app.post_message(events.Key(key, key))
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
        assert screen.grid.cursor == 3
        screen.grid.move_by(["end", "down", "up"])
        assert screen.grid.cursor == len(screen.grid.rows) - 2
        screen.grid.move_by(["pagedown", "home", "up", "pagedown"])
        assert screen.grid.cursor == screen.grid.size.height - 2

    drive(test, FakeModel(moment(groups=2000)))


def test_a_step_makes_two_lines() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        made = screen.grid.lines_made
        await pilot.press("j")
        assert screen.grid.lines_made - made == 2
        await pilot.press("space")
        assert screen.grid.lines_made - made == 4

    drive(test, FakeModel(moment(groups=2000)))


def test_a_mark_does_not_look_for_the_table_at_each_row(monkeypatch: pytest.MonkeyPatch) -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        looked: list[int] = []
        query = TableScreen.query_one
        monkeypatch.setattr(TableScreen, "query_one", lambda *given: looked.append(1) or query(*given))
        await pilot.press("space", "j", "space", "slash", *"0003")
        assert len(looked) < 200
        assert len(screen.grid.marks) == 2
        assert screen.grid.marks_shown == 0

    drive(test, FakeModel(moment(groups=1000)))


def test_what_did_not_change_is_not_made_again() -> None:
    model = FakeModel(moment(groups=100))

    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        measured = screen.grid.columns_measured
        model.turn(msgspec.structs.replace(model.now, time_ms=NOW_MS + 5000))  # another round, of the same groups
        pilot.app.look()  # type: ignore[attr-defined]
        await pilot.press("3", "3", "1", "slash", *"group", "enter")
        assert screen.tables_made == 1
        assert screen.grid.columns_measured == measured
        model.turn(moment(NOW_MS + 10_000, groups=100))
        pilot.app.look()  # type: ignore[attr-defined]
        assert screen.tables_made == 2

    drive(test, model)


class SlowGroups(FakeGroups):
    """Takes until it is let go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked: list[int] = []

    def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
        self.asked.append(moment.time_ms)
        assert self.let_go.wait(60)
        return super().table(moment, address)


def test_many_rows_are_made_beside_the_loop_and_of_many_wishes_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "AT_ONCE", 1)
    model, view = FakeModel(moment()), SlowGroups()

    async def main() -> None:
        app = dashboard(model, ":groups", views=(view,))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, TableScreen)
            for at in range(1, 6):
                model.turn(moment(NOW_MS + at))
                app.look()
            screen.sort("lag", descending=True)
            await pilot.press("j", "slash", "0")  # keys are answered
            assert screen.grid.rows == ()
            assert str(screen.address) == ":groups?sort=-lag&filter=0"
            view.let_go.set()
            await pilot.app.workers.wait_for_complete()
            assert view.asked == [NOW_MS, NOW_MS + 5]
            assert [row.key for row in screen.grid.rows] == ["group-00001", "group-00000", "group-00002"]

    asyncio.run(main())


def test_while_many_rows_are_made_anew_a_key_arranges_those_that_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "AT_ONCE", 1)
    model, view = FakeModel(moment()), SlowGroups()
    view.let_go.set()

    async def main() -> None:
        app = dashboard(model, ":groups", views=(view,))
        async with app.run_test(size=SIZE) as pilot:
            await app.workers.wait_for_complete()
            screen = app.screen
            assert isinstance(screen, TableScreen)
            view.let_go.clear()
            model.turn(moment(NOW_MS + 1, groups=2))
            app.look()
            await pilot.press("1", "1", "slash", *"0000", "2")
            assert [row.key for row in screen.grid.rows] == ["group-00002"], "of the rows before"
            await pilot.press("backspace")
            assert [row.key for row in screen.grid.rows] == ["group-00002", "group-00001", "group-00000"]
            view.let_go.set()
            await app.workers.wait_for_complete()
            assert [row.key for row in screen.grid.rows] == ["group-00001", "group-00000"]

    asyncio.run(main())


def test_of_rows_that_are_drawn_again_lines_are_made_that_say_something_else() -> None:
    model = FakeModel(moment(groups=100))

    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        made = screen.grid.lines_made
        model.turn(msgspec.structs.replace(model.now, time_ms=NOW_MS + 5000))
        pilot.app.look()  # type: ignore[attr-defined]
        await pilot.pause()
        assert screen.grid.lines_made == made, "no column has an age"
        groups = dict(model.now.groups)
        groups["group-00003"] = group("group-00003", 12_345, consume_rate=4.5, members=3)
        model.turn(msgspec.structs.replace(model.now, groups=groups))
        pilot.app.look()  # type: ignore[attr-defined]
        await pilot.pause()
        assert screen.grid.lines_made == made + 1
        assert "12,345" in screen.grid.render_line([row.key for row in screen.grid.rows].index("group-00003") + 1).text

    drive(test, model)


def test_another_letter_looks_at_what_the_ones_before_it_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []

    def counted(places: Sequence[int], *rest: Any) -> list[int]:
        looked.append(len(places))
        return filtered(places, *rest)

    monkeypatch.setattr(shown, "filtered", counted)
    rows = [Row(key=name, cells=(name,)) for name in ("ab", "ac", "b!")]
    arranger = Arranger(Table(columns=(Column(key="name", title="Name"),), rows=rows))
    for text, left in (("a", 2), ("ab", 1), ("a", 2), ("a !c", 1), ("", 3)):
        assert len(arranger.arranged(Arrangement(filter=text)).rows) == left
    assert looked == [3, 2, 3], "and a letter that is taken back at nothing"
    assert [row.key for row in arranger.arranged(Arrangement(sort="name", descending=True, filter="a")).rows] == [
        "ac",
        "ab",
    ]


def test_a_screen_that_was_closed_holds_no_moment_until_the_collector_finds_it() -> None:
    def held() -> int:
        return sum(type(each) is Moment and each.time_ms == NOW_MS for each in gc.get_objects())

    async def main() -> None:
        async with MQAdmin(["127.0.0.1:1"]) as admin:
            app = dashboard(FakeModel(moment()), ":groups", admin=admin)
            async with app.run_test(size=SIZE) as pilot:
                await pilot.pause()
                for key in ("enter", "escape"):
                    await pilot.press(key)
                    await app.workers.wait_for_complete()
                assert str(app.trail()[-1]) == ":groups"
                assert held()
                model = app.context.model
                assert isinstance(model, FakeModel)
                model.past.clear()
                model.turn(moment(NOW_MS + 1))
                app.look()
                assert not held()

    on = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        asyncio.run(main())
    finally:
        if on:
            gc.enable()


def test_styles_are_worked_out_once_for_the_application() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        drawn = [*screen.query(Line), screen.grid]
        assert len(drawn) > 3
        assert not any(widget._component_styles for widget in drawn), "Textual would work them out for each of them"
        found = screen.dashboard.style_of("line--key")
        await pilot.press("T")
        await pilot.pause()
        assert screen.dashboard.style_of("line--key") != found, "another theme has others"

    drive(test, FakeModel(moment(groups=2)))


def test_the_cursor_is_seen_to_have_the_keys() -> None:
    async def test(pilot: Pilot[None], screen: TableScreen) -> None:
        def of_cursor() -> Any:
            return [segment.style for segment in screen.grid.render_line(1)][-1]

        focused = of_cursor()
        await pilot.press("slash")
        await pilot.pause()
        assert of_cursor() != focused
        await pilot.press("escape")
        await pilot.pause()
        assert of_cursor() == focused

    drive(test, FakeModel(moment(groups=2)))


def test_the_overview_makes_the_groups_when_they_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    table = Groups.table
    monkeypatch.setattr(Groups, "table", lambda *given: made.append(1) or table(*given))
    model = FakeModel(moment(groups=3))

    async def test() -> None:
        app = dashboard(model, ":overview")
        async with app.run_test(size=(120, 40)):
            many = len(made)
            model.turn(msgspec.structs.replace(model.now, time_ms=NOW_MS + 5000))
            app.look()
            assert len(made) == many > 0
            model.turn(moment(NOW_MS + 10_000, groups=3))
            app.look()
            assert len(made) == many + 1

    asyncio.run(test())


def test_a_row_that_leads_nowhere_is_shown_whole() -> None:
    class Bare:
        name, aliases, title = "bare", (), "Bare"
        columns, options, sort = (Column(key="a", title="Setting"),), (), ""

        def source(self, moment: Moment) -> list[object]:
            return [1]

        def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
            return Table(columns=self.columns, rows=[Row(key="x", cells=("x" * 200,))])

    async def main() -> None:
        async with dashboard(None, ":bare", views=(Bare(),)).run_test(size=SIZE) as pilot:
            await at_rest(pilot)
            await pilot.press("enter")
            await at_rest(pilot)
            assert isinstance(pilot.app.screen, RowScreen)

    asyncio.run(main())


def test_columns_are_laid_out_anew_when_the_bar_for_scrolling_comes() -> None:
    class Wide:
        name, aliases, title = "wide", (), "Wide"
        columns, options, sort = (Column(key="a", title="Name"), Column(key="b", title="Text")), (), ""

        def source(self, moment: Moment) -> object:
            return moment.groups

        def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
            rows = [Row(key=name, cells=(name, "x" * 200)) for name in moment.groups]
            return Table(columns=self.columns, rows=rows)

    async def main() -> None:
        model = FakeModel(moment(groups=3))
        app = dashboard(model, ":wide", views=(Wide(),))  # type: ignore[arg-type]
        async with app.run_test(size=SIZE) as pilot:
            await at_rest(pilot)
            grid = app.screen.query_one(Grid)
            assert not grid.show_vertical_scrollbar
            model.turn(moment(groups=90))
            app.look()
            await at_rest(pilot)
            assert grid.show_vertical_scrollbar
            assert grid.render_line(1).text.rstrip().endswith("…")

    asyncio.run(main())


def test_events_come_newest_first_until_they_are_sorted_in_another_way() -> None:
    ages = ((3, Health.CRITICAL), (1, Health.INFO), (2, Health.OK))
    made = [
        Event(time_ms=NOW_MS - age * 1_000, kind="broker", target=str(age), text="started anew", health=health)
        for age, health in ages
    ]

    async def main() -> None:
        model = FakeModel(msgspec.structs.replace(moment(), events=made))
        async with dashboard(model, ":events", views=VIEWS).run_test(size=SIZE) as pilot:
            screen: Any = pilot.app.screen
            await at_rest(pilot)
            assert [row.cells[2] for row in screen.grid.rows] == ["1", "2", "3"]
            assert str(screen.address) == ":events"
            await pilot.press("0")
            assert [row.cells[2] for row in screen.grid.rows] == ["3", "1", "2"]

    asyncio.run(main())


def test_rows_that_take_the_place_of_others_are_made_beside_the_loop_where_there_are_some_hundred() -> None:
    threads: list[str] = []

    class Where(FakeGroups):
        def table(self, moment: Moment, address: Address, pause: Pause = at_once) -> Table:
            threads.append(threading.current_thread().name)
            return super().table(moment, address, pause)

    async def main() -> None:
        model = FakeModel(moment(groups=1000))
        app = dashboard(model, ":groups", views=(Where(),))
        async with app.run_test(size=SIZE) as pilot:
            await pilot.pause()
            assert threads == ["MainThread"], "none had to be waited for"
            model.turn(moment(NOW_MS + 1, groups=999))
            app.look()
            await app.workers.wait_for_complete()
            screen = app.screen
            assert isinstance(screen, TableScreen)
            assert len(screen.grid.rows) == 999
            assert len(threads) == 2
            assert threads[1] != "MainThread"

    asyncio.run(main())
