"""Helpers for tests that look into stores: golden stores, small stores of our own, and lines of a dump."""

from __future__ import annotations

import asyncio
import json
import struct
from pathlib import Path
from typing import Any

from rocketmq_ops.common.message import properties_to_string
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.inspect.reading.blocks import Broken
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.reading.selector import Selector
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.message_lines import MessageLines
from rocketmq_ops.store.message_store import MessageStore
from tests.store.inspect.damage import write_config

BORN = bytes([127, 0, 0, 1, 0, 0, 0x80, 0])
SMALL = {
    "mappedFileSizeCommitLog": 65536,
    "mappedFileSizeConsumeQueue": 2000,
    "maxHashSlotNum": 50,
    "maxIndexNum": 200,
    "maxMessageSize": 16384,
}


def message(
    number: int, *, topic: str = "Orders", queue_id: int | None = None, body: bytes | None = None, **properties: str
) -> InnerMessage:
    """A message with a key, a unique key and a tag."""
    all_properties = {"KEYS": f"order-{number}", "UNIQ_KEY": f"{number:032X}", "TAGS": f"Tag{number % 3}", **properties}
    encoded = properties_to_string(all_properties).encode()
    body = f"body {number}".encode() if body is None else body
    queue = number % 4 if queue_id is None else queue_id
    return InnerMessage(topic, queue, body, all_properties, encoded, BORN, 1_795_246_864_178 + number)


def fill(
    root: Path, messages: list[InnerMessage], *, clock_step_ms: int = 100, start_ms: int = 1_795_246_864_178
) -> Path:
    """A store of our own with these messages, stopped cleanly; each is stored `clock_step_ms` after the one before."""
    now = [start_ms]

    def clock() -> int:
        return now[0]

    async def run() -> None:
        config = MessageStoreConfig(storePathRootDir=str(root), **SMALL)
        store = MessageStore(config, store_host=("127.0.0.1", 10911), clock=clock)
        store.load()
        store.start()
        for one in messages:
            now[0] += clock_step_ms
            assert store.put_message(one).status == 0
        await store.shutdown()

    asyncio.run(run())
    write_config(root)
    return root


def dumped(root: Path, selection: Selection | None = None, **options: Any) -> list[dict[str, Any]]:
    """What a dump gives, as dicts. Options are those of Selector and MessageLines."""
    broken: list[Broken] = options.pop("broken", [])
    notes: list[str] = options.pop("notes", [])
    maker = {name: options.pop(name) for name in ("body", "as_stored", "keep_flags") if name in options}
    lines = MessageLines(**maker, on_broken=broken.append)
    store = StoreDirectory(root)
    selector = Selector(store, selection or Selection(), on_broken=broken.append, note=notes.append, **options)
    try:
        return [json.loads(line) for block, rows in selector.found() for line in lines.lines(block, rows)]
    finally:
        store.close()


def flip(path: Path, position: int, mask: int = 0x01) -> None:
    """Flip bits of one byte of a file."""
    with path.open("r+b") as file:
        file.seek(position)
        byte = file.read(1)[0]
        file.seek(position)
        file.write(struct.pack("B", byte ^ mask))
