"""What the store's tests share: small stores, messages, and reading a queue back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import decode_messages
from rocketmq_ops.store.config import MessageStoreConfig
from rocketmq_ops.store.files.filesystem import FileSystem
from rocketmq_ops.store.get_result import GetStatus
from rocketmq_ops.store.inner_message import InnerMessage
from rocketmq_ops.store.message_store import MessageStore

HOST = ("127.0.0.2", 10911)
BORN_V4 = bytes([127, 0, 0, 1, 0, 0, 0xC0, 1])
BORN_V6 = bytes(15) + b"\x01" + bytes([0, 0, 0xC0, 1])
LOG_FILE = 64 * 1024
QUEUE_FILE = 600  # 30 units


class Clock:
    """A clock that is moved by hand, ms."""

    def __init__(self, now: int = 1_700_000_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


def small_config(root: Path, **keys: object) -> MessageStoreConfig:
    """Files so small that every store has several of them."""
    settings: dict[str, object] = {
        "storePathRootDir": str(root),
        "mappedFileSizeCommitLog": LOG_FILE,
        "mappedFileSizeConsumeQueue": QUEUE_FILE,
        "maxHashSlotNum": 100,
        "maxIndexNum": 400,
        "maxMessageSize": 32 * 1024,
    }
    return MessageStoreConfig(**{**settings, **keys})  # type: ignore[arg-type]


def open_store(
    root: Path, *, clock: Callable[[], int] | None = None, fs: FileSystem | None = None, **keys: object
) -> MessageStore:
    """A loaded small store; its flush services are not started."""
    store = MessageStore(small_config(root, **keys), store_host=HOST, fs=fs, clock=clock or Clock())
    store.load()
    return store


def kill(store: MessageStore) -> None:
    """Let go of a store as a killed process does: nothing is flushed, `abort` stays."""
    store.close()


def message(topic: str = "T", queue_id: int = 0, body: bytes = b"hello", **properties: str) -> InnerMessage:
    """A message whose keyword arguments are its properties."""
    encoded = "".join(f"{name}\x01{value}\x02" for name, value in properties.items()).encode()
    return InnerMessage(topic, queue_id, body, properties, encoded, BORN_V4, 1_699_999_999_000)


def read_all(store: MessageStore, topic: str = "T", queue_id: int = 0) -> list[MessageExt]:
    """Every message of a queue through get_message."""
    found: list[MessageExt] = []
    offset = store.min_offset(topic, queue_id)
    while True:
        result = store.get_message("group", topic, queue_id, offset, 32)
        if result.status != GetStatus.FOUND:
            return found
        before = len(found)
        for view in result.views:
            found.extend(decode_messages(view))
        assert len(found) - before == result.count
        assert sum(map(len, result.views)) == result.total_size
        offset = result.next_begin_offset
