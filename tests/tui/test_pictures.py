"""Every screen as it looks, by the matrix of `pictures/matrix.py`: sizes, themes, languages; empty, failed, too much."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

import msgspec
import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen
from textual.widgets import Input

from rocketmq_ops.common.errors import Failure, RocketMQError
from rocketmq_ops.housekeeping.findings import Finding
from rocketmq_ops.housekeeping.history import found
from rocketmq_ops.housekeeping.history.file import History
from rocketmq_ops.housekeeping.history.runs import Figure, GroupOffsets, QueueKey, QueueOffsets, Run
from rocketmq_ops.remoting.errors import RemotingConnectError
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.changes import JournalEntry, MadeChange, PlannedChange
from rocketmq_ops.tui.model.address import Address
from rocketmq_ops.tui.model.details import doctor, probe, store
from rocketmq_ops.tui.model.details.detail import Part, Section
from rocketmq_ops.tui.model.no_cluster import NoCluster
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.saved import SavedError, SavedViews
from rocketmq_ops.tui.screens.base import DashboardScreen
from rocketmq_ops.tui.screens.detail import DetailScreen
from rocketmq_ops.tui.widgets.grid import Grid
from tests.store.inspect.damage import Sound, write_own_store, zero_record
from tests.tui.fakes import MINUTE, NOW_MS, dashboard
from tests.tui.flows.driving import at_rest, settled
from tests.tui.model.details import made_up
from tests.tui.pictures import clusters, matrix
from tests.tui.pictures.answers import SIBLING, Answers
from tests.tui.pictures.matrix import Picture
from tests.tui.pictures.too_much import too_much
from tests.tui.snapshot import Album, coloured, seen

T = TypeVar("T")
SCREENS = [place.name for place in catalogue(VIEWS).places]
#: What each screen is about; the others are about nothing.
NAMES = {
    "group": "group-00001",
    "topic": "topic-00001",
    "client": "10.1.0.1@77",
    "messages": "orders",
    "message": "orders",
    "dead-letters": "billing",
    "broker": "broker-a",
    "name-server": "10.0.0.9:9876",
    "store": "store",
    "record": "store",
}
OPTIONS = {
    "client": (("group", "group-00001"), ("threads", "1")),
    "message": (("id", "0A"),),
}
#: The clock of the store's tests, an hour later.
STORE_MS = 1_700_000_000_000 + 60 * MINUTE


class FakeChanger:
    """Plans and makes one change, and asks nobody."""

    def __init__(self, state: str = "usual", *, to_type: str | None = None) -> None:
        self._state = state
        self._plan = made_up.plan(to_type=to_type)

    async def plan(self, words: Sequence[str]) -> PlannedChange:
        return self._plan

    async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
        made = [msgspec.structs.replace(change, state="done") for change in planned.changes]
        return MadeChange(words=planned.words, status="ok", changes=made, change_id=7)

    async def journal(self, most: int) -> list[JournalEntry]:
        if self._state == "failed":
            raise RocketMQError(
                "cannot read the journal: journal: permission denied",
                "free space there, or set XDG_STATE_HOME to a folder",
            )
        return made_up.journal() if self._state != "empty" else []


class FakeViews(SavedViews):
    """Views that somebody has saved."""

    def __init__(self, state: str) -> None:
        super().__init__(None)
        self._state = state

    def all(self) -> dict[str, str]:
        if self._state == "failed":
            raise SavedError("cannot read views.json: permission denied", "see whose file it is")
        if self._state == "empty":
            return {}
        return {
            "lag": ":groups?sort=-lag",
            "订单": ":topic/订单?part=groups",
            "of before": ":nosuch/orders",
            "big ones": ":messages/orders?where=storeSize%20%3E%201000000",
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a damaged store, and the history of a prober; to be worked in, so that no path is seen."""
    root = tmp_path_factory.mktemp("pictures")
    write_own_store(root / "store", messages=120)
    zero_record(Sound(root / "store"))
    for path in (root / "store").rglob("*"):
        os.utime(path, (STORE_MS // 1000 - 600,) * 2)
    (root / "nothing" / "commitlog").mkdir(parents=True)
    with History.open(root / "usual.sqlite") as history:
        for number in range(30):
            history.append(_run(number))
            if number % 10 == 9:
                found.keep(history, NOW_MS - (30 - number) * MINUTE, made_up.findings())
    History.open(root / "empty.sqlite").close()
    (root / "failed.sqlite").write_bytes(b"this is no database" * 100)
    return root


def _run(number: int) -> Run:
    keys = [QueueKey("orders", "broker-a", at) for at in range(2)]
    figures = [
        Figure("probe.sendTime", "broker-a", float(number * 7 % 13)),
        Figure("probe.deliveryTime", "broker-a", float(number * 5 % 11)),
        Figure("probe.disk", "broker-a", 41.0 + number / 10),
        Figure("probe.replicationGap", "broker-a#1", number * 123_456.0),
        Figure("probe.retryRate", "billing", float(number % 7)),
    ]
    failures = [Failure("10.0.0.3:10911", "no answer within 3000 ms", "see that it runs")] if number % 9 == 0 else []
    groups = [
        GroupOffsets(group="billing", queues=[QueueOffsets(key, 100 + number, 90) for key in keys], members=2),
        GroupOffsets(group="订单-消费组", queues=[QueueOffsets(keys[0], number, number)], members=1),
    ]
    return Run(time_ms=NOW_MS - (30 - number) * MINUTE, groups=groups, figures=figures, failures=failures)


@pytest.fixture(autouse=True)
def _drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A picture draws all of the screen: what Textual would write to a terminal on the way there is not made. What
    blinks is seen."""
    monkeypatch.setattr(Screen, "_compositor_refresh", lambda screen: screen._dirty_widgets.clear())
    monkeypatch.setattr(Input, "_toggle_cursor", lambda widget: None)


@pytest.fixture
def state(monkeypatch: pytest.MonkeyPatch, folder: Path) -> SimpleNamespace:
    """The state that is drawn, by which what is not asked of the cluster answers too; huge is much of the usual."""
    now = SimpleNamespace(name="usual")
    monkeypatch.chdir(folder)

    async def gather(*_: object) -> SimpleNamespace:
        if now.name == "failed":
            raise RocketMQError("no answer within 3000 ms", RemotingConnectError.next_step)
        return SimpleNamespace(taken_at=NOW_MS)

    def examine(*_: object) -> list[Finding]:
        return [] if now.name == "empty" else made_up.findings()

    def listed(opened: Any) -> Any:
        listing = found_there(opened)
        return msgspec.structs.replace(  # a file system may give more or less to each
            listing, files=[msgspec.structs.replace(row, allocated=row.size) for row in listing.files]
        )

    found_there = store.list_store
    monkeypatch.setattr(store, "list_store", listed)
    monkeypatch.setattr(doctor, "gather", gather)
    monkeypatch.setattr(doctor, "examine", examine)
    names = {"usual": "usual", "huge": "usual", "empty": "nowhere", "failed": "failed"}
    monkeypatch.setattr(probe, "now_ms", lambda: NOW_MS)
    monkeypatch.setattr(probe, "history_file", lambda servers: Path(f"{names[now.name]}.sqlite"))
    for kind in _kinds(DetailScreen):
        if "parts" in kind.__dict__:
            monkeypatch.setattr(kind, "parts", _grown(kind.parts, now))
    return now


def _kinds(kind: type[T]) -> list[type[T]]:
    return [each for found in kind.__subclasses__() for each in (found, *_kinds(found))]


def _grown(parts: Callable[[Any], Sequence[Part]], now: SimpleNamespace) -> Callable[[Any], Sequence[Part]]:
    def grown(part: Part) -> Part:
        async def ask() -> Section:
            return too_much(await part.ask())

        return part._replace(ask=ask, judged=None)  # of no look are there so many

    return lambda screen: [grown(part) if now.name == "huge" else part for part in parts(screen)]


def _address(screen: str, state: str) -> Address:
    name, options = NAMES.get(screen, ""), OPTIONS.get(screen, ())
    if screen in ("store", "record"):
        name = {"empty": "nothing", "failed": "nowhere"}.get(state, name)
        if screen == "record":
            options = (("at", "0"),)
    elif state == "huge" and name and screen not in ("client", "broker", "name-server"):  # others are not there
        name = clusters.LONG
    return Address(screen, name, options)


def _model(screen: str, state: str) -> Any:
    return NoCluster(STORE_MS) if screen in ("store", "record") else clusters.CLUSTERS[state]()


async def _turn(pilot: Pilot[None], picture: Picture) -> None:
    """To the size, theme and language of a picture."""
    app: Any = pilot.app
    if app.theme != picture.theme:
        app.theme = picture.theme
    if app.context.language.name != picture.lang:
        app.context.language.switch()
    if app.size != picture.size:
        await pilot.resize_terminal(*picture.size)


async def _draw(pilot: Pilot[None], album: Album, picture: Picture) -> None:
    app: Any = pilot.app
    await _turn(pilot, picture)
    if isinstance(app.screen, DetailScreen):
        app.screen.turn_to([part.key for part in app.screen._parts].index(picture.part))
    else:
        app.screen.draw()
    await at_rest(pilot)
    for grid in app.screen.query(Grid):
        for row in grid.rows[:50]:
            assert row.opens is None or app.context.catalogue.address(str(row.opens))[1] == row.opens
    album.take(app, picture.title)


async def _open(app: Dashboard, screen: str, state: str) -> None:
    """The screen anew, in a state, above an overview that is not drawn again for it."""
    while not isinstance(app.screen, DashboardScreen):
        app.pop_screen()
    context: Any = app.context
    context.model = _model(screen, state)
    context.admin = Answers("usual" if state in matrix.KEPT_STATES else state)
    context.changer = FakeChanger(state)
    if screen == "views":
        context.saved = FakeViews(state)
    if screen == "overview":
        while len(app.trail()) > 1:
            app.back()
    elif len(app.trail()) == 1:
        app.go(_address(screen, state))
    else:
        await app.switch_screen(app._made(_address(screen, state)))


async def _fall_silent(app: Dashboard, state: str) -> None:
    """What was told is half a minute old, and from then on all servers, or one broker, do not answer."""
    context: Any = app.context
    context.admin.turn(state)
    context.model.turn(clusters.later(context.model.now, *([SIBLING.address] if state == "partly" else [])))
    assert isinstance(app.screen, DetailScreen)
    app.screen.ask()


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screen_looks_as_it_was_accepted(screen: str, state: SimpleNamespace) -> None:
    album = Album(screen)

    async def main() -> None:
        pictures = matrix.pictures(screen)
        app = dashboard(views=VIEWS, theme=pictures[0].theme)
        async with app.run_test(size=matrix.SMALL) as pilot:
            for picture in pictures:
                if picture.state != state.name or len(app.trail()) == 1:
                    state.name = picture.state
                    await _open(app, screen, picture.state)
                    await settled(pilot)
                    if picture.state in matrix.KEPT_STATES:
                        await _fall_silent(app, picture.state)
                        await settled(pilot)
                await _draw(pilot, album, picture)
            shown = app.screen
            parts = [part.key for part in shown._parts] if isinstance(shown, DetailScreen) else [""]
            assert parts == list(matrix.PARTS.get(screen, ("",))), "its place in the catalogue lacks a part"

    asyncio.run(main())
    album.check()


@pytest.mark.parametrize("dialog", matrix.DIALOGS)
def test_a_dialog_looks_as_it_was_accepted(dialog: str, state: SimpleNamespace) -> None:
    screen, keys = matrix.DIALOGS[dialog]
    album = Album(f"dialog-{dialog}")

    async def main() -> None:
        app: Any = dashboard(views=VIEWS, write=True, saved=SavedViews(None))
        async with app.run_test(size=matrix.SMALL) as pilot:
            for picture in matrix.OVER:
                await _turn(pilot, picture)
                await _open(app, screen, "usual")
                app.context.changer = FakeChanger(to_type="broker-a" if dialog == "change-typed" else None)
                await settled(pilot)
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
                album.take(app, picture.title)

    asyncio.run(main())
    album.check()


def test_without_colours_nothing_is_lost(state: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    album = Album("no-colour")
    opened_kinds: set[type[Any]] = set()

    async def main() -> None:
        app: Any = dashboard(views=VIEWS, write=True, saved=SavedViews(None))
        async with app.run_test(size=matrix.SMALL) as pilot:
            opened = {screen: (screen, ()) for screen in SCREENS} | matrix.DIALOGS
            for name, (screen, keys) in opened.items():
                await _open(app, screen, "usual")
                app.context.changer = FakeChanger(to_type="broker-a" if name == "change-typed" else None)
                await settled(pilot)
                for key in keys:
                    await pilot.press(key)
                    await settled(pilot)
                if screen == "overview":  # it is open already, of another cluster
                    app.screen.draw()
                    await at_rest(pilot)
                album.take(app, name)
                opened_kinds.add(type(app.screen))
                assert not coloured(seen(app)), f"{name} has colours"

    asyncio.run(main())
    album.check()
    assert {kind for kind in _kinds(ModalScreen) if kind.__module__.startswith("rocketmq_ops.")} <= opened_kinds


@pytest.mark.parametrize("screen", SCREENS)
def test_each_part_of_a_screen_has_each_size_theme_language_and_state(screen: str) -> None:
    never = {state for name, state in matrix.NEVER if name == screen}
    found = matrix.pictures(screen)
    assert {picture.part for picture in found} == set(matrix.PARTS.get(screen, ("",)))
    for part in matrix.PARTS.get(screen, ("",)):
        of_it = [picture for picture in found if picture.part == part]
        assert {picture.size for picture in of_it} == matrix.SIZES, part
        assert {picture.theme for picture in of_it} == matrix.THEMES, part
        assert {picture.lang for picture in of_it} == matrix.LANGUAGES, part
        kept = matrix.KEPT_STATES if screen in matrix.TOLD else set()
        assert {picture.state for picture in of_it} == (matrix.STATES | kept) - never, part
        # Where room is least each language is looked at, and what is too long where there is least and most.
        assert {picture.lang for picture in of_it if picture.size == matrix.SMALL} == matrix.LANGUAGES, part
        assert {picture.size for picture in of_it if picture.state == "huge"} == {matrix.SMALL, matrix.LARGE}, part


def test_each_dialog_has_each_size_theme_and_language() -> None:
    over = matrix.OVER
    assert {picture.size for picture in over} == matrix.SIZES
    assert {picture.theme for picture in over} == matrix.THEMES
    assert {picture.lang for picture in over if picture.size == matrix.SMALL} == matrix.LANGUAGES
