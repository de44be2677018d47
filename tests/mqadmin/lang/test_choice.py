"""Which language a command line speaks, and what of it: messages for people, never documents or exit codes."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator

import pytest

from rocketmq_ops.mqadmin import lang
from tests.mqadmin.conftest import Cli


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    lang.begin([], {})


@pytest.mark.parametrize(
    ("argv", "environment", "language"),
    [
        ([], {}, "en"),
        ([], {"LANG": "zh_CN.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ([], {"LANG": "zh_CN.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "en"),
        ([], {"LANG": "C.UTF-8", "LC_ALL": "", "LC_MESSAGES": "zh_TW.UTF-8"}, "zh"),
        ([], {"LANG": "zh_CN.UTF-8", "ROCKETMQ_OPS_LANG": "en"}, "en"),
        ([], {"ROCKETMQ_OPS_LANG": "ZH"}, "zh"),
        (["topicList", "--lang", "zh"], {"ROCKETMQ_OPS_LANG": "en"}, "zh"),
        (["topicList", "--lang=zh"], {}, "zh"),
        (["--lang=zh", "topicList", "--lang", "en"], {"LANG": "zh_CN.UTF-8"}, "en"),
        (["topicList", "--lang"], {"LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_the_nearest_wish_counts(argv: list[str], environment: dict[str, str], language: str) -> None:
    lang.begin(argv, environment)
    assert lang.language() == language


def test_before_the_command_it_is_taken_away() -> None:
    assert lang.begin(["--lang", "zh", "topicList", "-c"], {}) == ["topicList", "-c"]
    assert lang.begin(["--lang=zh", "topicList"], {}) == ["topicList"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "big5"])
def test_a_terminal_without_the_characters_gets_english(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding=encoding))
    lang.begin(["--lang", "zh"], {})
    assert lang.language() == "en"


@pytest.mark.parametrize("closed", [None, io.StringIO()])
def test_a_stream_without_an_encoding_takes_chinese(monkeypatch: pytest.MonkeyPatch, closed: object) -> None:
    monkeypatch.setattr(sys, "stderr", closed)
    lang.begin(["--lang", "zh"], {})
    assert lang.language() == "zh"


@pytest.mark.parametrize("argv", [("--lang", "fr", "topicList"), ("topicList", "--lang", "fr"), ("--lang",)])
def test_a_language_that_there_is_not(cli: Cli, argv: tuple[str, ...]) -> None:
    ran = cli(None, *argv)
    assert (ran.code, ran.out) == (2, "")
    assert "en" in ran.err and "zh" in ran.err


def test_a_wrong_wish_in_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROCKETMQ_OPS_LANG", "zh_CN")
    ran = cli(None, "topicList")
    assert ran.code == 2
    assert ran.err.startswith("mqadmin: invalid ROCKETMQ_OPS_LANG 'zh_CN': expected en or zh\n")


def test_an_ascii_locale_shows_no_stack_trace() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "rocketmq_ops.mqadmin", "topicRoute", "-t", "T", "-n", "127.0.0.1:9", "--lang", "zh"],
        capture_output=True,
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        check=False,
    )
    assert ran.returncode == 3
    assert ran.stderr.decode("ascii").splitlines()[1].startswith("  next: ")
