"""The configuration keys of Apache's 4.9.7, 5.3.3 and 5.5.0 and of the servers here, with types and defaults.

The table `keys.tsv` is written by `scripts/gen_lint_keys.py`; it is read when it is first asked for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import msgspec

#: What `--for` takes, each with the full version that its column was read from.
VERSIONS: Final = {"4.9": "4.9.7", "5.3": "5.3.3", "5.5": "5.5.0", "ours": "the servers of rocketmq-ops"}
BROKER_CLASSES: Final = ("BrokerConfig", "MessageStoreConfig", "NettyServerConfig", "NettyClientConfig")
NAMESRV_CLASSES: Final = ("NamesrvConfig", "NettyServerConfig")
#: Its keys are Java system properties of Apache's servers, or stand in a file of their own.
TLS_CLASSES: Final = ("TlsSystemConfig",)
#: What Apache's servers do not take from that file (TlsHelper.extractTlsConfigFromFile).
NOT_IN_TLS_FILE: Final = frozenset(("tls.server.mode", "tls.enable", "tls.config.file"))
TABLE: Final = Path(__file__).with_name("keys.tsv")
#: In the table: the version does not have the key.
ABSENT: Final = "-"
#: In the table: the default depends on the machine.
COMPUTED: Final = "*"
#: In the table: the servers here use the key, and refuse to change it while they run.
AT_START: Final = "start"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a configuration class. A default is None where the version does not have the key.

    `type` is Java's (`int`, `long`, `boolean`, `double`, `String`), or the values of an enumeration, separated by `|`.
    `here`: what the servers here do with it: `used`, `kept` (no effect), `refused`, or None where they do not know it.
    `at_start`: it counts at a start only, and they refuse to change it while they run.
    """

    name: str
    cls: str
    type: str
    defaults: dict[str, str | None]
    here: str | None
    at_start: bool

    def known_to(self, version: str) -> bool:
        """Whether that version has the key."""
        return self.here is not None if version == "ours" else self.defaults[version] is not None


@cache
def all_keys() -> tuple[Key, ...]:
    """Every key of every class, in the order of the table."""
    header, *lines = TABLE.read_text().splitlines()
    versions = header.split("\t")[3:-1]
    found = []
    for line in lines:
        name, cls, kind, *defaults, here = line.split("\t")
        told = (None if value == ABSENT else value for value in defaults)
        by_version = dict(zip(versions, told, strict=True))
        at_start = here == AT_START
        what = "used" if at_start else None if here == ABSENT else here
        found.append(Key(name=name, cls=cls, type=kind, defaults=by_version, here=what, at_start=at_start))
    return tuple(found)


@cache
def keys_of(version: str, classes: tuple[str, ...]) -> dict[str, Key]:
    """The keys that these classes have in a version, by name; the first class that has a key counts."""
    found: dict[str, Key] = {}
    for cls in classes:
        for key in all_keys():
            before = found.get(key.name)
            # Where two classes have a key, one of them using it is enough.
            better = before is None or (key.here == "used" and before.here != "used")
            if key.cls == cls and key.known_to(version) and better:
                found[key.name] = key
    return found


@cache
def start_only() -> frozenset[str]:
    """The keys of a broker that count at a start only."""
    return frozenset(key.name for key in all_keys() if key.at_start and key.cls in BROKER_CLASSES)


def versions_with(name: str) -> list[str]:
    """The versions of Apache's servers that have a key of this name."""
    named = [key for key in all_keys() if key.name == name]
    return [version for version in VERSIONS if version != "ours" and any(key.known_to(version) for key in named)]


def defaults_of(name: str) -> list[str]:
    """The defaults that Apache's versions have given a key of this name, the oldest first."""
    values = [value for key in all_keys() if key.name == name for value in key.defaults.values()]
    return list(dict.fromkeys(value for value in values if value is not None))
