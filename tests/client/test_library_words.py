"""What the libraries say is for users of Python too: it names no command and no option of a command line."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rocketmq_ops
from rocketmq_ops.remoting.codes import RequestCode

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


def test_requests_are_made_and_codes_are_read_in_one_layer() -> None:
    """Producer, consumers and the admin client stand on the calls of `client/api`."""
    for path in sorted((ROOT / "client").rglob("*.py")):
        if path.parent.name == "api":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            made = isinstance(node, ast.Attribute) and node.attr in ("request", "of", "call", "ask_name_servers")
            assert not (made and isinstance(node.value, ast.Name) and node.value.id == "RemotingCommand"), path
            assert not (made and isinstance(node.value, ast.Attribute) and node.value.attr == "session"), path


def test_no_request_code_is_a_bare_number() -> None:
    codes = {int(code) for code in RequestCode}
    for path in sorted((ROOT / "client").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                name = node.targets[0].id if isinstance(node.targets[0], ast.Name) else ""
                assert not (name in RequestCode.__members__ and node.value.value in codes), f"{path}: {name}"
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first = node.args[0]
                number = isinstance(first, ast.Constant) and type(first.value) is int
                assert not (number and node.func.attr in ("request", "register", "serve")), f"{path}:{node.lineno}"
