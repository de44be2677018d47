"""A plan that is longer than the screen: what has to be typed is seen, and the rest is reached with the keys alone."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec
import pytest
from rich.cells import cell_len
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widgets import Input, Static

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.tui.changes import MadeChange, PlannedChange
from rocketmq_ops.tui.model.details.batch import AT_ONCE
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.screens.change import ChangeScreen, Offer
from tests.tui.fakes import FakeModel, dashboard, moment
from tests.tui.flows.driving import at_rest, press, said, settled
from tests.tui.model.details import made_up


@pytest.mark.parametrize("size", [(80, 24), (60, 15), (40, 12)], ids=["80x24", "60x15", "40x12"])
def test_what_is_to_be_typed_is_seen_below_a_long_plan(size: tuple[int, int]) -> None:
    class Changer:
        async def plan(self, words: object) -> object:
            return msgspec.structs.replace(made_up.plan(to_type="orders"), notes=[f"note {n}" for n in range(60)])

    async def main() -> None:
        changer: Any = Changer()
        app = dashboard(write=True, changer=changer)
        async with app.run_test(size=size) as pilot:
            app.push_screen(ChangeScreen(app.context, Offer("its queues", ["updateTopic"], complete=True)))
            await settled(pilot)
            dialog = app.screen.children[0].region
            assert Region(0, 0, *size).contains_region(dialog)
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


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_click_on_a_key_of_the_last_line_is_as_good_as_the_key(lang: str) -> None:
    class Changer:
        planned: ClassVar[list[Sequence[str]]] = []

        async def plan(self, words: Sequence[str]) -> PlannedChange:
            self.planned.append(words)
            return msgspec.structs.replace(made_up.plan(to_type="orders"), words=tuple(words))

        async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
            return MadeChange(words=planned.words, status="ok", change_id=7)

    async def main() -> None:
        changer: Any = Changer()
        app = dashboard(write=True, changer=changer, lang=lang)
        closed: list[bool | None] = []
        async with app.run_test(size=(80, 24)) as pilot:

            async def click(text: str) -> None:
                foot = app.screen.query_one("#foot", Static)
                line = str(foot.render())
                at = foot.content_region.offset - foot.region.offset
                await pilot.click("#foot", offset=(at.x + cell_len(line[: line.index(text)]) + 1, at.y))
                await settled(pilot)

            offer = Offer("its queues", ["updateTopic", "-t", "orders"], complete=True)
            app.push_screen(ChangeScreen(app.context, offer), closed.append)
            await settled(pilot)
            await press(pilot, *"orders", "enter")
            await click("u undoes it" if lang == "en" else "u ")
            assert [*changer.planned[-1]] == ["undo", "7"]
            await pilot.click("#foot", offset=(70, 1))
            assert isinstance(app.screen, ChangeScreen), "beside it"
            await click("Escape" if lang == "en" else "Esc")
            assert closed == [True]

    asyncio.run(main())


def test_of_many_no_more_are_sent_after_escape_and_those_that_were_are_waited_for() -> None:
    class Changer:
        """Plans at once; of what is made at the same time it keeps count, and each waits to be let go."""

        def __init__(self) -> None:
            self.made: list[str] = []
            self.go_on = asyncio.Event()

        async def plan(self, words: Sequence[str]) -> PlannedChange:
            return msgspec.structs.replace(made_up.plan(to_type=words[2]), words=tuple(words))

        async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
            assert typed == planned.words[2]  # its own name, which the number stands for
            self.made.append(typed)
            await self.go_on.wait()
            return MadeChange(words=planned.words, status="ok", change_id=len(self.made))

    async def main() -> None:
        changer = Changer()
        app = dashboard(write=True, changer=changer)  # type: ignore[arg-type]
        async with app.run_test(size=(80, 24)) as pilot:
            each = [{"topic": f"t{n}"} for n in range(AT_ONCE + 3)]
            app.push_screen(ChangeScreen(app.context, Offer("its queues", ["deleteTopic", "-t", "@topic"]).of(each)))
            await settled(pilot)
            await press(pilot, "enter")
            await pilot.press("7", "enter")
            await at_rest(pilot)
            assert changer.made == [f"t{n}" for n in range(AT_ONCE)]
            await pilot.press("escape")
            await at_rest(pilot)
            assert "no more are sent" in said(pilot, "#foot")
            changer.go_on.set()
            await settled(pilot)
            assert changer.made == [f"t{n}" for n in range(AT_ONCE)]
            assert f"{AT_ONCE} of 7 are done" in said(pilot, "#said")
            assert "3 were not sent: t4, t5, t6" in said(pilot, "#said")

    asyncio.run(main())


def test_a_line_that_does_not_fit_is_not_cut_without_a_mark() -> None:
    words = ("updateTopic", "-t", "orders-" + "x" * 60, "-n", "127.0.0.1:9876")

    class Changer:
        async def plan(self, words: Sequence[str]) -> PlannedChange:
            return msgspec.structs.replace(made_up.plan(to_type="orders"), words=tuple(words))

        async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
            return MadeChange(words=planned.words, status="ok", change_id=7)

    async def main() -> None:
        changer: Any = Changer()
        app = dashboard(write=True, changer=changer)
        async with app.run_test(size=(60, 24)) as pilot:
            app.push_screen(ChangeScreen(app.context, Offer("its queues", words)))
            await settled(pilot)
            field = app.screen.query_one("#line", Input)
            width = field.scrollable_content_region.width

            def ends() -> tuple[str, str]:
                text = field.render_line(0).text[:width]
                return text[:3], text[-3:].strip()

            assert (ends()[0][0], ends()[1][-2:]) == ("…", "76"), "the cursor is behind its end"
            await press(pilot, "home")
            assert (ends()[0], ends()[1]) == ("mqa", "xx…")
            await press(pilot, *["right"] * (width - 1))
            assert ends()[0] == "mqa", "the last letter that is seen is the cursor's"
            await press(pilot, *["right"] * 8)
            assert (ends()[0][0], ends()[1][-1]) == ("…", "x")
            await press(pilot, "enter")
            assert not field.has_focus, "what is to be typed is elsewhere"
            assert (ends()[0][0], ends()[1][-1]) == ("…", "…")
            await press(pilot, *"orders", "enter")
            assert field.disabled
            assert "…" in "".join(ends())

    asyncio.run(main())


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("count", [1, 2])
def test_what_was_sent_says_how_it_ended_also_when_its_screen_was_closed(count: int, fails: bool) -> None:
    changer = _Waits(fails)

    async def main() -> None:
        model = FakeModel(moment())
        app = dashboard(model, write=True, changer=changer)  # type: ignore[arg-type]
        async with app.run_test(size=(80, 24)) as pilot:
            await _sent(pilot, count)
            await pilot.press("escape")
            await at_rest(pilot)
            assert isinstance(app.screen, ChangeScreen), "it was sent: it may fail"
            assert "waited for" in said(pilot, "#foot")
            await pilot.press("escape")
            await at_rest(pilot)
            assert not isinstance(app.screen, ChangeScreen)
            assert not app._notifications
            asked = model.asked
            changer.go_on.set()
            await app.workers.wait_for_complete([each for each in app.workers if each.group == "changes"])
            (notice,) = app._notifications
            assert notice.title.startswith("its queues")
            assert notice.severity == ("error" if fails else "information")
            done = "it is change 7 in the journal" if count == 1 else f"{count} of {count} are done"
            assert ("not today" if fails else done) in notice.message
            assert model.asked == asked + 1, "what it has changed is looked at"

    asyncio.run(main())


@pytest.mark.parametrize("fails", [False, True])
def test_what_ends_while_it_is_waited_for_is_on_its_screen_and_no_notice(fails: bool) -> None:
    changer = _Waits(fails)

    async def main() -> None:
        app = dashboard(write=True, changer=changer)  # type: ignore[arg-type]
        async with app.run_test(size=(80, 24)) as pilot:
            await _sent(pilot, 1)
            await pilot.press("escape")
            changer.go_on.set()
            await settled(pilot)
            assert ("not today" if fails else "it is change 7 in the journal") in said(pilot, "#said")
            assert "waited for" not in said(pilot, "#foot")
            await press(pilot, "escape")
            assert not isinstance(app.screen, ChangeScreen)
            assert not app._notifications

    asyncio.run(main())


class _Waits:
    """Plans at once; what is made waits to be let go."""

    def __init__(self, fails: bool) -> None:
        self.go_on = asyncio.Event()
        self._fails = fails

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        return msgspec.structs.replace(made_up.plan(to_type=words[2]), words=tuple(words))

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        await self.go_on.wait()
        if self._fails:
            raise RocketMQError("not today", "try tomorrow")
        return MadeChange(words=planned.words, status="ok", change_id=7)


async def _sent(pilot: Pilot[None], count: int) -> None:
    """Changes that are on their way."""
    each = [{"topic": f"t{n}"} for n in range(count)]
    offer = Offer("its queues", ["deleteTopic", "-t", "@topic"]).of(each)
    screen: DashboardScreen = pilot.app.screen  # type: ignore[assignment]
    pilot.app.push_screen(ChangeScreen(screen.context, offer))
    await settled(pilot)
    await press(pilot, "enter")
    await pilot.press(*("t0" if count == 1 else str(count)), "enter")
    await at_rest(pilot)
