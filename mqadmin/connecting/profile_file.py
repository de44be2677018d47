"""The file of profiles: reading, checking and rewriting `profiles.yaml`.

    default: dev
    profiles:
      dev: {namesrv: 127.0.0.1:9876}

What a profile says is a `Settings`; its secret key is read by `credentials.py`, when something connects.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rocketmq_ops.common.addresses import address_map
from rocketmq_ops.common.shipped import shipped_path
from rocketmq_ops.mqadmin.connecting.connection import ProfileError, Secret, Settings, name_servers_of
from rocketmq_ops.mqadmin.connecting.private_file import reason

#: The keys of a profile that say where its secret key is; one of them at most.
SECRET_KEYS = ("secretKey", "secretKeyFile", "secretKeyEnv", "secretKeyPrompt")
KNOWN_KEYS = ("namesrv", "timeoutMs", "addressMap", "tls", "accessKey", *SECRET_KEYS)

Document = dict[str, Any]


def config_folder() -> Path:
    """The folder of this user's settings (XDG on Unix, Application Support on macOS, APPDATA on Windows)."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA") or Path.home() / "AppData" / "Roaming") / "rocketmq-ops"
    if os.environ.get("XDG_CONFIG_HOME"):
        return Path(os.environ["XDG_CONFIG_HOME"]) / "rocketmq-ops"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "rocketmq-ops"
    return Path.home() / ".config" / "rocketmq-ops"


def profiles_path() -> Path:
    """`ROCKETMQ_OPS_PROFILES`, else `profiles.yaml` in the configuration folder."""
    named = os.environ.get("ROCKETMQ_OPS_PROFILES")
    return Path(named) if named else config_folder() / "profiles.yaml"


class ProfileFile:
    """The profiles of one file. Nothing is on the disk before `save`."""

    def __init__(self, path: Path, document: Document) -> None:
        self.path = path
        self._document = document
        self._profiles: Document = {str(name): entry for name, entry in (document.get("profiles") or {}).items()}

    @classmethod
    def read(cls, path: Path | None = None) -> ProfileFile | None:
        """The file at `path`, or the user's; None when there is none. Raises ProfileError."""
        path = path or profiles_path()
        return cls(path, read_yaml(path, mappings=("profiles",))) if path.exists() else None

    @property
    def names(self) -> list[str]:
        """All profiles, as the file has them in order."""
        return list(self._profiles)

    @property
    def default(self) -> str | None:
        """The profile that is used when none is named: the one that the file says, or the only one."""
        named = self._document.get("default")
        return str(named) if named else self.names[0] if len(self._profiles) == 1 else None

    def settings(self, name: str) -> Settings:
        """What a profile says. Raises ProfileError."""
        return _settings(name, self.entry(name), self.path)

    def entry(self, name: str) -> Document:
        """The keys of one profile as they stand in the file. Raises ProfileError."""
        self._require(name)
        entry = self._profiles[name]
        if not isinstance(entry, dict):
            raise ProfileError(
                f"profile '{name}' in {self.path} is not a mapping", "write its settings as `namesrv: HOST:PORT` lines"
            )
        return entry

    def _require(self, name: str) -> None:
        if not self._profiles:
            raise ProfileError(
                f"{self.path} has no `profiles`", f"`mqadmin profile add`, or see {shipped_path('docs/connecting.md')}"
            )
        if name not in self._profiles:
            raise ProfileError(f"there is no profile '{name}' in {self.path}", f"it has {', '.join(self.names)}")

    def put(self, name: str, entry: Document) -> None:
        """Add or replace a profile. Raises ProfileError for what could not be read again."""
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ProfileError(f"invalid profile name '{name}'", "use letters, digits, '.', '_' and '-'")
        _settings(name, entry, self.path)
        self._profiles[name] = entry

    def remove(self, name: str) -> None:
        """Take a profile out, also one that cannot be used; when it is the default, the file names none afterwards.

        Raises ProfileError when there is none of this name.
        """
        self._require(name)
        if str(self._document.get("default")) == name:
            del self._document["default"]
        del self._profiles[name]

    def use(self, name: str) -> None:
        """Make a profile the default one. Raises ProfileError when there is none of this name."""
        self.entry(name)
        rest = {key: value for key, value in self._document.items() if key != "default"}
        self._document = {"default": name, **rest}

    def save(self) -> list[str]:
        """Write the file, which nobody else may read. Returns notes. Raises RocketMQError."""
        import yaml

        from rocketmq_ops.common.files import PRIVATE_FILES, save_with_backup

        notes = []
        if self.path.exists():
            before = self.path.read_text(encoding="utf-8")
            if re.search(r"^\s*#|\s#", before, re.MULTILINE):
                notes.append(f"comments are not kept; the file as it was is {self.path}.bak")
        document = {**self._document, "profiles": self._profiles}
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
        save_with_backup(os.path.realpath(self.path), text.encode(), PRIVATE_FILES)
        return notes


