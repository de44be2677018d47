"""The name server's KV configuration: values by namespace and key, kept in `kvConfig.json`.

Mirrors KVConfigManager. The file has Apache's format; `common/state_files.py` writes it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.files import save_with_backup
from rocketmq_ops.common.state_files import StateFileWriter, Write, load_document
from rocketmq_ops.namesrv.config import NamesrvConfig

log = logging.getLogger(__name__)

_Table = dict[str, dict[str, str]]
_Change = Callable[[_Table], object]

#: The namespace whose keys are topics, and values `broker:queues;broker:queues`.
ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG"


class KvConfigManager:
    """The table, a `SavedState`. A change is made when it is on the disk; one that cannot be saved is not made."""

    def __init__(self, config: NamesrvConfig, files: StateFileWriter) -> None:
        self._config = config
        self._files = files
        self._table: _Table = {}
        self._waiting: list[_Change] = []
        self._being_saved: _Table = {}

    @property
    def path(self) -> str:
        """The file."""
        return self._config.kvConfigPath

    def load(self) -> None:
        """Read the file; an absent one is an empty table. Raises CorruptDataError for one that cannot be read."""
        self._table = load_document(self.path, _read_table) or {}

    async def put(self, namespace: str, key: str, value: str) -> None:
        """Set a value. Raises RocketMQError."""
        await self._change(lambda table: table.setdefault(namespace, {}).__setitem__(key, value))

    def get(self, namespace: str, key: str) -> str | None:
        """The value, or None."""
        return self._table.get(namespace, {}).get(key)

    async def delete(self, namespace: str, key: str) -> None:
        """Remove a value; a missing one is not an error. Raises RocketMQError."""
        await self._change(lambda table: table.get(namespace, {}).pop(key, None))

    def namespace(self, namespace: str) -> dict[str, str] | None:
        """All values of a namespace; None when it was never used."""
        return self._table.get(namespace)

    async def _change(self, change: _Change) -> None:
        self._waiting.append(change)
        await self._files.save(self)

    def take_changes(self) -> Write | None:
        """What replaces the file by one with all changes that wait."""
        changes, self._waiting = self._waiting, []
        if not changes:
            return None
        table = {namespace: dict(values) for namespace, values in self._table.items()}
        for change in changes:
            change(table)
        self._being_saved = table
        return partial(save_with_backup, self.path, fastjson.dumps({"configTable": table}))

    def saved(self) -> None:
        """Make the changes."""
        self._table = self._being_saved

    def not_saved(self, error: BaseException) -> None:
        """Leave the table as it was."""
        log.error("%s is not saved, its values stay as they were: %s", self.path, error)


def _read_table(document: dict[str, Any]) -> _Table:
    try:
        return msgspec.convert(document.get("configTable") or {}, _Table)
    except msgspec.ValidationError as error:
        raise CorruptDataError(str(error)) from None
