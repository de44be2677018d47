"""Rebuilt consumequeues, index and checkpoint are, byte for byte, what a broker wrote."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions, rebuild
from tests.golden_data import STORES, unpack_store
from tests.store.inspect.damage import Sound, check
from tests.store.store_helpers import Clock, kill, message, open_store

# A killed broker's checkpoint lags behind the log, and so does any of 5.5, by a minute or less.
BEHIND = ("5.3.3-killed", "5.5.0-clean")
OUR_SIZES = RebuildOptions(mapped_file_size_consume_queue=600, max_hash_slot_num=100, max_index_num=400)


def contents(root: Path, *kinds: str) -> dict[str, bytes]:
    paths = [p for kind in kinds for p in sorted((root / kind).rglob("*")) if p.is_file()]
    return {str(p.relative_to(root)): p.read_bytes() for p in paths}


def in_use(files: dict[str, bytes]) -> dict[str, bytes]:
    """Without the empty files that a broker makes ahead."""
    return {name: data for name, data in files.items() if any(data)}


def write_ours(root: Path, count: int = 1000) -> Path:
    clock = Clock()
    store = open_store(root, clock=clock)
    for i in range(count):
        clock.now += 7
        item = message(f"T{i % 3}", i % 2, f"body {i}".encode() * 10, KEYS=f"k{i} l{i % 5}", TAGS=f"tag{i % 4}")
        store.put_message(item)
    kill(store)
    return root


@pytest.mark.parametrize("name", STORES)
def test_what_apache_wrote_is_rebuilt_byte_for_byte(name: str, tmp_path: Path) -> None:
    root = unpack_store(name, tmp_path)
    rebuild(StoreDirectory(root), tmp_path / "new")
    expected = in_use(contents(root, "consumequeue", "index"))
    assert len(expected) > 20
    assert contents(tmp_path / "new", "consumequeue", "index") == expected
    if name not in BEHIND:
        assert (tmp_path / "new" / "checkpoint").read_bytes()[:24] == (root / "checkpoint").read_bytes()[:24]


def test_tags_are_indexed_as_in_the_store_unless_told_otherwise(tmp_path: Path) -> None:
    root = unpack_store("5.5.0-clean", tmp_path)
    plain = rebuild(StoreDirectory(root), tmp_path / "plain", RebuildOptions(index_tags=False))
    tagged = rebuild(StoreDirectory(root), tmp_path / "tagged")
    assert (plain.index_tags, tagged.index_tags) == (False, True)
    assert tagged.index_entries - plain.index_entries == 371
    shutil.rmtree(root / "index")
    assert not rebuild(StoreDirectory(root), tmp_path / "no-index").index_tags
    for new in ("plain", "tagged"):
        for kind in ("consumequeue", "index", "checkpoint"):
            place = root / kind
            shutil.rmtree(place, ignore_errors=True)
            copy = shutil.copyfile if kind == "checkpoint" else shutil.copytree
            copy(tmp_path / new / kind, place)
        assert check(root).report.counts == {}, new


def test_the_checkpoint_says_where_the_last_record_with_a_unit_begins(tmp_path: Path) -> None:
    root = unpack_store("5.5.0-clean", tmp_path)
    rebuild(StoreDirectory(root), tmp_path / "new")
    last = Sound(root).records()[-1]
    assert int.from_bytes((tmp_path / "new" / "checkpoint").read_bytes()[40:48], "big") == last.offset


def test_what_ours_wrote_is_rebuilt_over_several_files_of_each_kind(tmp_path: Path) -> None:
    root = write_ours(tmp_path / "store")
    files = contents(root, "commitlog", "consumequeue", "index")
    assert all(sum(name.startswith(kind) for name in files) > 2 for kind in ("commitlog", "consumequeue/T0/0", "index"))
    rebuild(StoreDirectory(root), tmp_path / "new", OUR_SIZES)
    assert contents(tmp_path / "new", "consumequeue", "index") == in_use(contents(root, "consumequeue", "index"))


def test_queues_that_do_not_begin_at_0_are_rebuilt_as_a_broker_builds_them(tmp_path: Path) -> None:
    root = write_ours(tmp_path / "store")
    (root / "commitlog" / f"{0:020d}").unlink()
    shutil.rmtree(root / "consumequeue")
    kill(open_store(root))
    rebuild(StoreDirectory(root), tmp_path / "new", OUR_SIZES)
    built = contents(tmp_path / "new", "consumequeue")
    assert built == in_use(contents(root, "consumequeue"))
    assert any(data.startswith(bytes(8) + b"\x7f\xff\xff\xff") for data in built.values())  # filler before the first


@pytest.mark.parametrize("topic", [b"/../../../escaped", b"..", b"a/b", b"\0\0\0", b"\xff\xfe"])
def test_a_damaged_topic_leads_to_no_file(topic: bytes, tmp_path: Path) -> None:
    store = open_store(tmp_path / "store")
    store.put_message(message("T" * len(topic), 0))
    store.put_message(message("Sound", 0))
    kill(store)
    log = tmp_path / "store" / "commitlog" / f"{0:020d}"
    data = log.read_bytes()
    assert data.count(b"T" * len(topic)) >= 1
    log.write_bytes(data.replace(b"T" * len(topic), topic, 1))
    rebuild(StoreDirectory(tmp_path / "store"), tmp_path / "a" / "b" / "new", OUR_SIZES)
    found = sorted(p.relative_to(tmp_path) for p in tmp_path.rglob("*") if p.is_file() and "store" not in p.parts)
    assert [str(p) for p in found] == ["a/b/new/checkpoint", f"a/b/new/consumequeue/Sound/0/{0:020d}"]


def test_nothing_that_exists_is_overwritten_and_the_store_itself_is_refused(tmp_path: Path) -> None:
    root = write_ours(tmp_path / "store", 5)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "something").touch()
    with pytest.raises(RocketMQError, match="not empty"):
        rebuild(StoreDirectory(root), tmp_path / "new")
    with pytest.raises(RocketMQError, match="is inside the store"):
        rebuild(StoreDirectory(root), root / "new")
    assert not (root / "new").exists()


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_ours(tmp_path / "store", 50)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(RocketMQError, match="No space left on device") as caught:
        rebuild(StoreDirectory(root), tmp_path / "new", OUR_SIZES)
    assert "free space" in caught.value.next_step
