"""What comes with the programs is where they say, and what they say exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import rocketmq_ops
from rocketmq_ops.common.shipped import shipped_path

PACKAGE = Path(rocketmq_ops.__file__).parent
PARTS = ("broker", "client", "common", "housekeeping", "mqadmin", "namesrv", "remoting", "store")
SOURCES = sorted([*(path for part in PARTS for path in (PACKAGE / part).rglob("*.py")), *PACKAGE.glob("*.py")])
#: A page or a property file; what comes after a `/` or a letter is part of a longer path.
#: What lies below a broker's `rocketmqHome` is its operator's.
NAMED = re.compile(
    r"(?<![\w/.-])(?!conf/(?:plain_acl\.yml|acl\b))(?:docs|conf|README|CHANGELOG|CONTRIBUTING|scripts|benchmarks)(?:/[\w./-]+|\.md)"
)


def texts(path: Path) -> list[tuple[str, str]]:
    """(what it is part of: `shipped` or nothing, text) of the strings of a module, without its docstrings."""
    tree = ast.parse(path.read_text("utf-8"))
    docs = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    inside = {
        id(argument)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "shipped_path"
        for argument in node.args
    }
    return [
        ("shipped" if id(node) in inside else "", node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs
    ]


def test_what_is_named_is_shipped() -> None:
    """On a machine with the installed package alone, `docs/…` in a message would lead nowhere."""
    found = [(path, kind, text) for path in SOURCES for kind, text in texts(path)]
    asked = [text for _, kind, text in found if kind == "shipped"]
    assert asked and all(Path(shipped_path(text)).exists() for text in asked)
    assert [(path, text) for path, kind, text in found if not kind and NAMED.search(text)] == []


@pytest.mark.parametrize(
    "name", ["conf/broker.conf", "conf/2m-2s-async/broker-a.properties", "docs/configuration.md", "scripts/os.sh"]
)
def test_the_package_holds_what_an_installation_needs(name: str) -> None:
    """By links in a checkout; an installation has copies (`.ci/run` looks at a wheel's)."""
    assert (PACKAGE / name).is_file()
    assert Path(shipped_path(name)).samefile(PACKAGE / name)
