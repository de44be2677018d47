"""The name server's KV configuration: values by namespace and key, kept in `kvConfig.json`.

Mirrors KVConfigManager. The file has Apache's format; it is replaced atomically with a `.bak` beside it.
"""

from __future__ import annotations

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.files import load_with_backup, save_with_backup
from rocketmq_ops.namesrv.config import NamesrvConfig

#: The namespace whose keys are topics, and values `broker:queues;broker:queues`.
ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG"


class KvConfigManager:
    """The table. A change is on disk when the method returns; one that cannot be saved is not made.

    The file is written on the event loop: an administrator's change is rare, and its answer must wait for it.
    """

    def __init__(self, config: NamesrvConfig) -> None:
        self._config = config
        self._table: dict[str, dict[str, str]] = {}

    def load(self) -> None:
        """Read the file; an absent one is an empty table. Raises CorruptDataError for one that cannot be read."""
        self._table = load_with_backup(self._config.kvConfigPath, _parse) or {}

    def put(self, namespace: str, key: str, value: str) -> None:
        """Set a value. Raises RocketMQError."""
        self._replace(namespace, {**self._table.get(namespace, {}), key: value})

    def get(self, namespace: str, key: str) -> str | None:
        """The value, or None."""
        return self._table.get(namespace, {}).get(key)

    def delete(self, namespace: str, key: str) -> None:
        """Remove a value; one that is not there is no error. Raises RocketMQError."""
        values = self._table.get(namespace, {})
        if key in values:
            self._replace(namespace, {name: value for name, value in values.items() if name != key})

    def namespace(self, namespace: str) -> dict[str, str] | None:
        """All values of a namespace; None when it was never used."""
        return self._table.get(namespace)

    def _replace(self, namespace: str, values: dict[str, str]) -> None:
        table = {**self._table, namespace: values}
        save_with_backup(self._config.kvConfigPath, fastjson.dumps({"configTable": table}))
        self._table = table


def _parse(data: bytes) -> dict[str, dict[str, str]]:
    content = fastjson.loads(data)
    if not isinstance(content, dict):
        raise CorruptDataError("not a JSON object")
    try:
        return msgspec.convert(content.get("configTable") or {}, dict[str, dict[str, str]])
    except msgspec.ValidationError as error:
        raise CorruptDataError(str(error)) from None
