"""Finds in the source the tables that commands make: their headings, and which of them have texts of ours below."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.mqadmin.lang import source_texts

#: The class itself, and what cuts columns from a table that was made before.
_MECHANISM = ("mqadmin/render/outcome.py", "mqadmin/render/output.py")
_Function = ast.FunctionDef | ast.AsyncFunctionDef


class MadeTable(NamedTuple):
    """One `Table(...)` of the source; `ours` are the headings whose cells it declares to be texts of ours."""

    place: str
    headings: list[str]
    ours: list[str]


@functools.cache
def tables() -> tuple[MadeTable, ...]:
    """Every table of the command line. Raises AssertionError for headings that cannot be read from the source."""
    return tuple(
        table
        for path in source_texts.modules("mqadmin")
        if path.relative_to(source_texts.ROOT).as_posix() not in _MECHANISM
        for table in _of(path)
    )


def added_headings() -> dict[str, str]:
    """Headings that are added to a table later, by `widen`, `columns +=` or `columns.append` -> where."""
    found = {}
    for path in source_texts.modules("mqadmin"):
        place = path.relative_to(source_texts.ROOT).as_posix()
        for node in ast.walk(source_texts.parsed(path)):
            if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Attribute):
                more = _texts(node.value) if node.target.attr == "columns" else []
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                columns = isinstance(node.func.value, ast.Attribute) and node.func.value.attr == "columns"
                if node.func.attr == "widen":
                    fields = [text for argument in node.args[1:] for text in _texts(argument)]
                    more = ["#" + " ".join(word.capitalize() for word in field.split("_")) for field in fields]
                else:
                    more = _texts(node.args[0]) if columns and node.func.attr == "append" else []
            else:
                continue
            found |= dict.fromkeys(more, f"{place}:{node.lineno}")
    return found


def _of(path: Path) -> Iterator[MadeTable]:
    tree = source_texts.parsed(path)
    made: dict[ast.Call, _Function | None] = dict.fromkeys(filter(_makes_a_table, ast.walk(tree)))  # type: ignore[arg-type]
    if not made:
        return
    for function in ast.walk(tree):
        if isinstance(function, _Function):  # the innermost comes last
            made |= dict.fromkeys(made.keys() & set(ast.walk(function)), function)
    for node, around in made.items():
        place = f"{path.relative_to(source_texts.ROOT).as_posix()}:{node.lineno}"
        headings = list(_resolved(node.args[0], tree, around, place))
        ours = [text for keyword in node.keywords if keyword.arg == "ours" for text in _texts(keyword.value)]
        yield MadeTable(place, headings, ours)


def _makes_a_table(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Table"


def _resolved(node: ast.expr, tree: ast.Module, around: _Function | None, place: str) -> Iterator[str]:
    """The headings that an expression holds, through the names of the function and the module that it is in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, (ast.List, ast.Tuple)):
        for part in node.elts:
            yield from _resolved(part, tree, around, place)
    elif isinstance(node, ast.Starred):
        yield from _resolved(node.value, tree, around, place)
    elif isinstance(node, ast.IfExp):
        yield from _resolved(node.body, tree, around, place)
        yield from _resolved(node.orelse, tree, around, place)
    elif isinstance(node, ast.Name):
        values = list(_values_of(node.id, tree, around))
        assert values, f"{place}: '{node.id}' is given no headings that can be read here"
        for value in values:
            yield from _resolved(value, tree, around, place)
    else:
        raise AssertionError(f"{place}: headings are made in a way that is not read here: {ast.unparse(node)}")


def _values_of(name: str, tree: ast.Module, around: _Function | None) -> Iterator[ast.expr]:
    """What is assigned or added to a name in the function, else in the module; of a parameter what callers give."""
    for scope in (around, tree):
        found = [
            node.value
            for node in (ast.walk(scope) if scope is around and scope else tree.body)
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign))
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id == name and node.value is not None
        ]
        if found:
            yield from found
            return
    loops = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and around is not None]
    names = [argument.arg for argument in around.args.args] if around is not None else []
    if around is not None and name in names:
        for call in loops:
            if isinstance(call.func, ast.Name) and call.func.id == around.name:
                yield from _of_loop(call.args[names.index(name)], tree)


def _of_loop(node: ast.expr, tree: ast.Module) -> Iterator[ast.expr]:
    """A value, or the ones that a loop over rows of literals gives to a name."""
    if not isinstance(node, ast.Name):
        yield node
        return
    for loop in ast.walk(tree):
        if isinstance(loop, ast.For) and isinstance(loop.target, ast.Tuple) and isinstance(loop.iter, ast.Tuple):
            targets = [target.id if isinstance(target, ast.Name) else "" for target in loop.target.elts]
            if node.id in targets:
                yield from (row.elts[targets.index(node.id)] for row in loop.iter.elts if isinstance(row, ast.Tuple))


def _texts(node: ast.expr) -> list[str]:
    """The literals of an expression."""
    return [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
