"""The record of what `apply` wrote, from which `undo` brings back every byte. `scripts/os.sh` keeps the same one.

Below `var/lib/rocketmq-ops/os` of the host: `manifest` with a line each of `dir PATH` (a folder that was made),
`new PATH` (a file that was not there) or `old PATH` (one that was), `before/PATH` as it was, and `after/PATH` as it was
written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import OS_FILES
from rocketmq_ops.housekeeping.host.dropins import FILES
from rocketmq_ops.housekeeping.host.root import Root

FOLDER = "var/lib/rocketmq-ops/os"
_FIRST = "rocketmq-ops os 1"


class RefusedError(RocketMQError):
    """What was asked for is not done, as it might lose or touch what it must not."""


class Record:
    """The record of one host. Empty where nothing has been applied."""

    def __init__(self, root: Root) -> None:
        self.root = root
        self.folders: list[str] = []
        self.files: dict[str, str] = {}  # path -> "new" or "old"

    @classmethod
    def load(cls, root: Root) -> Record:
        """Read the manifest. Raises RocketMQError when it is not one of ours."""
        record = cls(root)
        place = root.place(f"{FOLDER}/manifest")
        try:
            first, *lines = place.read_text("utf-8").splitlines()
        except FileNotFoundError:
            return record
        except (OSError, ValueError) as error:
            raise RocketMQError(f"the record of what was applied cannot be read: {place}: {error}", _LOOK) from error
        if first != _FIRST:
            raise RocketMQError(f"unknown record of what was applied: {place} begins with '{first[:40]}'", _LOOK)
        for line in lines:
            kind, _, path = line.partition(" ")
            if kind == "dir":
                record.folders.append(path)
            elif kind in ("new", "old") and path in FILES:
                record.files[path] = kind
            else:
                raise RocketMQError(f"unknown line in the record of what was applied: {place}: '{line[:80]}'", _LOOK)
        return record

    def before(self, path: str) -> Path:
        """The copy of a file as it was."""
        return self.root.place(f"{FOLDER}/before/{path}")

    def after(self, path: str) -> Path:
        """The copy of a file as it was written."""
        return self.root.place(f"{FOLDER}/after/{path}")

    def changed_since(self, path: str) -> bool:
        """Whether somebody else has changed a file that was applied, or put it there again."""
        now = self._bytes(self.root.place(path))
        if now == self._bytes(self.after(path)):
            return False
        return now != (self._bytes(self.before(path)) if self.files[path] == "old" else None)

    @staticmethod
    def _bytes(place: Path) -> bytes | None:
        try:
            return place.read_bytes()
        except FileNotFoundError:
            return None

    def apply(self, texts: dict[str, str]) -> None:
        """Write the files; the record is on the disk before the first of them is touched."""
        for path in (FOLDER, *texts):
            self._refuse_links(path)
        self._note_folders(f"{FOLDER}/manifest")
        for path in texts:
            self._note_folders(path)
            place = self.root.place(path)
            if path in self.files:
                continue
            self.files[path] = "old" if os.path.lexists(place) else "new"
            if self.files[path] == "old":
                _make_folder(self.before(path).parent)
                copy_exact(place, self.before(path))
        for path, text in texts.items():
            _replace(self.after(path), text.encode())
        self._save()
        for path, text in texts.items():
            _replace(self.root.place(path), text.encode())

    def undo(self) -> None:
        """Bring back every file as it was, and remove the folders that were made and are empty, and the record."""
        for path in self.files:
            self._refuse_links(path)
        for path, kind in self.files.items():
            place = self.root.place(path)
            if kind == "new":
                place.unlink(missing_ok=True)
                continue
            partial = place.with_name(place.name + ".tmp")
            copy_exact(self.before(path), partial)
            os.replace(partial, place)
        shutil.rmtree(self.root.place(FOLDER))
        for folder in reversed(self.folders):
            with contextlib.suppress(OSError):
                self.root.place(folder).rmdir()

    def _save(self) -> None:
        lines = [_FIRST, *(f"dir {name}" for name in self.folders), *(f"{k} {path}" for path, k in self.files.items())]
        _replace(self.root.place(f"{FOLDER}/manifest"), ("\n".join(lines) + "\n").encode())

    def _note_folders(self, path: str) -> None:
        """Note the folders above a file that will have to be made."""
        for parent in reversed(Path(path).parents):
            name = parent.as_posix()
            if name != "." and name not in self.folders and not self.root.place(name).is_dir():
                self.folders.append(name)

    def _refuse_links(self, path: str) -> None:
        """A link in the copy of a host may lead out of it, to the machine itself."""
        if self.root.is_this_host:
            return
        for parent in reversed(Path(path).parents):
            if parent != Path() and self.root.place(parent.as_posix()).is_symlink():
                place = self.root.place(parent.as_posix())
                raise RefusedError(
                    f"{place} is a symbolic link, which may lead out of {self.root.path}: nothing was written",
                    "replace it by the folder that it should be",
                )


_LOOK = "look at the file; with a copy of the host's /etc from before nothing else is needed to undo"


def copy_exact(source: Path, target: Path) -> None:
    """A copy with the same bytes, or the same link, and mode, owner and times."""
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    shutil.copy2(source, target, follow_symlinks=False)
    status = os.lstat(source)
    with contextlib.suppress(PermissionError):  # a user's own copy of a host
        os.chown(target, status.st_uid, status.st_gid, follow_symlinks=False)


def _make_folder(place: Path) -> None:
    """A folder that everybody may read, whatever the umask is, with those above it."""
    if not place.is_dir():
        _make_folder(place.parent)
        place.mkdir(exist_ok=True)
        place.chmod(0o755)


def _replace(place: Path, data: bytes) -> None:
    """Put a file that everybody may read in place of what is there."""
    _make_folder(place.parent)
    partial = place.with_name(place.name + ".tmp")
    partial.unlink(missing_ok=True)
    try:
        OS_FILES.write_synced(str(partial), data)
        partial.chmod(0o644)
        OS_FILES.replace(str(partial), str(place))
    except OSError:
        partial.unlink(missing_ok=True)
        raise
