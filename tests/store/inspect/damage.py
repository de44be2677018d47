"""Seeded damage for the inspector's tests: how each kind is done to a private copy of a store, and what it must be called.

Every case really changes bytes or files: `flip` and `overwrite` assert it. Expected ids are what `check` must report on top of
what it says of the sound store.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from rocketmq_ops.common.record_layout import Field, fields_of
from rocketmq_ops.store.inspect.check.check_store import CheckOptions, CheckResult, check_store
from rocketmq_ops.store.inspect.predict.prediction import Prediction, PredictOptions, predict
from rocketmq_ops.store.inspect.reading.index_files import slots_of
from rocketmq_ops.store.inspect.reading.scan import Block, walk
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.layout.index import HEADER_SIZE
from tests.store.store_helpers import Clock, message, open_store

Make = Callable[["Sound"], None]
UNIT = 20


class Rec(NamedTuple):
    """One record: where it is, its bytes, and what the tests choose by."""

    file: Path
    position: int
    offset: int
    data: bytes
    topic: str
    queue_id: int
    queue_offset: int
    sys_flag: int

    def field(self, name: str) -> Field:
        return next(f for f in fields_of(self.data) if f.name == name)


class Sound:
    """A private copy of a sound store, about to be damaged."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.log = sorted((root / "commitlog").iterdir())

    def path(self, name: str) -> Path:
        return self.root / name

    def records(self) -> list[Rec]:
        store, found = StoreDirectory(self.root), []
        for block in walk(store.commitlog):
            if not isinstance(block, Block):
                continue
            topics = block.slices(block.topic_at, block.topic_length)
            for i in range(block.count):
                offset, head = int(block.offsets[i]), block.head
                found.append(
                    Rec(block.file.path, offset - block.file.base, offset, block.record(i), topics[i].decode(),
                        int(head["queue_id"][i]), int(head["queue_offset"][i]), int(head["sys_flag"][i]))
                )  # fmt: skip
        store.close()
        return found

    def plain(self, number: int = 5) -> Rec:
        """A message of an ordinary topic with tag and key, not at either end."""
        found = [r for r in self.records() if r.sys_flag == 0 and b"TAGS\x01" in r.data and b"KEYS\x01" in r.data]
        return found[number]

    def last(self) -> Rec:
        return self.records()[-1]

    def queue(self) -> Path:
        """The first consumequeue file of the queue of `plain()`."""
        r = self.plain()
        return self.path(f"consumequeue/{r.topic}/{r.queue_id}/{0:020d}")

    def index(self) -> Path:
        return min(self.path("index").iterdir())


def flip(path: Path, position: int, bit: int = 0) -> None:
    """Flip one bit; the file keeps its time."""
    status = path.stat()
    with open(path, "r+b") as file:
        file.seek(position)
        before = file.read(1)[0]
        file.seek(position)
        file.write(bytes([before ^ (1 << bit)]))
        file.seek(position)
        assert file.read(1)[0] != before
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def overwrite(path: Path, position: int, data: bytes) -> None:
    with open(path, "r+b") as file:
        file.seek(position)
        before = file.read(len(data))
        assert before != data, "the damage changes nothing"
        file.seek(position)
        file.write(data)


def zero(path: Path, position: int, length: int) -> None:
    overwrite(path, position, bytes(length))


def flip_field(name: str, at: int = -1, bit: int = 0, choose: Callable[[Sound], Rec] = Sound.plain) -> Make:
    """Flip a bit of one field of a record; `at` is the byte within the field."""

    def make(s: Sound) -> None:
        record = choose(s)
        field = record.field(name)
        flip(record.file, record.position + field.offset + at % field.length, bit)

    return make


def flip_in_properties(text: bytes, at: int = 0, bit: int = 0) -> Make:
    """Flip a bit `at` bytes behind a text within the properties of a record."""

    def make(s: Sound) -> None:
        record = s.plain()
        properties = record.field("properties")
        found = record.data.index(text, properties.offset)
        flip(record.file, record.position + found + len(text) + at, bit)

    return make


def flip_unit(at: int, bit: int = 0, number: int = 3) -> Make:
    return lambda s: flip(s.queue(), number * UNIT + at, bit)


def flip_index_header(at: int, bit: int = 0) -> Make:
    return lambda s: flip(s.index(), at, bit)


def _index_place(s: Sound) -> tuple[Path, int]:
    """The index file and the position of its first entry."""
    path = s.index()
    slots = slots_of(path.stat().st_size)
    assert slots
    return path, HEADER_SIZE + slots * 4


def flip_index_slot(s: Sound) -> None:
    path, entries = _index_place(s)
    data = path.read_bytes()[HEADER_SIZE:entries]
    used = next(i for i in range(0, len(data), 4) if data[i : i + 4] != bytes(4))
    flip(path, HEADER_SIZE + used + 3)


def flip_index_entry(at: int, bit: int = 0, number: int = 40) -> Make:
    def make(s: Sound) -> None:
        path, entries = _index_place(s)
        flip(path, entries + number * UNIT + at, bit)

    return make


