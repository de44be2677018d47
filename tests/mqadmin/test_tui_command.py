"""`mqadmin tui` before a screen is drawn: what it refuses, and how it is served."""

from __future__ import annotations

import sys

import pytest

from rocketmq_ops.mqadmin import main as mqadmin
from rocketmq_ops.mqadmin.exit_codes import ExitCode
from rocketmq_ops.mqadmin.options.dashboard import THEMES
from rocketmq_ops.tui import themes

#: Nothing listens there.
NOBODY = "127.0.0.1:9"


def test_without_a_terminal_it_says_where_it_runs(capsys: pytest.CaptureFixture[str]) -> None:
    assert mqadmin.run(["tui", "-n", NOBODY]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert "needs a terminal" in err
    assert "--serve HOST:PORT" in err


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


def test_the_option_knows_all_themes() -> None:
    assert set(themes.THEMES) == set(THEMES)
