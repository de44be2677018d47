"""Write the tree and the pictures of docs/architecture.md, between their marks; `--check` only compares.

The tree has a line for each package, from its docstring. The pictures show which package imports which, as grimp reads
it, on which the import contracts stand. Run it with the interpreter that has the project's `dev` packages installed:
`python scripts/gen_architecture.py`.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import generated
import grimp

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "architecture.md"
#: The packages, as one reads them: what is started first, what everything stands on last.
PACKAGES = ("mqadmin", "tui", "housekeeping", "broker", "namesrv", "client", "store", "remoting", "common")
#: Whose sub-packages have a picture of their own.
PICTURED = ("broker", "store", "client")
#: The folders without Python packages.
OTHERS = {
    "conf": "Configuration files for `mqnamesrv` and `mqbroker`, valid for Apache's too.",
    "scripts": "Set-up, demo and test entry points, and generators of pages.",
    "benchmarks": "Where measured figures come from.",
    "tests": "Mirrors the packages; `tests/golden/` recorded bytes, `tests/interop/` Apache's own parts.",
    "docs": "This page, guides, and generated references.",
    "src": "The import name `rocketmq_ops`: links to the packages, the version, the pytest plugin.",
}

Arrow = tuple[str, str]


def page(current: str) -> str:
    """The page with its generated parts made anew."""
    graph = grimp.build_graph("rocketmq_ops", cache_dir=None)
    arrows = {
        (_folder(module), _folder(imported))
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    }
    parts = {"tree": tree(), "packages": picture({(_top(a), _top(b)) for a, b in arrows}, PACKAGES)}
    for package in PICTURED:
        inside = {(_second(a), _second(b)) for a, b in arrows if _top(a) == _top(b) == package}
        parts[f"packages of {package}"] = picture(inside, sorted({_second(name) for name in _folders(package)}))
    for name, text in parts.items():
        current = generated.between(current, name, f"{text}\n")
    return current


def tree() -> str:
    """All folders to the depth of sub-packages, each with what it is for."""
    lines = []
    for package in PACKAGES:
        for folder in _folders(package):
            depth = folder.count("/")
            lines.append(("  " * depth + folder.rpartition("/")[2] + "/", summary(ROOT / folder)))
    lines += [(f"{folder}/", text.replace("`", "")) for folder, text in OTHERS.items()]
    width = max(len(name) for name, _ in lines) + 2
    return "\n".join(["```", *(f"{name:{width}}{text}" for name, text in lines), "```"])


def summary(package: Path) -> str:
    """The first sentence of a package's docstring."""
    text = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8"))) or ""
    paragraph = " ".join(text.split("\n\n")[0].split())
    return re.split(r"(?<=\.) (?=[A-Z])", paragraph)[0].replace("`", "")


def picture(arrows: set[Arrow], names: tuple[str, ...] | list[str]) -> str:
    """A Mermaid graph of the arrows between the names."""
    shown = sorted((a, b) for a, b in arrows if a != b and a in names and b in names)
    lines = [f'    {_node(name)}["{name}"]' for name in names]
    lines += [f"    {_node(a)} --> {_node(b)}" for a, b in shown]
    return "\n".join(["```mermaid", "graph TD", *lines, "```"])


def _folders(package: str) -> list[str]:
    """The package and all packages within it."""
    found = [path.parent.relative_to(ROOT).as_posix() for path in (ROOT / package).rglob("__init__.py")]
    return sorted(found)


def _folder(module: str) -> str:
    """The folder of a module's file: `rocketmq_ops.store.log.commit_log` -> `store/log`."""
    parts = module.split(".")[1:]
    while parts and not ROOT.joinpath(*parts).is_dir():
        parts.pop()
    return "/".join(parts)


def _top(folder: str) -> str:
    return folder.split("/")[0]


def _second(folder: str) -> str:
    return "/".join(folder.split("/")[:2])


def _node(name: str) -> str:
    return name.replace("/", "_")


if __name__ == "__main__":
    sys.exit(generated.main(__file__, {PAGE: page(PAGE.read_text("utf-8"))}))
