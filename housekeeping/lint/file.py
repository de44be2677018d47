"""What the lint looks at: a property file, and the keys of the version that is to read it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Final

import msgspec

from rocketmq_ops.common.properties import Property, PropertyFile, read_property_file
from rocketmq_ops.common.secrets import NAMES, text_without
from rocketmq_ops.housekeeping.lint.keys import (
    BROKER_CLASSES,
    NAMESRV_CLASSES,
    NOT_IN_TLS_FILE,
    TLS_CLASSES,
    Key,
    keys_of,
)
from rocketmq_ops.housekeeping.rules import Hit


class LineHit(Hit, frozen=True):
    """Where a rule fires in a file; `line` counts from 1."""

    line: int = 0


class Linted(msgspec.Struct, frozen=True):
    """A file of a broker, a name server, or of TLS, and the version it is meant for (a key of `keys.VERSIONS`)."""

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
        """The keys of the other server in that version; of a file of TLS's those of both."""
        return {
            name: key
            for server, classes in _CLASSES.items()
            if server not in (self.server, TLS)
            for name, key in keys_of(self.version, classes).items()
        }

    @property
    def system_properties(self) -> dict[str, Key]:
        """The keys of TLS that the server does not take from this file, but as Java system properties."""
        return {name: key for name, key in keys_of(self.version, TLS_CLASSES).items() if name not in self.known}

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
        """A hit of a rule on a line; a value that is a secret is not shown."""
        key = self.known.get(entry.key)
        if NAMES.search(entry.key) and (key is None or key.type == "String"):
            evidence, remedy = text_without(evidence), text_without(remedy)
        return LineHit(f"{self.path}:{entry.line}", evidence, remedy, line=entry.line)


#: Whose file that of `tls.config.file` is.
TLS: Final = "TLS file"
_CLASSES = {"broker": BROKER_CLASSES, "name server": NAMESRV_CLASSES, TLS: TLS_CLASSES}
#: Where they listen unless a file says otherwise: set at start (BrokerStartup, NamesrvStartup), before the file is.
PORTS: Final = {"broker": "10911", "name server": "9876"}


@cache
def _known(version: str, server: str) -> dict[str, Key]:
    keys = dict(keys_of(version, _CLASSES[server]))
    if server == TLS:
        return {name: key for name, key in keys.items() if version == "ours" or name not in NOT_IN_TLS_FILE}
    if version == "ours":
        keys |= keys_of(version, TLS_CLASSES)
    listen = keys["listenPort"]
    keys["listenPort"] = msgspec.structs.replace(listen, defaults=dict.fromkeys(listen.defaults, PORTS[server]))
    return keys


def read(path: str, version: str, server: str | None = None) -> Linted:
    """Read a file. Without `server` it is a broker's, unless more of its keys are a name server's, or all are TLS's.

    Raises PropertiesError for a file that cannot be read.
    """
    file = read_property_file(path)
    if server is None:
        names = {entry.key for entry in file.properties}
        counts = {kind: len(names & keys_of(version, classes).keys()) for kind, classes in _CLASSES.items()}
        server = "name server" if counts["name server"] > counts["broker"] else "broker"
        if names and all(name.startswith("tls.") for name in names):
            server = TLS
    return Linted(path, file, version, server)
