"""What the screen of a store shows of files that are damaged."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from rocketmq_ops.store.inspect.check.findings import Finding
from rocketmq_ops.store.inspect.reading.store_files import StoreDirectory
from rocketmq_ops.store.inspect.view.listing import FileRow, list_store
from rocketmq_ops.tui.model.details import store
from rocketmq_ops.tui.model.table import Health


def test_of_a_file_that_is_too_short_the_rest_is_damaged_and_so_is_a_file_that_is_missing(tmp_path: Path) -> None:
    row = FileRow(path="commitlog/0", kind="commitlog", size=3000, used=3000, allocated=3000, begin=0, end=3000)
    assert store.file_line(row, [], 9000, 6000) == "0  " + "█" * 25 + "✗" * 25
    unused = msgspec.structs.replace(row, size=0, used=0)
    assert store.file_line(unused, [], 0, 6000) == "0  " + "·" * 50
    (tmp_path / "commitlog").mkdir()
    for base in (0, 8192, 16384):
        (tmp_path / "commitlog" / f"{base:020d}").write_bytes(bytes(3000 if base == 16384 else 4096))
    (cut, gap) = (
        Finding(id="CL-LENGTH", severity="critical", message="", file=f"commitlog/{16384:020d}", evidence={"expected": 4096}),
        Finding(id="CL-GAP", severity="critical", message="", file=f"commitlog/{4096:020d}", offset=4096, length=4096),
    )  # fmt: skip
    with closing(StoreDirectory(tmp_path)) as opened:
        listing = list_store(opened)
    section = store.map_section(listing, [cut, gap], 4096)
    assert [line[21:].strip() for line in section.lines] == ["█" * 50, "✗" * 50, "·" * 50, "·" * 36 + "✗" * 14]
    assert section.health is Health.CRITICAL


def test_a_file_that_cannot_be_read_to_its_end_has_its_sign_and_stands_first(tmp_path: Path) -> None:
    for folder, names in (("commitlog", (0, 4096)), ("index", (20261121073630805,))):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name:020d}"[-20 if folder == "commitlog" else -17 :]).write_bytes(bytes(4096))
    (tmp_path / "commitlog" / f"{4096:020d}").write_bytes(b"\x00\x00\x01\x00no record" + bytes(4096 - 13))
    with closing(StoreDirectory(tmp_path)) as opened:
        table = store.file_section(list_store(opened)).table
    assert table is not None
    assert [(row.key, row.health) for row in table.rows] == [
        (f"commitlog/{4096:020d}", Health.CRITICAL),
        ("index/20261121073630805", Health.CRITICAL),
        (f"commitlog/{0:020d}", Health.OK),
    ]


def test_files_are_missing_behind_the_last_one_where_queues_lead_to_them(tmp_path: Path) -> None:
    (tmp_path / "commitlog").mkdir()
    (tmp_path / "commitlog" / f"{4096:020d}").write_bytes(bytes(4096))
    with closing(StoreDirectory(tmp_path)) as opened:
        listing = list_store(opened)

    def beyond(first: int, last: int) -> Finding:
        return Finding(id="CQ-BEYOND", severity="critical", message="", offset=first, evidence={"lastOffset": last})

    for findings, missing in (
        ([beyond(8200, 12300)], [8192, 12288]),
        ([beyond(8200, 8300), beyond(8192, 1 << 60)], [8192]),  # a unit that is damaged itself
        ([beyond(5000, 6000)], []),  # the last file has room for them
        ([beyond(1 << 60, 1 << 60)], []),
    ):
        lines = store.map_section(listing, findings, 8192).lines
        assert lines is not None
        assert [line for line in lines if "✗" in line] == [f"{base:020d}  {'✗' * 50}" for base in missing]
