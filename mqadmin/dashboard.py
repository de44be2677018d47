"""Starts the live dashboard: what it needs of this program is handed to it here, as its ports say."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import msgspec

from rocketmq_ops.client.admin import MQAdmin
from rocketmq_ops.common.clock import now_ms
from rocketmq_ops.common.state_folder import state_folder
from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.mqadmin import lang
from rocketmq_ops.mqadmin.changer import CommandChanger
from rocketmq_ops.mqadmin.errors import usage
from rocketmq_ops.mqadmin.render.output import safe_text
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.appearance import BROWSER, TERMINAL, KeptAppearance
from rocketmq_ops.tui.catalogue import Catalogue
from rocketmq_ops.tui.context import Context, Options
from rocketmq_ops.tui.memory import lean_malloc
from rocketmq_ops.tui.model.address import Address, AddressError
from rocketmq_ops.tui.model.figures import time_of_day
from rocketmq_ops.tui.model.keys_first import KeysFirst
from rocketmq_ops.tui.model.live import LiveModel
from rocketmq_ops.tui.model.model import Model
from rocketmq_ops.tui.model.no_cluster import NoCluster
from rocketmq_ops.tui.model.periods import RUNTIME
from rocketmq_ops.tui.model.replay import Replay
from rocketmq_ops.tui.model.views.every import VIEWS
from rocketmq_ops.tui.pauses import short_pauses
from rocketmq_ops.tui.places import catalogue
from rocketmq_ops.tui.saved import SavedError, SavedViews
from rocketmq_ops.tui.sending import in_short, spoken


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of the command."""

    address: str | None
    write: bool
    theme: str | None
    record: str | None
    replay: str | None
    store: str | None
    interval: int | None


class Spoken:
    """The language of the command line, as the dashboard takes it."""

    @property
    def name(self) -> str:
        """`en` or `zh`."""
        return lang.language()

    def tr(self, text: str) -> str:
        """A sentence."""
        return lang.tr(text)

    def tr_word(self, word: str) -> str:
        """A word or a heading."""
        return lang.tr_word(word)

    def switch(self) -> None:
        """Turn to the other one."""
        lang.speak("en" if lang.language() == "zh" else "zh")


def first_screen(given: str, places: Catalogue, saved: SavedViews) -> Address:
    """The address that the command was given. Raises CommandError."""
    try:
        return places.address(saved.opened(given))[1]
    except (AddressError, SavedError) as error:
        raise usage(error.cause, error.next_step) from error


def _saved_views() -> SavedViews:
    return SavedViews(state_folder() / "dashboard" / "views.json")


def _kept_appearance() -> KeptAppearance:
    place = BROWSER if "TEXTUAL_DRIVER" in os.environ else TERMINAL
    return KeptAppearance(state_folder() / "dashboard" / "looks.json", place)


async def show(run: Run, looked: Looked) -> str:
    """Show it until it is left. Returns the address of the last screen. Raises RocketMQError."""
    lean_malloc()
    places, saved = catalogue(VIEWS), _saved_views()
    address = Address("overview")
    if looked.address is not None:
        address = first_screen(looked.address, places, saved)
    elif looked.store is not None and places.find("store") is not None:
        address = Address("store", looked.store)
    async with AsyncExitStack() as held:
        keys = KeysFirst()
        models: list[Model] = []
        held.enter_context(_whole_recording(models))  # what it says is true once the file is closed
        changer = None
        if looked.store is None and looked.replay is None:
            changer = CommandChanger(run.connection, connecting_words(run))
            held.callback(changer.close)
        admin, model, title = await _looked_at(run, looked, held, keys, changer)
        models.append(model)
        kept = _kept_appearance()
        if not lang.asked_for() and kept.chosen().language in lang.LANGUAGES:
            lang.speak(kept.chosen().language)
        options = Options(address=address, write=looked.write, theme=looked.theme or "", title=title)
        context = Context(
            model,
            Spoken(),
            places,
            options,
            admin=admin,
            saved=saved,
            changer=changer,
            keys=keys,
            appearance=kept,
        )
        app = Dashboard(context)
        with short_pauses():
            await app.run_async()
        await _say_ends(context)
        task = asyncio.current_task()
        if task is not None and task.cancelling():  # Textual takes it as its end; it is also that of who asked for it
            raise asyncio.CancelledError
        if app.failure is not None:
            raise app.failure
        return str(app.left_at)


@contextlib.contextmanager
def _whole_recording(models: Sequence[Model]) -> Iterator[None]:
    """Raises HistoryError at the end where the file of a recording lacks something, as who has started it was elsewhere
    when that was to be seen; where there is another error, it is said before that."""
    try:
        yield
    except BaseException:
        lacks = _lacking(models)
        if lacks is not None:
            _say(lang.tr(text) for text in (lacks.cause, lacks.next_step))
        raise
    lacks = _lacking(models)
    if lacks is not None:
        raise lacks


