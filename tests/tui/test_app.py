"""Moving about: what operators do with keys and the mouse, on a made-up cluster."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from textual import events
from textual.drivers.headless_driver import HeadlessDriver
from textual.keys import _character_to_key
from textual.pilot import Pilot
from textual.widgets import Input
from textual.widgets._toast import Toast, ToastRack

from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.model import Mode
from rocketmq_ops.tui.model.moment import Event
from rocketmq_ops.tui.model.session import Copied
from rocketmq_ops.tui.model.table import Health
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.saved import SavedError, SavedViews
from rocketmq_ops.tui.screens.base import CHANGES
from rocketmq_ops.tui.screens.help import HelpScreen
from rocketmq_ops.tui.screens.overview import OverviewScreen
from rocketmq_ops.tui.screens.table import TableScreen
from rocketmq_ops.tui.themes import THEMES, fitting
from rocketmq_ops.tui.widgets.lines import Line, TimeBar
from rocketmq_ops.tui.widgets.steady import Note
from rocketmq_ops.tui.widgets.text_lines import TextLines
from tests.tui.fakes import MINUTE, NOW_MS, FakeModel, dashboard, moment
from tests.tui.flows.driving import at_rest, settled, worked
from tests.tui.pictures import clusters
from tests.tui.pictures.answers import Answers

Test = Callable[[Pilot[None], Dashboard], Awaitable[None]]


def drive(test: Test, model: FakeModel | None = None, at: str = ":overview", **how: object) -> None:
    async def main() -> None:
        app = dashboard(model, at, views=VIEWS, **how)  # type: ignore[arg-type]
        async with app.run_test(size=(100, 30)) as pilot:
            await pilot.pause()
            await test(pilot, app)

    asyncio.run(main())


def at_address(app: Dashboard) -> str:
    return str(app.trail()[-1])


def text_of(app: Dashboard, line: str) -> str:
    return "".join(segment.text for segment in app.screen.query_one(line, Line).render_line(0))


def typed(text: str) -> list[str]:
    names = {":": "colon", "/": "slash", "@": "at", "-": "minus", "?": "question_mark"}
    return [names.get(char, char) for char in text]


def test_ctrl_z_gives_the_terminal_to_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    stopped: list[signal.Signals] = []
    monkeypatch.setattr(HeadlessDriver, "can_suspend", True)
    monkeypatch.setattr("textual.app.os.kill", lambda _, sent: stopped.append(sent))

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("ctrl+z")
        await pilot.pause()

    drive(test)
    assert stopped == [signal.SIGTSTP]


def test_a_command_goes_to_a_screen_and_escape_comes_back() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(*typed(":topics"), "enter")
        await pilot.pause()
        assert [str(address) for address in app.trail()] == [":overview", ":topics"]
        assert "overview › topics" in text_of(app, "#path")
        await pilot.press("escape")
        assert isinstance(app.screen, OverviewScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, OverviewScreen)

    drive(test)


def test_a_screen_that_is_open_already_is_gone_back_to() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(*typed(":topics"), "enter", *typed(":groups"), "enter", "1", *typed(":groups"), "enter")
        assert [str(address) for address in app.trail()] == [":overview", ":topics", ":groups?sort=group"]
        await pilot.press(*typed(":topics"), "enter")
        await pilot.pause()
        assert [str(address) for address in app.trail()] == [":overview", ":topics"]

    drive(test)


def test_what_no_screen_catches_is_left_to_who_started_it_without_a_stack_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Broken(FakeModel):
        def refresh(self) -> None:
            raise LookupError("no such cell")

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        apps.append(app)
        await pilot.press("r")

    apps: list[Dashboard] = []
    with pytest.raises(LookupError):  # for tests alone Textual raises it
        drive(test, Broken(moment()))
    assert str(apps[0].failure) == "no such cell"
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("keys", ["x", "question_mark"])
def test_no_terminal_is_too_small_to_be_drawn(keys: str) -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(keys)
        await pilot.resize_terminal(1, 1)
        await pilot.pause()
        await pilot.resize_terminal(80, 24)
        await pilot.press("escape")
        assert app.failure is None

    changer: Any = object()  # is not asked for anything
    drive(test, at=":group/group-00001", write=True, changer=changer)


@pytest.mark.parametrize(
    ("at", "opens", "begins", "said"),
    [
        (":groups", ":", "", "topics?+/"),
        (":groups", "/", "", "p:q/"),
        (":groups", "v", "", "pv:q/"),
        (":messages/orders", "f", "messages/orders?key=", "xf:q/"),
    ],
)
def test_what_is_typed_faster_than_it_draws_goes_where_it_was_meant_to(
    at: str, opens: str, begins: str, said: str
) -> None:
    model = FakeModel(moment())

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        for char in opens + said:  # at once, as a terminal gives what was typed ahead
            key = _character_to_key(char)
            app.post_message(events.Key(key, char))
        await pilot.pause()
        await pilot.pause()
        assert app.screen.query_one(Input).value == begins + said
        assert model.mode is Mode.LIVE
        assert not app._exit

    drive(test, model, at=at)


def test_keys_right_behind_what_opens_a_screen_are_for_that_screen() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        for key in ("enter", "escape", "down", "enter", "Y", "escape", "escape", "Y"):
            app.post_message(events.Key(key, None))
        await at_rest(pilot)
        await worked(pilot, "keys")
        await at_rest(pilot)
        said = [each.message for each in app._notifications]
        assert said == ["copied: :group/group-00000", "copied: :overview"]

    drive(test, at=":groups")


def test_a_terminal_that_cannot_be_read_ends_it_without_a_stack_trace(capsys: pytest.CaptureFixture[str]) -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        app.panic("Traceback (most recent call last)")
        apps.append(app)

    apps: list[Dashboard] = []
    drive(test)
    assert str(apps[0].failure) == "the terminal cannot be read"
    assert capsys.readouterr().err == ""


def test_what_has_no_parts_has_no_empty_one() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        assert not text_of(app, "#parts").strip()
        note = app.screen.query_one("#note", Note)
        assert "✗" in str(note.render()) and "nosuch" in str(note.render()), "instead it is said why"

    drive(test, at=":client/nosuch")


def test_a_notice_is_seen_on_the_screen_where_it_is_said_and_on_one_that_is_opened_meanwhile() -> None:
    def seen(app: Dashboard) -> list[str]:
        toasts = [toast for toast in app.screen.query(Toast) if toast.visible and toast.region]
        return [str(toast.render()) for toast in toasts]

    async def main() -> None:
        app = dashboard(FakeModel(moment()), ":groups", views=VIEWS)
        app.NOTIFICATION_TIMEOUT = 600  # it goes by itself, not while this waits
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            await pilot.pause()
            assert not app.screen.query(ToastRack), "there is none for nothing"
            for key in ("Y", "enter"):
                await pilot.press(key)
                for _ in range(50):
                    await at_rest(pilot)
                    if seen(app):
                        break
                assert seen(app) == ["copied: :groups"]

    asyncio.run(main())


def test_ctrl_c_says_how_it_ends() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("L", "ctrl+c")
        assert [note.message for note in app._notifications] == ["按 q 退出"]

    drive(test)


@pytest.mark.parametrize("keys", [[*typed(":bro"), "tab", "enter"], [*typed(":br"), "enter"]])
def test_names_are_completed_and_have_short_forms(keys: Sequence[str]) -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        assert at_address(app) == ":brokers"

    drive(test)


def test_an_option_that_a_screen_does_not_have_is_said_and_one_stays() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(*typed(":groups?topci=orders"), "enter")
        await pilot.pause()
        assert isinstance(app.screen, OverviewScreen)
        (note,) = app._notifications
        assert note.message == "unknown option 'topci' in the address: did you mean 'topic'?"

    drive(test)


def test_a_screen_that_there_is_not_is_said_and_one_stays() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press(*typed(":nosuch"), "enter")
        await pilot.pause()
        assert isinstance(app.screen, OverviewScreen)
        assert "there is no screen 'nosuch'" in [note.message.partition(":")[0] for note in app._notifications][-1]

    drive(test)


def test_a_click_on_a_heading_sorts_and_on_a_row_goes_there() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        screen = app.screen
        assert isinstance(screen, TableScreen)
        at = 3
        for slot in screen.grid._columns.slots:
            if slot.column.key == "lag":
                break
            at += slot.width + 2
        await pilot.click("Grid", offset=(at + 1, 0))
        assert str(screen.address) == ":groups?sort=-lag"
        await pilot.click("Grid", offset=(5, 3))
        assert screen.grid.cursor == 2

    drive(test, at=":groups")


def test_marks_are_kept_by_name_and_escape_takes_them_away() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        screen = app.screen
        assert isinstance(screen, TableScreen)
        await pilot.press("space", "space")
        assert [row.key for row in screen.grid.chosen] == ["group-00001", "group-00000"]
        await pilot.press("1")
        assert {row.key for row in screen.grid.chosen} == {"group-00001", "group-00000"}
        assert "2 marked" in text_of(app, "#keys")
        await pilot.press("escape")
        assert screen.grid.marks == set()
        assert at_address(app).startswith(":groups")

    drive(test, at=":groups")


def test_time_is_stopped_moved_along_and_let_go() -> None:
    past = [moment(NOW_MS - minutes * MINUTE, groups=3) for minutes in (20, 10, 5)]
    model = FakeModel(moment(), past)

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("p")
        assert "paused at 12:00:00" in text_of(app, "#time")
        model.seeking = True  # of a large cluster for a second and more
        app.screen.draw()  # type: ignore[attr-defined]
        assert text_of(app, "#time").rstrip().endswith("reading …")
        model.seeking = False
        await pilot.press("left_curly_bracket")
        assert model.mode is Mode.BACK
        assert "11:55:00" in text_of(app, "#time")
        await pilot.press("l")
        assert "live 12:00:00" in text_of(app, "#time")
        bar = app.screen.query_one(TimeBar)
        begin, _ = bar._axis()
        await pilot.click("#time", offset=(begin, 0))
        assert model.moment().time_ms == NOW_MS - 20 * MINUTE

    drive(test, model)


def test_a_click_on_the_mark_of_an_event_shows_what_it_has_changed() -> None:
    past = [moment(NOW_MS - minutes * MINUTE, groups=3) for minutes in (20, 10, 5)]
    model = FakeModel(moment(), past)
    died = NOW_MS - 8 * MINUTE
    model.now.events = [
        Event(time_ms=died, kind="broker", target="b", text="does not answer any more", health=Health.CRITICAL)
    ]

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        bar = app.screen.query_one(TimeBar)
        begin, cells = bar._axis()
        await pilot.click("#time", offset=(begin + bar._cell(died, cells), 0))
        assert model.moment().time_ms == NOW_MS - 5 * MINUTE

    drive(test, model)


def test_without_a_past_it_is_said() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("left_square_bracket")
        assert [note.message for note in app._notifications] == ["nothing is kept of the time before"]

    drive(test)


def test_a_comparison_shows_by_how_much_figures_changed() -> None:
    before = moment(NOW_MS - 10 * MINUTE)
    before.groups["group-00001"].lag.lag = 7
    model = FakeModel(moment(), [before])

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("c")
        screen = app.screen
        assert isinstance(screen, TableScreen)
        assert "+1,000" in "".join(segment.text for segment in screen.grid.render_line(1))
        assert "against 10 minutes ago" in text_of(app, "#keys")

    drive(test, model, at=":groups")


def test_the_language_is_switched_while_it_runs() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("L")
        assert "只读" in text_of(app, "#path") or "zh" in text_of(app, "#path")
        assert "帮助" in text_of(app, "#keys")
        await pilot.press("L")
        assert "help" in text_of(app, "#keys")

    drive(test)


def test_help_lists_every_key_of_the_screen() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        listed = {what for _, what, _ in app.keys_of(app.screen)}
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        shown = app.screen.text
        assert [what for what in listed if what not in shown] == []
        assert ":alarms" in shown
        await pilot.press("escape")
        assert isinstance(app.screen, TableScreen)

    drive(test, at=":groups")


@pytest.mark.parametrize(("sort", "said"), [("nosuch", "known are "), ("lga", "did you mean 'lag'?"), ("-lag", None)])
def test_a_column_that_no_part_of_a_screen_has_is_said_when_they_are_there(sort: str, said: str | None) -> None:
    async def main() -> None:
        app: Any = dashboard(clusters.usual(), at=f":topic/topic-00001?sort={sort}", admin=Answers("usual"))
        async with app.run_test(size=(120, 30)) as pilot:
            await settled(pilot)
            notices = [note.message for note in app._notifications]
            assert len(notices) == (said is not None)
            assert all(f"unknown column '{sort}' in the address: {said}" in notice for notice in notices)

    asyncio.run(main())


@pytest.mark.parametrize("write", [False, True])
@pytest.mark.parametrize("address", [":topic/topic-00001", ":dead-letters/g", ":journal", ":message/T?id=0A"])
def test_keys_that_change_something_are_shown_where_that_may_be(address: str, write: bool) -> None:
    async def main() -> None:
        app = dashboard(at=address, write=write)
        async with app.run_test(size=(200, 30)) as pilot:
            await pilot.pause()
            shown = text_of(app, "#keys")
            listed = [what for _, what, action in app.keys_of(app.screen) if action in CHANGES]
            assert listed
            for what in listed:
                assert what.endswith(" (needs --write)") == (not write)
                assert (f" {what.removesuffix(' (needs --write)')}  " in shown) == write
            await pilot.press("x")
            assert any("--write" in note.message for note in app._notifications) == (not write)

    asyncio.run(main())


def test_whether_it_is_recorded_stands_on_the_first_line_of_every_screen() -> None:
    async def flow(pilot: Pilot[None], app: Dashboard) -> None:
        model = app.context.model
        assert isinstance(model, FakeModel)
        whole = Copied(path=Path("night.db"), looks=9, first_ms=NOW_MS, last_ms=NOW_MS)
        fails = msgspec.structs.replace(whole, lost=2, failing_since=NOW_MS)
        for screen in (":topics", ":overview"):
            await app.screen.go(screen)  # type: ignore[attr-defined]
            for copied, said in (
                (None, "read-only"),
                (whole, "recorded  read-only"),
                (fails, f"✗ not recorded since {time_of_day(NOW_MS)}  read-only"),
                (msgspec.structs.replace(fails, failing_since=None), "! recorded but for 2 looks  read-only"),
            ):
                model.copied = copied
                model.turn(moment())
                app.look()
                await at_rest(pilot)
                assert text_of(app, "#path").rstrip().endswith(f"{said}  en"), screen
                assert ("recorded" in text_of(app, "#path")) is (copied is not None)

    drive(flow)


def test_a_view_is_saved_and_found_again(tmp_path: Path) -> None:
    saved = SavedViews(tmp_path / "dashboard" / "views.json")

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("slash", *"00001", "enter", "v", *"mine", "enter")
        assert saved.all() == {"mine": ":groups?filter=00001"}
        await pilot.press("escape", "escape")
        await pilot.press(*typed(":@mine"), "enter")
        await pilot.pause()
        assert at_address(app) == ":groups?filter=00001"
        screen = app.screen
        assert isinstance(screen, TableScreen)
        assert len(screen.grid.rows) == 1

    drive(test, at=":groups", saved=saved)


def test_a_file_of_views_that_cannot_be_read_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "views.json"
    path.write_text("[1]")
    with pytest.raises(SavedError, match="does not hold saved views"):
        SavedViews(path).save("mine", Address("groups"))
    assert path.read_text() == "[1]"


def test_the_address_and_rows_are_copied() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("Y")
        assert app.clipboard == ":groups"
        await pilot.press("y")
        assert app.clipboard.startswith("group-00001\tstalled\t")

    drive(test, at=":groups")


async def dragged(pilot: Pilot[None], begin: tuple[int, int], end: tuple[int, int]) -> str:
    """What Ctrl-C copies after the mouse was dragged from one cell of the screen to another."""
    app = pilot.app
    app._clipboard = ""
    await pilot.mouse_down(offset=begin)
    await pilot.hover(offset=((begin[0] + end[0]) // 2, end[1]))
    await pilot.hover(offset=end)
    await pilot.mouse_up(offset=end)
    await pilot.press("ctrl+c")
    return app.clipboard


def test_what_the_mouse_is_dragged_over_is_copied() -> None:
    """Of tables, and of the lines above them, it was nothing, or the name of the widget."""

    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        screen = app.screen
        assert isinstance(screen, TableScreen)
        seen = [screen.grid.render_line(y).text for y in range(4)]
        path = text_of(app, "#path")
        assert await dragged(pilot, (1, 0), (4, 0)) == path[1:5] == "test"
        top = screen.grid.content_region.y
        cursor = screen.grid.cursor
        assert await dragged(pilot, (3, top + 1), (13, top + 1)) == seen[1][3:14] == "group-00001"
        assert screen.grid.cursor == cursor, "the end of a selection is no click"
        assert at_address(app) == ":groups"
        assert any(segment.style and segment.style.reverse for segment in screen.grid.render_line(1))
        backwards = await dragged(pilot, (13, top + 3), (3, top + 2))
        assert backwards.splitlines() == [seen[2][3:].rstrip(), seen[3][:14].rstrip()]
        several = await dragged(pilot, (1, 0), (13, top + 1))
        assert several.startswith(path[1:].rstrip() + "\n")
        assert seen[0].strip() in several
        assert several.endswith(seen[1][:13])
        await pilot.click(offset=(13, top + 3))
        assert screen.grid.cursor == 2, "and a click takes it away"
        assert not screen.selections
        assert [screen.grid.render_line(y).text for y in range(4)] == seen

    drive(test, at=":groups")


def test_of_rows_that_were_scrolled_to_those_are_copied_that_are_seen() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        screen = app.screen
        assert isinstance(screen, TableScreen)
        await pilot.press("G")
        await at_rest(pilot)
        top, last = screen.grid.content_region.y, len(screen.grid.rows)
        lines = [screen.grid.render_line(y).text for y in range(3)]
        assert screen.grid.rows[0].key not in lines[1], (lines, last)
        copied = await dragged(pilot, (3, top), (13, top + 2))
        assert copied.splitlines() == [lines[0][3:].rstrip(), lines[1].rstrip(), lines[2][:14].rstrip()]

    drive(test, FakeModel(moment(groups=60)), at=":groups")


def test_what_the_mouse_is_dragged_over_in_a_body_is_copied() -> None:
    async def main() -> None:
        app = dashboard(clusters.usual(), at=":message/orders?id=0A", admin=Answers("usual"), views=VIEWS)
        async with app.run_test(size=(100, 30)) as pilot:
            await settled(pilot)
            lines = app.screen.query_one(TextLines)
            seen = [lines.render_line(y).text.rstrip() for y in range(3)]
            assert all(seen)
            left, top = lines.content_region.offset
            assert await dragged(pilot, (left, top), (left + 98, top + 2)) == "\n".join(seen)

    asyncio.run(main())


def test_a_single_cell_of_a_row_is_copied() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("w", "down", "down", "down", "y")
        assert app.clipboard.replace(",", "").isdigit(), "the lag"
        await pilot.press("up", "up", "y")
        assert app.clipboard == "stalled"
        await pilot.press("up", "up", "Y")
        assert app.clipboard.startswith("Group: group-00001\nState: stalled\n")
        await pilot.click(app.screen.query(".cell")[1], offset=(2, 1))
        await pilot.press("y", "escape")
        assert app.clipboard == "stalled"
        assert at_address(app) == ":groups"

    drive(test, at=":groups")


def test_the_palette_finds_screens_and_keys() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"topics")
        await app.workers.wait_for_complete([worker for worker in app.workers if worker.group == "search"])
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert at_address(app) == ":topics"

    drive(test)


def test_themes_are_gone_through_and_fit_the_terminal() -> None:
    async def test(pilot: Pilot[None], app: Dashboard) -> None:
        for name in [*list(THEMES)[1:], "dark"]:
            await pilot.press("T")
            assert app.theme == name

    drive(test)
    assert fitting({"TERM": "linux"}) == "ansi-dark"
    assert fitting({"TERM": "xterm-256color"}) == "dark"
    assert fitting({"TERM": "xterm-256color", "COLORFGBG": "0;15"}) == "light"


def test_what_is_typed_while_it_starts_is_meant_for_its_first_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    def early(app: Dashboard) -> None:
        for char in ":groups\r":
            key = "enter" if char == "\r" else _character_to_key(char)
            app.post_message(events.Key(key, char))

    async def main() -> None:
        monkeypatch.setattr(Dashboard, "on_load", early, raising=False)
        app = dashboard()
        async with app.run_test(size=(80, 24)) as pilot:
            while any(worker.group == "keys" for worker in app.workers):
                await at_rest(pilot)
            assert at_address(app) == ":groups"

    asyncio.run(main())
