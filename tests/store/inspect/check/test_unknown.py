"""What newer brokers put into a store: known up to Apache's 5.5, information beyond that, and never called damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rocketmq_ops.store.inspect.check.findings import Severity
from rocketmq_ops.store.inspect.reading import dispatch_columns as columns
from rocketmq_ops.store.inspect.reading.dispatch_columns import DispatchColumns
from rocketmq_ops.store.inspect.reading.index_files import read_entries, read_header, slots_of
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory, StoreFile
from rocketmq_ops.store.inspect.salvage import index_writer
from rocketmq_ops.store.inspect.salvage.rebuild import RebuildOptions, rebuild
from rocketmq_ops.store.inspect.view.record_view import view_at
from tests.golden_data import STORES, unpack_store
from tests.store.inspect import damage as d
from tests.store.inspect.damage import Sound, check

Keys = tuple[list[bytes], Any]


@pytest.fixture
def newest(tmp_path: Path) -> Path:
    return unpack_store("5.5.0-clean", tmp_path)


def with_index(root: Path, keys_of: Callable[..., Keys], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the store an index of other keys."""
    monkeypatch.setattr(index_writer, "block_keys", keys_of)
    rebuild(StoreDirectory(root), root.parent / "rebuilt", RebuildOptions(index_tags=True))
    monkeypatch.undo()
    shutil.rmtree(root / "index")
    shutil.move(root.parent / "rebuilt" / "index", root / "index")


@pytest.mark.parametrize("name", ["topologyCheckpoint", "shards/", "config/brokerLabels.json", "config/v3/"])
def test_files_and_folders_that_are_not_known(newest: Path, name: str) -> None:
    path = newest / name
    if name.endswith("/"):
        path.mkdir()
    else:
        path.write_bytes(b"{}")
    report = check(newest).report
    assert report.counts == {"ST-UNKNOWN": 1}
    assert report.findings[0].file == name.rstrip("/")
    assert report.worst is Severity.INFO


def test_fields_of_configuration_files_that_are_not_known(newest: Path) -> None:
    path = newest / "config" / "consumerOffset.json"
    path.write_bytes(path.read_bytes().replace(b'"offsetTable"', b'"epochTable":{},"offsetTable"', 1))
    report = check(newest).report
    assert (report.counts, report.worst) == ({"ST-UNKNOWN": 1}, Severity.INFO)
    assert report.findings[0].evidence == {"fields": ["epochTable"]}


def test_a_field_of_the_checkpoint_that_is_not_known(newest: Path) -> None:
    d.overwrite(newest / "checkpoint", 48, (382376).to_bytes(8, "big"))
    report = check(newest).report
    assert (report.counts, report.worst) == ({"CP-TRAILING": 1}, Severity.INFO)


@pytest.mark.parametrize("wrong", [382376, 381900, 1 << 40, -1])
def test_the_sixth_field_of_the_checkpoint_is_where_a_record_begins(newest: Path, wrong: int) -> None:
    last = Sound(newest).records()[-1]
    d.overwrite(newest / "checkpoint", 40, last.offset.to_bytes(8, "big"))
    assert check(newest).report.counts == {}
    d.overwrite(newest / "checkpoint", 40, wrong.to_bytes(8, "big", signed=True))
    report = check(newest).report
    assert report.counts == {"CP-VALUE": 1}
    assert report.findings[0].evidence["field"] == "logicsPhysicalOffset"


def test_bits_of_sys_flag_that_are_not_known(newest: Path) -> None:
    d.flip_field("sysFlag", 1, 2)(Sound(newest))
    report = check(newest).report
    assert (report.counts, report.worst) == ({"CL-BITS": 1}, Severity.INFO)


