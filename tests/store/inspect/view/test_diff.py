"""Two stores message by message: every kind of difference, made on purpose."""

from __future__ import annotations

import shutil
import struct
import zlib
from pathlib import Path

import pytest

from rocketmq_ops.common.errors import RocketMQError
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.rebuild import rebuild
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.view.diff import PLACEMENT, Difference, StoreDiff, beyond_units, is_salvaged
from tests.golden_data import STORES, unpack_store
from tests.store.inspect.views import dumped, fill, flip, message


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("a"), [message(n) for n in range(400)])


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "b"))


def compare(a: Path, b: Path, **options: object) -> tuple[StoreDiff, list[Difference]]:
    diff = StoreDiff(StoreDirectory(a), StoreDirectory(b), **options)  # type: ignore[arg-type]
    return diff, list(diff.differences())


@pytest.mark.parametrize("name", STORES)
def test_a_store_equals_its_copy(name: str, tmp_path: Path) -> None:
    a, b = unpack_store(name, tmp_path / "a"), unpack_store(name, tmp_path / "b")
    diff, found = compare(a, b)
    assert found == []
    assert diff.totals.same
    assert diff.totals.equal == diff.totals.compared > 400


def place(root: Path, queue_id: int, number: int) -> tuple[Path, int, int]:
    """File, position and size of the record of a queue offset."""
    wanted = next(m for m in dumped(root) if m["queueId"] == queue_id and m["queueOffset"] == number)
    offset = wanted["commitLogOffset"]
    path = [f for f in sorted((root / "commitlog").iterdir()) if int(f.name) <= offset][-1]
    return path, offset - int(path.name), wanted["storeSize"]


def test_each_field_that_differs_is_named(original: Path, copy: Path) -> None:
    path, at, _ = place(copy, 2, 7)
    flip(path, at + 19)  # flag
    path, at, _ = place(copy, 3, 9)
    flip(path, at + 47)  # born timestamp
    diff, found = compare(original, copy)
    assert [(d.kind, d.queue_id, d.queue_offset, list(d.fields)) for d in found] == [
        ("different", 2, 7, ["flag"]),
        ("different", 3, 9, ["bornTimestamp"]),
    ]
    assert found[0].fields["flag"] == [0, 1]
    assert (diff.totals.different, diff.totals.equal) == (2, 398)
    _, rest = compare(original, copy, ignore=frozenset({"flag"}))
    assert [d.queue_id for d in rest] == [3]
    _, none = compare(original, copy, queue_id=1)
    assert none == []


def test_a_changed_body_differs_even_when_its_crc_is_right(original: Path, copy: Path) -> None:
    path, at, _ = place(copy, 0, 5)
    flip(path, at + 88)
    length = struct.unpack(">i", path.read_bytes()[at + 84 : at + 88])[0]
    body = path.read_bytes()[at + 88 : at + 88 + length]
    with path.open("r+b") as file:
        file.seek(at + 8)
        file.write(struct.pack(">I", zlib.crc32(body) & 0x7FFFFFFF))
    _, found = compare(original, copy)
    assert [(d.kind, d.queue_offset, sorted(d.fields)) for d in found] == [("different", 5, ["body", "bodyCRC"])]


def test_a_changed_property_is_told_by_name(original: Path, copy: Path) -> None:
    path, at, size = place(copy, 1, 3)
    record = path.read_bytes()[at : at + size]
    flip(path, at + record.index(b"order-") + 1)
    _, found = compare(original, copy)
    assert found[0].fields == {"properties": [{"KEYS": "order-13"}, {"KEYS": "osder-13"}]}


def test_broken_and_missing_records_are_unreadable(original: Path, copy: Path) -> None:
    path, at, _ = place(copy, 0, 1)
    flip(path, at + 88)
    path, at, _ = place(copy, 0, 2)
    flip(path, at + 4)
    diff, found = compare(original, copy)
    assert [(d.kind, d.queue_offset) for d in found] == [("unreadable", 1), ("unreadable", 2)]
    assert all(d.detail.startswith("in B: ") for d in found)
    assert not diff.totals.same


