"""The running process's configuration: all classes as one list of properties, changed at run time and kept on disk.

Mirrors Apache's Configuration (merge of the registered objects, update with a data version). Unlike Apache's, an
update changes its keys where they stand in the property file and leaves comments and other keys alone, and a value
that does not fit its key is refused before anything is changed.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

from rocketmq_ops.common.config import ConfigClass, ConfigError, UnknownKeyError, trim
from rocketmq_ops.common.data_version import DataVersion
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.common.properties import change_properties, format_properties, read_text


class ForbiddenKeyError(ConfigError):
    """A key that may not be changed at run time."""

    def __init__(self, key: str) -> None:
        super().__init__(f"configuration key '{key}' is in the black list", "change the property file and restart")
        self.key = key


class StartOnlyKeyError(ConfigError):
    """A key that is read at the start alone; taken at run time it would say what is not so."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"'{key}' counts at a start only", "change it in the configuration file and restart the server"
        )
        self.key = key


class Configuration:
    """The registered classes (a later one wins where two have a key, as in Apache), and unknown keys of the file.

    `start_only`: keys that may only be given the value they have.
    """

    def __init__(
        self,
        configs: Sequence[ConfigClass],
        extra: Mapping[str, str] | None = None,
        *,
        start_only: frozenset[str] = frozenset(),
    ) -> None:
        self.configs = tuple(configs)
        self.extra = dict(extra or {})
        self._start_only = start_only
        self.data_version = DataVersion.fresh()
        self._saving = asyncio.Lock()

    def properties(self) -> dict[str, str]:
        """Every key with its value as text."""
        merged = {key: text for key, text in self.extra.items() if self._owners(key) == []}
        for config in self.configs:
            merged.update(config.to_properties())
        return merged

    def text(self) -> str:
        """`key=value` lines sorted by key, as GET_BROKER_CONFIG and GET_NAMESRV_CONFIG answer."""
        return format_properties(self.properties())

    def update(self, changes: Mapping[str, str], black_list: str) -> list[str]:
        """Change keys in memory, all or none; `save` keeps them.

        Returns the names of the keys that now have another value. Raises ForbiddenKeyError for a key of the
        `;`-separated `black_list`, or another ConfigError.
        """
        before = self.properties()
        self._check(changes, black_list)
        for key, text in changes.items():
            for config, name in self._owners(key):
                if name not in self._start_only:
                    config.set(name, text)
        self.data_version.next_version()
        after = self.properties()
        return [key for key in after if after[key] != before.get(key)]

    async def save(self, changes: Mapping[str, str], path: str | None) -> None:
        """Write keys that were changed into the property file at `path`, in a thread, one after the other.

        Without a file (None) they hold until the next start, as when RocketMQError is raised because it cannot be
        written. A key that has no value, which an empty one leaves so, is not written: a start would not take it.
        """
        if path is None or not changes:
            return
        owned = [(*self._owners(key)[-1], trim(text)) for key, text in changes.items()]
        named = {name: text for config, name, text in owned if config.value(name) is not None}
        if not named:
            return
        async with self._saving:
            await asyncio.to_thread(change_file, named, path)

    def _check(self, changes: Mapping[str, str], black_list: str) -> None:
        forbidden = {key.strip() for key in black_list.split(";")}
        for key, text in changes.items():
            owners = self._owners(key)
            if key in forbidden or any(name in forbidden for _, name in owners):
                raise ForbiddenKeyError(key)
            if not owners:
                raise UnknownKeyError(key, self.properties(), "the answer of getBrokerConfig or getNamesrvConfig")
            config, name = owners[-1]
            if name in self._start_only:
                if not _has(config, name, text):
                    raise StartOnlyKeyError(name)
                continue
            for config, name in owners:
                config.key_info(name).convert(text)

    def _owners(self, key: str) -> list[tuple[ConfigClass, str]]:
        found = ((config, config.find_key(key)) for config in self.configs)
        return [(config, name) for config, name in found if name is not None]


def _has(config: ConfigClass, name: str, text: str) -> bool:
    """Whether a text says the value that a key has, however it is written; an empty one, that it has none."""
    value = config.value(name)
    if value is None:
        return not trim(text)
    try:
        return bool(config.key_info(name).convert(text) == value)
    except ConfigError:
        return False


def change_file(changes: Mapping[str, str], path: str) -> None:
    """Set keys in a property file, whose comments and order stay; the file before is kept as `.bak`.

    Raises PropertiesError or OSError naming the file, which is as before then.
    """
    text = read_text(path) if os.path.exists(path) else ""
    save_with_backup(path, change_properties(text, changes).encode())
