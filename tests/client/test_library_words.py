"""What the libraries say is for users of Python too: it names no command and no option of a command line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rocketmq_ops

ROOT = Path(rocketmq_ops.__file__).parent
OF_A_COMMAND_LINE = re.compile(r"\bmqadmin\b(?!/)|(?<![\w<%+-])(-[a-zA-Z]|--[a-z][\w-]+)(?![\w>-])")
COMMAND_LINES = {"common/launch.py"}
"""What reads the command line of the servers."""


def words(path: Path) -> list[tuple[int, str]]:
    tree = ast.parse(path.read_text())
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


@pytest.mark.parametrize("package", ["common", "remoting", "client"])
def test_no_text_names_a_command_or_an_option(package: str) -> None:
    modules = [
        path for path in sorted((ROOT / package).rglob("*.py")) if str(path.relative_to(ROOT)) not in COMMAND_LINES
    ]
    assert len(modules) > 10
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in modules
        for line, text in words(path)
        if OF_A_COMMAND_LINE.search(text)
    ]
    assert found == []


def test_what_is_looked_for() -> None:
    for text in ("give -n HOST:PORT", "with --timeout", "see `mqadmin topicList`", "(-b)", "give one with -c"):
        assert OF_A_COMMAND_LINE.search(text), text
    for text in ("a dead-letter topic", "%d-%m", "`-name` -> ''", "re-balance", "-1 for the end", "a - b"):
        assert not OF_A_COMMAND_LINE.search(text), text
