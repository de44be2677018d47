"""docs/differential.md: every command of Apache's is compared or excused with a reason, and the page is what the table says."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tests.interop.differential.excused import EXCUSED
from tests.interop.differential.rows import ROWS
from tests.interop.differential.table import SAME

SCRIPT = Path(__file__).resolve().parents[1] / "scripts" / "gen_differential.py"


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("gen_differential", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_is_compared_or_excused() -> None:
    assert generator().neither() == [], "add a row to tests/interop/differential/rows.py or a reason to excused.py"


def test_every_command_has_arguments_with_which_it_fails() -> None:
    assert {row.command for row in ROWS} - {row.command for row in ROWS if row.failing} == set()


def test_no_command_is_excused_that_is_compared() -> None:
    assert sorted(generator().answered() & set(EXCUSED)) == []


def test_the_page_is_up_to_date() -> None:
    module = generator()
    assert module.PAGE.read_text("utf-8") == module.page(), "run: python scripts/gen_differential.py"


def test_each_line_is_there_once_and_what_differs_has_a_reason() -> None:
    lines = [(row.line, row.extra, version, str(row.given)) for row in ROWS for version in row.versions]
    assert sorted(lines) == sorted(set(lines))
    assert [row.line for row in ROWS if (row.verdict == SAME) == bool(row.why)] == []
    assert [row.line for row in ROWS if row.verdict != SAME and row.theirs is None and row.mine is None] == []