def test_ranges_that_one_side_lacks(original: Path, copy: Path) -> None:
    shutil.rmtree(copy / "consumequeue" / "Orders" / "3")
    first = min((copy / "consumequeue" / "Orders" / "1").iterdir())
    first.unlink()  # 100 units, as after retention
    diff, found = compare(original, copy)
    assert [(d.kind, d.queue_id, d.queue_offset, d.count) for d in found] == [
        ("only-in-a", 1, 0, 100),
        ("only-in-a", 3, 0, 100),
    ]
    assert (diff.totals.only_in_a, diff.totals.equal) == (200, 200)
    _, other_way = compare(copy, original)
    assert [d.kind for d in other_way] == ["only-in-b", "only-in-b"]


def test_the_same_messages_stored_elsewhere(original: Path, tmp_path: Path) -> None:
    later = [message(0, topic="First", body=b"shifts every offset"), *(message(n) for n in range(400))]
    other = fill(tmp_path / "other", later, start_ms=1_795_246_999_000)
    diff, found = compare(original, other, topic="Orders")
    assert diff.totals.different == 400
    assert sorted(found[0].fields) == ["commitLogOffset", "storeTimestamp"]
    diff, found = compare(original, other, topic="Orders", ignore=frozenset(PLACEMENT))
    assert (found, diff.totals.equal) == ([], 400)


def test_a_store_and_its_salvage_differ_by_what_is_missing(original: Path, copy: Path, tmp_path: Path) -> None:
    for number in (10, 11, 40):
        path, at, _ = place(copy, 2, number)
        flip(path, at + 88)
    salvage(StoreDirectory(copy), tmp_path / "saved")
    assert is_salvaged(StoreDirectory(tmp_path / "saved"))
    diff, found = compare(original, tmp_path / "saved", by_place=True)
    assert [(d.kind, d.queue_id, d.queue_offset, d.count) for d in found] == [
        ("only-in-a", 2, 10, 2), ("only-in-a", 2, 40, 1),
    ]  # fmt: skip
    assert (diff.totals.equal, diff.totals.moved, diff.totals.different) == (397, 87, 0)
    diff, found = compare(copy, tmp_path / "saved", by_place=True)
    assert [(d.kind, d.queue_offset, d.count) for d in found] == [("only-in-a", 10, 2), ("only-in-a", 40, 1)]


def test_a_rebuilt_store_is_the_same(original: Path, tmp_path: Path) -> None:
    rebuild(StoreDirectory(original), tmp_path / "rebuilt")
    shutil.copytree(original / "commitlog", tmp_path / "rebuilt" / "commitlog")
    diff, found = compare(original, tmp_path / "rebuilt")
    assert (found, diff.totals.equal) == ([], 400)


def test_what_no_unit_leads_to_is_told(original: Path, copy: Path) -> None:
    assert beyond_units(StoreDirectory(copy)) is None
    last = dumped(copy)[-1]
    queue = sorted((copy / "consumequeue" / "Orders" / str(last["queueId"])).iterdir())
    path = next(f for f in reversed(queue) if any(f.read_bytes()))
    unit = last["queueOffset"] * 20 - int(path.name)
    with path.open("r+b") as file:
        file.seek(unit)
        file.write(bytes(20))
    assert beyond_units(StoreDirectory(copy)) == last["commitLogOffset"]
    shutil.rmtree(copy / "consumequeue")
    assert beyond_units(StoreDirectory(copy)) == 0


def test_an_unknown_field_is_refused(original: Path) -> None:
    with pytest.raises(RocketMQError, match="unknown field 'storeTime'"):
        compare(original, original, ignore=frozenset({"storeTime"}))
