"""Finds in the source what people can read: every text of words that code makes, but for docstrings, logs and help."""

from __future__ import annotations

import ast
import functools
import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parents[3]
#: A word in lower case among others, which is no unit: a sentence, not a name, a format or a key.
_SENTENCE = re.compile(r"(?:^|(?<=[ ('`:>\n]))(?!ms\b)[a-z]{2,}(?=$|[ ,;:.)'?\n])")
#: A command line alone, SQL, or Lua, which are the same in every language.
_CODE = re.compile(r"`mqadmin [^`]*`|\s*(?:(?:SELECT|INSERT|CREATE) |local \w+ = )[^\x00]*")
#: Calls whose arguments nobody reads: logs, patterns, declarations of options (help has its own catalogue).
_UNREAD = frozenset(
    {
        "debug", "info", "warning", "error", "exception", "log", "compile", "fullmatch", "match", "search",
        "Opt", "Entry", "Used", "command", "TypeVar", "getLogger", "execute", "partition", "split", "startswith",
        "endswith", "strftime", "LookupError", "RuntimeError", "AssertionError", "TypeError", "with_help",
    }
)  # fmt: skip
#: More alternatives than a text has.
_MOST = 16


def texts_of(path: Path) -> Iterator[tuple[str, int]]:
    """The texts of a module as keys of the catalogue, and their lines."""
    yield from _walk(parsed(path))


@functools.cache
def parsed(path: Path) -> ast.Module:
    """The tree of a module."""
    return ast.parse(path.read_text("utf-8"))


def is_sentence(text: str) -> bool:
    """Whether a key has words for people."""
    return " " in text and _SENTENCE.search(text) is not None and not _CODE.fullmatch(text)


def _walk(node: ast.AST) -> Iterator[tuple[str, int]]:
    if isinstance(node, (ast.Constant, ast.JoinedStr, ast.BinOp)) or _is_plural(node):
        found = list(_alternatives(node))
        if found:
            yield from ((key, node.lineno) for key in found if is_sentence(key))
            for inner in _filled_in(node):
                yield from _walk(inner)
            return
    if isinstance(node, ast.Call) and _name(node.func) in _UNREAD:
        return
    if isinstance(node, ast.Call) and _name(node.func) == "sub":  # a pattern, and what stands in its place
        for argument in node.args[1:]:
            yield from _walk(argument)
        return
    if isinstance(node, ast.Compare):
        return
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and "CSS" in ast.dump(
        node.targets[0] if isinstance(node, ast.Assign) else node.target
    ):
        return
    if isinstance(node, (ast.AnnAssign, ast.arg)):
        for child in ast.iter_child_nodes(node):
            if child is not node.annotation:
                yield from _walk(child)
        return
    if isinstance(node, ast.Call) and _name(node.func) == "LintRule":  # the rest is of the documentation
        for keyword in node.keywords:
            if keyword.arg == "remedy":
                yield from _walk(keyword.value)
        return
    if isinstance(node, ast.Call) and _name(node.func) == "Declared":  # beside texts: an id, a source, words of a rule
        hands = [keyword.value for keyword in node.keywords if keyword.arg == "hand"]
        for text in (*node.args[1:2], *node.args[3:4], *hands):
            yield from _walk(text)
        return
    if isinstance(node, ast.FunctionDef):  # what a rule advises
        for decorator in node.decorator_list:
            for keyword in getattr(decorator, "keywords", ()):
                if keyword.arg == "remedy":
                    yield from _walk(keyword.value)
    for child in _children(node):
        yield from _walk(child)


