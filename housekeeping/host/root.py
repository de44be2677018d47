"""Reading the kernel's and the system's files below a folder: `/`, or a copy of a host."""

from __future__ import annotations

import os
import re
from enum import Enum
from pathlib import Path


class Gap(Enum):
    """Why there is no text: the kernel or system has no such file, or it could not be read."""

    MISSING = "missing"
    UNREADABLE = "unreadable"


class Root:
    """A host's file system, seen from `path`. Names are given without the leading slash (`proc/meminfo`)."""

    def __init__(self, path: str = "/") -> None:
        self.path = path

    @property
    def is_this_host(self) -> bool:
        """Whether it is the machine itself and not a folder with a copy."""
        return os.path.realpath(self.path) == "/"

    def place(self, name: str) -> Path:
        """Where a file is."""
        return Path(self.path, name)

    def exists(self, name: str) -> bool:
        """Whether something is there."""
        return self.place(name).exists()

    def read(self, name: str) -> str | Gap:
        """The text of a file. MISSING needs a folder that is there: without it nothing is known."""
        place = self.place(name)
        try:
            return place.read_bytes().replace(b"\0", b"").decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return Gap.MISSING if place.parent.is_dir() else Gap.UNREADABLE
        except OSError:
            return Gap.UNREADABLE

    def words(self, name: str) -> str | Gap:
        """The first line with single blanks; UNREADABLE where it is empty."""
        text = self.read(name)
        return text if isinstance(text, Gap) else " ".join(text.partition("\n")[0].split()) or Gap.UNREADABLE

    def lines(self, name: str) -> list[str]:
        """The lines of a file; none where it cannot be read."""
        text = self.read(name)
        return [] if isinstance(text, Gap) else text.split("\n")

    def number(self, name: str) -> int | None:
        """The one number in a file."""
        text = self.words(name)
        return None if isinstance(text, Gap) else number(text)

    def names(self, folder: str) -> list[str]:
        """What lies in a folder, sorted as bytes; nothing where it cannot be read."""
        try:
            return sorted(os.listdir(self.place(folder)), key=os.fsencode)
        except OSError:
            return []


#: A kernel counter that stands for "no limit" may need 64 bits without a sign, which a shell does not calculate with.
LARGEST = 10**18 - 1
_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)\Z")


def number(text: str) -> int | None:
    """A whole number without a sign, at most LARGEST; None for other text."""
    return min(int(text), LARGEST) if _NUMBER.match(text) else None
