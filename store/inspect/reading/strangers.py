"""What Apache's brokers make of a foreign name in a folder of offset-named files.

Mirrors MappedFileQueue.load and DefaultMappedFile.init: the entries are taken in the order of their names, each must
have the length of a file, and its name must be a Java long. 5.x passes over folders and removes a last file of 0 bytes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

_LONG = re.compile(r"[+-]?\d+")


class Verdict(NamedTuple):
    """Whether 4.9 and 5.x refuse to start because of a name, and what it is in a few words."""

    refused_by_4: bool
    refused_by_5: bool
    why: str


def java_long(name: str) -> int | None:
    """The value of Long.parseLong, None where it throws NumberFormatException."""
    if not _LONG.fullmatch(name):
        return None
    value = int(name)
    return value if -(1 << 63) <= value < 1 << 63 else None


def judge_stranger(path: Path, size: int, *, last: bool) -> Verdict:
    """The verdict on a name that is not an offset of 20 digits; `size` is that of the folder's files in bytes; `last`:
    no name of the folder sorts behind it."""
    try:
        length = path.stat().st_size
    except OSError:
        length = 0  # as File.length() of what cannot be read
    unlike = f"{length} bytes, not {size}: `length not matched message store config value`"
    if path.is_dir():
        return Verdict(length != size, False, f"a folder of {unlike}; 5.x passes over it")
    if length == 0 and last:
        return Verdict(size != 0, False, f"{unlike}; 5.x removes the file")
    if length != size:
        return Verdict(True, True, unlike)
    number = java_long(path.name)
    if number is None:
        return Verdict(True, True, "the name is not an offset: NumberFormatException")
    return Verdict(False, False, f"read as the file at offset {number}")


def is_last(path: Path) -> bool:
    """True when no other name of its folder sorts behind it, in Java's order."""
    return max(os.listdir(path.parent), key=java_order) == path.name


def java_order(name: str) -> bytes:
    """What Java's String.compareTo sorts names by."""
    return name.encode("utf-16-be", "surrogatepass")
