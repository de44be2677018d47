"""`mqadmin tui` before a screen is drawn: what it refuses, and how it is served."""

from __future__ import annotations

import asyncio
import errno
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rocketmq_ops.housekeeping.history.database import HistoryError
from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.commands.tui import tui
from rocketmq_ops.mqadmin.dashboard import _whole_recording, connecting_words
from rocketmq_ops.mqadmin.declare import CommonOptions, declaration_of
from rocketmq_ops.mqadmin.errors import CommandError
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.dashboard import THEMES
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.tui import themes
from rocketmq_ops.tui.app import Dashboard
from rocketmq_ops.tui.changes import MadeChange, PlannedChange
from rocketmq_ops.tui.model.details.batch import PlannedOf
from rocketmq_ops.tui.model.figures import SIGNS, time_of_day
from rocketmq_ops.tui.model.session import Copied

#: Nothing listens there.
NOBODY = "127.0.0.1:9"


def test_without_a_terminal_it_says_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert mqadmin.run(["tui", "-n", NOBODY]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "needs a terminal" in err
    assert "--serve HOST:PORT" in err


@pytest.mark.parametrize("missing", ["stdin", "stdout", "stderr"])
def test_where_one_of_its_streams_is_no_terminal_it_says_which_is_drawn_on(
    missing: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(getattr(sys, name), "isatty", lambda name=name: name != missing)
    assert mqadmin.run(["tui", "-n", NOBODY]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert ("drawn on standard error" in err) == (missing == "stderr")
    assert ("2>FILE" if missing == "stderr" else "needs a terminal") in err


def test_on_a_terminal_that_cannot_be_drawn_on_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("rocketmq_ops.mqadmin.commands.tui.tui._has_screen", lambda: True)
    assert mqadmin.run(["tui", "-n", NOBODY]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "TERM is 'dumb'" in err
    assert "--serve HOST:PORT" in err


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "gbk", "unheard-of"])
def test_in_a_locale_that_lacks_its_characters_it_says_what_to_set(
    encoding: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("rocketmq_ops.mqadmin.commands.tui.tui._has_screen", lambda: True)
    monkeypatch.setattr("rocketmq_ops.mqadmin.commands.tui.tui._encoding", lambda: encoding)
    assert mqadmin.run(["tui", "-n", NOBODY]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert f"lacks: {encoding}" in err
    assert "LC_ALL=C.UTF-8" in err


def test_no_sign_is_one_that_is_not_asked_for() -> None:

    assert {sign for sign in SIGNS.values() if not sign.isascii()} <= set(tui._SIGNS)


@pytest.mark.parametrize("package", ["textual", "textual_serve"])
def test_without_its_package_it_says_how_to_install_it(
    package: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    assert mqadmin.run(["tui", "-n", NOBODY, "--serve", "127.0.0.1:0"]) == ExitCode.UNSUPPORTED
    err = capsys.readouterr().err
    assert f"needs the package {package}" in err
    assert "pip install 'rocketmq-ops[tui]'" in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--replay", "a", "--store", "b"], "two things to look at"),
        (["--record", "a", "--replay", "b"], "none is asked"),
        (["--theme", "pink"], "expected dark, light"),
    ],
)
def test_what_contradicts_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert mqadmin.run(["tui", "-n", NOBODY, *words]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--serve", "0.0.0.0:0"], "who know a password"),
        (["--serve", "127.0.0.1:0", "--certificate", "no-such.pem"], "cannot serve with the certificate no-such.pem"),
    ],
)
def test_what_is_not_served_is_a_wrong_option(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mqadmin.run(["tui", "-n", NOBODY, *words]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("serve", [[], ["--serve", "127.0.0.1:0"]], ids=["terminal", "browser"])
@pytest.mark.parametrize(
    ("address", "said"),
    [
        (":groups?sort=-nosuch&bogus=1", "unknown column 'nosuch' in the address\n  next: known are group, state, "),
        (":groups?topci=orders", "unknown option 'topci' in the address\n  next: did you mean 'topic'?"),
        (":nosuch", "there is no screen 'nosuch'"),
        ("@nosuch", "there is no saved view 'nosuch'"),
    ],
)
def test_an_address_that_cannot_be_is_a_wrong_option(
    address: str,
    said: str,
    serve: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(tui, "_has_screen", lambda: True)
    monkeypatch.setattr(tui, "_encoding", lambda: "utf-8")
    monkeypatch.setenv("TERM", "xterm")
    assert mqadmin.run(["tui", "-n", NOBODY, *serve, address]) == ExitCode.USAGE
    assert said in capsys.readouterr().err


def test_a_recording_that_cannot_be_written_is_named_and_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "night.db"
    opened = os.open

    def refused(file: object, *rest: int, **more: int) -> int:  # root may write into any folder
        if file == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opened(file, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", refused)
    monkeypatch.setattr(tui, "_has_screen", lambda: True)
    assert mqadmin.run(["tui", "-n", NOBODY, "--record", str(path)]) == ExitCode.FAILED
    err = capsys.readouterr().err
    assert f"cannot write the recording {path}: {os.strerror(errno.EACCES)}".lower() in err.lower()
    assert "name another place" in err
    assert "history" not in err


def _copied(**more: Any) -> Any:
    return SimpleNamespace(copied=Copied(path=Path("night.db"), **more))


def test_a_recording_that_lacks_something_is_said_at_the_end_with_what_it_has(
    capsys: pytest.CaptureFixture[str],
) -> None:
    times: dict[str, Any] = {"first_ms": 1_000, "last_ms": 61_000}
    full = _copied(looks=7, lost=5, cause="no space is left", failing_since=71_000, **times)
    with pytest.raises(HistoryError) as raised, _whole_recording([full]):
        pass
    assert raised.value.cause == "the recording night.db lacks 5 of 12 looks: no space is left"
    has = f"it has 7 looks from {time_of_day(1_000)} to {time_of_day(61_000)}: play it with --replay night.db"
    assert raised.value.next_step == has
    gone = _copied(looks=7, lost=5, cause="it was deleted", file=(1, 2), **times)
    with pytest.raises(HistoryError) as raised, _whole_recording([gone]):
        pass
    assert raised.value.next_step is not None
    assert raised.value.next_step.endswith("has gone with it")
    none = _copied(lost=5, cause="no space is left", failing_since=1_000)
    nothing = pytest.raises(HistoryError, match="has nothing of this session: no space is left")
    with nothing, _whole_recording([none]):
        pass
    assert capsys.readouterr().err == ""
    with pytest.raises(KeyboardInterrupt), _whole_recording([full]):  # or SIGTERM: it ends by that
        raise KeyboardInterrupt
    said = capsys.readouterr().err
    assert "lacks 5 of 12 looks" in said
    assert has in said
    for whole in ([], [_copied(looks=9, **times)], [SimpleNamespace(copied=None)]):
        with _whole_recording(whole):  # type: ignore[arg-type]
            pass


def test_command_lines_connect_as_the_dashboard_does() -> None:
    options = CommonOptions(
        namesrv="127.0.0.1:9876", address_map={"10.0.0.1:10911": "127.0.0.1:1"}, tls="true", timeout=900
    )
    run = Run("tui", declaration_of(tui), options, {})
    words = ["-n", "127.0.0.1:9876", "--tls", "true", "--addressMap", "10.0.0.1:10911=127.0.0.1:1", "--timeout", "900"]
    assert connecting_words(run) == words


def test_what_ends_it_unasked_is_a_failure_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def ended(app: Dashboard) -> None:
        app.failure = LookupError("no such cell")

    monkeypatch.setattr(tui, "_has_screen", lambda: True)
    monkeypatch.setattr(Dashboard, "run_async", ended)
    assert mqadmin.run(["tui", "--store", str(tmp_path)]) == ExitCode.FAILED
    err = capsys.readouterr().err
    assert "no such cell" in err
    assert "Traceback" not in err


def test_what_was_sent_when_it_is_left_is_waited_for_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Changer:
        """Fails once it is waited for."""

        begun = asyncio.Event()

        async def make(self, planned: PlannedChange, typed: str) -> MadeChange:
            self.begun.set()
            while "is waited for" not in "".join(said):
                await asyncio.sleep(0)
                said.append(capsys.readouterr().err)
            raise CommandError("not today", "try tomorrow", ExitCode.FAILED)

    said: list[str] = []

    async def left(app: Dashboard) -> None:
        changer: Any = Changer()
        plans = [PlannedOf(name, PlannedChange(words=(name,), to_type=None, recorded=False)) for name in "ab"]
        app.context.sending.start(changer, plans, progress=lambda ended: None, at_once=1)
        await changer.begun.wait()
        app.context.parting.append("the export was given up, as its screen was left: there is no file")

    monkeypatch.setattr(tui, "_has_screen", lambda: True)
    monkeypatch.setattr(Dashboard, "run_async", left)
    mqadmin.run(["tui", "--store", str(tmp_path)])
    said.append(capsys.readouterr().err)
    assert "".join(said).splitlines() == [
        "mqadmin tui: what was sent is waited for",
        "mqadmin tui: ✗ 0 of 2 are done",
        "mqadmin tui: ! 1 were not sent: b",
        "mqadmin tui: ✗ a: not today",
        "mqadmin tui:   try tomorrow",
        "mqadmin tui: the export was given up, as its screen was left: there is no file",
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="no terminals of this kind")
def test_bytes_that_are_no_text_end_nothing_and_sigterm_gives_the_terminal_back(tmp_path: Path) -> None:
    import pty
    import termios

    ours, theirs = pty.openpty()
    drawn = b""

    def draws(mark: bytes) -> None:
        nonlocal drawn
        while mark not in drawn:
            assert select.select([ours], [], [], 30)[0], drawn
            drawn += os.read(ours, 65536)

    before = termios.tcgetattr(theirs)
    command = [sys.executable, "-m", "rocketmq_ops.mqadmin", "tui", "--store", str(tmp_path)]
    environment = {**os.environ, "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as child:
        try:
            draws(b"Findings")
            assert termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO) == 0
            os.write(ours, b"\x88\xff?")
            draws(b"Keys on this screen")
            child.send_signal(signal.SIGTERM)
            draws(b"\x1b[?1049l")
            assert child.wait(30) == -signal.SIGTERM
        finally:
            child.kill()
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def test_the_option_knows_all_themes() -> None:
    assert set(themes.THEMES) == set(THEMES)
