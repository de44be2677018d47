"""Dumps of Apache's stores against what Apache's client pulled from them; every filter against a filter of the whole
dump."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from rocketmq_ops.common.compression import compress
from rocketmq_ops.common.message import MessageExt
from rocketmq_ops.common.message_codec import encode_record
from rocketmq_ops.common.sysflag import (
    COMPRESSED_FLAG,
    COMPRESSION_LZ4_TYPE,
    COMPRESSION_ZLIB_TYPE,
    COMPRESSION_ZSTD_TYPE,
)
from rocketmq_ops.store.inspect.reading.selection import Selection
from rocketmq_ops.store.inspect.view.message_lines import FIELDS, properties_json
from tests.golden_data import STORES, manifest, unpack_store
from tests.store.inspect.views import dumped, fill, flip, message

ADDED_BY_THE_CLIENT = ("MIN_OFFSET", "MAX_OFFSET")


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """900 messages of two topics over several files of every kind."""
    messages = [message(n, topic="Orders" if n % 5 else "Other") for n in range(900)]
    return fill(tmp_path_factory.mktemp("orders"), messages)


@pytest.fixture(scope="module")
def everything(orders: Path) -> list[dict[str, Any]]:
    return dumped(orders, body="utf-8")


@pytest.mark.parametrize("name", STORES)
def test_a_dump_has_every_message_of_the_manifest_field_by_field(name: str, tmp_path: Path) -> None:
    # Apache's 4.9 client leaves the compressed bit in sysFlag.
    found = dumped(unpack_store(name, tmp_path), keep_flags=name.startswith("4.9"))
    by_place = {(m["topic"], m["queueId"], m["queueOffset"], m["commitLogOffset"]): m for m in found}
    assert len(by_place) == len(found) >= len(manifest(name)) > 400
    for line in manifest(name):
        properties = {k: v for k, v in line["properties"].items() if k not in ADDED_BY_THE_CLIENT}
        expected = {**line, "properties": properties}
        got = by_place[line["topic"], line["queueId"], line["queueOffset"], line["commitLogOffset"]]
        assert got == expected
        assert tuple(got) == FIELDS == tuple(line)


@pytest.mark.parametrize("name", STORES)
def test_a_healthy_store_has_nothing_broken(name: str, tmp_path: Path) -> None:
    broken: list[Any] = []
    dumped(unpack_store(name, tmp_path), broken=broken)
    assert broken == []


def test_every_message_once_in_order(everything: list[dict[str, Any]]) -> None:
    assert [m["body"] for m in everything] == [f"body {n}" for n in range(900)]


def kept(everything: list[dict[str, Any]], wanted: Any) -> list[dict[str, Any]]:
    """The filter done by hand; it must keep something and drop something."""
    result = [m for m in everything if wanted(m)]
    assert 0 < len(result) < len(everything)
    return result


TIMES = (1_795_246_864_178 + 20_050, 1_795_246_864_178 + 70_000)
FILTERS: list[tuple[Selection, Any]] = [
    (Selection(topic="Other"), lambda m: m["topic"] == "Other"),
    (Selection(queue_id=2), lambda m: m["queueId"] == 2),
    (Selection(tag="Tag1"), lambda m: m["properties"]["TAGS"] == "Tag1"),
    (Selection(tag="Tag1 || Tag2"), lambda m: m["properties"]["TAGS"] != "Tag0"),
    (Selection(begin_time=TIMES[0], end_time=TIMES[1]), lambda m: TIMES[0] <= m["storeTimestamp"] <= TIMES[1]),
    (Selection(begin_offset=70_001, end_offset=99_999), lambda m: 70_001 <= m["commitLogOffset"] < 99_999),
    (Selection(begin_queue_offset=50, end_queue_offset=60), lambda m: 50 <= m["queueOffset"] < 60),
    (
        Selection(topic="Orders", queue_id=1, begin_queue_offset=95, end_queue_offset=120),
        lambda m: m["topic"] == "Orders" and m["queueId"] == 1 and 95 <= m["queueOffset"] < 120,
    ),
    (Selection(body=re.compile(rb"^body 1\d5$")), lambda m: re.match(r"^body 1\d5$", m["body"])),
    (Selection(key="order-77"), lambda m: m["properties"]["KEYS"] == "order-77"),
    (Selection(topic="Orders", key="order-899"), lambda m: m["properties"]["KEYS"] == "order-899"),
    (Selection(key=f"{500:032X}"), lambda m: m["msgId"] == f"{500:032X}"),
    (Selection(message_id=f"{501:032X}"), lambda m: m["msgId"] == f"{501:032X}"),
    (
        Selection(topic="Orders", tag="Tag0", queue_id=3, end_time=TIMES[1]),
        lambda m: (
            (m["topic"], m["properties"]["TAGS"], m["queueId"]) == ("Orders", "Tag0", 3)
            and m["storeTimestamp"] <= TIMES[1]
        ),
    ),
]


@pytest.mark.parametrize(("selection", "wanted"), FILTERS, ids=lambda part: None if callable(part) else str(part)[:60])
@pytest.mark.parametrize("use_index", [True, False])
def test_filters(
    orders: Path, everything: list[dict[str, Any]], selection: Selection, wanted: Any, use_index: bool
) -> None:
    notes: list[str] = []
    found = dumped(orders, selection, body="utf-8", use_index=use_index, notes=notes)
    assert found == kept(everything, wanted)
    assert notes == []


def test_by_offset_message_id(orders: Path, everything: list[dict[str, Any]]) -> None:
    wanted = everything[321]
    assert dumped(orders, Selection(message_id=wanted["offsetMsgId"]), body="utf-8") == [wanted]
    assert dumped(orders, Selection(message_id=wanted["offsetMsgId"].lower()), body="utf-8") == [wanted]


def test_nothing_matches(orders: Path) -> None:
    for selection in (
        Selection(topic="Absent"),
        Selection(key="absent"),
        Selection(message_id="7F00000100002A9F0000000000000001"),
    ):
        assert dumped(orders, selection) == []


def test_a_key_is_found_without_reading_the_log(
    orders: Path, everything: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rocketmq_ops.store.inspect.reading.store_files import StoreFile

    read = 0
    original = StoreFile.read

    def counted(self: StoreFile, position: int, length: int) -> bytes:
        nonlocal read
        data = original(self, position, length)
        read += len(data)
        return data

    monkeypatch.setattr(StoreFile, "read", counted)
    assert dumped(orders, Selection(key="order-5"), body="utf-8") == [everything[5]]
    through_index, read = read, 0
    dumped(orders, Selection(key="order-5"), use_index=False)
    assert through_index < read / 2


@pytest.mark.parametrize("where", ["slot", "chain", "header"])
def test_a_key_is_found_in_spite_of_a_damaged_index(
    orders: Path, everything: list[dict[str, Any]], tmp_path: Path, where: str
) -> None:
    import shutil

    root = tmp_path / "store"
    shutil.copytree(orders, root)
    path = sorted((root / "index").iterdir())[-1]
    count = int.from_bytes(path.read_bytes()[36:40], "big")
    key_hash = int.from_bytes(path.read_bytes()[240 + (count - 1) * 20 :][:4], "big")
    if where == "header":
        flip(path, 36, 0x70)
    elif where == "slot":
        flip(path, 40 + key_hash % 50 * 4 + 3, 0xFF)
    else:
        flip(path, 240 + (count - 1) * 20 + 4, 0x7F)  # the offset of the newest entry
    notes: list[str] = []
    last = json.loads(json.dumps(everything[-1]))
    assert dumped(root, Selection(key=last["properties"]["KEYS"]), body="utf-8", notes=notes) == [last]
    assert len(notes) == 1 and "the whole log is read" in notes[0]


@pytest.mark.parametrize("name", STORES)
def test_every_key_of_apaches_stores_is_found_through_their_index(name: str, tmp_path: Path) -> None:
    root = unpack_store(name, tmp_path)
    by_key: dict[str, list[int]] = {}
    for one in dumped(root):
        keys = {*one["properties"].get("KEYS", "").split(), one["properties"].get("UNIQ_KEY", "")} - {""}
        for key in keys:
            by_key.setdefault(key, []).append(one["commitLogOffset"])
    assert len(by_key) > 500
    notes: list[str] = []
    for key in sorted(by_key)[::7]:
        assert [m["commitLogOffset"] for m in dumped(root, Selection(key=key), notes=notes)] == by_key[key]
    assert notes == []


def test_a_clock_that_was_set_back_hides_no_message(tmp_path: Path) -> None:
    root = fill(tmp_path, [message(n) for n in range(900)], clock_step_ms=-100)
    everything = dumped(root)
    assert len(list((root / "commitlog").iterdir())) >= 3
    for number in (0, 450, 899):
        time = everything[number]["storeTimestamp"]
        assert dumped(root, Selection(begin_time=time, end_time=time)) == [everything[number]]


def test_what_the_index_lacks_is_found(orders: Path, everything: list[dict[str, Any]], tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "store"
    shutil.copytree(orders, root)
    for path in sorted((root / "index").iterdir())[1:]:
        path.unlink()
    for number in (3, 400, 899):
        assert dumped(root, Selection(key=f"order-{number}"), body="utf-8") == [everything[number]]


def test_broken_records_are_named_and_passed(orders: Path, everything: list[dict[str, Any]], tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "store"
    shutil.copytree(orders, root)
    first, second, third = everything[10], everything[400], everything[401]
    files = sorted((root / "commitlog").iterdir())

    def at(offset: int) -> tuple[Path, int]:
        return next((f, offset - int(f.name)) for f in reversed(files) if int(f.name) <= offset)

    path, position = at(first["commitLogOffset"])
    flip(path, position + 88)  # body
    path, position = at(second["commitLogOffset"])
    flip(path, position + 4)  # magic
    broken: list[Any] = []
    found = dumped(root, body="utf-8", broken=broken)
    gone = {first["commitLogOffset"], second["commitLogOffset"]}
    assert found == [m for m in everything if m["commitLogOffset"] not in gone]
    assert [(b.offset, b.reason) for b in broken] == [
        (first["commitLogOffset"], "crc"), (second["commitLogOffset"], "no-record"),
    ]  # fmt: skip
    assert broken[1].length == third["commitLogOffset"] - second["commitLogOffset"]
    with_broken = dumped(root, body="utf-8", with_broken=True)
    assert len(with_broken) == len(everything) - 1


def test_a_missing_file_is_named(orders: Path, everything: list[dict[str, Any]], tmp_path: Path) -> None:
    import shutil

    root = tmp_path / "store"
    shutil.copytree(orders, root)
    files = sorted((root / "commitlog").iterdir())
    assert len(files) >= 3
    files[1].unlink()
    low, high = int(files[1].name), int(files[2].name)
    broken: list[Any] = []
    found = dumped(root, body="utf-8", broken=broken)
    assert found == [m for m in everything if not low <= m["commitLogOffset"] < high]
    assert [(b.offset, b.length, b.reason) for b in broken] == [(low, high - low, "missing")]


def one_record(
    root: Path, body: bytes, flags: int, properties: dict[str, str] | None = None, born: str = "127.0.0.1"
) -> Path:
    """A store of a single record, written as Apache lays it out."""
    record = encode_record(
        MessageExt(
            topic="Packed", queue_id=0, queue_offset=0, commit_log_offset=0, store_size=0, body=body, body_crc=0, flag=0,
            sys_flag=flags, born_timestamp=1, born_host=(born, 5), store_timestamp=2, store_host=("127.0.0.1", 6),
            reconsume_times=0, prepared_transaction_offset=0, properties=properties or {}, offset_msg_id="",
        )
    )  # fmt: skip
    (root / "commitlog").mkdir(parents=True)
    (root / "commitlog" / f"{0:020d}").write_bytes(record.ljust(65536, b"\0"))
    return root


@pytest.mark.parametrize("kind", [COMPRESSION_ZLIB_TYPE, COMPRESSION_LZ4_TYPE, COMPRESSION_ZSTD_TYPE])
def test_bodies_are_decompressed(tmp_path: Path, kind: int) -> None:
    plain = b'{"a": [1, 2, 3]}' * 50
    root = one_record(tmp_path, compress(plain, kind), COMPRESSED_FLAG | kind)
    (line,) = dumped(root, body="utf-8")
    assert (line["body"].encode(), line["bodyLength"], line["sysFlag"]) == (plain, len(plain), kind)
    (kept_flags,) = dumped(root, keep_flags=True)
    assert kept_flags["sysFlag"] == kind | COMPRESSED_FLAG
    (stored,) = dumped(root, body="hex", as_stored=True)
    assert bytes.fromhex(stored["body"]) == compress(plain, kind)
    assert stored["sysFlag"] == kind | COMPRESSED_FLAG
    assert dumped(root, Selection(body=re.compile(rb"\[1, 2, 3\]")))


def test_a_body_that_does_not_decompress_is_named(tmp_path: Path) -> None:
    broken: list[Any] = []
    (line,) = dumped(
        one_record(tmp_path, b"no zlib", COMPRESSED_FLAG | COMPRESSION_ZLIB_TYPE), body="utf-8", broken=broken
    )
    assert line["body"] == "no zlib"
    assert line["sysFlag"] & COMPRESSED_FLAG
    assert [b.reason for b in broken] == ["compression"]


def test_forms_of_bodies(tmp_path: Path) -> None:
    root = one_record(tmp_path / "json", b'{"b":1, "a":[true,null,"\xe4\xba\xba"]}', 0)
    assert dumped(root, body="json")[0]["body"] == {"b": 1, "a": [True, None, "人"]}
    assert dumped(root, body="none")[0].keys() == set(FIELDS)
    binary = one_record(tmp_path / "binary", b"\xff\x00\n", 0)
    assert dumped(binary, body="utf-8")[0]["bodyBase64"] == "/wAK"
    assert dumped(binary, body="json")[0]["bodyBase64"] == "/wAK"
    assert dumped(binary, body="hex")[0]["body"] == "ff000a"
    assert dumped(binary, body="base64")[0]["body"] == "/wAK"


def test_ipv6_hosts(tmp_path: Path) -> None:
    (line,) = dumped(one_record(tmp_path, b"x", 0, born="fe80::1"))
    assert line["bornHost"] == "/fe80::1:5"
    assert line["offsetMsgId"] == "7F000001000000060000000000000000"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", {}),
        (b"a\x01b", {"a": "b"}),
        (b"a\x01b\x02", {"a": "b"}),
        (b"a\x01\x02c\x01d", {"c": "d"}),
        (b"\x01v\x02a\x01b\x02", {"a": "b"}),
        (b"a\x01b\x02a\x01\x02", {"a": "b"}),
        (b"a\x01", {}),
        (b'q"uote\x01back\\slash\x02t\x01\t\n', {'q"uote': "back\\slash", "t": "\t\n"}),
        (b"u\x01\\u0001", {"u": "\\u0001"}),
        (b"nonsense\x02a\x01b", {"a": "b"}),
        (b"a\x01b\x02nonsense", {"a": "b"}),
        (b"a\x01b\x01c\x02d", {"a": "b\x01c"}),
        (b"bad\x01\xff\xe4", {"bad": "��"}),
        ("人\x01天".encode(), {"人": "天"}),
    ],
)
def test_properties_as_json(raw: bytes, expected: dict[str, str]) -> None:
    assert json.loads(properties_json(raw)) == expected


def test_a_unique_key_with_quotes(tmp_path: Path) -> None:
    (line,) = dumped(one_record(tmp_path, b"x", 0, {"UNIQ_KEY": 'a"b\\'}))
    assert line["msgId"] == 'a"b\\'
    assert zlib.crc32(b"x") & 0x7FFFFFFF == line["bodyCRC"] & 0x7FFFFFFF