def read_yaml(path: Path, otherwise: str = "pass -n HOST:PORT", *, mappings: Sequence[str] = ()) -> Document:
    """The keys of a YAML file; of an empty one none. `otherwise` is what to do without it.

    A file of another shape is refused, with the line: one that is no mapping, has a key twice, or has something else
    than a mapping under one of the keys `mappings`. Who rewrote it would lose what is there. Raises ProfileError.
    """
    import yaml

    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        try:
            node = loader.get_single_node()
            if node is None or _is_null(node):
                return {}
            _require_shape(node, mappings)
            document: Document = loader.construct_document(node)
        finally:
            loader.dispose()
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ProfileError(f"cannot read {path}: {reason(error)}", f"correct the file, or {otherwise}") from None
    return document


def _is_null(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _require_shape(root: Any, mappings: Sequence[str]) -> None:
    """Raise a YAMLError that has the line for what `read_yaml` refuses."""
    from yaml.constructor import ConstructorError
    from yaml.nodes import CollectionNode, MappingNode, ScalarNode

    if not isinstance(root, MappingNode):
        raise ConstructorError(problem="expected `key: value` lines", problem_mark=root.start_mark)
    for key, value in root.value:
        if key.value in mappings and not isinstance(value, MappingNode) and not _is_null(value):
            cause = f"expected `name: value` lines under '{key.value}'"
            raise ConstructorError(problem=cause, problem_mark=value.start_mark)
    nodes: list[Any] = [root]
    seen: set[int] = set()  # an alias may lead back
    while nodes:
        node = nodes.pop()
        if id(node) in seen or not isinstance(node, CollectionNode):
            continue
        seen.add(id(node))
        if not isinstance(node, MappingNode):
            nodes += node.value
            continue
        keys: set[str] = set()
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                if key.value in keys:
                    raise ConstructorError(problem=f"the key '{key.value}' is there twice", problem_mark=key.start_mark)
                keys.add(key.value)
            nodes.append(value)


def addresses_of(entry: Document, origin: str) -> tuple[str, ...]:
    """The `namesrv` of a profile, a text or a list. Raises ProfileError, AddressError."""
    addresses = entry.get("namesrv", "")
    return name_servers_of(";".join(map(str, addresses)) if isinstance(addresses, list) else str(addresses), origin)


def timeout_of(entry: Document, origin: str) -> int | None:
    """The `timeoutMs` of a profile. Raises ProfileError."""
    value = entry.get("timeoutMs")
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value <= 0):
        raise ProfileError(f"{origin} has the timeoutMs {value!r}", "give a whole number of ms above 0")
    return value


def address_map_of(entry: Document, origin: str) -> dict[str, str] | None:
    """The `addressMap` of a profile, a mapping or the text of pairs. Raises ProfileError, AddressError."""
    value = entry.get("addressMap")
    if isinstance(value, dict):
        value = ";".join(f"{inside}={outside}" for inside, outside in value.items())
    if value is not None and not isinstance(value, str):
        raise ProfileError(f"{origin} has the addressMap {value!r}", "give it as HOST:PORT: HOST:PORT lines")
    return None if value is None else address_map(value)


def tls_of(entry: Document) -> str | None:
    """The `tls` of a profile: true, false, or the path of a property file."""
    value = entry.get("tls")
    return None if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _settings(name: str, entry: Document, path: Path) -> Settings:
    origin = f"profile '{name}'"
    for key in entry:
        if key not in KNOWN_KEYS:
            raise ProfileError(f"{origin} has an unknown key '{key}'", f"known are {', '.join(sorted(KNOWN_KEYS))}")
    secret = _secret(entry, origin, path)
    if secret is not None and "accessKey" not in entry:
        raise ProfileError(f"{origin} has a secret key and no accessKey", "give both, or none")
    if secret is None and "accessKey" in entry:
        raise ProfileError(f"{origin} has an accessKey and no secret key", f"give one of {', '.join(SECRET_KEYS)}")
    return Settings(
        name_servers=addresses_of(entry, origin),
        origin=origin,
        profile=name,
        timeout_ms=timeout_of(entry, origin),
        access_key=str(entry["accessKey"]) if "accessKey" in entry else None,
        secret=secret,
        address_map=address_map_of(entry, origin),
        tls=tls_of(entry),
    )


def _secret(entry: Document, origin: str, path: Path) -> Secret | None:
    given = [key for key in SECRET_KEYS if key in entry]
    if not given:
        return None
    if len(given) > 1:
        raise ProfileError(f"{origin} gives its secret key in several ways: {', '.join(given)}", "keep one of them")
    value = entry[given[0]]
    if given[0] == "secretKeyPrompt":
        return Secret("prompt", "") if value else None
    if given[0] == "secretKey":
        return Secret("stored", str(path))
    return Secret("env" if given[0] == "secretKeyEnv" else "file", str(value))
