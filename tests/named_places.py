"""What of this repository a text names, and whether it is there: files, folders, modules, and what is defined in them.

Looked at are names within backticks: of a file or folder from the root (`store/flush.py`, `store/log/`) or from a folder that
the text lies in (`golden_data.py`), with `*` or `<any>` for what varies (`scripts/gen_*.py`, `mqadmin/commands/<family>/`); and a
definition that follows its file (`store/flush.py` `FlushService`). Dotted names of `rocketmq_ops` are looked at wherever they
stand. Names of Apache's, of a user's files and of commands are not.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("common", "remoting", "store", "namesrv", "broker", "client", "housekeeping", "mqadmin")
#: A copy without hidden files has no `.ci`.
_HIDDEN = [name for name in (".ci",) if (ROOT / name).is_dir()]
FOLDERS = (*PACKAGES, "conf", "scripts", "benchmarks", "tests", "docs", "src", *_HIDDEN)

_QUOTED = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(r"[\w.*<>/-]*[\w*>]\.(?:py|md)")
_PLACE = re.compile(rf"(?:{'|'.join(map(re.escape, FOLDERS))})/[\w.*<>/-]*")
_DOTTED = re.compile(rf"\brocketmq_ops\.(?:{'|'.join(PACKAGES)})(?:\.\w+)*")
_DEFINITION = re.compile(r"`([\w./-]+\.py)`:? `([A-Za-z_][\w.]*)(?:\(\))?`")
_COMMENT = re.compile(r"#.*(?:`|rocketmq_ops)")
_WRAP = re.compile(r"\n[ #|>]*")


def missing(text: str, place: Path) -> list[str]:
    """What the text of the file `place` names and is not there, in the order of the text."""
    text = _WRAP.sub(" ", text)
    found = []
    for quoted in _QUOTED.findall(text):
        if (_FILE.fullmatch(quoted) or _PLACE.fullmatch(quoted)) and not any(_found(quoted, place)):
            found.append(quoted)
    found += [name for name in _DOTTED.findall(text) if not _is_defined(name)]
    for file, name in _DEFINITION.findall(text):
        files = list(_found(file, place))
        if files and not any(_defines(path, name) for path in files):
            found.append(f"{file} {name}")
    return found


@cache
def texts() -> tuple[tuple[Path, str], ...]:
    """Every text that may name places: pages, and the docstrings and comments of every module, each with its file."""
    return tuple(_texts())


def _texts() -> Iterator[tuple[Path, str]]:
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")):
        yield page, page.read_text("utf-8")
    for folder in FOLDERS:
        if folder != "src":
            for module in sorted((ROOT / folder).rglob("*.py")):
                yield module, prose(module.read_text("utf-8"))
    for module in (ROOT / "src" / "rocketmq_ops").glob("*.py"):
        yield module, prose(module.read_text("utf-8"))


def prose(source: str) -> str:
    """The docstrings and comments of a module."""
    comments = []
    if _COMMENT.search(source):  # most modules need no second, slow reading
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        comments = [token.string for token in tokens if token.type == tokenize.COMMENT]
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    documented = [node for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    docstrings = [docstring for node in documented if (docstring := ast.get_docstring(node))]
    # A paragraph of comments is one text; a blank line parts it from what has nothing to do with it.
    return "\n\n".join(["\n".join(comments), *docstrings])


def _found(name: str, place: Path) -> Iterator[Path]:
    """What a name may mean in `place`: from the root, or from a folder that the text lies in."""
    pattern = re.sub(r"<\w+>", "*", name.rstrip("/"))
    patterns = (pattern,) if pattern.endswith((".py", ".md")) else (pattern, f"{pattern}.py")
    for folder in (ROOT, *(parent for parent in place.parents if parent.is_relative_to(ROOT))):
        for each in patterns:
            yield from folder.glob(each) if "*" in each else filter(Path.exists, [folder / each])


def _is_defined(dotted: str) -> bool:
    """Whether `rocketmq_ops.a.b.Name` leads to a package, a module, or something that a module has."""
    path, rest = ROOT, dotted.split(".")[1:]
    while rest and (path / rest[0]).is_dir():
        path /= rest.pop(0)
    if not rest:
        return True
    module = path / f"{rest[0]}.py"
    if module.is_file():
        return len(rest) == 1 or _defines(module, ".".join(rest[1:]))
    return (path / "__init__.py").is_file() and _defines(path / "__init__.py", ".".join(rest))


def _defines(module: Path, name: str) -> bool:
    return name in _definitions(module)


@cache
def _definitions(module: Path) -> frozenset[str]:
    """What a module has at its top and what its classes have, imported names and names of lazy exports included."""
    tree = ast.parse(module.read_text("utf-8"))
    found = set(_bound(tree.body))
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for name in _bound(node.body)}
            found |= {
                f"{node.name}.{target.attr}"
                for target in ast.walk(node)
                if isinstance(target, ast.Attribute)
                and isinstance(target.ctx, ast.Store)
                and isinstance(target.value, ast.Name)
                and target.value.id == "self"
            }
    if module.name == "__init__.py":
        found |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    return frozenset(found)


def _bound(body: list[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.Assign):
            yield from (name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.If | ast.Try):
            yield from _bound(node.body)
            yield from _bound(node.orelse)
