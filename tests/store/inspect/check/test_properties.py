"""What `check` promises for any damage: a torn tail at every byte is found, any single corrupted byte is found or declared
undetectable, and whatever the bytes, nothing but RocketMQError comes out."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.common.record_layout import fields_of
from rocketmq_ops.common.sysflag import COMPRESSED_FLAG, TRANSACTION_COMMIT_TYPE, TRANSACTION_MASK
from rocketmq_ops.store.inspect.check.catalogue import UNDETECTABLE
from rocketmq_ops.store.inspect.reading.index_files import read_header, slots_of
from rocketmq_ops.store.inspect.reading.store_files import StoreFile
from rocketmq_ops.store.layout.index import HEADER_SIZE
from tests.golden_data import unpack_store
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Rec, Sound, check

QUICK = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    return Sound(unpack_store("5.3.3-clean", tmp_path_factory.mktemp("any")))


@contextmanager
def patched(path: Path, position: int, data: bytes) -> Iterator[None]:
    """Other bytes for a while; the file's time stays."""
    times = path.stat()
    with open(path, "r+b") as file:
        file.seek(position)
        before = file.read(len(data))
        file.seek(position)
        file.write(data)
    try:
        yield
    finally:
        with open(path, "r+b") as file:
            file.seek(position)
            file.write(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


def test_a_torn_tail_is_found_at_every_byte(sound: Sound) -> None:
    record = sound.last()
    assert record.data[-1] != 0
    for keep in range(len(record.data)):
        kept = record.data[:keep]
        with patched(record.file, record.position, kept.ljust(len(record.data), b"\0")):
            counts = check(sound.root).report.counts
        # With nothing but zeros left, only the queue and the index know that there was a record.
        assert ("CL-TORN" if any(kept) else "CQ-BEYOND") in counts, keep


class Place(NamedTuple):
    path: Path
    position: int
    field: str
    record: Rec | None


class Places:
    """Every byte in use: of records, blanks, units, index headers, slots and entries, and the checkpoint."""

    def __init__(self, sound: Sound) -> None:
        self.records = sound.records()
        self.units = [(p, len(p.read_bytes().rstrip(b"\0"))) for p in sound.path("consumequeue").glob("*/*/*")]
        self.units = [(path, used) for path, used in self.units if used]
        self.index = sound.index()
        slots, header = slots_of(self.index.stat().st_size), read_header(StoreFile(self.index))
        assert slots and header
        self.index_used = HEADER_SIZE + 4 * slots + 20 * header.count
        self.checkpoint = sound.path("checkpoint")
        first = [r for r in self.records if r.file == sound.log[0]][-1]
        self.blank = (first.file, first.position + len(first.data))

    def draw(self, data: st.DataObject) -> Place:
        kind = data.draw(st.sampled_from(["record"] * 6 + ["unit", "index", "header", "checkpoint", "blank"]))
        if kind == "record":
            record = data.draw(st.sampled_from(self.records))
            field = data.draw(st.sampled_from([f for f in fields_of(record.data) if f.length]))
            at = data.draw(st.integers(0, field.length - 1))
            return Place(record.file, record.position + field.offset + at, field.name, record)
        if kind == "unit":
            path, used = data.draw(st.sampled_from(self.units))
            return Place(path, data.draw(st.integers(0, used - 1)), kind, None)
        if kind == "blank":
            return Place(self.blank[0], self.blank[1] + data.draw(st.integers(0, 7)), kind, None)
        if kind == "checkpoint":
            return Place(self.checkpoint, data.draw(st.integers(0, 47) | st.integers(0, 4095)), kind, None)
        end = HEADER_SIZE if kind == "header" else self.index_used
        return Place(self.index, data.draw(st.integers(0, end - 1)), kind, None)


# Field -> the beginning of the entry of UNDETECTABLE that covers it, and whether it does for this place.
ALLOWED: dict[str, tuple[str, Callable[[Place, list[Rec]], bool]]] = {
    "flag": ("flag:", lambda p, all_: True),
    "bornTimestamp": ("bornTimestamp:", lambda p, all_: True),
    "bornHost": ("bornHost:", lambda p, all_: True),
    "storeHost": ("storeHost of the first and last", lambda p, all_: p.record in (all_[0], all_[-1])),
    "storeTimestamp": ("storeTimestamp:", lambda p, all_: True),
    "reconsumeTimes": (
        "reconsumeTimes",
        lambda p, all_: (
            p.record is not None
            and p.record.topic.startswith(("%RETRY%", "%DLQ%", "SCHEDULE_TOPIC", "RMQ_SYS_TRANS_HALF"))
        ),
    ),
    "preparedTransactionOffset": (
        "preparedTransactionOffset",
        lambda p, all_: p.record is not None and p.record.sys_flag & TRANSACTION_MASK == TRANSACTION_COMMIT_TYPE,
    ),
    "sysFlag": (
        "sysFlag's compressed bit",
        lambda p, all_: p.record is not None and p.record.sys_flag & 0x701 == COMPRESSED_FLAG,
    ),
    "properties": ("properties other than", lambda p, all_: not _in_checked_property(p)),
    "checkpoint": ("checkpoint", lambda p, all_: p.position < 48),
}


def _in_checked_property(place: Place) -> bool:
    """True within the values that consumequeue and index bear out."""
    assert place.record is not None
    field = place.record.field("properties")
    text = place.record.data[field.offset :]
    at = place.position - place.record.position - field.offset
    name, _, _ = text[text.rfind(b"\2", 0, at) + 1 :].partition(b"\1")
    return name in (b"TAGS", b"KEYS", b"UNIQ_KEY")


@QUICK
@given(data=st.data())
def test_any_corrupted_byte_is_found_or_declared_undetectable(sound: Sound, data: st.DataObject) -> None:
    places = _places(sound)
    place = places.draw(data)
    before = place.path.read_bytes()[place.position]
    after = before ^ data.draw(st.sampled_from([1 << bit for bit in range(8)]) | st.integers(1, 255))
    assert after != before
    with patched(place.path, place.position, bytes([after])):
        counts = check(sound.root).report.counts
    if not counts:
        assert place.field in ALLOWED, place
        reason, covered = ALLOWED[place.field]
        assert any(text.startswith(reason) for text in UNDETECTABLE), reason
        assert covered(place, places.records), place


_cache: dict[Path, Places] = {}


def _places(sound: Sound) -> Places:
    return _cache.setdefault(sound.root, Places(sound))


def test_a_sound_store_has_nothing_to_find(sound: Sound) -> None:
    assert check(sound.root).report.counts == {}


@pytest.mark.parametrize("seed", range(40))
def test_no_bytes_make_it_fail(sound: Sound, tmp_path: Path, seed: int) -> None:
    """Random bytes, cuts, extensions and zeros all over a store: there is a report, or a RocketMQError."""
    import shutil

    chance = random.Random(seed)
    root = tmp_path / "store"
    shutil.copytree(sound.root, root)
    files = [p for p in root.rglob("*") if p.is_file()]
    some = chance.sample(files, chance.randint(1, len(files) // 2))
    for path in [*some, root / "checkpoint", *Sound(root).log]:
        size = path.stat().st_size
        for _ in range(chance.choice([1, 1, 4, 40])):
            length = chance.choice([1, 2, 4, 8, 100, 5000])
            position = chance.randrange(max(size, 1))
            value = chance.choice([chance.randbytes(length), bytes(length), b"\xff" * length, b"\x7f" * length])
            with open(path, "r+b") as file:
                file.seek(position)
                file.write(value[: max(size - position, 0)])
        if chance.random() < 0.2:
            os.truncate(path, chance.choice([0, size // 2, max(size - 1, 0), size + 1, size + 4096]))
    try:
        result = check(root)
    except RocketMQError:
        return
    assert result.report.counts
    assert len(result.report.findings) <= 100 * len(result.report.counts)


def test_only_directories_and_links(tmp_path: Path) -> None:
    """Names of files that are directories or dead links are no reason to fail."""
    root = tmp_path / "store"
    for name in (f"commitlog/{0:020d}", f"consumequeue/T/0/{0:020d}", "index/20240101000000000", "config/topics.json",
                 "checkpoint", "abort"):  # fmt: skip
        (root / name).mkdir(parents=True)
    (root / "commitlog" / f"{65536:020d}").symlink_to(tmp_path / "nowhere")
    (root / "index" / "20240101000000001").symlink_to(tmp_path / "nowhere")
    assert {"CL-STRANGER", "IX-STRANGER"} <= set(check(root).report.counts)


def test_damage_helpers_refuse_to_do_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10))
    with pytest.raises(AssertionError):
        d.zero(path, 0, 4)
