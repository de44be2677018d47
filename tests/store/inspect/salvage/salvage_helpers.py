"""What the tests of salvage share: records of a store by manifest, damage, and what a proof says of a message."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.record_layout import fields_of
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.proof import PROOF_NAME, Changed, Dropped, Kept, Line, read_proof
from rocketmq_ops.store.inspect.salvage.salvage_store import SalvageResult, salvage
from rocketmq_ops.store.message_store import MessageStore
from tests.golden_data import manifest, unpack_store
from tests.store.store_helpers import open_store, read_all

FILE = 262144
GOLDEN_SIZES: dict[str, object] = {
    "mappedFileSizeCommitLog": FILE,
    "mappedFileSizeConsumeQueue": 6000,
    "maxHashSlotNum": 1000,
    "maxIndexNum": 4000,
    "maxMessageSize": 131072,
}


class Place(NamedTuple):
    """A field of a record in the log: commitlog offset of its first byte, and its length."""

    offset: int
    length: int


def log_file(root: Path, offset: int) -> Path:
    return root / "commitlog" / f"{offset - offset % FILE:020d}"


def read_log(root: Path, offset: int, length: int) -> bytes:
    with log_file(root, offset).open("rb") as log:
        log.seek(offset % FILE)
        return log.read(length)


def overwrite(root: Path, offset: int, data: bytes) -> None:
    with log_file(root, offset).open("r+b") as log:
        log.seek(offset % FILE)
        log.write(data)


def flip(root: Path, offset: int, mask: int = 0x10) -> None:
    old = read_log(root, offset, 1)
    overwrite(root, offset, bytes([old[0] ^ mask]))


def field_of(root: Path, message: dict[str, Any], name: str) -> Place:
    record = read_log(root, message["commitLogOffset"], message["storeSize"])
    found = next(f for f in fields_of(record) if f.name == name)
    return Place(message["commitLogOffset"] + found.offset, found.length)


@functools.cache
def orders(name: str = "5.3.3-clean") -> list[dict[str, Any]]:
    """The messages of the store's main topic, in the order of the log."""
    topic = "CrashOrders" if "killed" in name else "GoldOrders"
    return sorted((m for m in manifest(name) if m["topic"] == topic), key=lambda m: int(m["commitLogOffset"]))


def golden(tmp_path: Path, name: str = "5.3.3-clean") -> Path:
    return unpack_store(name, tmp_path / "damaged")


def saved_from(root: Path, target: Path) -> SalvageResult:
    store = StoreDirectory(root)
    try:
        return salvage(store, target)
    finally:
        store.close()


def lines(target: Path) -> list[Line]:
    return list(read_proof(target / PROOF_NAME))


def dropped(target: Path) -> list[Dropped]:
    return [line for line in lines(target) if isinstance(line, Dropped)]


def changed(target: Path) -> dict[int, Changed]:
    return {line.offset: line for line in lines(target) if isinstance(line, Changed)}


def new_place(proof: Iterable[Line], message: dict[str, Any]) -> tuple[str, int, int] | None:
    """Topic, queue and offset of a manifest's message in the new store by the proof; None when it was dropped."""
    offset = message["commitLogOffset"]
    for line in proof:
        if isinstance(line, Kept) and line.offset <= offset < line.offset + line.size:
            shifts = {(s.topic, s.queue_id): s.by for s in line.shifts}
            by = shifts.get((message["topic"], message["queueId"]), 0)
            return message["topic"], message["queueId"], message["queueOffset"] - by
        if isinstance(line, Changed) and line.offset == offset:
            new = {name: values[1] for name, values in line.fields.items()}
            number = new.get("queueOffset", message["queueOffset"])
            assert isinstance(number, int)
            return message["topic"], message["queueId"], number
        if isinstance(line, Dropped) and line.offset <= offset < line.offset + line.size:
            return None
    return None


def open_saved(target: Path) -> MessageStore:
    return open_store(target, **GOLDEN_SIZES)


def served(store: MessageStore) -> dict[tuple[str, int, int], MessageExt]:
    found = {}
    for topic, queue_id in store.queues.names():
        for item in read_all(store, topic, queue_id):
            found[topic, queue_id, item.queue_offset] = item
    return found


def same_message(found: MessageExt, expected: dict[str, Any]) -> bool:
    properties = {k: v for k, v in expected["properties"].items() if k not in ("MIN_OFFSET", "MAX_OFFSET")}
    return (
        found.offset_msg_id == expected["offsetMsgId"]
        and hashlib.sha256(found.body).hexdigest() == expected["bodySha256"]
        and found.properties == properties
        and found.flag == expected["flag"]
        and found.store_timestamp == expected["storeTimestamp"]
    )


def tree(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
