"""How typer parses a declared command: values, defaults, spellings and refusals, through typer's own test runner."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest
import typer
from typer.testing import CliRunner

from rocketmq_ops.mqadmin import declare
from rocketmq_ops.mqadmin.declare import CommonOptions, Declaration, Opt, command, declaration_of
from rocketmq_ops.mqadmin.render.outcome import Outcome
from rocketmq_ops.mqadmin.run import Run
from rocketmq_ops.mqadmin.values import boolean, natural, one_of


class Nothing(msgspec.Struct):
    """A result."""


@command(result=Nothing, one_of=(("name", "count"),), changes=True)
async def _sample(
    run: Run,
    folder: Annotated[str, Opt("FOLDER", help="a place")],
    name: Annotated[str | None, Opt("-t", "--topicName", help="a text")] = None,
    count: Annotated[int | None, Opt("-c", "--count", help="a number", parse=natural)] = None,
    level: Annotated[int, Opt("-l", "--level", help="a number with a default")] = 7,
    force: Annotated[bool | None, Opt("-f", "--force", help="Java's boolean", parse=boolean)] = None,
    live: Annotated[bool, Opt("-v", "--live", help="a flag")] = False,
    form: Annotated[str, Opt("--form", help="a word", parse=one_of("hex", "utf-8"))] = "hex",
) -> Outcome:
    """What it does."""
    raise AssertionError("only parsed here")


SAMPLE: Declaration = _sample.declaration  # type: ignore[attr-defined]


class Parsed:
    """What `invoke` was called with, or what was refused."""

    def __init__(self, *words: str) -> None:
        self.values: dict[str, Any] = {}
        self.common = CommonOptions()
        app = declare.application("sample", SAMPLE, "A sample", self._invoke)
        self.result = CliRunner().invoke(app, words, prog_name="mqadmin sample", standalone_mode=False)
        self.refusal = self.result.exception

    def _invoke(self, told: Declaration, values: dict[str, Any], common: CommonOptions) -> int:
        assert told is SAMPLE
        self.values, self.common = values, common
        return 5


DEFAULTS = {"folder": "F", "name": "T", "count": None, "level": 7, "force": None, "live": False, "form": "hex"}


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        (["F", "-t", "T"], {}),
        (["-t", "T", "F"], {}),
        (["F", "-tT"], {}),
        (["F", "--topicName=T"], {}),
        (["F", "-topicName", "T"], {}),
        (["F", "-topicName=T"], {}),
        ([" F ", "-t", " T "], {}),
        (["F", "-c", "0"], {"name": None, "count": 0}),
        (["F", "-t", "T", "-l", "-3"], {"level": -3}),
        (["F", "-t", "T", "-f", "TRUE"], {"force": True}),
        (["F", "-t", "T", "-f", "false"], {"force": False}),
        (["F", "-t", "T", "-v"], {"live": True}),
        (["F", "-t", "T", "-live"], {"live": True}),
        (["F", "-t", "T", "--form", "UTF8"], {"form": "utf-8"}),
        (["F", "-t", "T", "-t", "U"], {"name": "U"}),
    ],
)
def test_values(words: list[str], changed: dict[str, Any]) -> None:
    parsed = Parsed(*words)
    assert parsed.refusal is None
    assert parsed.values == DEFAULTS | changed
    assert parsed.common == CommonOptions()


@pytest.mark.parametrize(
    ("words", "common"),
    [
        (["-n", "h:1;i:2"], CommonOptions(namesrv="h:1;i:2")),
        (["-namesrvAddr", "h:1"], CommonOptions(namesrv="h:1")),
        (["--output", "json"], CommonOptions(output="json")),
        (["--profile", "p", "--timeout", "25"], CommonOptions(profile="p", timeout=25)),
        (["--debug", "--plan"], CommonOptions(debug=True, plan=True)),
        (["--dry-run"], CommonOptions(plan=True)),
    ],
)
def test_options_of_every_command(words: list[str], common: CommonOptions) -> None:
    assert Parsed("F", "-t", "T", *words).common == common


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["F"], "give -t or -c"),
        (["F", "-t", "T", "-c", "1"], "give only one of -t or -c"),
        (["F", "-t", " "], "Invalid value for -t / --topicName: the value is empty"),
        (["", "-t", "T"], "Invalid value for FOLDER: the value is empty"),
        (["F", "-c", "x"], "Invalid value for -c / --count: invalid number 'x': expected a whole number"),
        (["F", "-c", "-1"], "Invalid value for -c / --count: invalid number '-1': expected 0 or above"),
        (["F", "-t", "T", "-l", "1.5"], "Invalid value for -l / --level: invalid number '1.5': expected a whole number"),
        (["F", "-t", "T", "--form", "hax"], "'hax' is not one of hex, utf-8; did you mean hex?"),
        (["F", "-t", "T", "--output", "jsn"], "'jsn' is not one of table, wide, json, yaml, csv, name; did you mean json?"),
        (["F", "-t", "T", "--timeout", "0"], "Invalid value for --timeout: invalid number '0': expected one above 0"),
    ],
)  # fmt: skip
def test_refusals(words: list[str], message: str) -> None:
    parsed = Parsed(*words)
    assert isinstance(parsed.refusal, typer.TyperException)
    assert message in parsed.refusal.format_message()
    assert parsed.values == {}


def test_what_invoke_returns_is_the_result() -> None:
    assert Parsed("F", "-t", "T").result.return_value == 5


def test_the_help_is_plain_and_asks_for_nothing() -> None:
    for word in ("-h", "--help"):
        parsed = Parsed(word)
        assert parsed.refusal is None
        assert "Usage: mqadmin sample" in parsed.result.stdout
        assert "A sample." in parsed.result.stdout
        assert "What it does." in parsed.result.stdout
        assert "\x1b" not in parsed.result.stdout
        assert parsed.values == {}


def test_the_declaration_of_a_module_is_its_own() -> None:
    import sys

    assert declaration_of(sys.modules[__name__]) is SAMPLE
