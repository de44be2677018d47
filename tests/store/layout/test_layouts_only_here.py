"""No struct format, dtype or offset of a disk layout is written outside `common/record_layout.py` and `store/layout/`."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

import rocketmq_ops

ROOT = Path(rocketmq_ops.__file__).parent
FOLDERS = ("common", "store", "broker", "mqadmin", "client", "namesrv")
TABLES = ("common/layout.py", "common/record_layout.py", "store/layout/")
#: Files that use struct or numpy's types for something else.
OTHERS = {
    "common/message_codec.py": "some fields of a record, whose places its layout gives",
    "broker/send/known_sends.py": "cuts a request's header into byte strings",
    "broker/ha/wire.py": "the frames and reports of replication, which are no file",
    "common/addresses.py": "the port of a packed host; records take hosts as bytes",
    "store/inspect/check/keys.py": "rows in memory, in the machine's own byte order",
    "store/inspect/reading/running.py": "a lock as the kernel wants it",
}
_MAKERS = {"Struct", "pack", "unpack", "pack_into", "unpack_from", "iter_unpack", "calcsize"}
#: struct's and numpy's ways to say big-endian.
_FORMAT = re.compile(r">(?:[0-9]*[xcbBhHiIlLqQs]|[iuS][0-9]+)+")
#: Positions and lengths in a record that used to be written as numbers.
_OFFSETS = {28, 56, 68, 84, 88, 91}


@functools.cache
def _sources() -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).resolve().rglob("*.py")):
            name = f"{folder}/{path.relative_to((ROOT / folder).resolve()).as_posix()}"
            if not name.startswith(TABLES):
                found.append((name, ast.parse(path.read_text("utf-8"))))
    return found


def _is_declaration(node: ast.AST) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and _FORMAT.fullmatch(node.value) is not None
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = node.func.value
    name = owner.id if isinstance(owner, ast.Name) else ""
    return (name == "struct" and node.func.attr in _MAKERS) or (name in ("np", "numpy") and node.func.attr == "dtype")


def test_no_format_or_dtype_is_declared_elsewhere() -> None:
    found = {
        f"{name}:{node.lineno}"
        for name, tree in _sources()
        if name not in OTHERS
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and _is_declaration(node)
    }
    assert found == set()


def test_the_exceptions_are_needed() -> None:
    needed = {name for name, tree in _sources() if name in OTHERS and any(map(_is_declaration, ast.walk(tree)))}
    assert needed == set(OTHERS)


def test_no_module_takes_single_functions_from_struct() -> None:
    """What is imported by name would not be seen above."""
    found = {
        name
        for name, tree in _sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module in ("struct", "numpy") and not node.level
        and {alias.name for alias in node.names} & (_MAKERS | {"dtype"})
    }  # fmt: skip
    assert found == set()


def test_no_position_in_a_record_is_a_number() -> None:
    """Neither added to a position, nor the bound of a slice."""
    found: set[str] = set()
    for name, tree in _sources():
        if not name.startswith(("store/", "common/message_codec.py")):
            continue
        for node in ast.walk(tree):
            operands: list[ast.expr | None] = []
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
                operands = [node.left, node.right]
            elif isinstance(node, ast.Slice):
                operands = [node.lower, node.upper]
            found |= {
                f"{name}:{one.lineno}" for one in operands if isinstance(one, ast.Constant) and one.value in _OFFSETS
            }
    assert found == set()


@pytest.mark.parametrize(
    ("source", "declares"),
    [
        ("struct.Struct('<i')", True),
        ("struct.unpack_from(kind, data)", True),
        ("np.dtype([('a', 'i4')])", True),
        ("'>i4'", True),
        ("'>qiq'", True),
        ("struct.error", False),
        ("'>'", False),
        ("HEAD.unpack_from(data)", False),
    ],
)
def test_what_counts_as_a_declaration(source: str, declares: bool) -> None:
    assert any(_is_declaration(node) for node in ast.walk(ast.parse(source))) is declares