def _filled_in(node: ast.expr) -> Iterator[ast.expr]:
    """What is made within a text and may be a text itself."""
    if isinstance(node, ast.BinOp):
        yield from (part for part in (node.left, node.right) if isinstance(part, ast.Call))
    elif isinstance(node, ast.JoinedStr):
        values = [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
        yield from (v for v in values if isinstance(v, (ast.Call, ast.BoolOp)) and not _is_plural(v))


def _is_plural(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether it is the words for one and for any other number of things: `common/plurals.py`."""
    return isinstance(node, ast.Call) and _name(node.func) == "plural"


def _children(node: ast.AST) -> Iterator[ast.AST]:
    children = list(ast.iter_child_nodes(node))
    for child in children:
        if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
            continue  # a docstring
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and (
            child is node.returns or child in node.decorator_list
        ):
            continue
        if isinstance(node, ast.Subscript) and child is node.slice:
            continue
        yield child


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _alternatives(node: ast.expr) -> list[str]:
    """The keys that an expression makes; none where it is no text."""
    if isinstance(node, ast.Constant):
        return [_numbered(_template(node.value))] if isinstance(node.value, str) else []
    if isinstance(node, ast.BinOp):
        if not isinstance(node.op, ast.Add):
            return []
        left, right = _operand(node.left), _operand(node.right)
        literal = any(isinstance(part, (ast.Constant, ast.JoinedStr, ast.IfExp)) for part in (node.left, node.right))
        return [_numbered(a + b) for a, b in itertools.product(left, right)] if literal and left and right else []
    if isinstance(node, ast.IfExp):
        return [*_alternatives(node.body), *_alternatives(node.orelse)]
    if _is_plural(node):
        one, many = (_alternatives(words) for words in node.args[1:3])
        return [*(f"1 {words}" for words in one), *("{count} " + words for words in many)]
    if isinstance(node, ast.JoinedStr):
        made = [""]
        for part in node.values:
            more = [_escaped(part.value)] if isinstance(part, ast.Constant) else _field(part)
            made = [before + after for before, after in itertools.product(made, more)]
            assert len(made) <= _MOST, f"line {node.lineno} has too many alternatives"
        return [_numbered(text) for text in made]
    return []


def _operand(node: ast.expr) -> list[str]:
    return _alternatives(node) or (["{" + _field_name(node) + "}"] if not isinstance(node, ast.Constant) else [])


def _field(part: ast.expr) -> list[str]:
    assert isinstance(part, ast.FormattedValue)
    if _is_plural(part.value):
        return _alternatives(part.value)
    if isinstance(part.value, ast.IfExp):
        found = _alternatives(part.value)
        branches = (part.value.body, part.value.orelse)
        if len(found) >= 2 and all(_alternatives(branch) for branch in branches):
            return found
    return ["{" + _field_name(part.value) + "}"]


def _field_name(node: ast.expr) -> str:
    """The last identifier of an expression that names a value: of `a.b`, `f(x)` and `"; ".join(x)` it is b, f and x."""
    if isinstance(node, ast.Name):
        return node.id.strip("_")
    if isinstance(node, ast.Attribute):
        return node.attr.strip("_")
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in ("join", "str", "len", "repr", "sorted", "int", "shown", "max", "min", "lower", "hex") and (
            node.args or name == "lower"
        ):
            return _field_name(node.args[0] if node.args else node.func.value)  # type: ignore[attr-defined]
        return name.strip("_") or "value"
    if isinstance(node, ast.Subscript):
        if (
            isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, str)
            and node.slice.value.isidentifier()
        ):
            return node.slice.value
        return _field_name(node.value)
    if isinstance(node, (ast.GeneratorExp, ast.ListComp)):
        return _field_name(node.generators[0].iter)
    if isinstance(node, ast.BinOp):
        return _field_name(node.left) if not isinstance(node.left, ast.Constant) else _field_name(node.right)
    if isinstance(node, ast.BoolOp):
        return _field_name(node.values[0])
    if isinstance(node, ast.IfExp):
        return _field_name(node.body)
    return "value"


def _template(text: str) -> str:
    """A literal, which `format` may fill in: `{name}` in it is a field."""
    return re.sub(r"\{\{([a-z_]+)\}\}", r"{\1}", _escaped(text))


def _escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def _numbered(text: str) -> str:
    """Fields of one name as name, name2, name3; numbers of parts that were numbered before are taken off."""
    seen: dict[str, int] = {}

    def numbered(field: re.Match[str]) -> str:
        if field[0] in ("{{", "}}"):
            return field[0]
        name = re.sub(r"(?<=\D)\d$", "", field[1])
        seen[name] = seen.get(name, 0) + 1
        return "{" + name + (str(seen[name]) if seen[name] > 1 else "") + "}"

    return re.sub(r"\{\{|\}\}|\{(\w+)\}", numbered, text)


def modules(*folders: str) -> list[Path]:
    """The modules of some folders."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
