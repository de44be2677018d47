"""What the lint looks at: a property file, and the keys of the version that is to read it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import msgspec

from rocketmq_ops.common.properties import Property, PropertyFile, read_property_file
from rocketmq_ops.housekeeping.lint.keys import BROKER_CLASSES, NAMESRV_CLASSES, Key, keys_of
from rocketmq_ops.housekeeping.rules import Hit


class LineHit(Hit, frozen=True):
    """Where a rule fires in a file; `line` counts from 1."""

    line: int = 0


class Linted(msgspec.Struct, frozen=True):
    """A file of a broker or a name server, and the version it is meant for (a key of `keys.VERSIONS`)."""

    path: str
    file: PropertyFile
    version: str
    server: str

    @property
    def known(self) -> dict[str, Key]:
        """The keys of the server in that version."""
        return _known(self.version, self.server)

    @property
    def others(self) -> dict[str, Key]:
        """The keys of the other server in that version."""
        (other,) = _CLASSES.keys() - {self.server}
        return keys_of(self.version, _CLASSES[other])

    def set(self) -> Iterator[tuple[Property, Key]]:
        """Each line whose key the server has."""
        for entry in self.file.properties:
            key = self.known.get(entry.key)
            if key is not None:
                yield entry, key

    def value(self, name: str) -> str | None:
        """The value of a key: the file's, else the default where it is known, else None."""
        for entry in self.file.properties:
            if entry.key == name:
                return entry.value.strip()
        key = self.known.get(name)
        default = key.defaults.get(self.version if self.version != "ours" else "5.3") if key is not None else None
        return None if default in (None, "*") else default

    def line(self, name: str) -> Property | None:
        """The line that sets a key."""
        return next((entry for entry in self.file.properties if entry.key == name), None)

    def hit(self, entry: Property, evidence: str, remedy: str = "") -> LineHit:
        """A hit of a rule on a line."""
        return LineHit(f"{self.path}:{entry.line}", evidence, remedy, line=entry.line)


_CLASSES = {"broker": BROKER_CLASSES, "name server": NAMESRV_CLASSES}
#: Where they listen unless a file says otherwise: set at start (BrokerStartup, NamesrvStartup), before the file is.
PORTS: Final = {"broker": "10911", "name server": "9876"}


@cache
def _known(version: str, server: str) -> dict[str, Key]:
    keys = dict(keys_of(version, _CLASSES[server]))
    listen = keys["listenPort"]
    keys["listenPort"] = msgspec.structs.replace(listen, defaults=dict.fromkeys(listen.defaults, PORTS[server]))
    return keys


def read(path: str, version: str, server: str | None = None) -> Linted:
    """Read a file. Without `server` it is a broker's, unless more of its keys are a name server's.

    Raises PropertiesError for a file that cannot be read.
    """
    file = read_property_file(path)
    if server is None:
        names = {entry.key for entry in file.properties}
        counts = {kind: len(names & keys_of(version, classes).keys()) for kind, classes in _CLASSES.items()}
        server = "name server" if counts["name server"] > counts["broker"] else "broker"
    return Linted(path, file, version, server)
