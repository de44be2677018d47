"""Batch consumequeues of Apache's 5.x are no damage, their damage is found, and salvage keeps their queue offsets."""

from __future__ import annotations

import json
import shutil
import struct
from itertools import pairwise
from pathlib import Path

import pytest

from rocketmq_ops.store.inspect.reading.batch_queues import UNIT_SIZE, batch_bounds, batch_topics
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.salvage.salvage_store import salvage
from rocketmq_ops.store.inspect.salvage.verify import verify
from rocketmq_ops.store.inspect.view.record_view import view_at
from tests.store.inspect import damage as d
from tests.store.inspect.batch_store import BATCHES, SIZE, base_of, write_batch_store
from tests.store.inspect.damage import Sound, check, foretell

UNITS = f"batchconsumequeue/B/0/{0:020d}"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("batch") / "store"
    write_batch_store(root)
    return root


@pytest.fixture
def root(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "store"))


def units(root: Path) -> list[tuple[int, ...]]:
    data = (root / UNITS).read_bytes()
    found = [struct.unpack_from(">qiqqqhii", data, at) for at in range(0, BATCHES * UNIT_SIZE, UNIT_SIZE)]
    return [unit for unit in found if unit[1]]


def test_nothing_is_found_on_a_sound_one(root: Path) -> None:
    assert check(root).report.counts == {}
    assert check(root).report.facts["records"] == 2 * BATCHES


def test_units_are_those_of_a_broker(root: Path) -> None:
    """Offset, size, tag hash, store time, first queue offset, messages, -1 and 0."""
    records = [r for r in Sound(root).records() if r.topic == "B"]
    assert units(root) == [
        (r.offset, len(r.data), 65, int.from_bytes(r.data[56:64], "big"), base_of(i), 1 if i % 3 == 2 else SIZE, -1, 0)
        for i, r in enumerate(records)
    ]
    assert (root / UNITS).stat().st_size == 300_000 * 46
    store = StoreDirectory(root)
    assert batch_topics(store) == {"B"}
    assert batch_bounds(store.batch_queues["B", 0]) == (0, base_of(BATCHES))
    store.close()


@pytest.mark.parametrize(
    ("at", "kind"),
    [(7, "CQ-MISSING"), (11, "CQ-SIZE"), (19, "CQ-TAG"), (35, "CQ-OFFSET")],
)
def test_a_damaged_unit(root: Path, at: int, kind: str) -> None:
    d.flip(root / UNITS, 4 * UNIT_SIZE + at)
    assert kind in check(root).report.counts


def test_units_that_were_not_written(root: Path) -> None:
    d.zero(root / UNITS, 30 * UNIT_SIZE, 10 * UNIT_SIZE)
    assert check(root).report.counts == {"CQ-BEHIND": 1}


def test_a_record_is_shown_with_its_batch_unit(root: Path) -> None:
    record = [r for r in Sound(root).records() if r.topic == "B"][4]
    store = StoreDirectory(root)
    unit = view_at(store, record.offset).unit
    store.close()
    assert (unit.file, unit.position, unit.state) == (UNITS, 4 * UNIT_SIZE, "ok")
    assert unit.found is not None
    assert (unit.found["queueOffset"], unit.found["messages"]) == (base_of(4), SIZE)


def test_a_file_of_the_wrong_length_is_found_by_the_files_of_other_queues(root: Path) -> None:
    for queue in ("1", "2"):
        shutil.copytree(root / "batchconsumequeue" / "B" / "0", root / "batchconsumequeue" / "B" / queue)
    file = root / "batchconsumequeue" / "B" / "2" / f"{0:020d}"
    with file.open("r+b") as opened:
        opened.truncate(100 * UNIT_SIZE)
    (found,) = [f for f in check(root).report.findings if f.id == "CQ-LENGTH"]
    assert found.file == f"batchconsumequeue/B/2/{0:020d}"
    assert [foretell(root, broker).starts for broker in ("5.5", "5.3", "4.9")] == [False, False, True]


