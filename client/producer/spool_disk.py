"""A send spool's file without blocking the loop: one thread does all that is done to it, in the order of the calls."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from rocketmq_ops.client.errors import ClientError
from rocketmq_ops.client.producer.spool_file import SpoolFile
from rocketmq_ops.client.producer.spool_records import Note, Record, SpoolState, reason_of
from rocketmq_ops.common.errors import CorruptDataError, RocketMQError
from rocketmq_ops.common.message import Message

log = logging.getLogger(__name__)

T = TypeVar("T")


class Kept(msgspec.Struct, array_like=True):
    """The payload of a record: the message, the key of its queue, and when it was kept (ms since the epoch)."""

    message: Message
    order_key: str | None
    kept_ms: int


class SpoolDisk:
    """The file of one spool, from `open` to `close`."""

    def __init__(self, folder: str | Path, max_bytes: int) -> None:
        self.folder = Path(folder)
        self._file = SpoolFile(folder, max_bytes)
        self._thread: ThreadPoolExecutor | None = None

    async def open(self) -> None:
        """Read what is there. Raises ClientError, CorruptDataError (`SpoolFile.open`)."""
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="send spool")
        try:
            await self._run(self._file.open)
        except RocketMQError:
            self._thread.shutdown()
            self._thread = None
            raise

    async def close(self) -> None:
        """Let go of the file."""
        if self._thread is not None:
            await self._run(self._file.close)
            self._thread.shutdown()
            self._thread = None

    @property
    def is_open(self) -> bool:
        """Whether the file is held."""
        return self._thread is not None

    def not_open(self) -> ClientError:
        """What is said to a call outside of `open` and `close`."""
        return ClientError(f"the spool {self.folder} is not open", "await open(), or use 'async with'")

    def records(self, *states: SpoolState) -> list[Record]:
        """The records of the file, in their order; of these states alone, if any is given."""
        return [record for record in self._file.records if not states or record.note.state in states]

    async def append(self, kept: Kept, note: Note) -> Record:
        """Keep a message with what was tried already. Raises SpoolFullError, ClientError: then it is not kept."""
        return await self._run(self._file.append, msgspec.msgpack.encode(kept), note)

    async def note(self, records: Sequence[Record], *, durable: bool) -> None:
        """Write the notes of records; `durable` waits for the disk. Raises OSError."""
        await self._run(self._file.note, records, durable=durable)

    async def read(self, records: Sequence[Record]) -> list[Kept | None]:
        """The messages of records; None for one whose bytes are damaged, which is noted, or that is gone."""
        return await self._run(lambda: [self._read(record) for record in records])

    async def forget(self) -> int:
        """Take out what is settled: how many there were. Raises ClientError."""
        return await self._run(self._file.forget)

    def _read(self, record: Record) -> Kept | None:
        if not record.number or record.at < 0:
            return None
        try:
            return msgspec.msgpack.decode(self._file.payload(record), type=Kept)
        except (CorruptDataError, msgspec.MsgspecError) as error:
            if not record.note.settled:
                log.error("%s", error)
                record.note.state, record.note.reason = SpoolState.DAMAGED, reason_of(error)
            return None

    async def _run(self, function: Callable[..., T], *args: Any, **named: Any) -> T:
        if self._thread is None:
            raise self.not_open()
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: function(*args, **named))
