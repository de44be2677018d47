"""The name server's KV configuration: values by namespace and key, kept in `kvConfig.json`.

Mirrors KVConfigManager. The file has Apache's format; it is replaced atomically with a `.bak` beside it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import CorruptDataError
from rocketmq_ops.common.files import load_with_backup, save_with_backup
from rocketmq_ops.common.tasks import run_later
from rocketmq_ops.namesrv.config import NamesrvConfig

_Change = Callable[[dict[str, dict[str, str]]], object]

#: The namespace whose keys are topics, and values `broker:queues;broker:queues`.
ORDER_TOPIC_CONFIG = "ORDER_TOPIC_CONFIG"


class KvConfigManager:
    """The table. A change is made when it is on the disk; one that cannot be saved is not made.

    The disk is waited for in a thread. Changes that come meanwhile, or in one turn of the loop, are one write.
    """

    def __init__(self, config: NamesrvConfig) -> None:
        self._config = config
        self._table: dict[str, dict[str, str]] = {}
        self._waiting: list[tuple[_Change, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Read the file; an absent one is an empty table. Raises CorruptDataError for one that cannot be read."""
        self._table = load_with_backup(self._config.kvConfigPath, _parse) or {}

    async def put(self, namespace: str, key: str, value: str) -> None:
        """Set a value. Raises RocketMQError."""
        await self._change(lambda table: table.setdefault(namespace, {}).__setitem__(key, value))

    def get(self, namespace: str, key: str) -> str | None:
        """The value, or None."""
        return self._table.get(namespace, {}).get(key)

    async def delete(self, namespace: str, key: str) -> None:
        """Remove a value; one that is not there is no error. Raises RocketMQError."""
        await self._change(lambda table: table.get(namespace, {}).pop(key, None))

    def namespace(self, namespace: str) -> dict[str, str] | None:
        """All values of a namespace; None when it was never used."""
        return self._table.get(namespace)

    async def wait(self) -> None:
        """Wait until nothing is being written."""
        if self._writing is not None:
            await asyncio.wait((self._writing,))

    async def _change(self, change: _Change) -> None:
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        if self._writing is None:
            self._writing = run_later(self._write(), "save-kv-config")
        await done

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            table = {namespace: dict(values) for namespace, values in self._table.items()}
            for change, _ in batch:
                change(table)
            error: Exception | None = None
            try:
                text = fastjson.dumps({"configTable": table})
                await asyncio.to_thread(save_with_backup, self._config.kvConfigPath, text)
                self._table = table
            except Exception as failure:
                error = failure
            for _, done in batch:
                if not done.done():
                    done.set_result(None) if error is None else done.set_exception(error)
        self._writing = None


def _parse(data: bytes) -> dict[str, dict[str, str]]:
    content = fastjson.loads(data)
    if not isinstance(content, dict):
        raise CorruptDataError("not a JSON object")
    try:
        return msgspec.convert(content.get("configTable") or {}, dict[str, dict[str, str]])
    except msgspec.ValidationError as error:
        raise CorruptDataError(str(error)) from None
