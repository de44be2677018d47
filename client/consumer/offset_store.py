"""Where a consumer's offsets are kept: on the broker for clustering, in a local file for broadcasting.

Mirrors RemoteBrokerOffsetStore and LocalFileOffsetStore. Offsets are in messages: the next one to consume.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Protocol

from rocketmq_ops.client import queue_api
from rocketmq_ops.client.consumer.by_broker import broker_by_broker
from rocketmq_ops.client.instance import ClientInstance
from rocketmq_ops.common import fastjson
from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.files import load_with_backup, save_with_backup
from rocketmq_ops.common.message import MessageQueue
from rocketmq_ops.remoting.bodies.offset import ResetOffsetBody

log = logging.getLogger(__name__)

DEFAULT_OFFSET_DIR = "~/.rocketmq_offsets"


class OffsetStore(Protocol):
    """What a consumer needs of either store."""

    table: dict[MessageQueue, int]

    async def load(self) -> None:
        """Read what was saved, where reading is not per queue."""

    async def read(self, queue: MessageQueue) -> int | None:
        """The saved offset of a queue, None when there is none. Raises RemotingError, BrokerError."""

    async def persist(self, queues: Iterable[MessageQueue], kept: Iterable[MessageQueue] = ()) -> None:
        """Save the offsets of these queues; those of others are forgotten, but for `kept`."""


def offset_store(instance: ClientInstance, group: str, *, broadcasting: bool, directory: str) -> OffsetStore:
    """The store of a group, by how it consumes; `directory` is for broadcasting."""
    if broadcasting:
        return LocalFileOffsetStore(directory, instance.client_id, group)
    return RemoteBrokerOffsetStore(instance, group)


def update(table: dict[MessageQueue, int], queue: MessageQueue, offset: int, *, increase_only: bool) -> None:
    """Set an offset; with `increase_only` never backwards."""
    if not increase_only or offset > table.get(queue, -1):
        table[queue] = offset


async def save_at_end(group: str, save: Callable[[], Awaitable[None]]) -> None:
    """Save a consumer's offsets at its end, which goes on when they cannot be saved, as on a full disk."""
    try:
        await save()
    except RocketMQError as error:
        log.error("the offsets of group %s are not saved: %s; %s", group, error, error.next_step)


class RemoteBrokerOffsetStore:
    """Offsets of a clustering group: the brokers hold them for whoever gets the queue next."""

    def __init__(self, instance: ClientInstance, group: str) -> None:
        self.table: dict[MessageQueue, int] = {}
        self._instance = instance
        self._group = group

    async def load(self) -> None:
        """Nothing to read ahead."""

    async def read(self, queue: MessageQueue) -> int | None:
        """Ask the broker."""
        offset = await queue_api.consumer_offset(self._instance, self._group, queue)
        if offset is not None:
            self.table[queue] = offset
        return offset

    async def persist(self, queues: Iterable[MessageQueue], kept: Iterable[MessageQueue] = ()) -> None:
        """Send them to the brokers, without waiting for answers; what cannot be sent is sent the next time."""
        wanted = set(queues)
        offsets = dict(self.table)
        for queue in offsets.keys() - wanted.union(kept):
            self.table.pop(queue, None)

        def failed(queue: MessageQueue, error: RocketMQError) -> None:
            log.warning("saving offset %d of %s for %s failed: %s", offsets[queue], queue, self._group, error)

        save = partial(queue_api.update_consumer_offset, self._instance, self._group)
        await broker_by_broker(
            [(queue, partial(save, queue, offset)) for queue, offset in offsets.items() if queue in wanted], failed
        )


class LocalFileOffsetStore:
    """Offsets of a broadcasting client, in Apache's file `<dir>/<client id>/<group>/offsets.json`."""

    def __init__(self, directory: str, client_id: str, group: str) -> None:
        self.table: dict[MessageQueue, int] = {}
        self.path = str(Path(directory).expanduser() / client_id / group / "offsets.json")
        #: Held while the file is written: a stop saves too, perhaps while the periodic saving is at it.
        self._saving = threading.Lock()

    async def load(self) -> None:
        """Read the file, or its backup. Raises CorruptDataError when neither can be used."""
        saved = await asyncio.to_thread(load_with_backup, self.path, ResetOffsetBody.decode)
        if saved is not None:
            self.table = dict(saved.offset_table)

    async def read(self, queue: MessageQueue) -> int | None:
        """What the file held, or what was consumed since."""
        return self.table.get(queue)

    async def persist(self, queues: Iterable[MessageQueue], kept: Iterable[MessageQueue] = ()) -> None:
        """Replace the file; offsets of queues that are not consumed now stay in it."""
        if not self.table:
            return
        await asyncio.to_thread(self._save)

    def _save(self) -> None:
        with self._saving:
            save_with_backup(self.path, fastjson.dumps({"offsetTable": dict(self.table)}, pretty=True))