def replace_file(name: str, data: bytes) -> Make:
    def make(s: Sound) -> None:
        path = s.path(name)
        assert path.read_bytes() != data
        path.write_bytes(data)

    return make


def cut_file(name: str, length: int) -> Make:
    def make(s: Sound) -> None:
        assert 0 <= length < s.path(name).stat().st_size
        os.truncate(s.path(name), length)

    return make


def swap(first: Path, second: Path) -> None:
    spare = first.with_name("spare")
    first.rename(spare)
    second.rename(first)
    spare.rename(second)


def swap_log_files(s: Sound) -> None:
    swap(s.log[0], s.log[1])


def resize_log(index: int, by: int) -> Make:
    def make(s: Sound) -> None:
        os.truncate(s.log[index], s.log[index].stat().st_size + by)

    return make


def remove_log(index: int) -> Make:
    return lambda s: s.log[index].unlink()


def remove(*paths: Path) -> None:
    for path in paths:
        path.unlink()


def rename(path: Path, name: str) -> None:
    path.rename(path.with_name(name))


def make_file(path: Path) -> None:
    path.write_bytes(b"x")


def zero_record(s: Sound) -> None:
    record = s.plain()
    zero(record.file, record.position, len(record.data))


def zero_sector(s: Sound) -> None:
    record = s.plain(30)
    zero(record.file, record.position // 512 * 512, 512)


def zero_file_head(s: Sound) -> None:
    zero(s.log[1], 0, 4096)


def zero_tail(s: Sound) -> None:
    """The last records become zeros, as a power cut leaves blocks that were never written."""
    record = s.records()[-3]
    zero(record.file, record.position, 4096)


def tear_last(keep: int) -> Make:
    """All but the first `keep` bytes of the last record are zero."""

    def make(s: Sound) -> None:
        record = s.last()
        zero(record.file, record.position + keep, len(record.data) - keep)

    return make


def damage_blank(s: Sound) -> None:
    """The size of the blank that ends the first commitlog file."""
    ends = [r for r in s.records() if r.file == s.log[0]]
    flip(s.log[0], ends[-1].position + len(ends[-1].data) + 3)


def damage_blank_magic(s: Sound) -> None:
    ends = [r for r in s.records() if r.file == s.log[0]]
    flip(s.log[0], ends[-1].position + len(ends[-1].data) + 5)


def bytes_behind_blank(s: Sound) -> None:
    ends = [r for r in s.records() if r.file == s.log[0]]
    overwrite(s.log[0], ends[-1].position + len(ends[-1].data) + 12, b"left over")


def bytes_behind_end(s: Sound) -> None:
    record = s.last()
    overwrite(record.file, record.position + len(record.data) + 300, b"left over")


def swap_records(s: Sound) -> None:
    """Two neighbours of equal size change places, as when a disk writes two sectors to each other's place."""
    records = s.records()
    a, b = next((x, y) for x, y in pairwise(records) if len(x.data) == len(y.data) and x.file == y.file)
    overwrite(a.file, a.position, b.data)
    overwrite(b.file, b.position, a.data)


def stale_queue(s: Sound) -> None:
    """The queue's newer half was never written."""
    units = s.queue().read_bytes().rstrip(b"\0")
    half = len(units) // UNIT // 2 * UNIT
    zero(s.queue(), half, len(s.queue().read_bytes()) - half)


def zero_units(s: Sound) -> None:
    zero(s.queue(), 3 * UNIT, 4 * UNIT)


def foreign_queue(s: Sound) -> None:
    """The units of another store: the same numbers, other places."""
    data = s.queue().read_bytes()
    units = [struct.unpack_from(">qiq", data, at) for at in range(0, len(data), UNIT)]
    moved = b"".join(struct.pack(">qiq", o + 77 if n else 0, n, t) for o, n, t in units)
    overwrite(s.queue(), 0, moved)


def swap_queues(s: Sound) -> None:
    folder = s.queue().parent.parent
    swap(folder / "0" / f"{0:020d}", folder / "1" / f"{0:020d}")


def remove_queue(s: Sound) -> None:
    shutil.rmtree(s.queue().parent)


def swap_units(s: Sound) -> None:
    data = s.queue().read_bytes()
    overwrite(s.queue(), 3 * UNIT, data[4 * UNIT : 5 * UNIT] + data[3 * UNIT : 4 * UNIT])


def extra_unit(s: Sound) -> None:
    """A unit more than there are messages, pointing into the middle of a record."""
    data = s.queue().read_bytes()
    used = len(data.rstrip(b"\0")) // UNIT * UNIT + UNIT
    overwrite(s.queue(), used, struct.pack(">qiq", s.plain().offset + 13, 200, 7))


def unit_beyond(s: Sound) -> None:
    data = s.queue().read_bytes()
    used = len(data.rstrip(b"\0")) // UNIT * UNIT + UNIT
    overwrite(s.queue(), used, struct.pack(">qiq", s.last().offset + 100_000, 200, 7))


def zero_entries(s: Sound) -> None:
    path, entries = _index_place(s)
    zero(path, entries + 40 * UNIT, 3 * UNIT)


def stale_index(s: Sound) -> None:
    """The file as it was when its first 100 entries were in: header, slots and chains fit, the rest is missing."""
    path, at = _index_place(s)
    data = path.read_bytes()
    slots = (at - HEADER_SIZE) // 4
    last, used = [0] * slots, 0
    entries = [struct.unpack_from(">iqii", data, at + n * UNIT) for n in range(1, 100)]
    for number, entry in enumerate(entries, 1):
        slot = entry[0] % slots
        used += last[slot] == 0
        last[slot] = number
    times = {r.offset: struct.unpack_from(">q", r.data, 56)[0] for r in s.records()}
    end = entries[-1][1]
    header = struct.pack(">qqqqii", *struct.unpack_from(">q", data, 0), times[end], entries[0][1], end, used, 100)
    kept = data[at : at + 100 * UNIT]
    overwrite(path, 0, header + struct.pack(f">{slots}i", *last) + kept + bytes(len(data) - at - len(kept)))


def remove_index(s: Sound) -> None:
    shutil.rmtree(s.path("index"))
    s.path("index").mkdir()


def checkpoint_field(number: int, byte: int = 6) -> Make:
    return lambda s: flip(s.path("checkpoint"), number * 8 + byte, 2)


def checkpoint_future(s: Sound) -> None:
    overwrite(s.path("checkpoint"), 0, struct.pack(">q", 4_000_000_000_000))


def newer_backup(s: Sound) -> None:
    backup = s.path("config/topics.json.bak")
    backup.write_bytes(s.path("config/topics.json").read_bytes().replace(b"GoldTx", b"GoldXt"))
    now = s.path("config/topics.json").stat().st_mtime
    os.utime(backup, (now + 60, now + 60))


def half_config(name: str) -> Make:
    def make(s: Sound) -> None:
        path = s.path(f"config/{name}")
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    return make


def rename_config(s: Sound) -> None:
    s.path("config/topics.json").unlink()


def edit_config(name: str, old: bytes, new: bytes) -> Make:
    def make(s: Sound) -> None:
        path = s.path(f"config/{name}")
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))
        backup = path.with_name(name + ".bak")
        if backup.exists():
            backup.write_bytes(path.read_bytes())

    return make