@pytest.mark.parametrize("name", STORES)
def test_index_entries_of_a_kind_that_is_not_known(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpack_store(name, tmp_path)
    monkeypatch.setattr(columns, "_TAG_KIND", b"R#")
    with_index(root, columns.block_keys, monkeypatch)
    report = check(root).report
    report.counts.pop("AB-PRESENT", None)
    assert (report.counts, report.worst) == ({"IX-UNKNOWN": 1}, Severity.INFO)
    assert report.findings[0].evidence["entries"] > 300


def test_a_store_that_was_upgraded_on_the_way(newest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker that wrote the first records put no tags."""

    def later(dispatch: DispatchColumns, *, tags: bool) -> Keys:
        half = len(dispatch.tags) // 2
        dispatch.tags[:half] = [None] * half
        return columns.block_keys(dispatch, tags=tags)

    with_index(newest, later, monkeypatch)
    assert check(newest).report.counts == {}


def test_keys_that_recovery_has_put_twice(newest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apache's broker does so with those of the last record that was indexed before a crash."""

    def twice(dispatch: DispatchColumns, *, tags: bool) -> Keys:
        keys, rows = columns.block_keys(dispatch, tags=tags)
        last = np.flatnonzero(rows == 50)
        if not len(last):
            return keys, rows
        at = int(last[-1]) + 1
        again = [keys[i] for i in last.tolist()]
        return keys[:at] + again + keys[at:], np.insert(rows, at, [50] * len(again))

    with_index(newest, twice, monkeypatch)
    report = check(newest).report
    assert report.counts == {}
    assert report.facts["entriesPutTwice"] >= 2


def test_a_record_is_shown_with_the_entry_for_its_tags_where_there_is_one(newest: Path, tmp_path: Path) -> None:
    old = unpack_store("5.3.3-clean", tmp_path / "old")
    shown = {}
    for root in (newest, old):
        record = next(r for r in Sound(root).records() if r.topic == "GoldOrders" and b"TAGS\1TagB\2" in r.data)
        shown[root] = {view.key: view.state for view in view_at(StoreDirectory(root), record.offset).index}
    assert shown[newest].pop("GoldOrders#T#TagB") == "ok"
    assert set(shown[newest].values()) == set(shown[old].values()) == {"ok"}
    assert not any("#T#" in key for key in shown[old])


@pytest.mark.parametrize("field", [0, 4])
def test_a_damaged_entry_of_tags_is_named(newest: Path, field: int) -> None:
    """Hash (at 0) or commitlog offset (at 4) of the entry for the tags of a record."""
    file = StoreFile(next((newest / "index").iterdir()))
    header, slots = read_header(file), slots_of(file.size)
    assert header and slots
    tags = set(read_entries(file, slots, 1, header.count)["hash"].tolist())
    kind = int(columns.index_hashes([b"GoldOrders#T#TagB"])[0])
    assert kind in tags
    hashes = read_entries(file, slots, 1, header.count - 1)["hash"].tolist()
    number = [i for i, h in enumerate(hashes, 1) if h == kind][10]
    d.flip(file.path, 40 + 4 * slots + 20 * number + field + 3, 4)
    assert check(newest).report.counts["IX-ENTRY"] == 1


@pytest.mark.parametrize("name", [b"KEYS", b"TAGS", b"UNIQ_KEY"])
def test_an_entry_that_a_misnamed_property_explains_is_damage(newest: Path, name: bytes) -> None:
    record = next(r for r in Sound(newest).records() if name + b"\1" in r.data and r.topic == "GoldOrders")
    at = record.position + record.data.index(name + b"\1")
    d.flip(record.file, at, 2)
    counts = check(newest).report.counts
    assert "IX-ORPHAN" in counts and "IX-UNKNOWN" not in counts


def test_queues_in_a_database(newest: Path) -> None:
    """As with storeType=defaultRocksDB: they are not read, and not missed."""
    shutil.rmtree(newest / "consumequeue")
    (newest / "consumequeue").mkdir()
    (newest / "consumequeue" / "CURRENT").write_bytes(b"MANIFEST-000005\n")
    report = check(newest).report
    assert (report.counts, report.worst) == ({"CQ-ROCKSDB": 1}, Severity.INFO)
