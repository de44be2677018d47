"""Small rules live in one module each: nobody else writes them again. And what has one form everywhere has it here."""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SERVERS = ("common", "remoting", "store", "namesrv", "broker")
PACKAGES = (*SERVERS, "client", "housekeeping", "tui", "mqadmin")

#: What is written once -> the only module that may write it.
ONLY_IN = {
    "the bits of a topic's system flag": (
        r"(?<![A-Z_])_?(FLAG_|TOPIC_)?UNIT(_SUB)?(_FLAG)?(, \w+)? = (0x)?\d",
        "common/sysflag.py",
    ),
    "the id of the master": (r"MASTER_ID\b.* = \d", "common/addresses.py"),
    "message models and types of consumption": (
        r'"(BROADCASTING|CLUSTERING|CONSUME_\w+LY)"',
        "remoting/bodies/enums.py",
    ),
    "the key of topic and group": (r"\{topic\}@\{\w*group\}|artition\(\"@\"\)", "common/topics.py"),
    "starting a task": (r"(?<!\bgroup\.)create_task\(|ensure_future\(", "common/tasks.py"),
    "what is repeated": (r"call_later\(", "common/periodic.py"),
    "the text of attribute changes": (r"piece\.partition\(\"=\"\)", "common/attributes.py"),
    "tag expressions": (r"split\(\"\|\|\"\)", "common/tags.py"),
    "names that are like another": (r"difflib", "common/nearest.py"),
    "the declaration of a command": (r"commands\.\{entry\.module\}", "mqadmin/declare.py"),
    "names imported when first used": (r"import_module\(f\"\.", "common/lazy.py"),
    "tables that are emptied when they are full": (
        r"if len\((?:self|\w+)(\.\w+)?\) >=? .*\n\s+[\w.]+\.clear\(\)",
        "common/bounded.py",
    ),
    "the wall clock": (r"time\.time\(|time\.time_ns\(", "common/clock.py"),
}

#: The same for the servers: a client has one such file, which it writes by itself.
ONLY_IN_OF_SERVERS = {
    "reading a table's JSON file": (r"\bload_with_backup\((?!path: )", "common/state_files.py"),
    "writing a table's JSON file in a thread": (
        r"(to_thread\(|run_in_executor\(None, )(save_with_backup|write\b)",
        "common/state_files.py",
    ),
}


def sources(*packages: str) -> Iterator[tuple[str, str]]:
    """(path below the root, text) of each module."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), path.read_text("utf-8")


@pytest.mark.parametrize("rule", ONLY_IN)
def test_a_rule_has_one_home(rule):
    pattern, home = ONLY_IN[rule]
    assert {path for path, text in sources(*PACKAGES) if re.search(pattern, text)} == {home}


@pytest.mark.parametrize("rule", ONLY_IN_OF_SERVERS)
def test_a_rule_of_the_servers_has_one_home(rule):
    pattern, home = ONLY_IN_OF_SERVERS[rule]
    assert {path for path, text in sources(*SERVERS) if re.search(pattern, text)} == {home}


def test_one_package_is_installed():
    assert [path.name for path in (ROOT / "src").iterdir() if path.suffix != ".egg-info"] == ["rocketmq_ops"]


def test_a_module_logs_under_its_own_name():
    others = re.compile(r"^_?log\w* = .*getLogger\((?!__name__)", re.MULTILINE)
    assert not [path for path, text in sources(*PACKAGES) if others.search(text)]


def test_attributes_are_documented_above_them():
    """With `#:` and not by a string below, which looks like the docstring of what follows."""

    def strings_below(body: list[ast.stmt]) -> list[int]:
        return [
            after.lineno
            for before, after in pairwise(body)
            if isinstance(before, ast.Assign | ast.AnnAssign)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ]

    found = [
        f"{path}:{line}"
        for path, text in sources(*PACKAGES)
        for node in ast.walk(ast.parse(text))
        if isinstance(getattr(node, "body", None), list)
        for line in strings_below(node.body)
    ]
    assert not found, "write it with `#:` above the attribute"