def add_file(name: str, data: bytes = b"x") -> Make:
    def make(s: Sound) -> None:
        assert not s.path(name).exists()
        s.path(name).write_bytes(data)

    return make


def check(root: Path, **options: object) -> CheckResult:
    """One check with everything closed again."""
    store = StoreDirectory(root)
    try:
        return check_store(store, CheckOptions(**options))  # type: ignore[arg-type]
    finally:
        store.close()


def foretell(root: Path, broker: str, **options: object) -> Prediction:
    """One prediction with everything closed again."""
    store = StoreDirectory(root)
    try:
        return predict(store, broker, PredictOptions(**options))  # type: ignore[arg-type]
    finally:
        store.close()


def write_config(root: Path) -> None:
    """The files of config/ as a broker leaves them: the topics with their queues, no groups, no offsets."""
    topics: dict[str, int] = {}
    for folder in (root / "consumequeue").glob("*/*"):
        topics[folder.parent.name] = max(topics.get(folder.parent.name, 0), int(folder.name) + 1)
    table = {
        name: {"topicName": name, "readQueueNums": n, "writeQueueNums": n, "perm": 6} for name, n in topics.items()
    }
    (root / "config").mkdir(exist_ok=True)
    for name, key, entries in (
        ("topics.json", "topicConfigTable", table), ("subscriptionGroup.json", "subscriptionGroupTable", {}),
        ("consumerOffset.json", "offsetTable", {}), ("delayOffset.json", "offsetTable", {}),
    ):  # fmt: skip
        (root / "config" / name).write_text(json.dumps({"dataVersion": {"counter": 1}, key: entries}))


def write_own_store(root: Path, messages: int = 700) -> None:
    """A store of ours with several small files of each kind: at least four of the commitlog, stopped cleanly."""

    async def write() -> None:
        clock = Clock()
        store = open_store(root, clock=clock)
        store.start()
        for i in range(messages):
            clock.now += 7
            tags = {"TAGS": f"T{i % 3}"} if i % 4 else {}
            store.put_message(
                message(f"Topic{i % 2}", i // 2 % 2, b"body %d " % i * (i % 40 + 1), KEYS=f"key-{i} all", **tags,
                        UNIQ_KEY=f"7F000001{i:024X}")
            )  # fmt: skip
        await store.shutdown()

    asyncio.run(write())
    write_config(root)


def flip_unit_of(root: Path, topic: str) -> None:
    """The last bit of the first unit's tag in queue 0 of a topic."""
    flip(root / "consumequeue" / topic / "0" / f"{0:020d}", 19)
