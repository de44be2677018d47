"""Views that somebody saved: addresses under names, in a file of this user's state folder."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from rocketmq_ops.common.errors import RocketMQError, system_words
from rocketmq_ops.common.files import replace_file
from rocketmq_ops.tui.model.address import Address, AddressError, parse

#: Goes before the name of one where a screen is typed.
SIGN = "@"


class SavedError(RocketMQError):
    """The file cannot be read or written."""


class SavedViews:
    """Reads the file at each use, since other dashboards write it too. Without a path nothing is kept."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        #: What was deleted, what was last at the end.
        self._deleted: list[dict[str, str]] = []

    def all(self) -> dict[str, str]:
        """Name -> address. Raises SavedError."""
        if self._path is None:
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SavedError(f"cannot read {self._path}: {system_words(error)}", "see whose file it is") from error
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise SavedError(f"{self._path} does not hold saved views: {error}", "mend it or delete it") from error

    def names(self) -> list[str]:
        """The names; none where the file cannot be read, which opening one says."""
        try:
            return sorted(self.all())
        except SavedError:
            return []

    def save(self, name: str, address: Address) -> None:
        """Keep an address under a name, in place of one that had it. Raises SavedError."""
        name = name.strip().removeprefix(SIGN)
        if not name or not name.isprintable():
            raise SavedError("a view needs a name", "type one")
        self._write(self.all() | {name: str(address)})

    def delete(self, names: Iterable[str]) -> None:
        """Take views away; those that are there no more are no error. Raises SavedError."""
        views = self.all()
        deleted = {name: views.pop(name) for name in names if name in views}
        if deleted:
            self._write(views)
            self._deleted.append(deleted)

    def restore(self) -> list[str]:
        """Bring back what was deleted last and is not back yet, unless its name is taken again. Returns the names.
        Raises SavedError."""
        views = self.all()
        while self._deleted:
            back = {name: text for name, text in self._deleted[-1].items() if name not in views}
            if back:
                self._write(views | back)
            self._deleted.pop()
            if back:
                return list(back)
        return []

    def _write(self, views: dict[str, str]) -> None:
        if self._path is None:
            raise SavedError("views are not saved here", "start the dashboard as mqadmin tui")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            replace_file(str(self._path), msgspec.json.format(msgspec.json.encode(views)) + b"\n")
        except OSError as error:
            raise SavedError(f"cannot write {self._path}: {system_words(error)}", "make room, or its folder") from error

    def address(self, name: str) -> Address:
        """What is saved under a name. Raises SavedError, AddressError."""
        name = name.strip().removeprefix(SIGN)
        found = self.all().get(name)
        if found is None:
            raise AddressError(f"there is no saved view '{name}'", "save one with the key v")
        return parse(found)

    def opened(self, text: str) -> str:
        """What is typed, as an address: that of a saved view for `@NAME`. Raises SavedError, AddressError."""
        name = text.strip().removeprefix(":")
        return str(self.address(name)) if name.startswith(SIGN) else text