def _lacking(models: Sequence[Model]) -> HistoryError | None:
    """What the file of a recording lacks of the session, and what it has."""
    copied = next((model.copied for model in models if model.copied is not None), None)
    if copied is None or not copied.lost:
        return None
    path, total = copied.path, copied.looks + copied.lost
    if copied.first_ms is None or copied.last_ms is None:
        return HistoryError(f"the recording {path} has nothing of this session: {copied.cause}", "record it elsewhere")
    first, last = time_of_day(copied.first_ms), time_of_day(copied.last_ms)
    has = f"it has {copied.looks} looks from {first} to {last}: play it with --replay {path}"
    if not copied.there():
        has = f"what it had, {copied.looks} looks from {first} to {last}, has gone with it"
    return HistoryError(f"the recording {path} lacks {copied.lost} of {total} looks: {copied.cause}", has)


async def _say_ends(context: Context) -> None:
    """Wait for what was sent and has not come to its end when the dashboard is left, and say how it ended; say what
    else was not to be seen any more."""
    sent = context.sending.under_way
    for batch in sent:
        batch.stopping = True
    if sent:
        _say([lang.tr("what was sent is waited for")])
    for batch in sent:
        _say([spoken(line, lang.tr) for line in in_short(await batch.made())])
    _say(map(lang.tr, context.parting))


def _say(lines: Iterable[str]) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        sys.stderr.write("".join(f"mqadmin tui: {text}\n" for text in map(safe_text, lines)))
        sys.stderr.flush()


def connecting_words(run: Run) -> list[str]:
    """The words by which the dashboard was told where to connect, for the command lines that it shows and runs."""
    options = run.options
    given = (("-n", options.namesrv), ("--profile", options.profile), ("--credentials", options.credentials))
    mapped = None if options.address_map is None else ";".join(f"{a}={b}" for a, b in options.address_map.items())
    timeout = None if options.timeout is None else str(options.timeout)
    pairs = [*given, ("--tls", options.tls), ("--addressMap", mapped), ("--timeout", timeout)]
    return [word for name, value in pairs if value is not None for word in (name, value)]


async def _looked_at(
    run: Run, looked: Looked, held: AsyncExitStack, keys: KeysFirst, changer: CommandChanger | None
) -> tuple[MQAdmin | None, Model, str]:
    """What asks the cluster, where there is one; the model; what the first line says that it is about."""
    if looked.store is not None:
        return None, NoCluster(now_ms()), looked.store
    if looked.replay is not None:
        return None, await held.enter_async_context(Replay(Path(looked.replay))), looked.replay
    admin = await held.enter_async_context(run.admin(quiet=True))
    session = None if looked.record is None else Path(looked.record)
    pace = 1.0 if looked.interval is None else looked.interval * 1000 / RUNTIME.period_ms
    journal = None if changer is None else changer.journal
    live = LiveModel(admin, session=session, pace=pace, keys=keys, journal=journal)
    model = await held.enter_async_context(live)
    return admin, model, run.connection.profile or ";".join(run.connection.name_servers)


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """The options of `--serve`: where, for whom, and by which PEM file with TLS; `address`: where sessions begin."""

    at: str
    address: str | None
    password: str | None
    certificate: str | None


#: The options that are the server's, and not of the sessions that it starts.
_OF_SERVER: Final = ("--serve", "--passwordFile", "--passwordEnv", "--certificate")


async def serve(run: Run, served: Served) -> None:
    """Serve it to browsers until it is stopped. Raises AddressError, RocketMQError."""
    from rocketmq_ops.common.addresses import parse_address
    from rocketmq_ops.tui.login import LEAST_CHARACTERS, Login
    from rocketmq_ops.tui.web import ServeError, Visitors, certificate

    if served.address is not None:  # each visitor's session would say so
        first_screen(served.address, catalogue(VIEWS), _saved_views())
    host, port = parse_address(served.at)
    login = None
    if served.password is not None:
        if len(served.password) < LEAST_CHARACTERS:
            raise usage(
                f"the password is too short: expected {LEAST_CHARACTERS} characters or more", "give a longer one"
            )
        login = Login(served.password, lang.tr)
    words = [sys.executable, "-m", "rocketmq_ops.mqadmin", run.name, *_of_session(run.arguments)]
    try:
        tls = None if served.certificate is None else certificate(served.certificate)
        visitors = Visitors(shlex.join(words), host, port, login=login, tls=tls)
    except ServeError as error:  # before anything is served it is the options that are wrong
        raise usage(error.cause, error.next_step) from error

    def started() -> None:
        said = [lang.tr(visitors.where()), *([lang.tr(visitors.warning())] if visitors.warning() else [])]
        _say(said)

    await visitors.run(started)


def _of_session(words: tuple[str, ...]) -> list[str]:
    rest: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word in _OF_SERVER:
            del left[:1]
        elif word.partition("=")[0] not in _OF_SERVER:
            rest.append(word)
    return rest
