"""What all generators of pages and tables share: writing or comparing files, and the part of a page between marks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path


def main(generator: str, texts: Mapping[Path, str]) -> int:
    """Write what each file should hold; with `--check` only say which are not current: the exit code is 1 then.

    `generator` is the `__file__` of the script that makes the texts.
    """
    stale = [path for path, text in texts.items() if not path.exists() or path.read_text("utf-8") != text]
    check = "--check" in sys.argv[1:]
    for path in stale:
        if check:
            print(f"{path} is not current: run python scripts/{Path(generator).name}")
        else:
            path.write_text(texts[path], "utf-8")
    return int(check and bool(stale))


def between(
    text: str, name: str, inner: str, *, begin: str = "<!-- generated: {} -->\n", end: str = "<!-- end -->"
) -> str:
    """The text with `inner` between the marks of the part `name`. Raises ValueError unless they are there, once."""
    begin = begin.format(name)
    if text.count(begin) != 1:
        raise ValueError(f"the line {begin.strip()!r} is needed once, and {end.strip()!r} after it")
    head, rest = text.split(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise ValueError(f"{end.strip()!r} is missing after {begin.strip()!r}")
    return f"{head}{begin}{inner}{end}{tail}"