def test_a_folder_that_is_gone(root: Path) -> None:
    shutil.rmtree(root / "batchconsumequeue")
    assert "CQ-NO-QUEUE" in check(root).report.counts


def test_positions_in_a_batch_queue(root: Path) -> None:
    path = root / "config" / "consumerOffset.json"
    path.write_text(json.dumps({"offsetTable": {"B@G": {"0": base_of(BATCHES)}}}))
    assert set(check(root).report.counts) == {"OF-GROUP"}
    path.write_text(json.dumps({"offsetTable": {"B@G": {"0": base_of(BATCHES) + 1}}}))
    assert set(check(root).report.counts) == {"OF-GROUP", "OF-BEYOND"}


def test_queues_of_the_other_type_end_the_start(root: Path) -> None:
    shutil.move(root / "batchconsumequeue" / "B", root / "consumequeue" / "B")
    assert check(root).report.counts["CQ-TYPE"] == 1
    assert not foretell(root, "5.3").starts


def test_predictions(root: Path) -> None:
    assert foretell(root, "5.3").lost == 0
    assert [foretell(root, broker).lost for broker in ("4.9", "ours")] == [base_of(BATCHES)] * 2
    last = Sound(root).last()
    assert last.topic == "B"
    d.zero(last.file, last.position, len(last.data))
    prediction = foretell(root, "5.3")
    queue = next(q for q in prediction.queues if q.topic == "B")
    assert (queue.max_offset, prediction.lost) == (base_of(BATCHES - 1), base_of(BATCHES) - base_of(BATCHES - 1))


@pytest.mark.parametrize("broker", ["5.5", "5.3"])
def test_messages_before_the_log_are_lost_to_the_group_that_was_due(tmp_path: Path, broker: str) -> None:
    root = tmp_path / "store"
    write_batch_store(root, mappedFileSizeCommitLog=1 << 13)
    path, first = root / "config" / "consumerOffset.json", int(Sound(root).log[1].name)
    before = sum(1 for r in Sound(root).records() if r.offset < first and r.topic == "B")
    assert before > 5
    d.remove_log(0)(Sound(root))
    for offset, lost in ((base_of(2), base_of(before) - base_of(2)), (base_of(BATCHES), 0)):
        path.write_text(json.dumps({"offsetTable": {"B@G": {"0": offset}}}))
        assert foretell(root, broker).lost == lost
        severity = "critical" if lost else "warning"
        assert {f.severity for f in check(root).report.findings if f.id == "CL-FIRST"} == {severity}


def test_salvage_keeps_the_queue_offsets(root: Path, tmp_path: Path) -> None:
    path = root / "config" / "consumerOffset.json"
    path.write_text(json.dumps({"offsetTable": {"B@G": {"0": base_of(20)}}}))
    store, target = StoreDirectory(root), tmp_path / "target"
    result = salvage(store, target)
    store.close()
    assert (result.kept, result.changed, result.dropped, result.doubtful) == (2 * BATCHES, 0, 0, {})
    assert (target / UNITS).read_bytes() == (root / UNITS).read_bytes()
    assert not (target / "consumequeue" / "B").exists()
    assert json.loads((target / "config" / "consumerOffset.json").read_text())["offsetTable"] == {
        "B@G": {"0": base_of(20)}
    }
    assert verify(target, root).ok


def test_salvage_around_a_lost_batch(root: Path, tmp_path: Path) -> None:
    """The batches behind keep their queue offsets; the unit before the hole reaches up to them."""
    lost = [r for r in Sound(root).records() if r.topic == "B"][10]
    d.flip(lost.file, lost.position + lost.field("body").offset + 3)
    store, target = StoreDirectory(root), tmp_path / "target"
    salvage(store, target)
    store.close()
    kept = units(target)
    assert [unit[4] for unit in kept] == [base_of(i) for i in range(BATCHES) if i != 10]
    assert all(a[4] + a[5] == b[4] for a, b in pairwise(kept))
    assert verify(target, root).ok
