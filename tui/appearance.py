"""The looks that were chosen at run time, theme and language: kept for the next start, in a file of this user's state
folder."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path
from threading import Lock
from typing import Final

import msgspec

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.files import replace_file

#: Where the dashboard is seen: what somebody chooses in a browser is not for the terminals of whoever serves it.
TERMINAL: Final = "terminal"
BROWSER: Final = "browser"


class AppearanceError(RocketMQError):
    """The file cannot be written."""


class Appearance(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was chosen; empty: nothing was."""

    language: str = ""
    #: By the theme that fits a terminal the one that was chosen in its place: another terminal has other colours.
    themes: dict[str, str] = {}


class KeptAppearance:
    """Of one place. Without a path nothing is kept."""

    def __init__(self, path: Path | None, place: str = TERMINAL) -> None:
        self._path, self._place = path, place
        self._lock = Lock()

    def chosen(self) -> Appearance:
        """What was chosen last; nothing where the file is not there or cannot be read: it is no reason not to start."""
        return (self._read() or {}).get(self._place, Appearance())

    def keep(self, language: str, fits: str, theme: str) -> Path | None:
        """Keep a language, and a theme for terminals that `fits` fits; an empty one stays as it was kept. Raises
        AppearanceError. A file that cannot be read is set aside first: the answer is where it is then.

        It waits for the disk, and may be called from any thread.
        """
        if self._path is None:
            return None
        with self._lock:
            kept = self._read()
            aside = None
            if kept is None:
                kept, aside = {}, _set_aside(self._path)
            here = kept.get(self._place, Appearance())
            themes = here.themes | ({fits: theme} if theme else {})
            kept[self._place] = Appearance(language=language or here.language, themes=themes)
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                replace_file(str(self._path), msgspec.json.format(msgspec.json.encode(kept)) + b"\n")
            except OSError as error:
                raise AppearanceError(f"cannot write {self._path}: {system_words(error)}") from error
            return aside

    def _read(self) -> dict[str, Appearance] | None:
        """What is kept; None where there is a file that cannot be read."""
        if self._path is None:
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Appearance])
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except (OSError, msgspec.DecodeError):
            return None


def _set_aside(path: Path) -> Path:
    """Give a file another name, which none has yet. Raises AppearanceError."""
    names = (path.with_name(f"{path.name}.unreadable{number or ''}") for number in count())
    aside = next(name for name in names if not os.path.lexists(name))
    try:
        path.rename(aside)
    except OSError as error:
        raise AppearanceError(f"cannot set {path} aside: {system_words(error)}") from error
    return aside
