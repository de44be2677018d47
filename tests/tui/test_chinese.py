"""Every word of ours on a screen goes through the catalogue: in Chinese no other Latin word is left than a name."""

from __future__ import annotations

import asyncio
import re
from types import SimpleNamespace
from typing import Any, Final

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen

from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.saved import SavedViews
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.screens.help import HelpScreen
from tests.tui import test_pictures as drawing
from tests.tui.fakes import dashboard
from tests.tui.flows.driving import at_rest, settled
from tests.tui.pictures import matrix
from tests.tui.snapshot import seen
from tests.tui.test_pictures import _drawn_once, folder, state  # noqa: F401 - fixtures of those pictures

#: Room for all rows of all parts.
SIZE: Final = (200, 100)
#: What is no sentence of ours in whatever language: paths, addresses, figures, settings, codes.
_DATA: Final = re.compile(r".*[/:@.=#%_\d(){}\[\]\"<>+].*|[a-z]+[A-Z]\w*|[A-Z][A-Z_-]+")
#: A command line; bytes of a record.
_COMMAND: Final = re.compile(r"mqadmin( -{0,2}[A-Za-z0-9.:]+)+|[!-~]+…|^ *[0-9a-f]{8}  .*")
_TEXT: Final = re.compile(r"[!-~]+")
#: Words that Chinese texts of RocketMQ have in Latin letters, units, and keys as terminals name them.
_TERMS: Final = """
Broker Topic Name Server Key Tag Page cache PCWait commitlog consumequeue index config salvage tag hash Java json
B KiB MiB GiB TiB ms
esc Esc space tab end home pgup pgdn shift del yes zh perm
"""
#: Whatever is in the made-up answers: names, settings with their values, a body, what the database says.
_MADE_UP: Final = """
abc audit billing mail shop shipping order orders paid big ones of before new root lag test zone TagA DefaultCluster
plain text an order customer nowhere
permission rw runtime all nosuch days hours minutes seconds RUNNABLE true false file is not a database
"""
TERMS: Final = frozenset(_TERMS.split())
KNOWN: Final = TERMS | frozenset(_MADE_UP.split()) | {f"broker-{letter}" for letter in "abcdefghijkl"}


#: Names of a record's fields, and of a file.
OF_SCREEN: Final = {"record": {"magic", "flag", "body", "topic", "properties"}, "journal": {"journal"}}


def left(lines: list[str], known: frozenset[str]) -> dict[str, str]:
    """Latin words that are none of those known, each with a line that has it."""
    found: dict[str, str] = {}
    for line in lines:
        for token in _TEXT.findall(_COMMAND.sub("", line)):
            word = token.strip(".,:;!?()'`\"›-+~|·")
            if not word or _DATA.fullmatch(word) or word in known or not re.search("[A-Za-z]{2}", word):
                continue
            found.setdefault(word, line.strip())
    return found


def names() -> frozenset[str]:
    """Of screens and their parts, as addresses have them."""
    places = catalogue(VIEWS).places
    return frozenset(word for place in places for word in (place.name, *place.aliases))


def lines_of(app: Any) -> list[str]:
    """What is seen, without the path at the top, which is an address, and all of a help that goes on below."""
    if isinstance(app.screen, HelpScreen):
        return str(app.screen.text).splitlines()
    lines = ["".join(segment.text for segment in strip) for strip in seen(app)]
    return lines if isinstance(app.screen, ModalScreen) else lines[1:]


async def _chinese(pilot: Pilot[None]) -> None:
    app: Any = pilot.app
    if app.context.language.name != "zh":
        app.context.language.switch()
    if app.size != SIZE:
        await pilot.resize_terminal(*SIZE)


@pytest.mark.parametrize("screen", drawing.SCREENS)
def test_a_screen_in_chinese_has_no_other_latin_words_than_names(screen: str, state: SimpleNamespace) -> None:  # noqa: F811
    found: dict[str, str] = {}

    async def main() -> None:
        app: Any = dashboard(views=VIEWS)
        async with app.run_test(size=SIZE) as pilot:
            for name in ("empty", "usual", "failed", *(matrix.KEPT_STATES if screen in matrix.TOLD else ())):
                if (screen, name) in matrix.NEVER:
                    continue
                state.name = name
                await drawing._open(app, screen, name)
                await settled(pilot)
                if name in matrix.KEPT_STATES:
                    await drawing._fall_silent(app, name)
                    await settled(pilot)
                await _chinese(pilot)
                parts = range(len(app.screen._parts)) if isinstance(app.screen, DetailScreen) else range(1)
                for at in parts:
                    if isinstance(app.screen, DetailScreen):
                        app.screen.turn_to(at)
                    app.screen.draw()
                    await at_rest(pilot)
                    found.update(left(lines_of(app), KNOWN | OF_SCREEN.get(screen, set())))

    asyncio.run(main())
    assert not found, "\n".join(f"{word}: {line}" for word, line in found.items())


def test_a_dialog_in_chinese_has_no_other_latin_words_than_names(state: SimpleNamespace) -> None:  # noqa: F811
    found: dict[str, str] = {}

    async def main() -> None:
        app: Any = dashboard(views=VIEWS, write=True, saved=SavedViews(None))
        async with app.run_test(size=SIZE) as pilot:
            await _chinese(pilot)
            for dialog, (screen, keys) in matrix.DIALOGS.items():
                await drawing._open(app, screen, "usual")
                app.context.changer = drawing.FakeChanger(to_type="broker-a" if dialog == "change-typed" else None)
                await settled(pilot)
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
                found.update(left(lines_of(app), KNOWN | names()))

    asyncio.run(main())
    assert not found, "\n".join(f"{word}: {line}" for word, line in found.items())


def test_a_word_that_is_not_translated_is_found() -> None:
    lines = ["  broker-a  主节点  refuses writes  41 %", " topic:  已创建", " Topic 已创建（no answer within 3000 ms）"]
    assert set(left(lines, TERMS)) == {"broker-a", "refuses", "writes", "topic", "no", "answer", "within"}
